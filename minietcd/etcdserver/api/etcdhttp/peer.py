"""What a member answers to its peers: raft's streams, who is a member, which version it is.

Left out: promoting a learner, leases and hashes asked of a peer, because they have no callers yet.

Go: etcdserver/api/etcdhttp/peer.go
"""

from __future__ import annotations

from aiohttp import web

from minietcd.etcdserver.api.etcdhttp.base import (
    VERSION_PATH,
    Handle,
    json_response,
    plain_errors,
    version_handler,
)
from minietcd.etcdserver.server import EtcdServer
from minietcd.pkg.types import id_string

PEER_MEMBERS_PATH = "/members"


def new_peer_handler(s: EtcdServer) -> web.Application:
    """All that is served on the peer port. Go: etcdserver/api/etcdhttp/peer.go#NewPeerHandler"""
    app = web.Application(middlewares=[plain_errors], client_max_size=0)
    app.router.add_routes(s.raft_handler())
    app.router.add_get(PEER_MEMBERS_PATH, new_peer_members_handler(s), allow_head=False)
    app.router.add_get(VERSION_PATH, version_handler(s), allow_head=False)
    return app


def new_peer_members_handler(s: EtcdServer) -> Handle:
    """Answers with who is a member. Go: etcdserver/api/etcdhttp/peer.go#newPeerMembersHandler"""

    async def serve_members(request: web.Request) -> web.Response:
        """All members, in JSON. Go: etcdserver/api/etcdhttp/peer.go#peerMembersHandler.ServeHTTP"""
        cluster = s.cluster()
        members = ",".join(member.to_json() for member in cluster.members())
        return json_response(f"[{members}]\n", {"X-Etcd-Cluster-ID": id_string(cluster.id())})

    return serve_members
