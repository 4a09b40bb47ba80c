"""What a quorum is asked, and what it answers.

Go: raft/quorum/quorum.go
"""

from __future__ import annotations

from collections.abc import Callable

from minietcd.raft.raftpb import Index, NamedEnum, NodeID

MAX_INDEX = Index(2**64 - 1)
"""What an empty configuration has committed: everything, so that it never holds back the other half."""

type AckedIndexer = Callable[[NodeID], Index | None]
"""The index a voter has acknowledged, None if it never did. Go: raft/quorum/quorum.go#AckedIndexer"""


def index_string(i: Index) -> str:
    """An index as people read it. Go: raft/quorum/quorum.go#Index.String"""
    return "∞" if i == MAX_INDEX else str(i)


class VoteResult(NamedEnum):
    """How a vote stands. Go: raft/quorum/quorum.go#VoteResult"""

    VotePending = 1
    VoteLost = 2
    VoteWon = 3


VotePending, VoteLost, VoteWon = VoteResult
