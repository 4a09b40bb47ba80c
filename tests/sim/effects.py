"""Makes the events of a plan happen to a world, and takes back what they did when they end."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import suppress
from contextvars import Context
from dataclasses import replace
from itertools import permutations
from random import Random
from typing import Any

from minietcd.etcdserver.api.membership.member import new_member_as_learner
from minietcd.pkg.context import BACKGROUND
from minietcd.pkg.types import new_urls
from minietcd.raft import raftpb
from minietcd.raft.raftpb import ConfChange, ConfChangeSingle, ConfChangeV2, Entry, Message, NodeID
from tests.sim.faults import VERBS, Event
from tests.sim.world import Member, Observer, World
from tracer.virtual.network import Link

type Pair = tuple[str, str]

_DOWN = 0.5
"""Seconds until a member that died of something else than a crash is started again."""
_SOON = 0.000_1
"""Seconds after an occasion that the event for it begins: what was sent then is on its way."""
_LATE = 1.0
_REPLAY = 4.0
"""Seconds by which a message, or a snapshot, comes late at most."""


class Effects(Observer):
    """Who is cut off, dead, slow, and why; ``counts`` what was done."""

    def __init__(self, world: World, seed: int, config: dict[str, Any]) -> None:
        self.world, self.config = world, config
        self.rng = Random(f"effects {seed}")
        self.counts: Counter[str] = Counter()
        self.over = False
        self.gone: set[str] = set()
        """Members that were put out."""
        self.joining: dict[int, str] = {}
        """Those that were not told yet that they are members, by id."""
        self._ids: dict[str, int] = {}
        self._new: set[str] = set()
        self._armed: list[Event] = []
        self._cuts: list[set[Pair]] = []
        self._noises: list[tuple[float, float, float]] = []
        self._costs: dict[str, float] = {}
        self._down: dict[str, float] = {}
        self._latency: dict[str, tuple[float, float]] = {}
        world.observers.append(self)
        world.rule = self._fates

    # When things happen.

    def take(self, event: Event) -> None:
        """Its time has come: let it begin, or wait for its occasion."""
        if event.on:
            self._armed.append(event)
        else:
            self._begin(event, "")

    def happened(self, occasion: str, it: str) -> None:
        """Let begin what waits for this."""
        event = next((event for event in self._armed if event.on == occasion), None)
        if event is not None and not self.over:
            self._armed.remove(event)
            self._later(_SOON, self._begin, event, it)

    def end(self) -> None:
        """Take everything back, and start whoever is dead."""
        self.over = True
        self._armed.clear()
        self._cuts.clear()
        self._noises.clear()
        self._costs.clear()
        self._recut()
        self.world.network.link = Link()
        for member in self.world.members.values():
            member.disk.failing.clear()
            member.disk.full, member.clock.rate = False, 1.0
            if member.process is not None:
                member.process.cost = 0.0
            self._calm(member.name)
            self._restart(member.name)

    def _begin(self, event: Event, it: str) -> None:
        if self.over:
            return
        who = self._who(event.args[0], it) if event.args else ""
        undo = _VERBS[event.do](self, who, event)
        if undo is None:
            return
        self.counts[event.do] += 1
        self.world.journal.note("plan", f"{event} {who}".rstrip())
        if event.lasts:
            self._later(event.lasts, self._undo, undo)

    def _undo(self, undo: Callable[[], object]) -> None:
        if not self.over:
            undo()

    def _later(self, seconds: float, callback: Callable[..., object], *args: Any) -> None:
        """On nobody's behalf."""
        self.world.loop.at(self.world.now + seconds, callback, *args, context=Context())

    def _who(self, word: str, it: str) -> str:
        if word == "it":
            return it
        leader = self.world.leader()
        if word == "leader":
            return leader.name if leader else ""
        if word == "follower":
            others = [member.name for member in self.world.members.values() if member.running]
            return next((name for name in others if leader is None or name != leader.name), "")
        return word

    # Life and death.

    def crash(self, who: str, event: Event) -> Callable[[], object] | None:
        if who not in self.world.members or not self.world.members[who].alive:
            return None
        self._down[who] = event.lasts
        self.world.crash(who, torn="torn" in event.args, silently=self.rng.random() < 0.3)
        return _nothing

    def power(self, _: str, event: Event) -> Callable[[], object]:
        for member in self.world.alive():
            self._down[member.name] = event.lasts + self.rng.uniform(0, 0.5)
            self.world.crash(member.name, silently=True)
        return _nothing

    def on_death(self, member: Member, error: BaseException | None) -> None:
        self.counts["crashes" if error is None else f"deaths of {type(error).__name__}"] += 1
        if member.name not in self.gone:
            self._later(self._down.pop(member.name, _DOWN), self._restart, member.name)

    def on_start(self, member: Member) -> None:
        assert member.process is not None
        self._ids[member.name] = member.id
        self._new.discard(member.name)
        member.process.cost = self._costs.get(member.name, 0.0)

    def _restart(self, name: str) -> None:
        if name not in self.gone and not self.world.members[name].alive:
            if name in self._new:
                self._introduce(name)
            self.counts["restarts"] += 1
            self.world.restart(name)

    # The network.

    def isolate(self, who: str, _: Event) -> Callable[[], object] | None:
        return self._cut(pair for other in self._others(who) for pair in ((who, other), (other, who)))

    def mute(self, who: str, _: Event) -> Callable[[], object] | None:
        return self._cut((who, other) for other in self._others(who))

    def deaf(self, who: str, _: Event) -> Callable[[], object] | None:
        return self._cut((other, who) for other in self._others(who))

    def split(self, _: str, event: Event) -> Callable[[], object] | None:
        return self._cut(_between(group.split(",") for group in event.args))

    def bridge(self, who: str, event: Event) -> Callable[[], object] | None:
        return self._cut(_between(group.split(",") for group in event.args[1:]))

    def hide(self, who: str, _: Event) -> Callable[[], object] | None:
        return self._cut(pair for client in self.world.clients for pair in ((who, client), (client, who)))

    def hang_up(self, who: str, _: Event) -> Callable[[], object] | None:
        for other in (*self._others(who), *self.world.clients):
            self.world.network.reset(who, other)
        return _nothing

    def jitter(self, most: str, _: Event) -> Callable[[], object]:
        link = self.world.network.link
        before, link.most = link.most, float(most)
        return lambda: setattr(link, "most", before)

    def noise(self, _: str, event: Event) -> Callable[[], object]:
        loss, double, late = map(float, event.args)
        self._noises.append((loss, double, late))
        return lambda: self._noises.remove((loss, double, late))

    def _fates(self, source: str, target: str, message: Message) -> Sequence[float]:
        """When a message is sent: now, or as the noise has it.

        A proposal never comes twice: that streams see to, and raft would take it for two.
        """
        fates = [0.0]
        for loss, double, late in self._noises:
            if self.rng.random() < loss:
                self.counts["messages lost"] += 1
                return ()
            if message.type != raftpb.MsgProp and self.rng.random() < double:
                self.counts["messages doubled"] += 1
                fates.append(self.rng.uniform(0.001, _LATE))
            if self.rng.random() < late:
                self.counts["messages late"] += 1
                fates[0] = self.rng.uniform(0.001, _LATE)
        return fates

    def on_deliver(self, member: Member, message: Message) -> None:
        """A snapshot, which comes another way than messages, may come once more."""
        if message.type == raftpb.MsgSnap and any(self.rng.random() < noise[1] for noise in self._noises):
            self.counts["snapshots doubled"] += 1
            process = type(member.server).process(member.server, BACKGROUND, replace(message))
            member.go(_after(self.rng.uniform(_LATE, _REPLAY), process), "a snapshot once more")

    def _others(self, who: str) -> list[str]:
        return [name for name in self.world.members if name != who] if who in self.world.members else []

    def _cut(self, pairs: Iterable[Pair]) -> Callable[[], object] | None:
        cut = set(pairs)
        if not cut:
            return None
        self._cuts.append(cut)
        self._recut()
        return lambda: (self._cuts.remove(cut), self._recut())

    def _recut(self) -> None:
        """What any event that is not over cuts, is cut."""
        network, cut = self.world.network, set().union(*self._cuts)
        mended = network.cut - cut
        network.cut |= cut
        if mended:
            network.heal(*sorted(mended))

    # Disks and clocks.

    def fsync_fails(self, who: str, _: Event) -> Callable[[], object] | None:
        disk = self.world.members[who].disk if who in self.world.members else None
        if disk is None:
            return None
        disk.failing.add("fsync")
        return lambda: disk.failing.discard("fsync")

    def fsync_stalls(self, who: str, event: Event) -> Callable[[], object] | None:
        if who not in self.world.members:
            return None
        disk, seconds = self.world.members[who].disk, float(event.args[1])
        self._latency.setdefault(who, disk.latency)
        disk.latency = seconds / 2, seconds
        return lambda: self._calm(who)

    def _calm(self, who: str) -> None:
        if who in self._latency:
            self.world.disk(who).latency = self._latency.pop(who)

    def disk_full(self, who: str, _: Event) -> Callable[[], object] | None:
        disk = self.world.members[who].disk if who in self.world.members else None
        if disk is None:
            return None
        disk.full = True
        return lambda: setattr(disk, "full", False)

    def clock(self, who: str, event: Event) -> Callable[[], object] | None:
        clock = self.world.members[who].clock if who in self.world.members else None
        if clock is None:
            return None
        clock.rate = float(event.args[1])
        return lambda: setattr(clock, "rate", 1.0)

    def slow(self, who: str, event: Event) -> Callable[[], object] | None:
        if who not in self.world.members:
            return None

        def cost(seconds: float) -> None:
            self._costs[who] = seconds
            if life := self.world.members[who].process:
                life.cost = seconds

        cost(float(event.args[1]))
        return lambda: cost(0.0)

    # Who is a member.

    def lead(self, who: str, _: Event) -> Callable[[], object] | None:
        leader, target = self.world.leader(), self.world.members.get(who)
        if leader is None or target is None or not target.running or target is leader:
            return None
        node = leader.server.r.node
        return self._ask(leader, node.transfer_leadership(BACKGROUND, leader.raft.id, NodeID(target.id)))

    def learner(self, name: str, _: Event) -> Callable[[], object] | None:
        leader = self.world.leader()
        if leader is None or name in self.world.members:
            return None
        m = new_member_as_learner("", new_urls([self.world.peer_url(name)]), "sim", self.world.now)
        self.joining[m.id] = name
        return self._ask(leader, leader.server.add_member(BACKGROUND, m))

    def promote(self, name: str, _: Event) -> Callable[[], object] | None:
        member, leader = self.world.members.get(name), self.world.leader()
        if leader is None or member is None or not member.running:
            return None
        return self._ask(leader, leader.server.promote_member(BACKGROUND, NodeID(member.id)))

    def remove(self, who: str, _: Event) -> Callable[[], object] | None:
        member, leader = self.world.members.get(who), self.world.leader()
        if leader is None or member is None or not member.running:
            return None
        return self._ask(leader, leader.server.remove_member(BACKGROUND, NodeID(member.id)))

    def joint(self, _: str, event: Event) -> Callable[[], object] | None:
        leader = self.world.leader()
        if leader is None:
            return None
        wanted = {self._ids[self._who(name, "")] for name in event.args[0].split(",")}
        others = {id for name, id in self._ids.items() if name not in self.gone} - wanted
        if set(leader.raft.prs.config.voters.incoming) == wanted:
            return None
        # All are named, so that what comes out is the same if another change comes in between.
        changes = [(raftpb.ConfChangeAddNode, id) for id in sorted(wanted)]
        changes += [(raftpb.ConfChangeAddLearnerNode, id) for id in sorted(others)]
        cc = ConfChangeV2(
            raftpb.ConfChangeTransitionJointImplicit,
            tuple(ConfChangeSingle(kind, NodeID(id)) for kind, id in changes),
        )
        return self._ask(leader, leader.server.r.node.propose_conf_change(BACKGROUND, cc))

    def part(self, who: str, _: Event) -> Callable[[], object] | None:
        member = self.world.members.get(who)
        if member is None or not member.running:
            return None
        incoming = sorted(member.raft.prs.config.voters.incoming)
        friends = [self.world.name_of(id) for id in incoming if id != member.id][: len(incoming) // 2]
        others = [name for name in self.world.members if name not in (who, *friends)]
        return self._cut(_between([[who, *friends], others]))

    def on_apply(self, member: Member, entry: Entry, anew: bool) -> None:
        """Start who has become a member, and end who is none any more."""
        if entry.type != raftpb.EntryConfChange:
            return
        cc = ConfChange.unmarshal(entry.data)
        if cc.type == raftpb.ConfChangeRemoveNode and not member.server.is_member_exist(cc.node_id):
            self._put_out(self.world.name_of(cc.node_id))
        elif cc.node_id in self.joining and member.server.is_member_exist(cc.node_id):
            self._later(_SOON, self._join, self.joining.pop(cc.node_id))

    def _put_out(self, name: str) -> None:
        if name not in self.gone:
            self.gone.add(name)
            self.counts["members put out"] += 1
            self._later(2.0, self.world.crash, name)

    def _join(self, name: str) -> None:
        """A new member's machine, and its first life."""
        self.world.add(name, **self.config)
        self._new.add(name)
        self.counts["members joined"] += 1
        self._restart(name)

    def _introduce(self, name: str) -> None:
        """Tell a member that begins for the first time of exactly those that the leader knows now."""
        leader = self.world.leader()
        if leader is not None:
            names = {self.world.peer_url(other): other for other in self.world.members}
            urls = [url for m in leader.server.cluster().members() for url in m.peer_urls]
            cluster = ",".join(f"{names[url]}={url}" for url in urls if url in names)
            self.world.members[name].config |= {"initial_cluster": cluster, "cluster_state": "existing"}

    def _ask(self, member: Member, request: Coroutine[Any, Any, Any]) -> Callable[[], object]:
        """Of a member, on its own behalf; a refusal is as good as an answer."""

        async def ask() -> None:
            with suppress(Exception):
                await request

        member.go(ask(), "operator")
        return _nothing


async def _after(seconds: float, coro: Coroutine[Any, Any, Any]) -> None:
    try:
        await asyncio.sleep(seconds)
    except BaseException:
        coro.close()
        raise
    with suppress(Exception):
        await coro


def _between(groups: Iterable[Sequence[str]]) -> Iterator[Pair]:
    for one, other in permutations(list(groups), 2):
        yield from ((a, b) for a in one for b in other)


def _nothing() -> None:
    """There is nothing to take back."""


_VERBS: dict[str, Callable[[Effects, str, Event], Callable[[], object] | None]] = {
    verb: getattr(Effects, verb.replace("-", "_")) for verb in VERBS
}
