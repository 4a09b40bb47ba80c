"""The Cluster service: who is a member, and changing it.

Go: etcdserver/api/v3rpc/member.go
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from minietcd.etcdserver.api.membership.member import Member, new_member, new_member_as_learner
from minietcd.etcdserver.api.v3rpc.rpctypes import error as rpctypes
from minietcd.etcdserver.api.v3rpc.util import to_grpc_error
from minietcd.etcdserver.server import EtcdServer
from minietcd.pkg.context import Context
from minietcd.pkg.types import URLError, URLs, new_urls
from minietcd.proto.etcdserverpb import rpc_pb2 as pb
from minietcd.raft.raftpb import NodeID


class ClusterServer:
    """Each answer says who is a member then. Go: etcdserver/api/v3rpc/member.go#ClusterServer"""

    def __init__(self, s: EtcdServer) -> None:
        """Go: etcdserver/api/v3rpc/member.go#NewClusterServer"""
        self.cluster = s.cluster()
        self.server = s

    async def member_add(self, ctx: Context, r: pb.MemberAddRequest) -> pb.MemberAddResponse:
        """Let a member in; its id is made of its peer URLs and the time.

        Go: etcdserver/api/v3rpc/member.go#ClusterServer.MemberAdd
        """
        new = new_member_as_learner if r.isLearner else new_member
        m = new("", _urls(r.peerURLs), "", self.server.cfg.clock())
        membs = await _done(self.server.add_member(ctx, m))
        member = pb.Member(ID=m.id, peerURLs=m.peer_urls, isLearner=m.is_learner)
        return pb.MemberAddResponse(
            header=self.header(), member=member, members=members_to_proto_members(membs)
        )

    async def member_remove(self, ctx: Context, r: pb.MemberRemoveRequest) -> pb.MemberRemoveResponse:
        """Put a member out. Go: etcdserver/api/v3rpc/member.go#ClusterServer.MemberRemove"""
        membs = await _done(self.server.remove_member(ctx, NodeID(r.ID)))
        return pb.MemberRemoveResponse(header=self.header(), members=members_to_proto_members(membs))

    async def member_update(self, ctx: Context, r: pb.MemberUpdateRequest) -> pb.MemberUpdateResponse:
        """Give a member other peer URLs.

        3.4 leaves it to its client to look at them: one that does not ends every other member for good.

        Go: etcdserver/api/v3rpc/member.go#ClusterServer.MemberUpdate
        """
        _urls(r.peerURLs)
        membs = await _done(self.server.update_member(ctx, Member(NodeID(r.ID), list(r.peerURLs))))
        return pb.MemberUpdateResponse(header=self.header(), members=members_to_proto_members(membs))

    async def member_list(self, ctx: Context, r: pb.MemberListRequest) -> pb.MemberListResponse:
        """Who is a member, as far as this one has applied.

        Go: etcdserver/api/v3rpc/member.go#ClusterServer.MemberList
        """
        membs = members_to_proto_members(self.cluster.members())
        return pb.MemberListResponse(header=self.header(), members=membs)

    async def member_promote(self, ctx: Context, r: pb.MemberPromoteRequest) -> pb.MemberPromoteResponse:
        """Let a learner vote. Go: etcdserver/api/v3rpc/member.go#ClusterServer.MemberPromote"""
        membs = await _done(self.server.promote_member(ctx, NodeID(r.ID)))
        return pb.MemberPromoteResponse(header=self.header(), members=members_to_proto_members(membs))

    def header(self) -> pb.ResponseHeader:
        """Without a revision: members are not keys.

        Go: etcdserver/api/v3rpc/member.go#ClusterServer.header
        """
        s = self.server
        return pb.ResponseHeader(cluster_id=self.cluster.id(), member_id=s.id(), raft_term=s.term())


def members_to_proto_members(membs: Sequence[Member]) -> list[pb.Member]:
    """Members as they travel. Go: etcdserver/api/v3rpc/member.go#membersToProtoMembers"""
    return [_proto(m) for m in membs]


def _proto(m: Member) -> pb.Member:
    return pb.Member(
        ID=m.id, name=m.name, peerURLs=m.peer_urls, clientURLs=m.client_urls, isLearner=m.is_learner
    )


def _urls(strs: Sequence[str]) -> URLs:
    try:
        return new_urls(strs)
    except URLError as err:
        raise rpctypes.ErrGRPCMemberBadURLs.err() from err


async def _done(change: Awaitable[list[Member]]) -> list[Member]:
    try:
        return await change
    except Exception as err:
        raise to_grpc_error(err) from err
