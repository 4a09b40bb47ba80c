"""More than half of the voters.

Go: raft/quorum/majority.go
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from minietcd.raft.quorum.quorum import MAX_INDEX, AckedIndexer, VoteLost, VotePending, VoteResult, VoteWon
from minietcd.raft.raftpb import Index, NodeID


class MajorityConfig(set[NodeID]):
    """A set of voters that decides by majority. An empty one agrees with everything.

    Go: raft/quorum/majority.go#MajorityConfig
    """

    def __str__(self) -> str:
        """Go: raft/quorum/majority.go#MajorityConfig.String"""
        return f"({' '.join(map(str, sorted(self)))})"

    def describe(self, acked_index: AckedIndexer) -> str:
        """The acknowledged indexes as a picture: the longer the bar, the more voters are behind.

        Go: raft/quorum/majority.go#MajorityConfig.Describe
        """
        if not self:
            return "<empty majority quorum>"
        acked = {id: acked_index(id) for id in sorted(self)}
        order = sorted(acked, key=lambda id: (acked[id] or 0, id))
        ranks = dict.fromkeys(acked, 0)
        for rank, (behind, id) in enumerate(pairwise(order), start=1):
            ranks[id] = rank if (acked[behind] or 0) < (acked[id] or 0) else 0
        lines = [" " * len(self) + "    idx"]
        for id, index in acked.items():
            bar = "?" if index is None else "x" * ranks[id] + ">"
            lines.append(f"{bar:<{len(self) + 1}} {index or 0:5d}    (id={id})")
        return "\n".join(lines) + "\n"

    def slice(self) -> tuple[NodeID, ...]:
        """The voters in ascending order. Go: raft/quorum/majority.go#MajorityConfig.Slice"""
        return tuple(sorted(self))

    def committed_index(self, acked_index: AckedIndexer) -> Index:
        """The highest index that a majority has acknowledged: of the indexes in order, the middle one.

        Go: raft/quorum/majority.go#MajorityConfig.CommittedIndex
        """
        if not self:
            return MAX_INDEX
        acked = sorted([acked_index(id) or Index(0) for id in self])
        return acked[(len(acked) - 1) // 2]

    def vote_result(self, votes: Mapping[NodeID, bool]) -> VoteResult:
        """Whether a majority said yes, can no longer say yes, or still may.

        Go: raft/quorum/majority.go#MajorityConfig.VoteResult
        """
        quorum = len(self) // 2 + 1 if self else 0
        ballots = [votes.get(id) for id in self]
        yes = ballots.count(True)
        if yes >= quorum:
            return VoteWon
        return VotePending if yes + ballots.count(None) >= quorum else VoteLost
