"""A member that this one has not heard of through raft yet, but that wrote to it: enough to answer.

A new member is behind, and does not know who is in the cluster until it has caught up; meanwhile it answers
those who send to it.

Go: etcdserver/api/rafthttp/remote.go
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from minietcd.etcdserver.api.rafthttp import metrics, util
from minietcd.etcdserver.api.rafthttp.peer_status import PeerStatus
from minietcd.etcdserver.api.rafthttp.pipeline import Pipeline
from minietcd.etcdserver.api.rafthttp.urlpick import URLPicker
from minietcd.pkg.types import URLs, id_string
from minietcd.raft.raftpb import Message, NodeID

if TYPE_CHECKING:
    from minietcd.etcdserver.api.rafthttp.transport import Transport


class Remote:
    """A pipeline, and nothing else. Go: etcdserver/api/rafthttp/remote.go#remote"""

    def __init__(self, tr: Transport, urls: URLs, id: NodeID) -> None:
        """Go: etcdserver/api/rafthttp/remote.go#startRemote"""
        self.tr, self.id = tr, id
        self.status = PeerStatus(tr.id, id)
        self.pipeline = Pipeline(tr, id, URLPicker(urls), self.status)
        self.pipeline.start()

    def send(self, m: Message) -> None:
        """Post it, or drop it. Go: etcdserver/api/rafthttp/remote.go#remote.send"""
        if not self.pipeline.msgc.try_send(m):
            why = "dropped internal Raft message since sending buffer is full (overloaded network)"
            util.log_of(self.tr, self.id).warning(why, message_type=str(m.type))
            metrics.sent_failures.labels(id_string(m.to)).inc()

    async def stop(self) -> None:
        """End the pipeline. Go: etcdserver/api/rafthttp/remote.go#remote.stop"""
        await self.pipeline.stop()
