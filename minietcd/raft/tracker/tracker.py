"""The members of a group: who they are, how far each has come, how they voted.

Go: raft/tracker/tracker.go
"""

from __future__ import annotations

from dataclasses import dataclass, field

from minietcd.raft.quorum.joint import JointConfig
from minietcd.raft.quorum.majority import MajorityConfig
from minietcd.raft.quorum.quorum import VoteResult, VoteWon
from minietcd.raft.raftpb import ConfState, Index, NodeID
from minietcd.raft.tracker.progress import Progress, ProgressMap


@dataclass(slots=True)
class Config:
    """Who votes and who only learns.

    Invariant: nobody is both. A voter that is to become a learner while the configuration is joint still
    votes in its outgoing half, so it waits in ``learners_next`` until that half is gone.

    Go: raft/tracker/tracker.go#Config
    """

    voters: JointConfig = field(default_factory=lambda: JointConfig(MajorityConfig(), MajorityConfig()))
    auto_leave: bool = False
    """Whether raft itself leaves the joint configuration as soon as that is safe."""
    learners: MajorityConfig = field(default_factory=MajorityConfig)
    learners_next: MajorityConfig = field(default_factory=MajorityConfig)

    def __str__(self) -> str:
        """Go: raft/tracker/tracker.go#Config.String"""
        words = [f"voters={self.voters}"]
        if self.learners:
            words.append(f"learners={self.learners}")
        if self.learners_next:
            words.append(f"learners_next={self.learners_next}")
        if self.auto_leave:
            words.append("autoleave")
        return " ".join(words)

    def clone(self) -> Config:
        """A copy to be changed, which is not yet to be left automatically.

        Go: raft/tracker/tracker.go#Config.Clone
        """
        return Config(
            voters=JointConfig(*map(MajorityConfig, self.voters)),
            learners=MajorityConfig(self.learners),
            learners_next=MajorityConfig(self.learners_next),
        )


@dataclass(slots=True)
class ProgressTracker:
    """The configuration in force, and what is known of its members.

    Go: raft/tracker/tracker.go#ProgressTracker
    Go: raft/tracker/tracker.go#MakeProgressTracker
    """

    max_inflight: int
    config: Config = field(default_factory=Config)
    progress: ProgressMap = field(default_factory=ProgressMap)
    votes: dict[NodeID, bool] = field(default_factory=dict)

    def conf_state(self) -> ConfState:
        """The configuration as it is stored. Go: raft/tracker/tracker.go#ProgressTracker.ConfState"""
        config = self.config
        return ConfState(
            voters=config.voters.incoming.slice(),
            learners=config.learners.slice(),
            voters_outgoing=config.voters.outgoing.slice(),
            learners_next=config.learners_next.slice(),
            auto_leave=config.auto_leave,
        )

    def is_singleton(self) -> bool:
        """Whether there is a single voter. Go: raft/tracker/tracker.go#ProgressTracker.IsSingleton"""
        return len(self.config.voters.incoming) == 1 and not self.config.voters.outgoing

    def acked_index(self, id: NodeID) -> Index | None:
        """Up to where ``id`` has the log, if it is a member.

        Go: raft/tracker/tracker.go#matchAckIndexer.AckedIndex
        """
        pr = self.progress.get(id)
        return pr.match if pr else None

    def committed(self) -> Index:
        """The highest index that the voters are known to hold by quorum.

        Go: raft/tracker/tracker.go#ProgressTracker.Committed
        """
        return self.config.voters.committed_index(self.acked_index)

    def visit(self) -> list[tuple[NodeID, Progress]]:
        """Everybody, in an order that does not change. Go: raft/tracker/tracker.go#ProgressTracker.Visit"""
        return sorted(self.progress.items())

    def quorum_active(self) -> bool:
        """Whether a quorum was heard of lately. Go: raft/tracker/tracker.go#ProgressTracker.QuorumActive"""
        votes = {id: pr.recent_active for id, pr in self.progress.items() if not pr.is_learner}
        return self.config.voters.vote_result(votes) == VoteWon

    def voter_nodes(self) -> tuple[NodeID, ...]:
        """Who votes, sorted. Go: raft/tracker/tracker.go#ProgressTracker.VoterNodes"""
        return self.config.voters.ids().slice()

    def learner_nodes(self) -> tuple[NodeID, ...]:
        """Who only learns, sorted. Go: raft/tracker/tracker.go#ProgressTracker.LearnerNodes"""
        return self.config.learners.slice()

    def reset_votes(self) -> None:
        """Begin to count anew. Go: raft/tracker/tracker.go#ProgressTracker.ResetVotes"""
        self.votes = {}

    def record_vote(self, id: NodeID, vote: bool) -> None:
        """Only a member's first vote counts. Go: raft/tracker/tracker.go#ProgressTracker.RecordVote"""
        self.votes.setdefault(id, vote)

    def tally_votes(self) -> tuple[int, int, VoteResult]:
        """``(granted, rejected, result)``. Go: raft/tracker/tracker.go#ProgressTracker.TallyVotes"""
        ballots = [self.votes.get(id) for id, pr in self.progress.items() if not pr.is_learner]
        return ballots.count(True), ballots.count(False), self.config.voters.vote_result(self.votes)
