"""A raft with a task of its own, which everything else talks to through channels.

Go: raft/node.go
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from minietcd.pkg.chan import Chan, select
from minietcd.pkg.context import BACKGROUND, Context
from minietcd.pkg.task import go, turns
from minietcd.raft import raftpb as pb
from minietcd.raft.bootstrap import Peer, bootstrap
from minietcd.raft.errors import ProposalDroppedError, StoppedError
from minietcd.raft.raft import NONE, Config
from minietcd.raft.raftpb import Message, NodeID
from minietcd.raft.rawnode import RawNode, SnapshotFailure, SnapshotStatus, conf_change_to_msg
from minietcd.raft.ready import EMPTY_READY, Ready
from minietcd.raft.status import Status, get_status
from minietcd.raft.util import is_local_msg, is_response_msg

_MAX_BATCH_BYTES = 1024 * 1024
"""Proposals are stepped together up to about so much: what one append may carry."""
_BATCH_TURNS = 4
"""For so many turns of the event loop others may join a proposal: requests that are just being read."""


def start_node(c: Config, peers: Sequence[Peer]) -> Node:
    """Found a group of ``peers`` and run its member ``c.id``. Raises BootstrapError, ValueError.

    Go: raft/node.go#StartNode
    """
    rn = RawNode(c)
    bootstrap(rn, peers)
    n = Node(rn)
    go(n.run(), "raft node.run")
    return n


def restart_node(c: Config) -> Node:
    """Run a member whose storage knows the group. Raises ValueError. Go: raft/node.go#RestartNode"""
    n = Node(RawNode(c))
    go(n.run(), "raft node.run")
    return n


@dataclass(slots=True, frozen=True)
class MsgWithResult:
    """A proposal, and where its proposer waits for raft to take or to drop it.

    Go: raft/node.go#msgWithResult
    """

    m: Message
    result: Chan[ProposalDroppedError | None] | None


