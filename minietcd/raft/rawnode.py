"""A raft to be driven by hand: no tasks, no channels. ``node.py`` drives it for a server.

Go: raft/rawnode.go
"""

from __future__ import annotations

from enum import IntEnum

from minietcd.raft import raftpb as pb
from minietcd.raft.errors import StepLocalMsgError, StepPeerNotFoundError
from minietcd.raft.raft import Config, Raft
from minietcd.raft.raftpb import Message, NodeID
from minietcd.raft.ready import EMPTY_STATE, Ready, is_empty_hard_state, new_ready
from minietcd.raft.status import BasicStatus, Status, get_basic_status, get_status
from minietcd.raft.util import is_local_msg, is_response_msg


class SnapshotStatus(IntEnum):
    """How sending a snapshot went. Go: raft/node.go#SnapshotStatus"""

    SnapshotFinish = 1
    SnapshotFailure = 2


SnapshotFinish, SnapshotFailure = SnapshotStatus


class RawNode:
    """The loop: ``tick``, ``step``, ``propose``; while ``has_ready``, do as ``ready`` says and ``advance``.

    Left out: TickQuiesced and WithProgress, because the one is deprecated and ``status`` tells the other.

    Go: raft/rawnode.go#RawNode
    """

    __slots__ = ("prev_hard_st", "prev_soft_st", "raft")

    def __init__(self, config: Config) -> None:
        """Raises ValueError for a config that cannot work. Go: raft/rawnode.go#NewRawNode"""
        self.raft = Raft(config)
        self.prev_soft_st = self.raft.soft_state()
        self.prev_hard_st = self.raft.hard_state()

    def tick(self) -> None:
        """A tick of the clock. Go: raft/rawnode.go#RawNode.Tick"""
        self.raft.tick()

    def campaign(self) -> None:
        """Try to lead. Go: raft/rawnode.go#RawNode.Campaign"""
        self.raft.step(Message(type=pb.MsgHup))

    def propose(self, data: bytes) -> None:
        """Raises ProposalDroppedError. Go: raft/rawnode.go#RawNode.Propose"""
        self.raft.step(Message(type=pb.MsgProp, from_=self.raft.id, entries=[pb.Entry(data=data)]))

    def propose_conf_change(self, cc: pb.ConfChangeI) -> None:
        """Raises ProposalDroppedError. Go: raft/rawnode.go#RawNode.ProposeConfChange"""
        self.raft.step(conf_change_to_msg(cc))

    def apply_conf_change(self, cc: pb.ConfChangeI) -> pb.ConfState:
        """Raises ConfChangeError. Go: raft/rawnode.go#RawNode.ApplyConfChange"""
        return self.raft.apply_conf_change(cc.as_v2())

    def step(self, m: Message) -> None:
        """Take in what another member says. Raises RaftError. Go: raft/rawnode.go#RawNode.Step"""
        if is_local_msg(m.type):
            raise StepLocalMsgError
        if m.from_ not in self.raft.prs.progress and is_response_msg(m.type):
            raise StepPeerNotFoundError
        self.raft.step(m)

    def ready(self) -> Ready:
        """What there is to do; ``advance`` must follow. Go: raft/rawnode.go#RawNode.Ready"""
        rd = self.ready_without_accept()
        self.accept_ready(rd)
        return rd

    def ready_without_accept(self) -> Ready:
        """What there would be to do; changes nothing. Go: raft/rawnode.go#RawNode.readyWithoutAccept"""
        return new_ready(self.raft, self.prev_soft_st, self.prev_hard_st)

    def accept_ready(self, rd: Ready) -> None:
        """Somebody has taken ``rd``, and nothing has happened since it was made.

        Go: raft/rawnode.go#RawNode.acceptReady
        """
        if rd.soft_state is not None:
            self.prev_soft_st = rd.soft_state
        if rd.read_states:
            self.raft.read_states = []
        self.raft.msgs = []

    def has_ready(self) -> bool:
        """Whether there is anything to do, the likeliest first. Go: raft/rawnode.go#RawNode.HasReady"""
        r, log = self.raft, self.raft.raft_log
        return bool(
            r.msgs
            or log.has_next_ents()
            or log.unstable.entries
            or r.read_states
            or log.unstable.snapshot
            or r.soft_state() != self.prev_soft_st
            or r.hard_state() not in (self.prev_hard_st, EMPTY_STATE)
        )

    def advance(self, rd: Ready) -> None:
        """``rd`` is done. Go: raft/rawnode.go#RawNode.Advance"""
        if not is_empty_hard_state(rd.hard_state):
            self.prev_hard_st = rd.hard_state
        self.raft.advance(rd)

    def status(self) -> Status:
        """What it knows of itself and, leading, of the others. Go: raft/rawnode.go#RawNode.Status"""
        return get_status(self.raft)

    def basic_status(self) -> BasicStatus:
        """The same without the others. Go: raft/rawnode.go#RawNode.BasicStatus"""
        return get_basic_status(self.raft)

    def report_unreachable(self, id: NodeID) -> None:
        """What was last sent to ``id`` did not arrive. Go: raft/rawnode.go#RawNode.ReportUnreachable"""
        self.raft.step(Message(type=pb.MsgUnreachable, from_=id))

    def report_snapshot(self, id: NodeID, status: SnapshotStatus) -> None:
        """How sending a snapshot to ``id`` went. Go: raft/rawnode.go#RawNode.ReportSnapshot"""
        self.raft.step(Message(type=pb.MsgSnapStatus, from_=id, reject=status == SnapshotFailure))

    def transfer_leader(self, transferee: NodeID) -> None:
        """Let ``transferee`` lead. Go: raft/rawnode.go#RawNode.TransferLeader"""
        self.raft.step(Message(type=pb.MsgTransferLeader, from_=transferee))

    def read_index(self, rctx: bytes) -> None:
        """Ask for a read state; it comes with a Ready, or is lost. Go: raft/rawnode.go#RawNode.ReadIndex"""
        self.raft.step(Message(type=pb.MsgReadIndex, entries=[pb.Entry(data=rctx)]))


def conf_change_to_msg(c: pb.ConfChangeI) -> Message:
    """The proposal of a change of members. Go: raft/node.go#confChangeToMsg"""
    type_, data = pb.marshal_conf_change(c)
    return Message(type=pb.MsgProp, entries=[pb.Entry(type_, data=data)])
