"""The states of a follower, as its leader sees it.

Go: raft/tracker/state.go
"""

from __future__ import annotations

from collections.abc import Mapping

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

STATES: Mapping[StateType, Mapping[StateType, str]] = {
    StateProbe: {
        StateReplicate: "an append was accepted",
        StateSnapshot: "what it needs is no longer in the log",
    },
    StateReplicate: {
        StateProbe: "an append was refused, or it could not be reached",
        StateSnapshot: "what it needs is no longer in the log",
    },
    StateSnapshot: {
        StateProbe: "the snapshot arrived, or was reported to be lost",
    },
}
"""Which state follows which, and when."""
