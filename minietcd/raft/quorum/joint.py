"""Two majorities at once, while the members of a group are being exchanged.

Go: raft/quorum/joint.go
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from minietcd.raft.quorum.majority import MajorityConfig
from minietcd.raft.quorum.quorum import AckedIndexer, VoteLost, VotePending, VoteResult
from minietcd.raft.raftpb import Index, NodeID


class JointConfig(NamedTuple):
    """The voters that come and those that go; a decision needs both. Usually nobody goes.

    Go: raft/quorum/joint.go#JointConfig
    """

    incoming: MajorityConfig
    outgoing: MajorityConfig

    def __str__(self) -> str:
        """Go: raft/quorum/joint.go#JointConfig.String"""
        return f"{self.incoming}&&{self.outgoing}" if self.outgoing else str(self.incoming)

    def ids(self) -> MajorityConfig:
        """The voters of both halves. Go: raft/quorum/joint.go#JointConfig.IDs"""
        return MajorityConfig(self.incoming | self.outgoing)

    def describe(self, acked_index: AckedIndexer) -> str:
        """What all voters have acknowledged, as a picture. Go: raft/quorum/joint.go#JointConfig.Describe"""
        return self.ids().describe(acked_index)

    def committed_index(self, acked_index: AckedIndexer) -> Index:
        """What both halves have committed. Go: raft/quorum/joint.go#JointConfig.CommittedIndex"""
        return min(self.incoming.committed_index(acked_index), self.outgoing.committed_index(acked_index))

    def vote_result(self, votes: Mapping[NodeID, bool]) -> VoteResult:
        """Won if both halves won, lost as soon as one has lost.

        Go: raft/quorum/joint.go#JointConfig.VoteResult
        """
        first, second = self.incoming.vote_result(votes), self.outgoing.vote_result(votes)
        if first == second:
            return first
        return VoteLost if VoteLost in (first, second) else VotePending
