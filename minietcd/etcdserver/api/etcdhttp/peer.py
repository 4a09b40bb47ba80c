"""What a member answers to its peers: raft's streams, who is a member, which version it is.

Left out: leases and hashes asked of a peer, because they have no callers yet.

Go: etcdserver/api/etcdhttp/peer.go
"""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web

from minietcd.auth.errors import AuthError
from minietcd.etcdserver.api.etcdhttp.base import (
    VERSION_PATH,
    Handle,
    json_response,
    plain_errors,
    version_handler,
)
from minietcd.etcdserver.api.membership.errors import (
    IDNotFoundError,
    MemberNotLearnerError,
    MembershipError,
)
from minietcd.etcdserver.api.membership.member import Member
from minietcd.etcdserver.errors import EtcdServerError, LearnerNotReadyError
from minietcd.etcdserver.server import EtcdServer
from minietcd.pkg import logutil
from minietcd.pkg.context import BACKGROUND
from minietcd.pkg.strconv import parse_uint
from minietcd.pkg.types import id_string
from minietcd.raft.errors import RaftError
from minietcd.raft.raftpb import NodeID

log = logutil.get_logger("etcdserver/api/etcdhttp")

PEER_MEMBERS_PATH = "/members"
PEER_MEMBER_PROMOTE_PREFIX = "/members/promote/"


def new_peer_handler(s: EtcdServer) -> web.Application:
    """All that is served on the peer port. Go: etcdserver/api/etcdhttp/peer.go#NewPeerHandler"""
    app = web.Application(middlewares=[plain_errors], client_max_size=0)
    app.router.add_routes(s.raft_handler())
    app.router.add_get(PEER_MEMBERS_PATH, new_peer_members_handler(s), allow_head=False)
    app.router.add_post(PEER_MEMBER_PROMOTE_PREFIX + "{id:.*}", new_peer_member_promote_handler(s))
    app.router.add_get(VERSION_PATH, version_handler(s), allow_head=False)
    return app


def new_peer_members_handler(s: EtcdServer) -> Handle:
    """Answers with who is a member. Go: etcdserver/api/etcdhttp/peer.go#newPeerMembersHandler"""

    async def serve_members(request: web.Request) -> web.Response:
        """All members, in JSON. Go: etcdserver/api/etcdhttp/peer.go#peerMembersHandler.ServeHTTP"""
        return _members(s, s.cluster().members())

    return serve_members


def new_peer_member_promote_handler(s: EtcdServer) -> Handle:
    """Promotes a learner for a member that does not lead.

    Go: etcdserver/api/etcdhttp/peer.go#newPeerMemberPromoteHandler
    """

    async def serve_promotion(request: web.Request) -> web.Response:
        """The members then, in JSON; else a refusal whose words tell the member that asked which it is.

        Go: etcdserver/api/etcdhttp/peer.go#peerMemberPromoteHandler.ServeHTTP
        """
        text = request.match_info["id"]
        try:
            id = NodeID(parse_uint(text))
        except ValueError:
            return _refusal(s, HTTPStatus.NOT_FOUND, f"member {text} not found in cluster")
        try:
            return _members(s, await s.promote_member(BACKGROUND, id))
        except (EtcdServerError, MembershipError, AuthError, RaftError) as err:
            log.warning("failed to promote a member", member_id=id_string(id), error=err)
            if status := _STATUS.get(type(err)):
                return _refusal(s, status, str(err))
            return json_response('{"message":"Internal Server Error"}', _cluster_id(s), status=500)

    return serve_promotion


_STATUS: dict[type[Exception], HTTPStatus] = {
    IDNotFoundError: HTTPStatus.NOT_FOUND,
    MemberNotLearnerError: HTTPStatus.PRECONDITION_FAILED,
    LearnerNotReadyError: HTTPStatus.PRECONDITION_FAILED,
}


def _members(s: EtcdServer, members: list[Member]) -> web.Response:
    return json_response(f"[{','.join(m.to_json() for m in members)}]\n", _cluster_id(s))


def _refusal(s: EtcdServer, status: HTTPStatus, why: str) -> web.Response:
    headers = {"X-Content-Type-Options": "nosniff"} | _cluster_id(s)
    return web.Response(status=status, text=f"{why}\n", headers=headers)


def _cluster_id(s: EtcdServer) -> dict[str, str]:
    return {"X-Etcd-Cluster-ID": id_string(s.cluster().id())}
