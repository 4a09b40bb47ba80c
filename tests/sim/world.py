"""The real server in a world that a seed decides: members, clients, and all that can happen to them.

    async def story(world):
        await world.start(3)
        client = world.client("c1")
        await client.put("k", "v")
        world.crash(world.leader().name)
        ...

    print(run(story, seed=7).journal)

Every member and every client is a machine of its own, with an address, a clock and, if it is a member, a
disk; ``tracer.virtual`` has these. What a member does is told to ``world.observers``. Times are in virtual
seconds.
"""

from __future__ import annotations

import asyncio
import hashlib
import zlib
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextvars import Context as ContextVars
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from minietcd.clientv3 import client as clientv3
from minietcd.embed.config import Config
from minietcd.embed.etcd import Etcd
from minietcd.etcdserver.errors import FatalError
from minietcd.etcdserver.server import EtcdServer
from minietcd.pkg.context import BACKGROUND, Context
from minietcd.raft.raft import Raft, StateType
from minietcd.raft.raftpb import Entry, HardState, Message, Snapshot
from minietcd.raft.ready import Ready
from tracer.machine import CLIENT_PORT, PEER_PORT, Machine, simulated
from tracer.virtual.disk import VirtualDisk
from tracer.virtual.loop import Clock, Process, running
from tracer.virtual.network import NetworkLoop

PATIENCE = 60.0

type Story = Callable[[World], Awaitable[object]]
type MessageRule = Callable[[str, str, Message], Sequence[float]]
"""When, in seconds from now, a message from one member to another is sent: never, once or several times."""


class Journal:
    """What happened, a line each: ``1.204511 n1 …``. Equal seeds give equal digests."""

    def __init__(self, loop: NetworkLoop) -> None:
        self.lines: list[str] = []
        self._loop = loop

    def note(self, who: str, what: str) -> None:
        """One line more."""
        self.lines.append(f"{self._loop.now:.6f} {who} {what}")

    @property
    def digest(self) -> str:
        """Of all lines until now."""
        return hashlib.sha256(str(self).encode()).hexdigest()

    def __str__(self) -> str:
        return "\n".join(self.lines)


class Observer:
    """Hears what members do, at once and on no member's behalf. It must not change anything it is shown."""

    def on_ready(self, member: Member, rd: Ready) -> None:
        """Raft has this ready; nothing of it is saved, sent or applied yet."""

    def on_role(self, member: Member, role: StateType, term: int) -> None:
        """It is something else now; ``member.lead`` is whom it follows."""

    def on_persist(self, member: Member, hard_state: HardState, entries: Sequence[Entry]) -> None:
        """These are on its disk, the sync is done. An empty hard state is one that has not changed."""

    def on_apply(self, member: Member, entry: Entry, anew: bool) -> None:
        """It has applied an entry; not ``anew`` if its database had that before it was started."""

    def on_snapshot(self, member: Member, snapshot: Snapshot) -> None:
        """It has become what a snapshot from its leader says."""

    def on_send(self, source: Member, target: str, message: Message) -> None:
        """Raft sends it, before any rule."""

    def on_deliver(self, member: Member, message: Message) -> None:
        """Raft gets it."""

    def on_start(self, member: Member) -> None:
        """A life begins: ``member.server`` is there, nothing runs yet."""

    def on_death(self, member: Member, error: BaseException | None) -> None:
        """A life has ended, by a crash or by ``error``; ``member.server`` is still there."""


