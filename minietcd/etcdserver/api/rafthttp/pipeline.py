"""One POST a message: slow, but there before the streams are, and good for what would block them.

Go: etcdserver/api/rafthttp/pipeline.go
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from minietcd.etcdserver.api.rafthttp import errors, metrics, util
from minietcd.etcdserver.api.rafthttp.peer_status import FailureType, PeerStatus
from minietcd.etcdserver.api.rafthttp.urlpick import URLPicker
from minietcd.pkg.chan import Chan
from minietcd.pkg.task import go
from minietcd.pkg.types import id_string
from minietcd.raft.raftpb import Message, MsgSnap, NodeID
from minietcd.raft.rawnode import SnapshotFailure, SnapshotFinish

if TYPE_CHECKING:
    from minietcd.etcdserver.api.rafthttp.transport import Transport


CONN_PER_PIPELINE = 4
PIPELINE_BUF_SIZE = 64
"""What a second without network leaves behind, when all goes well otherwise."""


class Pipeline:
    """A queue and four tasks that post what is in it. Go: etcdserver/api/rafthttp/pipeline.go#pipeline"""

    def __init__(self, tr: Transport, peer_id: NodeID, picker: URLPicker, status: PeerStatus) -> None:
        self.tr, self.peer_id, self.picker, self.status = tr, peer_id, picker, status
        self.lg = util.log_of(tr, peer_id)

    def start(self) -> None:
        """Start the tasks that post. Go: etcdserver/api/rafthttp/pipeline.go#pipeline.start"""
        self.msgc: Chan[Message] = Chan("pipeline.msgc", PIPELINE_BUF_SIZE)
        self._tasks = [go(self.handle(), "rafthttp pipeline") for _ in range(CONN_PER_PIPELINE)]
        self.lg.info("started HTTP pipelining with remote peer")

    async def stop(self) -> None:
        """End them; what waits is dropped. Go: etcdserver/api/rafthttp/pipeline.go#pipeline.stop"""
        await util.cancel(*self._tasks)
        self.lg.info("stopped HTTP pipelining with remote peer")

    async def handle(self) -> None:
        """Post one message after the other, and tell raft of those that did not arrive.

        Go: etcdserver/api/rafthttp/pipeline.go#pipeline.handle
        """
        async for m in self.msgc:
            await self._send(m)

    async def _send(self, m: Message) -> None:
        data, to = m.marshal(), id_string(self.peer_id)
        try:
            await self.post(data)
        except errors.CONNECTION_ERRORS as error:
            self.status.deactivate(FailureType("pipeline", "write"), error)
            self.tr.raft.report_unreachable(m.to)
            if m.type == MsgSnap:
                self.tr.raft.report_snapshot(m.to, SnapshotFailure)
            metrics.sent_failures.labels(to).inc()
            return
        self.status.activate()
        if m.type == MsgSnap:
            self.tr.raft.report_snapshot(m.to, SnapshotFinish)
        metrics.sent_bytes.labels(to).inc(len(data))

    async def post(self, data: bytes) -> None:
        """Raises one of ``CONNECTION_ERRORS`` unless the peer took it.

        Go: etcdserver/api/rafthttp/pipeline.go#pipeline.post
        """
        u = self.picker.pick()
        try:
            async with util.create_post_request(
                self.tr, u, util.RAFT_PREFIX, data, "application/protobuf"
            ) as resp:
                util.check_post_response(resp, await resp.read(), self.peer_id)
        except errors.CONNECTION_ERRORS as error:
            self.picker.unreachable(u)
            if isinstance(error, errors.MemberRemovedError):
                util.report_critical_error(error, self.tr.error_c)
            raise
