"""Sends a snapshot with its database: too big for a stream, so each in a POST of its own.

Go: etcdserver/api/rafthttp/snapshot_sender.go
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from itertools import chain
from typing import TYPE_CHECKING

from minietcd.etcdserver.api.rafthttp import errors, metrics, util
from minietcd.etcdserver.api.rafthttp.coder import Link
from minietcd.etcdserver.api.rafthttp.msg_codec import MessageEncoder
from minietcd.etcdserver.api.rafthttp.peer_status import FailureType, PeerStatus
from minietcd.etcdserver.api.rafthttp.urlpick import URLPicker
from minietcd.etcdserver.api.snap import message as snap
from minietcd.pkg.task import go
from minietcd.pkg.types import id_string
from minietcd.raft.raftpb import NodeID
from minietcd.raft.rawnode import SnapshotFailure, SnapshotFinish

if TYPE_CHECKING:
    from minietcd.etcdserver.api.rafthttp.transport import Transport


SNAP_RESPONSE_READ_TIMEOUT = 5.0


class SnapshotSender:
    """Posts snapshots to one peer. Go: etcdserver/api/rafthttp/snapshot_sender.go#snapshotSender"""

    def __init__(self, tr: Transport, picker: URLPicker, to: NodeID, status: PeerStatus) -> None:
        """Go: etcdserver/api/rafthttp/snapshot_sender.go#newSnapshotSender"""
        self.tr, self.picker, self.to, self.status = tr, picker, to, status
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, merged: snap.Message) -> None:
        """Send it in a task of its own."""
        task = go(self.send(merged), "rafthttp snapshotSender.send")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Give up those under way. Go: etcdserver/api/rafthttp/snapshot_sender.go#snapshotSender.stop"""
        await util.cancel(*self._tasks)

    async def send(self, merged: snap.Message) -> None:
        """Send it, and tell raft and who made it how that went.

        Go: etcdserver/api/rafthttp/snapshot_sender.go#snapshotSender.send
        """
        m, to = merged.message, id_string(self.to)
        index = m.snapshot.metadata.index
        lg = util.log_of(self.tr, self.to).with_(snapshot_index=index, bytes=merged.total_size)
        lg.info("sending database snapshot")
        failure: BaseException | None = asyncio.CancelledError()
        try:
            await self.post(merged)
            failure = None
        except errors.CONNECTION_ERRORS as error:
            failure = error
            lg.warning("failed to send database snapshot", error=error)
            self._failed(error)
            return
        finally:
            merged.close_with_error(failure)
        self.status.activate()
        self.tr.raft.report_snapshot(m.to, SnapshotFinish)
        lg.info("sent database snapshot")
        metrics.sent_bytes.labels(to).inc(merged.total_size)
        metrics.snapshot_send.labels(to).inc()

    async def post(self, merged: snap.Message) -> None:
        """Raises one of ``CONNECTION_ERRORS`` unless the peer took it.

        Go: etcdserver/api/rafthttp/snapshot_sender.go#snapshotSender.post
        """
        u, body = self.picker.pick(), create_snap_body(merged)
        request = util.create_post_request(self.tr, u, util.RAFT_SNAPSHOT_PREFIX, body, _CONTENT_TYPE)
        try:
            async with request as resp, asyncio.timeout(SNAP_RESPONSE_READ_TIMEOUT):
                util.check_post_response(resp, await resp.read(), self.to)
        except errors.CONNECTION_ERRORS:
            self.picker.unreachable(u)
            raise

    def _failed(self, error: Exception) -> None:
        if isinstance(error, errors.MemberRemovedError):
            util.report_critical_error(error, self.tr.error_c)
        self.status.deactivate(FailureType("sendMsgSnap", "post"), error)
        self.tr.raft.report_unreachable(self.to)
        self.tr.raft.report_snapshot(self.to, SnapshotFailure)
        metrics.sent_failures.labels(id_string(self.to)).inc()
        metrics.snapshot_send_failures.labels(id_string(self.to)).inc()


_CONTENT_TYPE = "application/octet-stream"


def create_snap_body(merged: snap.Message) -> AsyncIterator[bytes]:
    """The message as the codec writes it, then the database.

    Go: etcdserver/api/rafthttp/snapshot_sender.go#createSnapBody
    """
    enc = MessageEncoder(bytearray(), Link("snapshot", "", ""))
    enc.encode(merged.message)
    return _chunks(chain([bytes(enc.w)], merged.read_closer))


async def _chunks(data: Iterable[bytes]) -> AsyncIterator[bytes]:
    for chunk in data:
        yield chunk
