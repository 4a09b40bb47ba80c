"""Whether a peer can be reached, and since when.

Go: etcdserver/api/rafthttp/peer_status.go
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from minietcd.etcdserver.api.rafthttp import metrics
from minietcd.pkg import logutil
from minietcd.pkg.types import id_string
from minietcd.raft.raftpb import NodeID

log = logutil.get_logger("rafthttp")


class FailureType(NamedTuple):
    """What did not work, and of what. Go: etcdserver/api/rafthttp/peer_status.go#failureType"""

    source: str
    action: str


class PeerStatus:
    """What pipeline, streams and snapshots last found out about a peer.

    Go: etcdserver/api/rafthttp/peer_status.go#peerStatus
    """

    def __init__(self, local: NodeID, id: NodeID) -> None:
        """Go: etcdserver/api/rafthttp/peer_status.go#newPeerStatus"""
        self.id = id
        self.active = False
        self.since: float | None = None
        self.lg = log.with_(peer_id=id_string(id))
        self._labels = id_string(local), id_string(id)

    def activate(self) -> None:
        """Something went well. Go: etcdserver/api/rafthttp/peer_status.go#peerStatus.activate"""
        if not self.active:
            self.lg.info("peer became active")
            self.active, self.since = True, asyncio.get_running_loop().time()
            metrics.active_peers.labels(*self._labels).inc()

    def deactivate(self, failure: FailureType, reason: object) -> None:
        """Something failed. Go: etcdserver/api/rafthttp/peer_status.go#peerStatus.deactivate"""
        text = str(reason) or type(reason).__name__
        why = f"failed to {failure.action} {self.id:x} on {failure.source} ({text})"
        if not self.active:
            self.lg.debug("peer deactivated again", error=why)
            return
        self.lg.warning("peer became inactive (message send to peer failed)", error=why)
        self.active, self.since = False, None
        metrics.active_peers.labels(*self._labels).dec()
        metrics.disconnected_peers.labels(*self._labels).inc()

    def is_active(self) -> bool:
        """Whether the last that was tried went well.

        Go: etcdserver/api/rafthttp/peer_status.go#peerStatus.isActive
        """
        return self.active

    def active_since(self) -> float | None:
        """In seconds of the loop's clock; None while it cannot be reached.

        Go: etcdserver/api/rafthttp/peer_status.go#peerStatus.activeSince
        """
        return self.since