class Node:
    """A member's raft, in a task.

    Whoever waits in a method here is heard, or is cancelled, or learns that the node has stopped.

    Go: raft/node.go#Node
    Go: raft/node.go#node
    """

    def __init__(self, rn: RawNode) -> None:
        """Go: raft/node.go#newNode"""
        self.propc: Chan[MsgWithResult] = Chan("propc")
        self.recvc: Chan[Message] = Chan("recvc")
        self.confc: Chan[pb.ConfChangeV2] = Chan("confc")
        self.confstatec: Chan[pb.ConfState] = Chan("confstatec")
        self.readyc: Chan[Ready] = Chan("readyc")
        self.advancec: Chan[None] = Chan("advancec")
        self.tickc: Chan[None] = Chan("tickc", 128)  # a busy node catches up on its ticks
        self.done: Chan[None] = Chan("done")
        self.stopc: Chan[None] = Chan("stop")
        self.statusc: Chan[Chan[Status]] = Chan("status")
        self.rn = rn

    async def stop(self) -> None:
        """Returns when the task has ended. Go: raft/node.go#node.Stop"""
        await select((self.stopc, None), self.done)
        await select(self.done)

    async def run(self) -> None:
        """The loop: whatever comes goes into raft; what comes out is offered as a Ready.

        ``readyc`` and ``advancec`` take turns: while a Ready is being worked on there is no other, and while
        none is, there is nothing to advance. A Ready that is not taken at once is made anew, and grows.

        Go: raft/node.go#node.run
        """
        propc: Chan[MsgWithResult] | None = None
        readyc: Chan[Ready] | None = None
        advancec: Chan[None] | None = None
        rd = EMPTY_READY
        r = self.rn.raft
        lead = NONE
        try:
            while not self.done.closed:
                if advancec is not None:
                    readyc = None
                elif self.rn.has_ready():
                    rd = self.rn.ready_without_accept()
                    readyc = self.readyc
                if lead != r.lead:
                    self._log_leader(lead)
                    propc = self.propc if r.has_leader() else None
                    lead = r.lead
                chan, item = await select(
                    propc,
                    self.recvc,
                    self.confc,
                    self.tickc,
                    (readyc, rd),
                    advancec,
                    self.statusc,
                    self.stopc,
                )
                if chan is propc:
                    await self._propose(item)
                elif chan is self.recvc:
                    self._receive(item)
                elif chan is self.confc:
                    if not await self._apply_conf_change(item):
                        propc = None
                elif chan is self.tickc:
                    self.rn.tick()
                elif chan is readyc:
                    self.rn.accept_ready(rd)
                    advancec = self.advancec
                elif chan is advancec:
                    self.rn.advance(rd)
                    rd = EMPTY_READY
                    advancec = None
                elif chan is self.statusc:
                    await item.send(get_status(r))
                else:
                    return
        finally:
            if not self.done.closed:  # nobody is to wait for a loop that died
                self.done.close()

    def _log_leader(self, before: NodeID) -> None:
        r = self.rn.raft
        if not r.has_leader():
            r.logger.info(f"raft.node: {r.id:x} lost leader {before:x} at term {r.term}")
        elif before == NONE:
            r.logger.info(f"raft.node: {r.id:x} elected leader {r.lead:x} at term {r.term}")
        else:
            r.logger.info(
                f"raft.node: {r.id:x} changed leader from {before:x} to {r.lead:x} at term {r.term}"
            )

    async def _propose(self, pm: MsgWithResult) -> None:
        """Step a proposal together with those that come right behind it, and tell each proposer.

        Go steps each by itself; but then each is also sent and acknowledged by itself, and under load that
        was three quarters of what a put cost three members. Where nobody waits for the result it may be
        dropped in silence.
        """
        await turns(_BATCH_TURNS)
        batch, size = [pm], _size(pm.m)
        while size < _MAX_BATCH_BYTES and isinstance(more := self.propc.try_recv(), MsgWithResult):
            batch.append(more)
            size += _size(more.m)
        entries = [entry for proposal in batch for entry in proposal.m.entries]
        m, dropped = replace(pm.m, from_=self.rn.raft.id, entries=entries), None
        try:
            self.rn.raft.step(m)
        except ProposalDroppedError as error:
            dropped = error
        for proposal in batch:
            if proposal.result is not None:
                proposal.result.try_send(dropped)

    def _receive(self, m: Message) -> None:
        """Step a message, unless it is an answer from somebody who is no member."""
        r = self.rn.raft
        if m.from_ in r.prs.progress or not is_response_msg(m.type):
            r.step(m)

    async def _apply_conf_change(self, cc: pb.ConfChangeV2) -> bool:
        """Returns False if the change has taken us out of the group: no more proposals then."""
        r = self.rn.raft
        before = r.id in r.prs.progress
        cs = r.apply_conf_change(cc)
        chan, _ = await select((self.confstatec, cs), self.stopc)
        if chan is self.stopc:  # who asked was cancelled
            self.done.close()
        removed = before and r.id not in r.prs.progress
        return not removed or r.id in cs.voters + cs.voters_outgoing

    def tick(self) -> None:
        """One tick of the clock; dropped if the node is far behind. Go: raft/node.go#node.Tick"""
        r = self.rn.raft
        if not self.done.closed and not self.tickc.try_send(None):
            r.logger.warning(
                f"{r.id:x} (leader {str(r.id == r.lead).lower()}) A tick missed to fire. Node blocks too "
                "long!"
            )

    async def campaign(self) -> None:
        """Try to lead. Go: raft/node.go#node.Campaign"""
        await self.step_(BACKGROUND, Message(type=pb.MsgHup))

    async def propose(self, ctx: Context, data: bytes) -> None:
        """Propose ``data``; returns when raft has taken it in, which is long before it is committed, if ever.

        Raises ProposalDroppedError, StoppedError.

        Go: raft/node.go#node.Propose
        """
        await self.step_wait(ctx, Message(type=pb.MsgProp, entries=[pb.Entry(data=data)]))

    async def step(self, ctx: Context, m: Message) -> None:
        """Take in what another member says. Raises StoppedError. Go: raft/node.go#node.Step"""
        if not is_local_msg(m.type):  # such never travel; whoever sent it meant no good
            await self.step_(ctx, m)

    async def propose_conf_change(self, ctx: Context, cc: pb.ConfChangeI) -> None:
        """Propose a change of members; it may be dropped without a word. Raises StoppedError.

        Go: raft/node.go#node.ProposeConfChange
        """
        await self.step(ctx, conf_change_to_msg(cc))

    async def step_(self, ctx: Context, m: Message) -> None:
        """Hand ``m`` to the loop. Go: raft/node.go#node.step"""
        await self.step_with_wait_option(ctx, m, wait=False)

    async def step_wait(self, ctx: Context, m: Message) -> None:
        """Hand a proposal to the loop, and learn what became of it. Go: raft/node.go#node.stepWait"""
        await self.step_with_wait_option(ctx, m, wait=True)

    async def step_with_wait_option(self, ctx: Context, m: Message, wait: bool) -> None:
        """Hand ``m`` to the loop; with ``wait``, learn what became of a proposal.

        Raises StoppedError, and what raft raises if we wait.

        Go: raft/node.go#node.stepWithWaitOption
        """
        if m.type != pb.MsgProp:
            await self._send(self.recvc, m)
            return
        result: Chan[ProposalDroppedError | None] | None = Chan("pm.result", 1) if wait else None
        await self._send(self.propc, MsgWithResult(m, result))
        if result is None:
            return
        chan, dropped = await select(result, self.done)
        if chan is self.done:
            raise StoppedError
        if dropped is not None:
            raise dropped

    def ready(self) -> Chan[Ready]:
        """Where Readies come out; ``advance`` after each. Go: raft/node.go#node.Ready"""
        return self.readyc

    async def advance(self) -> None:
        """The last Ready is done, or at least on its way in the right order. Go: raft/node.go#node.Advance"""
        await select((self.advancec, None), self.done)

    async def apply_conf_change(self, cc: pb.ConfChangeI) -> pb.ConfState:
        """A change of members was committed: act by it; returns what a snapshot must remember.

        Go: raft/node.go#node.ApplyConfChange
        """
        await select((self.confc, cc.as_v2()), self.done)
        chan, cs = await select(self.confstatec, self.done)
        return cs if chan is self.confstatec else pb.ConfState()

    async def status(self) -> Status:
        """Raises StoppedError. Go: raft/node.go#node.Status"""
        c: Chan[Status] = Chan("status.c", 1)
        await self._send(self.statusc, c)
        return await c.recv()

    def report_unreachable(self, id: NodeID) -> None:
        """What was last sent to ``id`` did not arrive. Go: raft/node.go#node.ReportUnreachable"""
        self._report(Message(type=pb.MsgUnreachable, from_=id))

    def report_snapshot(self, id: NodeID, status: SnapshotStatus) -> None:
        """How sending a snapshot to ``id`` went; without a word, nothing more is sent to it.

        Go: raft/node.go#node.ReportSnapshot
        """
        self._report(Message(type=pb.MsgSnapStatus, from_=id, reject=status == SnapshotFailure))

    async def transfer_leadership(self, ctx: Context, lead: NodeID, transferee: NodeID) -> None:
        """Ask ``lead`` to let ``transferee`` lead. Go: raft/node.go#node.TransferLeadership"""
        m = Message(type=pb.MsgTransferLeader, from_=transferee, to=lead)
        await select((self.recvc, m), self.done)

    async def read_index(self, ctx: Context, rctx: bytes) -> None:
        """Ask for the read state ``rctx``; it comes with a Ready, or is lost. Raises StoppedError.

        Go: raft/node.go#node.ReadIndex
        """
        await self.step_(ctx, Message(type=pb.MsgReadIndex, entries=[pb.Entry(data=rctx)]))

    async def _send(self, chan: Chan[Any], item: object) -> None:
        sent, _ = await select((chan, item), self.done)
        if sent is self.done:
            raise StoppedError

    def _report(self, m: Message) -> None:
        """Tell the loop without waiting for it: who reports is in the middle of something else."""
        go(select((self.recvc, m), self.done), "raft report")


def _size(m: Message) -> int:
    return sum(len(entry.data) for entry in m.entries)
