"""The window of appends that were sent and not yet acknowledged.

Go: raft/tracker/inflights.go
"""

from __future__ import annotations

from collections import deque

from minietcd.raft.raftpb import Index


class Inflights:
    """At most ``size`` messages under way, each known by its last index; they come in ascending order.

    Go: raft/tracker/inflights.go#Inflights
    """

    __slots__ = ("buffer", "size")

    def __init__(self, size: int) -> None:
        """Go: raft/tracker/inflights.go#NewInflights"""
        self.size = size
        self.buffer: deque[Index] = deque()

    def clone(self) -> Inflights:
        """A copy to look at. Go: raft/tracker/inflights.go#Inflights.Clone"""
        copy = Inflights(self.size)
        copy.buffer.extend(self.buffer)
        return copy

    def add(self, inflight: Index) -> None:
        """A message that ends at ``inflight`` was sent. Go: raft/tracker/inflights.go#Inflights.Add"""
        assert not self.full(), f"{self.size} messages are under way already"
        self.buffer.append(inflight)

    def free_le(self, to: Index) -> None:
        """What ends at or before ``to`` has arrived. Go: raft/tracker/inflights.go#Inflights.FreeLE"""
        buffer = self.buffer
        while buffer and buffer[0] <= to:
            buffer.popleft()

    def free_first_one(self) -> None:
        """Make room for one more. Go: raft/tracker/inflights.go#Inflights.FreeFirstOne"""
        self.buffer.popleft()

    def full(self) -> bool:
        """Whether to send nothing more for now. Go: raft/tracker/inflights.go#Inflights.Full"""
        return len(self.buffer) >= self.size

    def count(self) -> int:
        """How many are under way. Go: raft/tracker/inflights.go#Inflights.Count"""
        return len(self.buffer)

    def reset(self) -> None:
        """Forget them all. Go: raft/tracker/inflights.go#Inflights.reset"""
        self.buffer.clear()
