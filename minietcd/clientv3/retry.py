"""Which calls may be sent again, and after which failures.

Go: clientv3/retry.go
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from minietcd.etcdserver.api.v3rpc.rpctypes.error import error_desc
from minietcd.pkg.context import Context
from minietcd.proto.etcdserverpb import rpc_pb2 as pb
from minietcd.proto.etcdserverpb.rpc import ClusterClient, KVClient

if TYPE_CHECKING:
    from minietcd.clientv3.client import Client


class RetryPolicy(Enum):
    """Whether a call may be repeated whenever a server may be back, or only if it never left.

    Go: clientv3/retry.go#retryPolicy
    """

    REPEATABLE = 0
    NON_REPEATABLE = 1


def is_safe_retry_immutable_rpc(err: GRPCError) -> bool:
    """A read changes nothing: again, whenever the server may be back.

    Go: clientv3/retry.go#isSafeRetryImmutableRPC
    """
    return err.status is Status.UNAVAILABLE


def is_safe_retry_mutable_rpc(err: GRPCError) -> bool:
    """A write only when it never left: else it might be done twice.

    Go: clientv3/retry.go#isSafeRetryMutableRPC
    """
    nobody = ("there is no address available", "there is no connection available")
    return err.status is Status.UNAVAILABLE and error_desc(err) in nobody


class RetryKVClient:
    """Says of each method how it may be retried. Go: clientv3/retry.go#retryKVClient"""

    def __init__(self, c: Client) -> None:
        """Go: clientv3/retry.go#RetryKVClient"""
        self.kc = KVClient(c.invoke)

    async def range(self, ctx: Context, in_: pb.RangeRequest, **opts: Any) -> pb.RangeResponse:
        """Repeatable: it changes nothing. Go: clientv3/retry.go#retryKVClient.Range"""
        return await self.kc.range(ctx, in_, retry_policy=RetryPolicy.REPEATABLE, **opts)

    async def put(self, ctx: Context, in_: pb.PutRequest, **opts: Any) -> pb.PutResponse:
        """Not repeatable. Go: clientv3/retry.go#retryKVClient.Put"""
        return await self.kc.put(ctx, in_, **opts)

    async def delete_range(
        self, ctx: Context, in_: pb.DeleteRangeRequest, **opts: Any
    ) -> pb.DeleteRangeResponse:
        """Not repeatable. Go: clientv3/retry.go#retryKVClient.DeleteRange"""
        return await self.kc.delete_range(ctx, in_, **opts)

    async def txn(self, ctx: Context, in_: pb.TxnRequest, **opts: Any) -> pb.TxnResponse:
        """Not repeatable, even if it only reads. Go: clientv3/retry.go#retryKVClient.Txn"""
        return await self.kc.txn(ctx, in_, **opts)

    async def compact(self, ctx: Context, in_: pb.CompactionRequest, **opts: Any) -> pb.CompactionResponse:
        """Not repeatable. Go: clientv3/retry.go#retryKVClient.Compact"""
        return await self.kc.compact(ctx, in_, **opts)


class RetryClusterClient:
    """The same of who is a member. Go: clientv3/retry.go#retryClusterClient"""

    def __init__(self, c: Client) -> None:
        """Go: clientv3/retry.go#RetryClusterClient"""
        self.cc = ClusterClient(c.invoke)

    async def member_list(
        self, ctx: Context, in_: pb.MemberListRequest, **opts: Any
    ) -> pb.MemberListResponse:
        """Repeatable. Go: clientv3/retry.go#retryClusterClient.MemberList"""
        return await self.cc.member_list(ctx, in_, retry_policy=RetryPolicy.REPEATABLE, **opts)

    async def member_add(self, ctx: Context, in_: pb.MemberAddRequest, **opts: Any) -> pb.MemberAddResponse:
        """Not repeatable. Go: clientv3/retry.go#retryClusterClient.MemberAdd"""
        return await self.cc.member_add(ctx, in_, **opts)

    async def member_remove(
        self, ctx: Context, in_: pb.MemberRemoveRequest, **opts: Any
    ) -> pb.MemberRemoveResponse:
        """Not repeatable. Go: clientv3/retry.go#retryClusterClient.MemberRemove"""
        return await self.cc.member_remove(ctx, in_, **opts)

    async def member_update(
        self, ctx: Context, in_: pb.MemberUpdateRequest, **opts: Any
    ) -> pb.MemberUpdateResponse:
        """Not repeatable. Go: clientv3/retry.go#retryClusterClient.MemberUpdate"""
        return await self.cc.member_update(ctx, in_, **opts)

    async def member_promote(
        self, ctx: Context, in_: pb.MemberPromoteRequest, **opts: Any
    ) -> pb.MemberPromoteResponse:
        """Not repeatable. Go: clientv3/retry.go#retryClusterClient.MemberPromote"""
        return await self.cc.member_promote(ctx, in_, **opts)
