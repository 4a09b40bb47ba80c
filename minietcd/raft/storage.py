"""Where raft reads its past: what a storage must answer, and one that answers from memory.

Go: raft/storage.go
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from minietcd.raft.errors import CompactedError, SnapOutOfDateError, UnavailableError
from minietcd.raft.raftpb import (
    EMPTY_SNAPSHOT,
    ConfState,
    Entry,
    HardState,
    Index,
    Snapshot,
    SnapshotMetadata,
    Term,
)
from minietcd.raft.util import limit_size


class Storage(Protocol):
    """What raft asks for; it never writes: whoever runs it does, between ``Ready`` and ``advance``.

    Go: raft/storage.go#Storage
    """

    def initial_state(self) -> tuple[HardState, ConfState]:
        """What was saved when the member last ran."""

    def entries(self, lo: Index, hi: Index, max_size: int) -> list[Entry]:
        """From ``lo`` up to, not including, ``hi``; ``max_size`` bytes at most, but one entry at least.

        Raises CompactedError, UnavailableError.
        """

    def term(self, i: Index) -> Term:
        """The term at ``i``, from the entry before the first to the last.

        Raises CompactedError, UnavailableError.
        """

    def last_index(self) -> Index:
        """The last entry's index."""

    def first_index(self) -> Index:
        """The first index that ``entries`` can give; what is before is in the snapshot."""

    def snapshot(self) -> Snapshot:
        """The newest snapshot. Raises SnapshotTemporarilyUnavailableError if that takes a while."""


class MemoryStorage:
    """A storage in memory; etcd fills it from its write-ahead log and keeps both in step.

    Invariant: ``ents[0]`` is a dummy that stands for all that was compacted, and ``ents[i]`` has index
    ``ents[0].index + i``.

    Left out: the mutex, because one thread runs everything.

    Go: raft/storage.go#MemoryStorage
    """

    __slots__ = ("ents", "hard_state", "snap")

    def __init__(self) -> None:
        """Go: raft/storage.go#NewMemoryStorage"""
        self.hard_state = HardState()
        self.snap = EMPTY_SNAPSHOT
        self.ents = [Entry()]

    def initial_state(self) -> tuple[HardState, ConfState]:
        """What was set, and the members at the snapshot. Go: raft/storage.go#MemoryStorage.InitialState"""
        return self.hard_state, self.snap.metadata.conf_state

    def set_hard_state(self, st: HardState) -> None:
        """Keep what must survive a crash. Go: raft/storage.go#MemoryStorage.SetHardState"""
        self.hard_state = st

    def entries(self, lo: Index, hi: Index, max_size: int) -> list[Entry]:
        """Raises CompactedError, UnavailableError. Go: raft/storage.go#MemoryStorage.Entries"""
        offset = self.ents[0].index
        if lo <= offset:
            raise CompactedError
        assert hi <= self.last_index() + 1, (
            f"entries' hi({hi}) is out of bound lastindex({self.last_index()})"
        )
        if len(self.ents) == 1:
            raise UnavailableError
        return limit_size(self.ents[lo - offset : hi - offset], max_size)

    def term(self, i: Index) -> Term:
        """Raises CompactedError, UnavailableError. Go: raft/storage.go#MemoryStorage.Term"""
        position = i - self.ents[0].index
        if position < 0:
            raise CompactedError
        if position >= len(self.ents):
            raise UnavailableError
        return self.ents[position].term

    def last_index(self) -> Index:
        """The last entry, or the dummy. Go: raft/storage.go#MemoryStorage.LastIndex"""
        return Index(self.ents[0].index + len(self.ents) - 1)

    def first_index(self) -> Index:
        """The one behind the dummy. Go: raft/storage.go#MemoryStorage.FirstIndex"""
        return Index(self.ents[0].index + 1)

    def snapshot(self) -> Snapshot:
        """The newest; empty if there is none. Go: raft/storage.go#MemoryStorage.Snapshot"""
        return self.snap

    def apply_snapshot(self, snap: Snapshot) -> None:
        """Become what ``snap`` says, and forget the log. Raises SnapOutOfDateError.

        Go: raft/storage.go#MemoryStorage.ApplySnapshot
        """
        if self.snap.metadata.index >= snap.metadata.index:
            raise SnapOutOfDateError
        self.snap = snap
        self.ents = [Entry(term=snap.metadata.term, index=snap.metadata.index)]

    def create_snapshot(self, i: Index, cs: ConfState | None, data: bytes) -> Snapshot:
        """Keep ``data`` as the state at ``i``; ``cs`` if the members changed since the last one.

        Raises SnapOutOfDateError.

        Go: raft/storage.go#MemoryStorage.CreateSnapshot
        """
        if i <= self.snap.metadata.index:
            raise SnapOutOfDateError
        assert i <= self.last_index(), f"snapshot {i} is out of bound lastindex({self.last_index()})"
        self.snap = Snapshot(data, SnapshotMetadata(cs or self.snap.metadata.conf_state, i, self.term(i)))
        return self.snap

    def compact(self, compact_index: Index) -> None:
        """Forget everything up to ``compact_index``, which must be applied. Raises CompactedError.

        Go: raft/storage.go#MemoryStorage.Compact
        """
        position = compact_index - self.ents[0].index
        if position <= 0:
            raise CompactedError
        assert compact_index <= self.last_index(), (
            f"compact {compact_index} is out of bound lastindex({self.last_index()})"
        )
        last = self.ents[position]
        self.ents = [Entry(term=last.term, index=last.index), *self.ents[position + 1 :]]

    def append(self, entries: Sequence[Entry]) -> None:
        """Append ``entries``, replacing what stands there, ignoring what is compacted.

        Go: raft/storage.go#MemoryStorage.Append
        """
        if not entries or entries[-1].index <= self.ents[0].index:
            return
        entries = entries[max(0, self.first_index() - entries[0].index) :]
        position = entries[0].index - self.ents[0].index
        assert position <= len(self.ents), (
            f"missing log entry [last: {self.last_index()}, append at: {entries[0].index}]"
        )
        del self.ents[position:]
        self.ents.extend(entries)
