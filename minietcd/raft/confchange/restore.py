"""From nothing to a configuration that was stored.

Go: raft/confchange/restore.go
"""

from __future__ import annotations

from minietcd.raft import raftpb as pb
from minietcd.raft.confchange.confchange import Changer, Outcome
from minietcd.raft.raftpb import ConfChangeSingle


def to_conf_change_single(cs: pb.ConfState) -> tuple[list[ConfChangeSingle], list[ConfChangeSingle]]:
    """The changes that make the voters who go, and those that, on top, make the rest.

    ``voters=(1 2 3) learners=(5) outgoing=(1 2 4 6) learners_next=(4)`` is made by adding 1 2 4 6, and then,
    in one joint change, removing these, adding 1 2 3, and adding 5 and 4 as learners.

    Go: raft/confchange/restore.go#toConfChangeSingle
    """
    outgoing = [ConfChangeSingle(pb.ConfChangeAddNode, id) for id in cs.voters_outgoing]
    incoming = [ConfChangeSingle(pb.ConfChangeRemoveNode, id) for id in cs.voters_outgoing]
    incoming += [ConfChangeSingle(pb.ConfChangeAddNode, id) for id in cs.voters]
    incoming += [ConfChangeSingle(pb.ConfChangeAddLearnerNode, id) for id in cs.learners + cs.learners_next]
    return outgoing, incoming


def restore(changer: Changer, cs: pb.ConfState) -> Outcome:
    """Make, on an empty changer, the configuration ``cs``: one voter after the other, then the joint step.

    Go: raft/confchange/restore.go#Restore
    Go: raft/confchange/restore.go#chain
    """
    outgoing, incoming = to_conf_change_single(cs)
    tracker = changer.tracker
    for change in outgoing or incoming:
        tracker.config, tracker.progress = changer.simple(change)
    if outgoing:
        tracker.config, tracker.progress = changer.enter_joint(cs.auto_leave, *incoming)
    return tracker.config, tracker.progress
