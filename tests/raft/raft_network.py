"""Raft members in one place, and everything that is under way between them, on a clock of ticks.

A ``Network`` carries messages as bytes. Left alone it is perfect: ``settle`` delivers all at once, in order.
``faults`` makes it lose, duplicate, delay and so reorder, ``cut`` and ``partition`` make it refuse; members
crash, losing what their storage does not have, and start again from it. All chance comes from one seed. What
may never happen is watched all along (``invariants.py``).
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Any

from minietcd.raft import (
    Config,
    MemoryStorage,
    ProposalDroppedError,
    RawNode,
    Ready,
    SnapshotFailure,
    SnapshotFinish,
    StateLeader,
    StepPeerNotFoundError,
    is_empty_hard_state,
    is_empty_snap,
)
from minietcd.raft import raftpb as pb
from minietcd.raft.quorum.quorum import VoteWon
from tests.raft.invariants import Invariants

SEPARATOR = b"\0"


class Member:
    """A raft, the storage that outlives it, and an application that is a list of commands.

    The application remembers nothing by itself: it starts from the last snapshot and applies the log again.
    """

    def __init__(self, id: int, voters: Iterable[int], learners: Iterable[int] = (), **options: Any) -> None:
        self.storage = MemoryStorage()
        if voters:
            conf_state = pb.ConfState(tuple(voters), tuple(learners))
            self.storage.apply_snapshot(pb.Snapshot(b"", pb.SnapshotMetadata(conf_state, 2, 1)))
        self.options = {"election_tick": 10, "heartbeat_tick": 1, "rand": Random(id)} | options
        self.id = id
        self.restart()

    def restart(self) -> None:
        """Forget everything but the storage."""
        snapshot = self.storage.snapshot()
        self.applied: list[pb.Entry] = []
        self.reads: list[tuple[int, bytes]] = []
        self.data = commands(snapshot)
        applied = snapshot.metadata.index
        self.node: RawNode | None = RawNode(
            Config(id=self.id, storage=self.storage, applied=applied, **self.options)
        )

    @property
    def raft(self):
        return self.node.raft

    @property
    def leads(self) -> bool:
        return self.node is not None and self.raft.state == StateLeader

    def handle_ready(self) -> list[pb.Message]:
        """Do as the next Ready says; returns what is to be sent."""
        rd = self.node.ready()
        self.save(rd)
        self.apply(rd)
        self.node.advance(rd)
        return list(rd.messages)

    def save(self, rd: Ready) -> None:
        if not is_empty_snap(rd.snapshot):
            self.storage.apply_snapshot(rd.snapshot)
        self.storage.append(rd.entries)
        if not is_empty_hard_state(rd.hard_state):
            self.storage.set_hard_state(rd.hard_state)

    def save_torn(self, rd: Ready, rand: Random) -> None:
        """Die while writing: some of the entries are on disk, the hard state behind them is not.

        A snapshot that no hard state reaches does not count, nor what follows it.
        """
        if is_empty_snap(rd.snapshot):
            self.storage.append(rd.entries[: rand.randint(0, len(rd.entries))])

    def apply(self, rd: Ready) -> None:
        if not is_empty_snap(rd.snapshot):
            self.data = commands(rd.snapshot)
        for entry in rd.committed_entries:
            self.applied.append(entry)
            if entry.type == pb.EntryConfChange:
                self.node.apply_conf_change(pb.ConfChange.unmarshal(entry.data))
            elif entry.type == pb.EntryConfChangeV2:
                self.node.apply_conf_change(pb.ConfChangeV2.unmarshal(entry.data))
            elif entry.data:
                self.data.append(entry.data)
        self.reads += [(state.index, state.request_ctx) for state in rd.read_states]

    def snapshot(self) -> pb.Snapshot:
        """What is applied."""
        last = self.raft.raft_log.applied
        if last > self.storage.snapshot().metadata.index:
            self.storage.create_snapshot(last, self.raft.prs.conf_state(), SEPARATOR.join(self.data))
        return self.storage.snapshot()

    def compact(self, keep: int = 0) -> None:
        """Put what is applied into a snapshot, and forget the log up to ``keep`` entries before."""
        last = self.snapshot().metadata.index
        if last - keep >= self.storage.first_index():
            self.storage.compact(last - keep)


def commands(snapshot: pb.Snapshot) -> list[bytes]:
    return snapshot.data.split(SEPARATOR) if snapshot.data else []


def commits_alone(rd: Ready) -> bool:
    """Whether some of what is committed is yet to be saved, because there is but one voter."""
    return bool(rd.entries and rd.committed_entries and rd.committed_entries[-1].index >= rd.entries[0].index)


@dataclass(frozen=True)
class Faults:
    """What goes wrong of itself: how likely for each message, or each Ready, and how late at most."""

    loss: float = 0
    duplicate: float = 0
    latency: int = 0
    """Ticks that every message is under way."""
    delay: int = 0
    """The most ticks that one is under way beyond that; those of one tick come in any order."""
    crash: float = 0
    """How likely a member dies over a Ready: while saving, before sending, or before applying."""


NONE = Faults()


class Network:
    """``size`` voters and ``learners`` more that know each other.

    ``watched`` is False for those who want to see what happens after the worst has.
    """

    def __init__(
        self,
        size: int = 3,
        *,
        seed: int = 0,
        learners: int = 0,
        member: type[Member] = Member,
        watched: bool = True,
        **options: Any,
    ) -> None:
        self.rand = Random(seed)
        self.options = {"rand": self.rand} | options
        voters, others = range(1, size + 1), range(size + 1, size + learners + 1)
        self.members = {id: member(id, voters, others, **self.options) for id in [*voters, *others]}
        self.isolated: set[int] = set()
        self.cut: set[tuple[int, int]] = set()
        """Pairs ``(from, to)`` between which nothing arrives; what is under way is lost too."""
        self.dropped_types: set[pb.MessageType] = set()
        self.keep: Callable[[pb.Message], bool] | None = None
        """What else decides whether a message arrives."""
        self.faults = NONE
        self.compact_every = 0
        """Entries after which a member makes a snapshot by itself; 0: never."""
        self.now = 0
        self.sent: list[pb.Message] = []
        self.invariants = Invariants() if watched else None
        self._under_way: list[tuple[int, float, int, bytes]] = []
        self._number = count()

    def __getitem__(self, id: int) -> Member:
        return self.members[id]

    # What tests make happen

    def join(self, id: int) -> Member:
        """Somebody who knows nothing yet; the leader will tell, once it has been told."""
        self.members[id] = Member(id, (), **self.options)
        return self[id]

    def partition(self, *groups: Iterable[int]) -> None:
        """Only members of the same group reach each other; who is in none is alone."""
        group = {id: number for number, ids in enumerate(groups) for id in ids}
        pairs = ((one, other) for one in self.members for other in self.members if one != other)
        self.cut = {
            (one, other) for one, other in pairs if one not in group or group[one] != group.get(other)
        }

    def heal(self) -> None:
        self.isolated, self.cut, self.dropped_types = set(), set(), set()
        self.keep, self.faults = None, NONE

    def crash(self, *ids: int) -> None:
        for id in ids:
            self[id].node = None

    def restart(self, *ids: int) -> None:
        for id in ids or [id for id, member in self.members.items() if member.node is None]:
            self[id].restart()

    def elect(self, id: int) -> Member:
        self[id].node.campaign()
        self.settle()
        assert self[id].leads
        return self[id]

    def propose(self, id: int, *data: bytes) -> None:
        for one in data:
            self[id].node.propose(one)
        self.settle()

    def try_to_propose(self, data: bytes) -> None:
        """Propose to anybody who is up; it may come to nothing."""
        if up := self.up():
            with suppress(ProposalDroppedError):
                self.rand.choice(up).node.propose(data)

    def change(self, id: int, words: str, **options: Any) -> None:
        """Propose a change of members like ``v4 r1`` to ``id``."""
        changes = pb.conf_changes_from_string(words)
        self[id].node.propose_conf_change(pb.ConfChangeV2(changes=changes, **options))
        self.settle()

    # Time

    def tick(self, times: int = 1) -> None:
        for _ in range(times):
            self.now += 1
            for member in self.up():
                member.node.tick()
            self.settle()

    def tick_until[T](self, condition: Callable[[], T], within: int = 500) -> T:
        """Let time pass until ``condition`` holds; returns what it found."""
        for _ in range(within):
            if found := condition():
                return found
            self.tick()
        raise AssertionError(f"after {within} ticks still not so; leaders: {self.leaders()}")

    def settle(self) -> None:
        """Deliver what is due until nobody has anything to do."""
        while True:
            for member in self.up():
                while member.node and member.node.has_ready():
                    self._handle_ready(member)
            if not self._under_way or self._under_way[0][0] > self.now:
                return
            self._deliver(pb.Message.unmarshal(heappop(self._under_way)[-1]))

    def agree(self, within: int = 1000) -> list[bytes]:
        """Wait until one leads and all that are up have applied all there is; returns their commands."""

        def agreed() -> bool:
            logs = [member.raft.raft_log for member in self.up()]
            alike = len({log.applied for log in logs} | {log.last_index() for log in logs}) == 1
            return alike and len(self.leaders()) == 1

        self.tick_until(agreed, within)
        data = self.up()[0].data
        assert all(member.data == data for member in self.up())
        return data

    # What tests look at

    def up(self) -> list[Member]:
        return [member for member in self.members.values() if member.node]

    def leaders(self) -> list[int]:
        return [member.id for member in self.up() if member.leads]

    def leader(self, within: int = 500) -> Member:
        """Wait for a leader whom a majority follows."""

        def leading() -> Member | None:
            return next((m for m in self.up() if m.leads and self._is_followed(m)), None)

        return self.tick_until(leading, within)

    def followers(self) -> list[Member]:
        return [member for member in self.up() if not member.leads]

    def count(self, *types: pb.MessageType) -> int:
        """How many messages of these types were sent."""
        return sum(message.type in types for message in self.sent)

    # How it works

    def _is_followed(self, leader: Member) -> bool:
        term = leader.raft.term
        votes = {m.id: (m.raft.term, m.raft.lead) == (term, leader.id) for m in self.up()}
        return leader.raft.prs.config.voters.vote_result(votes) == VoteWon

    def _handle_ready(self, member: Member) -> None:
        """Save, send, apply; a leader sends before it saves, as etcd does. A crash may end it anywhere."""
        rd = member.node.ready()
        if self.invariants:
            self.invariants.before_saving(member, rd)
        dies = self.rand.randrange(3) if self.rand.random() < self.faults.crash else None
        sends_first = member.leads and not commits_alone(rd)
        if sends_first:
            self._post(rd.messages)
        if dies == 0:
            member.save_torn(rd, self.rand)
            self.crash(member.id)
            return
        member.save(rd)
        if self.invariants:
            self.invariants.before_sending(member, rd)
        if dies == 1:
            self.crash(member.id)
            return
        if not sends_first:
            self._post(rd.messages)
        if dies == 2:
            self.crash(member.id)
            return
        member.apply(rd)
        if self.invariants:
            self.invariants.after_applying(member, rd)
        member.node.advance(rd)
        if self.compact_every and len(member.storage.ents) > self.compact_every:
            member.compact(keep=self.compact_every // 4)

    def _post(self, messages: Iterable[pb.Message]) -> None:
        for message in messages:
            if message.type == pb.MsgSnap:  # as etcd does: the state of now
                message.snapshot = self[message.from_].snapshot()
            self.sent.append(message)
            data = message.marshal()
            copies = 1 + (self.rand.random() < self.faults.duplicate)
            for _ in range(copies):
                late = self.faults.latency + self.rand.randint(0, self.faults.delay)
                order = self.rand.random() if self.faults.delay else 0.0
                heappush(self._under_way, (self.now + late, order, next(self._number), data))

    def _deliver(self, message: pb.Message) -> None:
        receiver = self.members.get(message.to)
        arrives = (
            receiver is not None
            and receiver.node is not None
            and (message.from_, message.to) not in self.cut
            and not {message.from_, message.to} & self.isolated
            and message.type not in self.dropped_types
            and (self.keep is None or self.keep(message))
            and self.rand.random() >= self.faults.loss
        )
        if arrives:
            with suppress(StepPeerNotFoundError, ProposalDroppedError):  # was removed, or leads no more
                receiver.node.step(message)
        sender = self[message.from_]
        if message.type == pb.MsgSnap and sender.node:  # who sends a snapshot sees whether it went through
            sender.node.report_snapshot(message.to, SnapshotFinish if arrives else SnapshotFailure)