class Member(Machine):
    """A machine on which a member lives, life after life."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world.loop, world.root, name, world.seed)
        self.world = world
        self.config: dict[str, Any] = {}
        self.role = StateType.StateFollower

    @property
    def running(self) -> bool:
        """Whether it lives and its server is made."""
        return self.alive and self.etcd is not None and self.etcd.server is not None

    @property
    def server(self) -> EtcdServer:
        """Of this life, or of the last one."""
        assert self.etcd is not None and self.etcd.server is not None, f"{self} has not begun"
        return self.etcd.server

    @property
    def id(self) -> int:
        return int(self.server.id())

    @property
    def raft(self) -> Raft:
        """To look at: role, term, vote, log (``raft_log``), progress (``prs``)."""
        return self.server.r.node.rn.raft

    @property
    def leads(self) -> bool:
        """Whether raft here believes to lead."""
        return self.running and self.raft.state == StateType.StateLeader

    def applied(self) -> int:
        """Index of the last applied entry."""
        return self.server.applied_index()

    def revision(self) -> int:
        """Of the key space."""
        return self.server.kv().current_rev

    def hash_kv(self, revision: int = 0) -> tuple[int, int, int]:
        """A hash of all keys up to a revision, the revision now, and the compacted one."""
        return self.server.kv().hash_by_rev(revision)

    def go[T](self, coro: Coroutine[Any, Any, T], name: str = "story") -> asyncio.Task[T]:
        """Run something on behalf of this life."""
        assert self.process is not None
        return self.process.go(coro, name)


class Client:
    """A machine with the real client on it; each call is told to the journal, and ends within ``timeout``."""

    def __init__(self, world: World, name: str, endpoints: Sequence[str], timeout: float) -> None:
        self.world, self.name, self.timeout = world, name, timeout
        self.clock = Clock(world.loop)
        self.process = Process(world.loop, name, self.clock)
        config = clientv3.Config(
            [world.client_address(endpoint) for endpoint in endpoints],
            min_connect_timeout=1.0,
            random=Random(f"{world.seed} client {name}"),
        )
        self.real = self.process.context.run(clientv3.Client, config)

    def go[T](self, coro: Coroutine[Any, Any, T], name: str = "workload") -> asyncio.Task[T]:
        """Run something on this machine: what has many calls to make is best run here."""
        return self.process.go(coro, name)

    async def put(self, key: str, value: str) -> Any:
        """A PutResponse. Raises clientv3's errors, TimeoutError."""
        return await self.call(f"put {key} {value}", lambda: self.real.kv.put(BACKGROUND, key, value))

    async def get(self, key: str, *opts: Any) -> Any:
        """A RangeResponse. Raises clientv3's errors, TimeoutError."""
        return await self.call(f"get {key}", lambda: self.real.kv.get(BACKGROUND, key, *opts))

    async def delete(self, key: str) -> Any:
        """A DeleteRangeResponse. Raises clientv3's errors, TimeoutError."""
        return await self.call(f"delete {key}", lambda: self.real.kv.delete(BACKGROUND, key))

    async def call(self, what: str, do: Callable[[], Awaitable[Any]]) -> Any:
        """Make any call on this machine; ``what`` it is the journal says."""
        if running() is not self.process:
            return await self.go(self.call(what, do))
        note = self.world.journal.note
        note(self.name, f"calls {what}")
        try:
            async with asyncio.timeout(self.timeout):
                answer = await do()
        except Exception as error:
            note(self.name, f"fails {what}: {type(error).__name__} {error}")
            raise
        note(self.name, f"gets {what}: revision {answer.header.revision} from {answer.header.member_id:x}")
        return answer


