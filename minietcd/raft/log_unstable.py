"""The end of the log that is not in storage yet.

Go: raft/log_unstable.go
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from minietcd.raft.raftpb import Entry, Index, Snapshot, Term
from minietcd.raft.util import Logger


@dataclass(slots=True)
class Unstable:
    """``entries[i]`` stands at index ``offset + i``.

    ``offset`` may lie before the end of what storage holds: then these entries replace its end.

    Go: raft/log_unstable.go#unstable
    """

    offset: Index
    logger: Logger
    snapshot: Snapshot | None = None
    """A snapshot that came in and is not in storage yet."""
    entries: list[Entry] = field(default_factory=list)

    def maybe_first_index(self) -> Index | None:
        """The first index the log can have, if a snapshot says so.

        Go: raft/log_unstable.go#unstable.maybeFirstIndex
        """
        return Index(self.snapshot.metadata.index + 1) if self.snapshot else None

    def maybe_last_index(self) -> Index | None:
        """The last index, if there is anything here. Go: raft/log_unstable.go#unstable.maybeLastIndex"""
        if self.entries:
            return Index(self.offset + len(self.entries) - 1)
        return self.snapshot.metadata.index if self.snapshot else None

    def maybe_term(self, i: Index) -> Term | None:
        """The term at ``i``, if it is here. Go: raft/log_unstable.go#unstable.maybeTerm"""
        position = i - self.offset
        if 0 <= position < len(self.entries):
            return self.entries[position].term
        if self.snapshot and self.snapshot.metadata.index == i:
            return self.snapshot.metadata.term
        return None

    def stable_to(self, i: Index, t: Term) -> None:
        """Entries up to ``i`` are in storage, unless another leader has replaced them since (``t`` tells).

        Go: raft/log_unstable.go#unstable.stableTo
        """
        if i >= self.offset and self.maybe_term(i) == t:
            del self.entries[: i + 1 - self.offset]
            self.offset = Index(i + 1)

    def stable_snap_to(self, i: Index) -> None:
        """The snapshot at ``i`` is in storage. Go: raft/log_unstable.go#unstable.stableSnapTo"""
        if self.snapshot and self.snapshot.metadata.index == i:
            self.snapshot = None

    def restore(self, s: Snapshot) -> None:
        """Start over from a snapshot. Go: raft/log_unstable.go#unstable.restore"""
        self.offset = Index(s.metadata.index + 1)
        self.entries = []
        self.snapshot = s

    def truncate_and_append(self, ents: Sequence[Entry]) -> None:
        """Put ``ents`` where they belong; whatever stood there or after is gone.

        Go: raft/log_unstable.go#unstable.truncateAndAppend
        """
        after = ents[0].index
        if after == self.offset + len(self.entries):
            self.entries.extend(ents)
        elif after <= self.offset:
            self.logger.info(f"replace the unstable entries from index {after}")
            self.offset = after
            self.entries = list(ents)
        else:
            self.logger.info(f"truncate the unstable entries before index {after}")
            self.entries = [*self.slice(self.offset, after), *ents]

    def slice(self, lo: Index, hi: Index) -> list[Entry]:
        """The entries from ``lo`` up to, not including, ``hi``. Go: raft/log_unstable.go#unstable.slice"""
        self.must_check_out_of_bounds(lo, hi)
        return self.entries[lo - self.offset : hi - self.offset]

    def must_check_out_of_bounds(self, lo: Index, hi: Index) -> None:
        """That these entries are here is for the caller to know.

        Go: raft/log_unstable.go#unstable.mustCheckOutOfBounds
        """
        upper = self.offset + len(self.entries)
        assert self.offset <= lo <= hi <= upper, (
            f"unstable.slice[{lo},{hi}) out of bound [{self.offset},{upper}]"
        )
