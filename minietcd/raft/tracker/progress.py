"""One follower, as its leader sees it.

Go: raft/tracker/progress.go
"""

from __future__ import annotations

from dataclasses import dataclass

from minietcd.raft.raftpb import Index, NodeID
from minietcd.raft.tracker.inflights import Inflights
from minietcd.raft.tracker.state import StateProbe, StateReplicate, StateSnapshot, StateType

_NONE = Index(0)


@dataclass(slots=True)
class Progress:
    """How far a follower's log is known to match the leader's, and from where to send next.

    Everything up to ``match`` is on the follower for certain; from there to ``next`` it is under way, or
    hoped for. Invariant: ``match < next``.

    Go: raft/tracker/progress.go#Progress
    """

    inflights: Inflights
    match: Index = _NONE
    next: Index = _NONE
    state: StateType = StateProbe
    pending_snapshot: Index = _NONE
    """In StateSnapshot, the index of the snapshot under way; nothing is sent until its fate is known."""
    recent_active: bool = False
    """Whether it was heard of since the leader last checked its quorum."""
    probe_sent: bool = False
    """In StateProbe, whether the one append allowed is under way."""
    is_learner: bool = False

    def reset_state(self, state: StateType) -> None:
        """Send in another way from now on; nothing is under way.

        Go: raft/tracker/progress.go#Progress.ResetState
        """
        self.probe_sent = False
        self.pending_snapshot = _NONE
        self.state = state
        self.inflights.reset()

    def probe_acked(self) -> None:
        """The append that was allowed has been answered. Go: raft/tracker/progress.go#Progress.ProbeAcked"""
        self.probe_sent = False

    def become_probe(self) -> None:
        """Find out its last index: start after what it has, the snapshot sent to it included.

        Go: raft/tracker/progress.go#Progress.BecomeProbe
        """
        pending_snapshot = self.pending_snapshot if self.state == StateSnapshot else _NONE
        self.reset_state(StateProbe)
        self.next = Index(max(self.match, pending_snapshot) + 1)

    def become_replicate(self) -> None:
        """Send ahead, from what it is known to have on.

        Go: raft/tracker/progress.go#Progress.BecomeReplicate
        """
        self.reset_state(StateReplicate)
        self.next = Index(self.match + 1)

    def become_snapshot(self, snapshot_index: Index) -> None:
        """Wait for the fate of a snapshot. Go: raft/tracker/progress.go#Progress.BecomeSnapshot"""
        self.reset_state(StateSnapshot)
        self.pending_snapshot = snapshot_index

    def maybe_update(self, n: Index) -> bool:
        """The follower has everything up to ``n``. Returns whether that is news.

        Go: raft/tracker/progress.go#Progress.MaybeUpdate
        """
        updated = self.match < n
        if updated:
            self.match = n
            self.probe_acked()
        if self.next <= n:
            self.next = Index(n + 1)
        return updated

    def optimistic_update(self, n: Index) -> None:
        """Appends up to ``n`` are under way. Go: raft/tracker/progress.go#Progress.OptimisticUpdate"""
        self.next = Index(n + 1)

    def maybe_decr_to(self, rejected: Index, last: Index) -> bool:
        """The follower refused an append after ``rejected``; its log ends at ``last``.

        Returns False if the refusal is stale: appends may be answered twice, or out of order. Not every stale
        one shows; none sets a probe back behind ``match`` (in etcd 3.4 one can, in later versions not).

        Go: raft/tracker/progress.go#Progress.MaybeDecrTo
        """
        if self.state == StateReplicate:
            if rejected <= self.match:
                return False
            self.next = Index(self.match + 1)
            return True
        if self.next - 1 != rejected:  # a probe has one append under way, and this answers another
            return False
        self.next = Index(max(min(rejected, last + 1), self.match + 1))
        self.probe_sent = False
        return True

    def is_paused(self) -> bool:
        """Whether to send nothing for now. Go: raft/tracker/progress.go#Progress.IsPaused"""
        if self.state == StateReplicate:
            return self.inflights.full()
        return self.state == StateSnapshot or self.probe_sent

    def __str__(self) -> str:
        """Go: raft/tracker/progress.go#Progress.String"""
        words = [f"{self.state} match={self.match} next={self.next}"]
        if self.is_learner:
            words.append("learner")
        if self.is_paused():
            words.append("paused")
        if self.pending_snapshot > 0:
            words.append(f"pendingSnap={self.pending_snapshot}")
        if not self.recent_active:
            words.append("inactive")
        if count := self.inflights.count():
            words.append(f"inflight={count}{'[full]' if self.inflights.full() else ''}")
        return " ".join(words)


class ProgressMap(dict[NodeID, Progress]):
    """Every member's progress by id. Go: raft/tracker/progress.go#ProgressMap"""

    def __str__(self) -> str:
        """Go: raft/tracker/progress.go#ProgressMap.String"""
        return "".join(f"{id}: {self[id]}\n" for id in sorted(self))
