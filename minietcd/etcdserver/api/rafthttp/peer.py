"""Another member as this one sees it: two streams to write, two to read, a pipeline, two tasks that hand on.

Go: etcdserver/api/rafthttp/peer.go
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from minietcd.etcdserver.api.rafthttp import metrics, util
from minietcd.etcdserver.api.rafthttp.errors import HTTPError
from minietcd.etcdserver.api.rafthttp.peer_status import PeerStatus
from minietcd.etcdserver.api.rafthttp.pipeline import Pipeline
from minietcd.etcdserver.api.rafthttp.snapshot_sender import SnapshotSender
from minietcd.etcdserver.api.rafthttp.stream import OutgoingConn, StreamReader, StreamType, StreamWriter
from minietcd.etcdserver.api.rafthttp.urlpick import URLPicker
from minietcd.etcdserver.api.snap import message as snap
from minietcd.pkg.chan import Chan
from minietcd.pkg.context import BACKGROUND
from minietcd.pkg.task import go
from minietcd.pkg.types import URLs, id_string
from minietcd.raft.errors import RaftError
from minietcd.raft.raftpb import Message, MsgApp, MsgSnap, NodeID
from minietcd.raft.rawnode import SnapshotFailure

if TYPE_CHECKING:
    from minietcd.etcdserver.api.rafthttp.transport import Transport


RECV_BUF_SIZE = 4096
MAX_PENDING_PROPOSALS = 4096
"""Proposals that wait out an election; enough, because a client waits for each of its own."""


class Peer:
    """Another member, and all that goes to it and comes from it. Go: etcdserver/api/rafthttp/peer.go#peer"""

    def __init__(self, t: Transport, urls: URLs, peer_id: NodeID) -> None:
        """Start everything. Go: etcdserver/api/rafthttp/peer.go#startPeer"""
        self.lg = util.log_of(t, peer_id)
        self.lg.info("starting remote peer")
        self.tr, self.id, self.r = t, peer_id, t.raft
        self.status = PeerStatus(t.id, peer_id)
        self.picker = URLPicker(urls)
        self.pipeline = Pipeline(t, peer_id, self.picker, self.status)
        self.pipeline.start()
        self.msg_app_v2_writer = StreamWriter(t, peer_id, self.status)
        self.writer = StreamWriter(t, peer_id, self.status)
        self.snap_sender = SnapshotSender(t, self.picker, peer_id, self.status)
        self.recvc: Chan[Message] = Chan("peer.recvc", RECV_BUF_SIZE)
        self.propc: Chan[Message] = Chan("peer.propc", MAX_PENDING_PROPOSALS)
        self._tasks = (
            go(self._process(self.recvc), "rafthttp peer recvc goroutine"),
            go(self._process(self.propc), "rafthttp peer propc goroutine"),
        )
        self.msg_app_v2_reader = self._reader(StreamType.MSG_APP_V2)
        self.msg_app_reader = self._reader(StreamType.MESSAGE)
        self.lg.info("started remote peer")

    def send(self, m: Message) -> None:
        """Queue ``m``, or drop it and tell raft. Go: etcdserver/api/rafthttp/peer.go#peer.send"""
        writec, name = self.pick(m)
        if not writec.try_send(m):
            self.r.report_unreachable(m.to)
            if is_msg_snap(m):
                self.r.report_snapshot(m.to, SnapshotFailure)
            why = "dropped internal Raft message since sending buffer is full (overloaded network)"
            active = self.status.is_active()
            self.lg.warning(why, sending_buffer=name, message_type=str(m.type), remote_peer_active=active)
            metrics.sent_failures.labels(id_string(m.to)).inc()

    def send_snap(self, m: snap.Message) -> None:
        """Send a snapshot with its database. Go: etcdserver/api/rafthttp/peer.go#peer.sendSnap"""
        self.snap_sender.start(m)

    def update(self, urls: URLs) -> None:
        """It listens elsewhere now. Go: etcdserver/api/rafthttp/peer.go#peer.update"""
        self.picker.update(urls)

    async def attach_outgoing_conn(self, conn: OutgoingConn) -> None:
        """Write to this stream now. Go: etcdserver/api/rafthttp/peer.go#peer.attachOutgoingConn"""
        writer = self.msg_app_v2_writer if conn.t == StreamType.MSG_APP_V2 else self.writer
        if not await writer.attach(conn):
            conn.close()

    def active_since(self) -> float | None:
        """In seconds of the loop's clock; None while it cannot be reached.

        Go: etcdserver/api/rafthttp/peer.go#peer.activeSince
        """
        return self.status.active_since()

    async def stop(self) -> None:
        """End all that was started. Go: etcdserver/api/rafthttp/peer.go#peer.stop"""
        self.lg.info("stopping remote peer")
        await util.cancel(*self._tasks)
        await self.msg_app_v2_writer.stop()
        await self.writer.stop()
        await self.pipeline.stop()
        await self.snap_sender.stop()
        await self.msg_app_v2_reader.stop()
        await self.msg_app_reader.stop()
        self.lg.info("stopped remote peer")

    def pick(self, m: Message) -> tuple[Chan[Message], str]:
        """The queue for ``m``, and what it is called; a snapshot would hold up a stream for long.

        Go: etcdserver/api/rafthttp/peer.go#peer.pick
        """
        if is_msg_snap(m):
            return self.pipeline.msgc, "pipeline"
        writec, ok = self.msg_app_v2_writer.writec()
        if ok and is_msg_app(m):
            return writec, "streamMsgAppV2"
        writec, ok = self.writer.writec()
        if ok:
            return writec, "streamMsg"
        return self.pipeline.msgc, "pipeline"

    async def _process(self, c: Chan[Message]) -> None:
        """Hand what came to raft. Two tasks do so: proposals wait for a leader, and nothing else may."""
        async for m in c:
            try:
                await self.r.process(BACKGROUND, m)
            except (RaftError, HTTPError) as error:
                self.lg.warning("failed to process Raft message", error=error)

    def _reader(self, typ: StreamType) -> StreamReader:
        reader = StreamReader(self.tr, self.id, typ, self.picker, self.status, self.recvc, self.propc)
        reader.start()
        return reader


def is_msg_app(m: Message) -> bool:
    """Whether ``m`` belongs on the MsgApp stream. Go: etcdserver/api/rafthttp/peer.go#isMsgApp"""
    return m.type == MsgApp


def is_msg_snap(m: Message) -> bool:
    """Whether ``m`` carries a snapshot. Go: etcdserver/api/rafthttp/peer.go#isMsgSnap"""
    return m.type == MsgSnap
