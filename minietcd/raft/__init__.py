"""Raft: many members, one log, and no way for two of them to disagree on what it says.

What it promises
    Entries that were proposed are *committed* in one order, the same for every member, and what is
    committed stays, as long as a majority of the members keeps what it wrote. A proposal may also be lost
    without a word (its leader died, say): propose again. Nothing here knows what the entries mean.

The parts
    ``raft.Raft`` is the state machine: messages and ticks in, messages and a longer log out. It reads its
    past from a ``Storage`` and never writes to it. ``RawNode`` gives it a handle, ``Node`` a task.
    Everything that varies is given: time is counted in ticks, chance is a ``random.Random``, the log of what
    happens goes to a ``Logger``.

To begin
    A new group is founded by all its first members alike, each with the same list of peers::

        storage = MemoryStorage()
        config = Config(id=1, election_tick=10, heartbeat_tick=1, storage=storage, rand=Random())
        node = start_node(config, [Peer(1), Peer(2), Peer(3)])

    A member that comes back, or that joins a group, is told by its storage who it is (``apply_snapshot``,
    ``set_hard_state`` and ``append`` what was on disk)::

        node = restart_node(config)

The loop
    Whoever runs a node owes it four things, and the order in the third is what safety rests on::

        1. now and then             node.tick()
        2. what others send         await node.step(ctx, message)
        3. async for rd in node.ready():
               write rd.hard_state, rd.entries and rd.snapshot to disk, synced if rd.must_sync
               send rd.messages     (a leader may send while it writes; it must not send *instead*)
               apply rd.snapshot, then rd.committed_entries, in order
               for each committed change of members: await node.apply_conf_change(change)
               await node.advance()
        4. what became of a snapshot it sent, and who could not be reached: node.report_snapshot(…), …

    There is one Ready at a time. What comes up while it is worked on waits, and comes in one piece with the
    next: so a busy member writes in batches without any code for it.

One proposal, from end to end
    ``node.propose`` hands MsgProp to the loop. A leader appends the entry to its log (``append_entry``) and
    sends MsgApp to each follower (``bcast_append``); a follower that is asked passes MsgProp on. Followers
    append (``handle_append_entries``), write, and answer MsgAppResp. When a majority has the entry, the
    leader commits (``maybe_commit``): the entry comes out with its next Ready, and the next MsgApp or
    MsgHeartbeat tells the others.

The messages
    ============================== ==========================================================================
    MsgHup                         to ourselves: no word from a leader for too long; campaign
    MsgBeat                        to ourselves: time for heartbeats
    MsgProp                        append this; a follower passes it on to its leader
    MsgApp, MsgAppResp             the leader's log after some entry, and how far the follower's log agrees
    MsgVote, MsgVoteResp           a candidate asks to lead, and what it is told
    MsgPreVote, MsgPreVoteResp     the same as a mere question, in a term nobody has entered
    MsgSnap                        what takes the place of entries that the leader no longer has
    MsgHeartbeat, MsgHeartbeatResp the leader is there, as far as it knows the follower's log; and an answer
    MsgUnreachable                 to ourselves: something sent did not arrive
    MsgSnapStatus                  to ourselves: a snapshot arrived, or did not
    MsgCheckQuorum                 to ourselves: has a majority been heard of lately?
    MsgTransferLeader              another is to lead; MsgTimeoutNow tells it to begin
    MsgReadIndex, MsgReadIndexResp how far must I have applied to read what is true now?
    ============================== ==========================================================================

What to read first
    ``log.py`` (with ``log_unstable.py``), then ``raft.py`` from ``Raft.step`` down, then ``node.py``. Who has
    to agree is in ``quorum/``, what a leader knows of the others in ``tracker/``, how members come and go in
    ``confchange/``. The state machines are tables: ``ROLES``, ``STEP`` and its kin in ``raft.py``, ``STATES``
    in ``tracker/state.py``. tests/testdata/raft shows all of it at work, message by message.

Go: raft/doc.go
"""

from minietcd.raft.bootstrap import Peer, bootstrap
from minietcd.raft.errors import (
    BootstrapError,
    CompactedError,
    ConfChangeError,
    ProposalDroppedError,
    RaftError,
    SnapOutOfDateError,
    SnapshotTemporarilyUnavailableError,
    StepLocalMsgError,
    StepPeerNotFoundError,
    StoppedError,
    UnavailableError,
)
from minietcd.raft.node import Node, restart_node, start_node
from minietcd.raft.raft import (
    NONE,
    Config,
    StateCandidate,
    StateFollower,
    StateLeader,
    StatePreCandidate,
    StateType,
)
from minietcd.raft.rawnode import RawNode, SnapshotFailure, SnapshotFinish, SnapshotStatus
from minietcd.raft.read_only import ReadOnlyLeaseBased, ReadOnlyOption, ReadOnlySafe, ReadState
from minietcd.raft.ready import Ready, SoftState, is_empty_hard_state, is_empty_snap, must_sync
from minietcd.raft.status import BasicStatus, Status
from minietcd.raft.storage import MemoryStorage, Storage
from minietcd.raft.util import NO_LIMIT, Logger

# fmt: off
__all__ = [
    "NONE", "NO_LIMIT", "BasicStatus", "BootstrapError", "CompactedError", "ConfChangeError", "Config",
    "Logger", "MemoryStorage", "Node", "Peer", "ProposalDroppedError", "RaftError", "RawNode",
    "ReadOnlyLeaseBased", "ReadOnlyOption", "ReadOnlySafe", "ReadState", "Ready", "SnapOutOfDateError",
    "SnapshotFailure", "SnapshotFinish", "SnapshotStatus", "SnapshotTemporarilyUnavailableError",
    "SoftState", "StateCandidate", "StateFollower", "StateLeader", "StatePreCandidate", "StateType",
    "Status", "StepLocalMsgError", "StepPeerNotFoundError", "StoppedError", "Storage", "UnavailableError",
    "bootstrap", "is_empty_hard_state", "is_empty_snap", "must_sync", "restart_node", "start_node",
]
# fmt: on
