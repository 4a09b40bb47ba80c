"""Reads that wait for the leader to know that it still is one.

Go: raft/read_only.go
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from minietcd.raft.raftpb import Index, Message, NodeID


class ReadOnlyOption(IntEnum):
    """How a leader makes sure of itself: it asks a quorum, or trusts that its lease has not run out.

    The lease is only as good as the clocks.

    Go: raft/raft.go#ReadOnlyOption
    """

    ReadOnlySafe = 0
    ReadOnlyLeaseBased = 1


ReadOnlySafe, ReadOnlyLeaseBased = ReadOnlyOption


@dataclass(slots=True, frozen=True)
class ReadState:
    """The read ``request_ctx`` may be served as soon as everything up to ``index`` is applied.

    Go: raft/read_only.go#ReadState
    """

    index: Index
    request_ctx: bytes


@dataclass(slots=True)
class ReadIndexStatus:
    """A read that waits: its request, the commit index when it came, and who has acknowledged since.

    Go: raft/read_only.go#readIndexStatus
    """

    req: Message
    index: Index
    acks: dict[NodeID, bool] = field(default_factory=dict)


@dataclass(slots=True)
class ReadOnly:
    """The reads that wait, by their context, in the order they came.

    Go: raft/read_only.go#readOnly
    Go: raft/read_only.go#newReadOnly
    """

    option: ReadOnlyOption
    pending_read_index: dict[bytes, ReadIndexStatus] = field(default_factory=dict)

    def add_request(self, index: Index, m: Message) -> None:
        """The read ``m`` came when ``index`` was committed. Go: raft/read_only.go#readOnly.addRequest"""
        self.pending_read_index.setdefault(m.entries[0].data, ReadIndexStatus(m, index))

    def recv_ack(self, id: NodeID, context: bytes) -> dict[NodeID, bool]:
        """``id`` answered the heartbeat sent for the read ``context``; returns who has.

        Go: raft/read_only.go#readOnly.recvAck
        """
        status = self.pending_read_index.get(context)
        if status is None:
            return {}
        status.acks[id] = True
        return status.acks

    def advance(self, m: Message) -> list[ReadIndexStatus]:
        """Take out the read that ``m`` answers, and all before it: who leads now led then.

        Go: raft/read_only.go#readOnly.advance
        """
        if m.context not in self.pending_read_index:
            return []
        ready: list[ReadIndexStatus] = []
        for context in list(self.pending_read_index):
            ready.append(self.pending_read_index.pop(context))
            if context == m.context:
                break
        return ready

    def last_pending_request_ctx(self) -> bytes:
        """The context of the read that came last. Go: raft/read_only.go#readOnly.lastPendingRequestCtx"""
        return next(reversed(self.pending_read_index), b"")
