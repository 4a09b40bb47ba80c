"""A few raft members in one place: what one sends is the next one's to step, unless a link is cut."""

from collections import deque
from contextlib import suppress
from random import Random
from typing import Any

from minietcd.raft import (
    Config,
    MemoryStorage,
    RawNode,
    StateLeader,
    StepPeerNotFoundError,
    is_empty_hard_state,
    is_empty_snap,
)
from minietcd.raft import raftpb as pb


class Member:
    def __init__(self, id: int, voters: tuple[int, ...], **options: Any) -> None:
        self.storage = MemoryStorage()
        if voters:
            conf_state = pb.ConfState(voters=voters)
            self.storage.apply_snapshot(pb.Snapshot(b"", pb.SnapshotMetadata(conf_state, 2, 1)))
        self.options = {"election_tick": 10, "heartbeat_tick": 1, "rand": Random(id)} | options
        self.id = id
        self.applied: list[pb.Entry] = []
        self.reads: list[tuple[int, bytes]] = []
        self.restart()

    def restart(self) -> None:
        """Forget everything but storage; what is applied is remembered, as etcd does."""
        entry = self.applied[-1].index if self.applied else 0
        applied = max(entry, self.storage.snapshot().metadata.index)
        self.node = RawNode(Config(id=self.id, storage=self.storage, applied=applied, **self.options))

    @property
    def raft(self):
        return self.node.raft

    @property
    def data(self) -> list[bytes]:
        return [e.data for e in self.applied if e.type == pb.EntryNormal and e.data]

    def handle_ready(self) -> list[pb.Message]:
        rd = self.node.ready()
        if not is_empty_snap(rd.snapshot):
            self.storage.apply_snapshot(rd.snapshot)
        if not is_empty_hard_state(rd.hard_state):
            self.storage.set_hard_state(rd.hard_state)
        self.storage.append(rd.entries)
        for entry in rd.committed_entries:
            self.applied.append(entry)
            if entry.type == pb.EntryConfChange:
                self.node.apply_conf_change(pb.ConfChange.unmarshal(entry.data))
            elif entry.type == pb.EntryConfChangeV2:
                self.node.apply_conf_change(pb.ConfChangeV2.unmarshal(entry.data))
        self.reads += [(state.index, state.request_ctx) for state in rd.read_states]
        self.node.advance(rd)
        return list(rd.messages)


class Network:
    """``size`` members that know each other; every message goes through its bytes."""

    def __init__(self, size: int, **options: Any) -> None:
        ids = tuple(range(1, size + 1))
        self.members = {id: Member(id, ids, **options) for id in ids}
        self.isolated: set[int] = set()
        self.dropped_types: set[pb.MessageType] = set()
        self.sent: list[pb.Message] = []

    def __getitem__(self, id: int) -> Member:
        return self.members[id]

    def settle(self) -> None:
        """Carry messages until nobody has anything to do."""
        under_way: deque[pb.Message] = deque()
        while True:
            for member in self.members.values():
                while member.node.has_ready():
                    under_way.extend(member.handle_ready())
            if not under_way:
                return
            message = under_way.popleft()
            self.sent.append(message)
            if message.type in self.dropped_types or {message.from_, message.to} & self.isolated:
                continue
            if message.to in self.members:
                with suppress(StepPeerNotFoundError):  # from somebody who was just removed
                    self[message.to].node.step(pb.Message.unmarshal(message.marshal()))

    def elect(self, id: int) -> Member:
        self[id].node.campaign()
        self.settle()
        assert self[id].raft.state == StateLeader
        return self[id]

    def propose(self, id: int, *data: bytes) -> None:
        for one in data:
            self[id].node.propose(one)
        self.settle()

    def tick(self, times: int = 1) -> None:
        for _ in range(times):
            for member in self.members.values():
                member.node.tick()
            self.settle()

    def leaders(self) -> list[int]:
        return [id for id, member in self.members.items() if member.raft.state == StateLeader]