class World:
    """Members n1, n2 …, clients, and what is between them; ``run`` makes one."""

    def __init__(self, seed: int, loop: NetworkLoop, root: Path) -> None:
        self.seed, self.loop, self.root = seed, loop, root
        self.network = loop.network
        self.rng = Random(f"{seed} world")
        self.journal = Journal(loop)
        self.observers: list[Observer] = []
        self.rule: MessageRule | None = None
        self.members: dict[str, Member] = {}
        self.clients: dict[str, Client] = {}
        self.failures: list[tuple[str, BaseException]] = []
        """What ended members, and is not what a disk that fails does: a bug."""
        self._names: dict[int, str] = {}
        loop.set_exception_handler(self._failed)

    @property
    def now(self) -> float:
        return self.loop.now

    async def start(self, members: int = 3, **config: Any) -> None:
        """Make members n1, n2 … with these fields of ``embed.config.Config``, and wait until all serve."""
        names = [f"n{number}" for number in range(1, members + 1)]
        cluster = ",".join(f"{name}={self.peer_url(name)}" for name in names)
        for name in names:
            self.add(name, initial_cluster=cluster, **config)
            self.restart(name)
        await self.ready(*names)

    def add(self, name: str, **config: Any) -> Member:
        """A machine more; ``restart`` begins its first life. ``config`` needs an ``initial_cluster``, and
        ``cluster_state="existing"`` if it joins (see ``joining``)."""
        member = self.members[name] = Member(self, name)
        member.config = {"initial_cluster_token": "sim", **config}
        return member

    def joining(self, name: str) -> dict[str, str]:
        """The configuration of one that was added to the cluster as a member, and is yet to start."""
        known = [member.name for member in self.members.values() if member.running and member.name != name]
        cluster = ",".join(f"{each}={self.peer_url(each)}" for each in [*known, name])
        return {"initial_cluster": cluster, "cluster_state": "existing"}

    def member(self, name: str) -> Member:
        return self.members[name]

    def disk(self, name: str) -> VirtualDisk:
        return self.members[name].disk

    def alive(self) -> list[Member]:
        return [member for member in self.members.values() if member.alive]

    def leader(self) -> Member | None:
        """Who leads in the highest term, as far as members themselves believe."""
        leaders = [member for member in self.members.values() if member.leads]
        return max(leaders, key=lambda member: int(member.raft.term), default=None)

    def peer_url(self, name: str) -> str:
        return f"http://{self.network.address(name)}:{PEER_PORT}"

    def client_address(self, name: str) -> str:
        return f"{self.network.address(name)}:{CLIENT_PORT}"

    def name_of(self, id: int) -> str:
        """The name of the member with that id, or the id."""
        return self._names.get(id) or f"{id:x}"

    def client(self, name: str = "c1", endpoints: Sequence[str] = (), timeout: float = 5.0) -> Client:
        """A new client of these members, or of all that there are now."""
        made = self.clients[name] = Client(self, name, endpoints or list(self.members), timeout)
        return made

    async def until[T](self, condition: Callable[[], T | None], patience: float = PATIENCE) -> T:
        """The first true answer, asked every 10 ms. Raises TimeoutError."""
        async with asyncio.timeout(patience):
            while not (answer := condition()):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        return answer

    async def ready(self, *names: str) -> None:
        """Wait until these members serve clients. Raises TimeoutError."""
        await self.until(lambda: all(self._serves(self.members[name]) for name in names))

    def _serves(self, member: Member) -> bool:
        return member.running and member.server.ready_notify().closed

    # What can happen to a member.

    def crash(self, name: str, torn: bool = False, silently: bool = False) -> None:
        """End a life between two of its steps; what its disk has not synced is lost, or is there in part.

        ``torn``: when it syncs next, in the middle of that, unless there is nothing to sync for a second.
        ``silently``: nobody is told that its connections are gone, before it is back.
        """
        life = self.members[name].process
        if life is None or life.dead:
            return
        if not torn:
            self._end(self.members[name], None, silently)
            return

        def die() -> None:
            self.disk(name).watch = _nothing
            if not life.dead:
                self._end(self.members[name], None, silently)

        def on_change(call: str, path: Path) -> None:
            if call == "fsync" and running() is life:
                self.loop.call_soon(die, context=_outside())

        self.disk(name).watch = on_change
        self.loop.at(self.now + 1.0, die, context=_outside())

    def restart(self, name: str) -> None:
        """Begin a new life from what is on the disk; ``ready`` waits for it."""
        member = self.members[name]
        before, life = member.process, member.boot()
        life.go(self._live(member, before), f"{name} main")

    async def stop(self, name: str) -> None:
        """Let it stop as if it were told to."""
        member = self.members[name]
        assert member.etcd is not None
        self.journal.note(name, "stops")
        await member.go(member.etcd.close(), "close")
        await asyncio.sleep(0)
        self._end(member, None, False)

    def pause(self, name: str, seconds: float) -> None:
        """Let it stand still for so long, as if it were stopped and continued."""
        life = self.members[name].process
        if life is not None:
            self.journal.note(name, f"pauses for {seconds:g}")
            life.spend(seconds)

    # What can happen between them; clients have names too.

    def partition(self, *groups: Sequence[str]) -> None:
        """Cut what is between these groups; who is in two of them is a bridge."""
        self.journal.note("network", f"partition {' | '.join(','.join(group) for group in groups)}")
        self.network.partition(*groups)

    def cut(self, source: str, target: str) -> None:
        """Let nothing get from one to the other; the other way is open."""
        self.journal.note("network", f"cut {source}>{target}")
        self.network.cut.add((source, target))

    def heal(self, *pairs: tuple[str, str]) -> None:
        """Mend these one-way links, or all."""
        self.journal.note("network", "heal " + (" ".join(f"{a}>{b}" for a, b in pairs) or "all"))
        self.network.heal(*pairs)

    # How a member lives.

    async def _live(self, member: Member, before: Process | None) -> None:
        if before is not None:
            await before.buried
        self.journal.note(member.name, f"begins life {member.lives}")
        config = member.configure(**member.config)
        member.etcd = _Etcd(config, lambda server: self._observe(member, server))
        try:
            await member.etcd._start()
        except Exception as error:
            if member.alive:  # else it is being buried, and cannot clean up as it would like to
                self._failed(self.loop, {"exception": error})

    def _observe(self, member: Member, server: EtcdServer) -> None:
        """Stand where this life hands on what it does."""
        member.role = StateType.StateFollower
        self._names[server.id()] = member.name
        for observer in self.observers:
            observer.on_start(member)
        _Watch(self, member, server)

    def _end(self, member: Member, error: BaseException | None, silently: bool) -> None:
        life = member.process
        assert life is not None
        if life.dead:
            return
        cause = f" of {str(error).replace(str(self.root), '')}" if error else ""
        self.journal.note(member.name, f"dies{cause}")
        member.crash(silently)
        member.disk.watch = _nothing
        for observer in self.observers:
            observer.on_death(member, error)

    def _failed(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """As in a real member, whatever nobody has caught ends it."""
        life, error = running(), context.get("exception") or RuntimeError(context["message"])
        if not _is_due_to_the_disk(error):
            self.failures.append((life.name if life else "world", error))
        if life is not None and life.name in self.members:
            self._end(self.members[life.name], error, silently=False)

    async def play(self, story: Story) -> None:
        try:
            await story(self)
        finally:
            for client in self.clients.values():
                await client.go(client.real.close())
                client.process.kill()
            for member in self.members.values():
                if member.alive:
                    member.kill()
            machines: list[Member | Client] = [*self.members.values(), *self.clients.values()]
            for machine in machines:
                if machine.process is not None:
                    await machine.process.buried


class _Etcd(Etcd):
    """A member that shows its server before anything of it runs."""

    def __init__(self, cfg: Config, show: Callable[[EtcdServer], None]) -> None:
        self._show = show
        super().__init__(cfg)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "server" and value is not None:
            self._show(value)


class _Watch:
    """Stands around the calls by which a server hands on what it does."""

    def __init__(self, world: World, member: Member, server: EtcdServer) -> None:
        self.world, self.member, self.server = world, member, server
        self.had = server.consist_index.consistent_index()
        r = server.r
        self._handle, self._save, self._send = r._handle, r.storage.save, r.transport.send
        self._process, self._apply = server.process, server.apply_entry_normal
        self._conf, self._snapshot = server._apply_entry_conf_change, server.apply_snapshot
        watched: Any = server
        watched.r._handle, watched.r.storage.save = self.handle, self.save
        watched.r.transport.send = self.send
        watched.process, watched.apply_entry_normal = self.process, self.apply
        watched._apply_entry_conf_change, watched.apply_snapshot = self.conf, self.snapshot

    def note(self, what: str) -> None:
        self.world.journal.note(self.member.name, what)

    async def handle(self, rd: Ready, rh: Any) -> bool:
        for observer in self.world.observers:
            observer.on_ready(self.member, rd)
        if rd.soft_state is not None:
            raft = self.member.raft
            self.member.role = role = rd.soft_state.raft_state
            self.note(f"is {role} in term {raft.term}, lead {self.world.name_of(rd.soft_state.lead)}")
            for observer in self.world.observers:
                observer.on_role(self.member, role, raft.term)
        return await self._handle(rd, rh)

    def save(self, st: HardState, ents: Sequence[Entry]) -> None:
        self._save(st, ents)
        if ents or st.term:
            # What this step does afterwards happens when the sync is done; what is called soon, too.
            self.world.loop.call_soon(self.saved, st, ents)

    def saved(self, st: HardState, ents: Sequence[Entry]) -> None:
        last = f" up to {ents[-1].term}/{ents[-1].index}" if ents else ""
        self.note(f"has saved {len(ents)}{last}, term {st.term} vote {st.vote:x} commit {st.commit}")
        for observer in self.world.observers:
            observer.on_persist(self.member, st, ents)

    def send(self, msgs: Sequence[Message]) -> None:
        for m in msgs:
            if m.to:
                target = self.world.name_of(m.to)
                for observer in self.world.observers:
                    observer.on_send(self.member, target, m)
                self._pass(target, m)

    def _pass(self, target: str, m: Message) -> None:
        rule = self.world.rule
        for delay in rule(self.member.name, target, m) if rule else (0.0,):
            if delay:
                self.world.loop.call_later(delay, self._send, [replace(m)])
            else:
                self._send([m])

    async def process(self, ctx: Context, m: Message) -> None:
        source = self.world.name_of(m.from_)
        self.note(f"< {source} {m.type} {m.term} {m.log_term}/{m.index} {len(m.entries)} {m.commit}")
        for observer in self.world.observers:
            observer.on_deliver(self.member, m)
        await self._process(ctx, m)

    def apply(self, e: Entry) -> None:
        self._apply(e)
        self.applied(e)

    async def conf(self, e: Entry, ep: Any) -> bool:
        removed = await self._conf(e, ep)
        self.applied(e)
        return removed

    def applied(self, e: Entry) -> None:
        revision = self.member.revision()
        self.note(f"applies {e.term}/{e.index} {zlib.crc32(e.data or b''):08x} at revision {revision}")
        for observer in self.world.observers:
            observer.on_apply(self.member, e, e.index > self.had)

    async def snapshot(self, ep: Any, apply: Any) -> None:
        await self._snapshot(ep, apply)
        if apply.snapshot.metadata.index:
            metadata = apply.snapshot.metadata
            self.had = max(self.had, metadata.index)
            self.note(f"has become the snapshot {metadata.term}/{metadata.index}")
            for observer in self.world.observers:
                observer.on_snapshot(self.member, apply.snapshot)


def _nothing(call: str, path: Path) -> None:
    """Nobody watches the disk."""


def _outside() -> ContextVars:
    """On nobody's behalf."""
    return ContextVars()


def _is_due_to_the_disk(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, OSError | FatalError):
            return True
        error = error.__cause__ or error.__context__
    return False


def run(story: Story, seed: int = 0) -> World:
    """Play ``story`` in a world of its own. Raises what it raises; else the world as it was at the end."""
    with simulated(seed) as (loop, root):
        world = World(seed, loop, root)
        loop.run_until_complete(world.play(story))
    return world
