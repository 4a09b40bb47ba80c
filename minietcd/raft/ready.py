"""What a raft hands out, and all it ever does to the world: ``Ready``.

Go keeps this in node.go; here it stands below the state machine, which must know it, and above no task.

Go: raft/node.go
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from minietcd.raft.raftpb import EMPTY_SNAPSHOT, Entry, HardState, Index, Message, NodeID, Snapshot
from minietcd.raft.read_only import ReadState

if TYPE_CHECKING:
    from minietcd.raft.raft import Raft, StateType

EMPTY_STATE = HardState()


@dataclass(slots=True, frozen=True)
class SoftState:
    """Who leads and what we are; worth knowing, not worth saving. Go: raft/node.go#SoftState"""

    lead: NodeID
    raft_state: StateType


@dataclass(slots=True, frozen=True)
class Ready:
    """What is to be saved, applied and sent, in this order; all of it read-only.

    - ``soft_state``, ``hard_state``: if changed; else None and the empty state.
    - ``read_states``: reads that may be served once their index is applied.
    - ``entries``, ``hard_state``, ``snapshot``: to be on disk *before* ``messages`` are sent. (A leader may
      send while it writes: what the answers commit comes with the next Ready, and by then its disk is done.)
    - ``committed_entries``: to be applied; a quorum has them on disk.
    - ``messages``: to be sent. For each MsgSnap, say how it went by ``report_snapshot``.
    - ``must_sync``: whether the disk must be synced, or may take its time.

    Go: raft/node.go#Ready
    """

    soft_state: SoftState | None = None
    hard_state: HardState = EMPTY_STATE
    read_states: Sequence[ReadState] = ()
    entries: Sequence[Entry] = ()
    snapshot: Snapshot = EMPTY_SNAPSHOT
    committed_entries: Sequence[Entry] = ()
    messages: Sequence[Message] = ()
    must_sync: bool = False

    def applied_cursor(self) -> Index:
        """The last index applied when this is done; 0 if none. Go: raft/node.go#Ready.appliedCursor"""
        if self.committed_entries:
            return self.committed_entries[-1].index
        return self.snapshot.metadata.index


EMPTY_READY = Ready()


def is_empty_hard_state(st: HardState) -> bool:
    """Whether there is nothing to save. Go: raft/node.go#IsEmptyHardState"""
    return st == EMPTY_STATE


def is_empty_snap(sp: Snapshot) -> bool:
    """Whether this stands for no snapshot. Go: raft/node.go#IsEmptySnap"""
    return sp.metadata.index == 0


def new_ready(r: Raft, prev_soft_st: SoftState, prev_hard_st: HardState) -> Ready:
    """Everything that has come up since. Go: raft/node.go#newReady"""
    entries = r.raft_log.unstable_entries()
    soft_st, hard_st = r.soft_state(), r.hard_state()
    return Ready(
        soft_state=None if soft_st == prev_soft_st else soft_st,
        hard_state=EMPTY_STATE if hard_st == prev_hard_st else hard_st,
        read_states=r.read_states or (),  # raft goes on with the same list if there are none
        entries=entries,
        snapshot=r.raft_log.unstable.snapshot or EMPTY_SNAPSHOT,
        committed_entries=r.raft_log.next_ents(),
        messages=r.msgs,
        must_sync=must_sync(hard_st, prev_hard_st, len(entries)),
    )


def must_sync(st: HardState, prevst: HardState, entsnum: int) -> bool:
    """Whether something changed that must survive a crash: the term, the vote or the log. (What is committed
    can be learnt again.)

    Go: raft/node.go#MustSync
    """
    return entsnum != 0 or st.vote != prevst.vote or st.term != prevst.term
