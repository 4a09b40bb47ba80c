"""All peers of a member, and the doors they knock at.

Go: etcdserver/api/rafthttp/transport.go
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

import aiohttp
from aiohttp import web

from minietcd.etcdserver.api.rafthttp import errors, http, util
from minietcd.etcdserver.api.rafthttp.peer import Peer
from minietcd.etcdserver.api.rafthttp.remote import Remote
from minietcd.etcdserver.api.rafthttp.stream import CONN_READ_TIMEOUT
from minietcd.etcdserver.api.snap import message as snap
from minietcd.etcdserver.api.snap.snapshotter import Snapshotter
from minietcd.pkg.chan import Chan
from minietcd.pkg.clock import WallClock, wall_clock
from minietcd.pkg.context import Context
from minietcd.pkg.types import URLs, new_urls
from minietcd.raft.raftpb import Message, NodeID
from minietcd.raft.rawnode import SnapshotStatus


class Raft(Protocol):
    """Whom messages are for, and who is told what became of those sent.

    Go: etcdserver/api/rafthttp/transport.go#Raft
    """

    async def process(self, ctx: Context, m: Message) -> None:
        """Take in a message. Raises RaftError, or HTTPError to refuse it to the sender's face."""

    def is_id_removed(self, id: NodeID) -> bool:
        """Whether that member was removed from the cluster."""

    def report_unreachable(self, id: NodeID) -> None:
        """The last message to that member did not arrive."""

    def report_snapshot(self, id: NodeID, status: SnapshotStatus) -> None:
        """What became of the snapshot sent to that member."""


@dataclass
class Transport:
    """Sends to peers, and serves what they ask for; ``start`` comes first, ``stop`` last.

    Go: etcdserver/api/rafthttp/transport.go#Transport
    """

    id: NodeID
    urls: URLs
    """Where this member listens, to tell those who do not know."""
    cluster_id: NodeID
    raft: Raft
    snapshotter: Snapshotter | None = None
    error_c: Chan[Exception] | None = None
    """Gets what this member cannot go on with."""
    dial_timeout: float = 0.0
    """Seconds to connect in; 0: as long as the system tries."""
    dial_retry_frequency: float = 10.0
    """How often a second a stream is dialled that does not come up."""
    clock: WallClock = wall_clock
    remotes: dict[NodeID, Remote] = field(init=False, default_factory=dict)
    peers: dict[NodeID, Peer] = field(init=False, default_factory=dict)
    stopped: bool = field(init=False, default=False)

    def start(self) -> None:
        """Be ready for peers. Go: etcdserver/api/rafthttp/transport.go#Transport.Start"""
        timeout = self.dial_timeout or None
        self.stream_rt: aiohttp.ClientSession = util.new_stream_round_tripper(timeout, CONN_READ_TIMEOUT)
        self.pipeline_rt: aiohttp.ClientSession = util.new_round_tripper(timeout)

    def handler(self) -> list[web.RouteDef]:
        """The routes that peers ask for. Go: etcdserver/api/rafthttp/transport.go#Transport.Handler"""
        return [
            web.route("*", util.RAFT_PREFIX, http.PipelineHandler(self).serve_http),
            web.route("*", f"{util.RAFT_STREAM_PREFIX}/{{_:.*}}", http.StreamHandler(self).serve_http),
            web.route("*", util.RAFT_SNAPSHOT_PREFIX, http.SnapshotHandler(self).serve_http),
            web.route("*", util.PROBING_PREFIX, functools.partial(http.serve_probe, self)),
        ]

    def get(self, id: NodeID) -> Peer | None:
        """The peer of that id. Go: etcdserver/api/rafthttp/transport.go#Transport.Get"""
        return self.peers.get(id)

    def send(self, msgs: Iterable[Message]) -> None:
        """Queue each message for whom it is to; those to 0 or to nobody known are dropped.

        Go: etcdserver/api/rafthttp/transport.go#Transport.Send
        """
        for m in msgs:
            if not m.to:
                continue
            if target := self.peers.get(m.to) or self.remotes.get(m.to):
                target.send(m)
            else:
                why = "ignored message send request; unknown remote peer target"
                util.log_of(self, m.to).debug(why, type=str(m.type))

    async def stop(self) -> None:
        """End every connection. Go: etcdserver/api/rafthttp/transport.go#Transport.Stop"""
        self.stopped = True
        targets: list[Remote | Peer] = [*self.remotes.values(), *self.peers.values()]
        self.peers.clear()
        self.remotes.clear()
        for target in targets:
            await target.stop()
        await self.stream_rt.close()
        await self.pipeline_rt.close()

    def add_remote(self, id: NodeID, us: Iterable[str]) -> None:
        """Know of somebody who is perhaps no member yet. Raises URLError.

        Go: etcdserver/api/rafthttp/transport.go#Transport.AddRemote
        """
        if self.stopped or id in self.peers or id in self.remotes:
            return
        self.remotes[id] = Remote(self, urls := new_urls(us), id)
        util.log_of(self, id).info("added new remote peer", remote_peer_urls=urls)

    def add_peer(self, id: NodeID, us: Iterable[str]) -> None:
        """Start to talk with a member. Raises URLError.

        Go: etcdserver/api/rafthttp/transport.go#Transport.AddPeer
        """
        assert not self.stopped, "transport stopped"
        if id in self.peers:
            return
        self.peers[id] = Peer(self, urls := new_urls(us), id)
        util.log_of(self, id).info("added remote peer", remote_peer_urls=urls)

    async def remove_peer(self, id: NodeID) -> None:
        """Stop talking with a member.

        Go: etcdserver/api/rafthttp/transport.go#Transport.RemovePeer
        Go: etcdserver/api/rafthttp/transport.go#Transport.removePeer
        """
        assert id in self.peers, f"unexpected removal of unknown peer '{id:x}'"
        await self.peers.pop(id).stop()
        util.log_of(self, id).info("removed remote peer")

    async def remove_all_peers(self) -> None:
        """Stop talking with every member.

        Go: etcdserver/api/rafthttp/transport.go#Transport.RemoveAllPeers
        """
        for id in list(self.peers):
            await self.remove_peer(id)

    def update_peer(self, id: NodeID, us: Iterable[str]) -> None:
        """A member listens elsewhere now. Raises URLError.

        Go: etcdserver/api/rafthttp/transport.go#Transport.UpdatePeer
        """
        if id in self.peers:
            self.peers[id].update(urls := new_urls(us))
            util.log_of(self, id).info("updated remote peer", updated_remote_peer_urls=urls)

    def active_since(self, id: NodeID) -> float | None:
        """Since when (seconds of the loop's clock) that peer can be reached; None if it cannot.

        Go: etcdserver/api/rafthttp/transport.go#Transport.ActiveSince
        """
        return self.peers[id].active_since() if id in self.peers else None

    def send_snapshot(self, m: snap.Message) -> None:
        """With its database. Go: etcdserver/api/rafthttp/transport.go#Transport.SendSnapshot"""
        if p := self.peers.get(m.message.to):
            p.send_snap(m)
        else:
            m.close_with_error(errors.MemberNotFoundError())

    def active_peers(self) -> int:
        """How many can be reached. Go: etcdserver/api/rafthttp/transport.go#Transport.ActivePeers"""
        return sum(p.active_since() is not None for p in self.peers.values())
