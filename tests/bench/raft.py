"""Raft alone: three members in one thread, no disk, no sockets, ours and those of PySyncObj.

Messages go from one member to the next as they are, without being turned into bytes, on both sides.
"""

from __future__ import annotations

import statistics
import time
from collections import deque
from collections.abc import Callable
from contextlib import closing
from random import Random
from typing import Any, Protocol, Self

from pysyncobj import SyncObj, SyncObjConf, replicated
from pysyncobj.node import Node
from pysyncobj.transport import Transport

from minietcd.raft import Config, MemoryStorage, RawNode, StateLeader, is_empty_hard_state
from minietcd.raft import raftpb as pb
from tests.bench.client import VALUE

IDS = (1, 2, 3)
IN_FLIGHT = (1, 8, 64)
FOR_EVER = 10**9


class Group(Protocol):
    """Three members with a leader."""

    stepped: int
    """Messages that a member has taken in."""

    def propose(self, value: bytes) -> None:
        """Hand ``value`` to the leader."""

    def work(self) -> None:
        """Let every member do what it has to, and deliver what they say."""

    def applied(self) -> list[list[bytes]]:
        """What each member has applied, the leader's first."""

    def close(self) -> None: ...


class Ours:
    """Raw nodes on memory storage, worked as etcd works them."""

    def __init__(self) -> None:
        self.stepped = 0
        self.data: list[list[bytes]] = [[] for _ in IDS]
        self.storages = [MemoryStorage() for _ in IDS]
        self.nodes: list[RawNode] = []
        founded = pb.Snapshot(metadata=pb.SnapshotMetadata(pb.ConfState(IDS), 1, 1))
        for id, storage in zip(IDS, self.storages, strict=True):
            storage.apply_snapshot(founded)
            config = Config(id=id, election_tick=10, heartbeat_tick=1, storage=storage, rand=Random(id))
            self.nodes.append(RawNode(config))
        self.nodes[0].campaign()
        while self.nodes[0].raft.state != StateLeader:
            self.work()

    def propose(self, value: bytes) -> None:
        self.nodes[0].propose(value)

    def work(self) -> None:
        for node, storage, data in zip(self.nodes, self.storages, self.data, strict=True):
            while node.has_ready():
                rd = node.ready()
                storage.append(rd.entries)
                if not is_empty_hard_state(rd.hard_state):
                    storage.set_hard_state(rd.hard_state)
                data += [entry.data for entry in rd.committed_entries if entry.data]
                node.advance(rd)
                for message in rd.messages:
                    self.stepped += 1
                    self.nodes[message.to - 1].step(message)

    def applied(self) -> list[list[bytes]]:
        return self.data

    def close(self) -> None:
        pass


class _InMemory(Transport):  # type: ignore[misc]
    """A transport that leaves what is sent in one queue for all."""

    def __init__(self, node: Node, queue: deque[tuple[Any, Any, Any]]) -> None:
        super().__init__(None, node, [])
        self.node, self.queue = node, queue

    def send(self, node: Node, message: Any) -> bool:
        self.queue.append((self.node, node, message))
        return True

    def connect(self, node: Node) -> None:
        self._onNodeConnected(node)

    def receive(self, node: Node, message: Any) -> None:
        self._onMessageReceived(node, message)


class _List(SyncObj):  # type: ignore[misc]
    """The application: a list of values."""

    def __init__(self, node: Node, others: list[Node], transport: Transport, batch: bool) -> None:
        conf = SyncObjConf(
            autoTick=False,
            appendEntriesUseBatch=batch,
            appendEntriesPeriod=0.001,
            raftMinTimeout=0.1,
            raftMaxTimeout=0.2,
            logCompactionMinEntries=FOR_EVER,
            logCompactionMinTime=FOR_EVER,
        )
        super().__init__(node, others, conf, transport=transport)
        self.data: list[bytes] = []

    @replicated
    def append(self, value: bytes) -> None:
        self.data.append(value)


class PySyncObj:
    """Its own objects, ticked by hand as often as they have something to do, on a transport in memory.

    ``batch`` is its choice between sending each command at once and sending what has come together.
    """

    def __init__(self, batch: bool) -> None:
        self.stepped = 0
        self.queue: deque[tuple[Node, Node, Any]] = deque()
        nodes = [Node(str(id)) for id in IDS]
        self.transports = {node.id: _InMemory(node, self.queue) for node in nodes}
        self.members = [
            _List(node, [other for other in nodes if other != node], self.transports[node.id], batch)
            for node in nodes
        ]
        for node in nodes:
            for other in nodes:
                if other != node:
                    self.transports[node.id].connect(other)
        while not (leaders := [member for member in self.members if member._isLeader()]):
            self.work()
        self.members.sort(key=lambda member: member is not leaders[0])
        while not all(member.isReady() for member in self.members):
            self.work()

    def propose(self, value: bytes) -> None:
        self.members[0].append(value)

    def work(self) -> None:
        for member in self.members:
            member.doTick()
        while self.queue:
            sender, receiver, message = self.queue.popleft()
            self.stepped += 1
            self.transports[receiver.id].receive(sender, message)

    def applied(self) -> list[list[bytes]]:
        return [member.data for member in self.members]

    def close(self) -> None:
        for member in self.members:
            member.destroy()


class Rates:
    """How fast a group was: ``proposals`` and ``messages`` a second."""

    def __init__(self, proposals: float, messages: float) -> None:
        self.proposals, self.messages = proposals, messages

    @classmethod
    def of(cls, group: Group, count: int, in_flight: int) -> Self:
        """Propose ``count`` values, ``in_flight`` at a time; all must arrive, at all members, in order."""
        leaders = group.applied()[0]
        first, stepped, proposed = len(leaders), group.stepped, 0
        start = time.perf_counter()
        while (done := len(leaders) - first) < count:
            while proposed < min(count, done + in_flight):
                group.propose(VALUE)
                proposed += 1
            group.work()
        seconds = time.perf_counter() - start
        messages = group.stepped - stepped
        while not all(len(data) == first + count for data in group.applied()):
            group.work()
        assert all(data == leaders for data in group.applied())
        return cls(count / seconds, messages / seconds)


GROUPS: dict[str, Callable[[], Group]] = {
    "ours": Ours,
    "PySyncObj": lambda: PySyncObj(batch=False),
    "PySyncObj in batches": lambda: PySyncObj(batch=True),
}


def measure(rounds: int, count: int, in_flight: int) -> dict[str, list[Rates]]:
    """The rates of each group in ``rounds`` rounds, taken in turn; one more before warms up."""
    found: dict[str, list[Rates]] = {name: [] for name in GROUPS}
    for number in range(rounds + 1):
        for name, make in GROUPS.items():
            with closing(make()) as group:
                rates = Rates.of(group, count, in_flight)
            found[name] += [rates] if number else []
    return found


def better(one: list[Rates], other: list[Rates]) -> list[Rates]:
    """The series with more proposals a second."""
    return max(one, other, key=lambda series: statistics.median(rates.proposals for rates in series))
