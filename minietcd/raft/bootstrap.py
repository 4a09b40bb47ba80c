"""The first members of a group.

Go: raft/bootstrap.go
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from minietcd.raft import raftpb as pb
from minietcd.raft.errors import BootstrapError
from minietcd.raft.raft import NONE
from minietcd.raft.raftpb import Entry, Index, NodeID, Term
from minietcd.raft.rawnode import RawNode
from minietcd.raft.ready import EMPTY_STATE


@dataclass(slots=True, frozen=True)
class Peer:
    """A first member, and what the application wants to know of it. Go: raft/node.go#Peer"""

    id: NodeID
    context: bytes = b""


def bootstrap(rn: RawNode, peers: Sequence[Peer]) -> None:
    """Begin the log with the arrival of each of ``peers``, committed in term 1. Raises BootstrapError.

    Everybody who starts the group begins with the same entries, so these need no vote. They are in force at
    once, and again when the application applies them, which changes nothing.

    Go: raft/bootstrap.go#RawNode.Bootstrap
    """
    if not peers:
        raise BootstrapError("must provide at least one peer to Bootstrap")
    r = rn.raft
    if r.raft_log.storage.last_index() != 0:
        raise BootstrapError("can't bootstrap a nonempty Storage")
    rn.prev_hard_st = EMPTY_STATE  # nothing is on disk: let the first Ready say so
    r.become_follower(Term(1), NONE)
    changes = [pb.ConfChange(type=pb.ConfChangeAddNode, node_id=p.id, context=p.context) for p in peers]
    ents = [
        Entry(pb.EntryConfChange, Term(1), Index(i), change.marshal())
        for i, change in enumerate(changes, start=1)
    ]
    r.raft_log.append(ents)
    r.raft_log.committed = Index(len(ents))
    for change in changes:
        r.apply_conf_change(change.as_v2())
