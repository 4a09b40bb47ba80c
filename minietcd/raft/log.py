"""A member's log: what is in storage, what is not yet, what is committed, what is applied.

Go: raft/log.go
"""

from __future__ import annotations

from collections.abc import Sequence

from minietcd.raft.errors import CompactedError
from minietcd.raft.log_unstable import Unstable
from minietcd.raft.raftpb import Entry, Index, Snapshot, Term
from minietcd.raft.storage import Storage
from minietcd.raft.util import NO_LIMIT, Logger, limit_size


class RaftLog:
    """Storage and what is about to follow it, seen as one log.

    Invariant: ``applied <= committed <= last_index()``. Nothing committed is ever replaced.

    Go: raft/log.go#raftLog
    """

    __slots__ = ("applied", "committed", "logger", "max_next_ents_size", "storage", "unstable")

    def __init__(self, storage: Storage, logger: Logger, max_next_ents_size: int = NO_LIMIT) -> None:
        """Start where storage was last compacted; what was committed since is in the hard state.

        Go: raft/log.go#newLog
        Go: raft/log.go#newLogWithSize
        """
        self.storage = storage
        self.unstable = Unstable(Index(storage.last_index() + 1), logger)
        self.committed = self.applied = Index(storage.first_index() - 1)
        self.logger = logger
        self.max_next_ents_size = max_next_ents_size

    def __str__(self) -> str:
        """Go: raft/log.go#raftLog.String"""
        unstable = (
            f"unstable.offset={self.unstable.offset}, len(unstable.Entries)={len(self.unstable.entries)}"
        )
        return f"committed={self.committed}, applied={self.applied}, {unstable}"

    def maybe_append(
        self, index: Index, log_term: Term, committed: Index, ents: Sequence[Entry]
    ) -> Index | None:
        """Append what a leader sends to follow the entry at ``index`` and ``log_term``, and commit.

        Returns the last index that now agrees with the leader, or None if the entry before is not the same.
        Only entries that differ are replaced: the message may be old, and the log longer by now.

        Go: raft/log.go#raftLog.maybeAppend
        """
        if not self.match_term(index, log_term):
            return None
        last_new = Index(index + len(ents))
        if conflict := self.find_conflict(ents):
            assert conflict > self.committed, (
                f"entry {conflict} conflict with committed entry [committed({self.committed})]"
            )
            self.append(ents[conflict - index - 1 :])
        self.commit_to(min(committed, last_new))
        return last_new

    def append(self, ents: Sequence[Entry]) -> Index:
        """Append, replacing what stands there; returns the last index. Go: raft/log.go#raftLog.append"""
        if ents:
            after = ents[0].index - 1
            assert after >= self.committed, f"after({after}) is out of range [committed({self.committed})]"
            self.unstable.truncate_and_append(ents)
        return self.last_index()

    def find_conflict(self, ents: Sequence[Entry]) -> Index:
        """The first of ``ents`` that the log does not have, be it new or different; 0 if it has them all.

        Go: raft/log.go#raftLog.findConflict
        """
        for entry in ents:
            if not self.match_term(entry.index, entry.term):
                if entry.index <= self.last_index():
                    self.logger.info(
                        f"found conflict at index {entry.index} [existing term: "
                        f"{self.zero_term_on_err_compacted(entry.index)}, conflicting term: {entry.term}]"
                    )
                return entry.index
        return Index(0)

    def unstable_entries(self) -> list[Entry]:
        """What is to be written to storage. Go: raft/log.go#raftLog.unstableEntries"""
        return self.unstable.entries.copy()

    def next_ents(self) -> list[Entry]:
        """What is committed and not yet applied, up to the size limit. Go: raft/log.go#raftLog.nextEnts"""
        if not self.has_next_ents():
            return []
        first = max(Index(self.applied + 1), self.first_index())
        return self.slice(first, Index(self.committed + 1), self.max_next_ents_size)

    def has_next_ents(self) -> bool:
        """Whether there is anything to apply. Go: raft/log.go#raftLog.hasNextEnts"""
        return self.committed > self.applied and self.committed >= self.first_index()

    def snapshot(self) -> Snapshot:
        """The newest snapshot. Raises SnapshotTemporarilyUnavailableError.

        Go: raft/log.go#raftLog.snapshot
        """
        return self.unstable.snapshot or self.storage.snapshot()

    def first_index(self) -> Index:
        """The first index that can be read. Go: raft/log.go#raftLog.firstIndex"""
        first = self.unstable.maybe_first_index()
        return self.storage.first_index() if first is None else first

    def last_index(self) -> Index:
        """The index of the last entry; of the snapshot, where none follows.

        Go: raft/log.go#raftLog.lastIndex
        """
        last = self.unstable.maybe_last_index()
        return self.storage.last_index() if last is None else last

    def commit_to(self, to_commit: Index) -> None:
        """Everything up to ``to_commit`` is committed, and stays so. Go: raft/log.go#raftLog.commitTo"""
        if self.committed < to_commit:
            assert to_commit <= self.last_index(), (
                f"tocommit({to_commit}) is out of range [lastIndex({self.last_index()})]. "
                "Was the raft log corrupted, truncated, or lost?"
            )
            self.committed = to_commit

    def applied_to(self, i: Index) -> None:
        """Everything up to ``i`` was handed to be applied. Go: raft/log.go#raftLog.appliedTo"""
        if i == 0:
            return
        assert self.applied <= i <= self.committed, (
            f"applied({i}) is out of range [prevApplied({self.applied}), committed({self.committed})]"
        )
        self.applied = i

    def stable_to(self, i: Index, t: Term) -> None:
        """Entries up to ``i``, the last one of term ``t``, are in storage.

        Go: raft/log.go#raftLog.stableTo
        """
        self.unstable.stable_to(i, t)

    def stable_snap_to(self, i: Index) -> None:
        """The snapshot at ``i`` is in storage. Go: raft/log.go#raftLog.stableSnapTo"""
        self.unstable.stable_snap_to(i)

    def last_term(self) -> Term:
        """The term of the last entry. Go: raft/log.go#raftLog.lastTerm"""
        return self.term(self.last_index())

    def term(self, i: Index) -> Term:
        """The term at ``i``; 0 where the log has nothing. Raises CompactedError, UnavailableError.

        The entry just before the first one still has its term, so that the first can be matched.

        Go: raft/log.go#raftLog.term
        """
        term = self.unstable.maybe_term(i)
        if term is not None:
            return term
        if i > self.last_index() or i < self.first_index() - 1:
            return Term(0)
        return self.storage.term(i)

    def entries(self, i: Index, max_size: int) -> list[Entry]:
        """The log from ``i`` on, up to the size limit. Raises CompactedError.

        Go: raft/log.go#raftLog.entries
        """
        last = self.last_index()
        return self.slice(i, Index(last + 1), max_size) if i <= last else []

    def all_entries(self) -> list[Entry]:
        """Every entry that can be read. Go: raft/log.go#raftLog.allEntries"""
        return self.entries(self.first_index(), NO_LIMIT)

    def is_up_to_date(self, last: Index, term: Term) -> bool:
        """Whether a log that ends so is at least as new as this one: a later term, or as late and no shorter.

        Go: raft/log.go#raftLog.isUpToDate
        """
        return (term, last) >= (self.last_term(), self.last_index())

    def match_term(self, i: Index, term: Term) -> bool:
        """Whether the entry at ``i`` is there and of this term. Go: raft/log.go#raftLog.matchTerm"""
        try:
            return self.term(i) == term
        except CompactedError:
            return False

    def maybe_commit(self, max_index: Index, term: Term) -> bool:
        """Commit up to ``max_index`` if that entry is of the leader's own ``term``; returns whether it did.

        Entries of earlier terms are committed only by one of this term that follows them: that a quorum holds
        an older entry does not mean that no later leader can replace it.

        Go: raft/log.go#raftLog.maybeCommit
        """
        if max_index > self.committed and self.zero_term_on_err_compacted(max_index) == term:
            self.commit_to(max_index)
            return True
        return False

    def restore(self, s: Snapshot) -> None:
        """Begin again behind a snapshot. Go: raft/log.go#raftLog.restore"""
        at = s.metadata
        self.logger.info(f"log [{self}] starts to restore snapshot [index: {at.index}, term: {at.term}]")
        self.committed = at.index
        self.unstable.restore(s)

    def slice(self, lo: Index, hi: Index, max_size: int) -> list[Entry]:
        """The entries from ``lo`` up to, not including, ``hi``; ``max_size`` bytes at most, but one at least.

        Raises CompactedError.

        Go: raft/log.go#raftLog.slice
        """
        self.must_check_out_of_bounds(lo, hi)
        if lo == hi:
            return []
        offset = self.unstable.offset
        if lo >= offset:
            return limit_size(self.unstable.slice(lo, hi), max_size)
        stable_hi = min(hi, offset)
        ents = self.storage.entries(lo, stable_hi, max_size)
        if hi <= offset or len(ents) < stable_hi - lo:
            return ents
        return limit_size(ents + self.unstable.slice(offset, hi), max_size)

    def must_check_out_of_bounds(self, lo: Index, hi: Index) -> None:
        """Raise CompactedError where the log begins later; it never ends earlier.

        Go: raft/log.go#raftLog.mustCheckOutOfBounds
        """
        assert lo <= hi, f"invalid slice {lo} > {hi}"
        first = self.first_index()
        if lo < first:
            raise CompactedError
        last = self.last_index()
        assert hi <= last + 1, f"slice[{lo},{hi}) out of bound [{first},{last}]"

    def zero_term_on_err_compacted(self, i: Index) -> Term:
        """The term at ``i``, 0 if it is compacted. Go: raft/log.go#raftLog.zeroTermOnErrCompacted"""
        try:
            return self.term(i)
        except CompactedError:
            return Term(0)
