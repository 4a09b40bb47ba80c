"""Who is a member, and changing it. Go: clientv3/cluster.go"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING

from grpclib.exceptions import GRPCError

from minietcd.clientv3.errors import to_err
from minietcd.clientv3.retry import RetryClusterClient
from minietcd.pkg.context import Context
from minietcd.pkg.types import new_urls
from minietcd.proto.etcdserverpb import rpc_pb2 as pb

if TYPE_CHECKING:
    from minietcd.clientv3.client import Client


class Cluster:
    """Failures are raised as those of errors.py; what is no peer URL as URLError, before anybody is asked.

    Go: clientv3/cluster.go#cluster
    """

    def __init__(self, c: Client) -> None:
        """Go: clientv3/cluster.go#NewCluster"""
        self.remote = RetryClusterClient(c)

    async def member_add(self, ctx: Context, peer_addrs: Sequence[str]) -> pb.MemberAddResponse:
        """Let a member in that will be at these peer URLs; it votes from then on, whether it runs or not.

        Go: clientv3/cluster.go#cluster.MemberAdd
        """
        return await self._member_add(ctx, peer_addrs, is_learner=False)

    async def member_add_as_learner(self, ctx: Context, peer_addrs: Sequence[str]) -> pb.MemberAddResponse:
        """The same, but it does not vote. Go: clientv3/cluster.go#cluster.MemberAddAsLearner"""
        return await self._member_add(ctx, peer_addrs, is_learner=True)

    async def _member_add(
        self, ctx: Context, peer_addrs: Sequence[str], is_learner: bool
    ) -> pb.MemberAddResponse:
        """Go: clientv3/cluster.go#cluster.memberAdd"""
        new_urls(peer_addrs)
        r = pb.MemberAddRequest(peerURLs=peer_addrs, isLearner=is_learner)
        return await _answer(self.remote.member_add(ctx, r))

    async def member_remove(self, ctx: Context, id: int) -> pb.MemberRemoveResponse:
        """Put a member out, for ever. Go: clientv3/cluster.go#cluster.MemberRemove"""
        return await _answer(self.remote.member_remove(ctx, pb.MemberRemoveRequest(ID=id)))

    async def member_update(
        self, ctx: Context, id: int, peer_addrs: Sequence[str]
    ) -> pb.MemberUpdateResponse:
        """Give a member other peer URLs. Go: clientv3/cluster.go#cluster.MemberUpdate"""
        new_urls(peer_addrs)
        r = pb.MemberUpdateRequest(ID=id, peerURLs=peer_addrs)
        return await _answer(self.remote.member_update(ctx, r))

    async def member_list(self, ctx: Context) -> pb.MemberListResponse:
        """The members as the server asked knows them. Go: clientv3/cluster.go#cluster.MemberList"""
        return await _answer(self.remote.member_list(ctx, pb.MemberListRequest()))

    async def member_promote(self, ctx: Context, id: int) -> pb.MemberPromoteResponse:
        """Let a learner vote. Go: clientv3/cluster.go#cluster.MemberPromote"""
        return await _answer(self.remote.member_promote(ctx, pb.MemberPromoteRequest(ID=id)))


async def _answer[Response](call: Awaitable[Response]) -> Response:
    try:
        return await call
    except GRPCError as err:
        raise to_err(err) from err
