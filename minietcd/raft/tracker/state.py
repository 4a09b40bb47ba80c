"""The states of a follower, as its leader sees it.

Go: raft/tracker/state.go
"""

from __future__ import annotations

from minietcd.raft.raftpb import NamedEnum


class StateType(NamedEnum):
    """How the leader sends to a follower.

    - probe: its last index is not known; one append per heartbeat, until an answer tells.
    - replicate: it answers; appends are sent ahead of the answers.
    - snapshot: it needs entries that the leader's log no longer has; nothing is sent until it has a snapshot.

    Go: raft/tracker/state.go#StateType
    """

    StateProbe = 0
    StateReplicate = 1
    StateSnapshot = 2


StateProbe, StateReplicate, StateSnapshot = StateType
