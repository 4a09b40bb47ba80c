"""What joins the services of rpc.proto to gRPC: for each method a client stub and a server's handler.

A stub names its method and hands the message to ``invoke``; retries and connections are the client's. A
handler decodes the request and lets the interceptor call it, so that every call passes the same checks
whatever it asks for. The table at the end is what a server serves.

Left out: interfaces for the clients, because there is one implementation of each.

Go: etcdserver/etcdserverpb/rpc.pb.go
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from grpclib.const import Cardinality, Handler

from minietcd.pkg.context import Context
from minietcd.proto.etcdserverpb import rpc_pb2 as pb

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from grpclib.server import Stream


class Invoke(Protocol):
    """Makes one unary call on some connection."""

    def __call__[Reply: Message](
        self, ctx: Context, method: str, request: Message, reply_type: type[Reply], **opts: Any
    ) -> Awaitable[Reply]: ...


class UnaryServerInfo(NamedTuple):
    """What an interceptor may know about a call besides its request."""

    server: object
    full_method: str


type UnaryHandler = Callable[[Context, Any], Awaitable[Any]]
type UnaryServerInterceptor = Callable[[Context, Any, UnaryServerInfo, UnaryHandler], Awaitable[Any]]


class KVClient:
    """Reads and writes of keys, one call each. Go: etcdserver/etcdserverpb/rpc.pb.go#kVClient"""

    def __init__(self, invoke: Invoke) -> None:
        self.invoke = invoke

    async def range(self, ctx: Context, in_: pb.RangeRequest, **opts: Any) -> pb.RangeResponse:
        """Read keys. Go: etcdserver/etcdserverpb/rpc.pb.go#kVClient.Range"""
        return await self.invoke(ctx, "/etcdserverpb.KV/Range", in_, pb.RangeResponse, **opts)

    async def put(self, ctx: Context, in_: pb.PutRequest, **opts: Any) -> pb.PutResponse:
        """Write a key. Go: etcdserver/etcdserverpb/rpc.pb.go#kVClient.Put"""
        return await self.invoke(ctx, "/etcdserverpb.KV/Put", in_, pb.PutResponse, **opts)

    async def delete_range(
        self, ctx: Context, in_: pb.DeleteRangeRequest, **opts: Any
    ) -> pb.DeleteRangeResponse:
        """Delete keys. Go: etcdserver/etcdserverpb/rpc.pb.go#kVClient.DeleteRange"""
        return await self.invoke(ctx, "/etcdserverpb.KV/DeleteRange", in_, pb.DeleteRangeResponse, **opts)

    async def txn(self, ctx: Context, in_: pb.TxnRequest, **opts: Any) -> pb.TxnResponse:
        """Compare, then do one branch or the other. Go: etcdserver/etcdserverpb/rpc.pb.go#kVClient.Txn"""
        return await self.invoke(ctx, "/etcdserverpb.KV/Txn", in_, pb.TxnResponse, **opts)

    async def compact(self, ctx: Context, in_: pb.CompactionRequest, **opts: Any) -> pb.CompactionResponse:
        """Forget revisions. Go: etcdserver/etcdserverpb/rpc.pb.go#kVClient.Compact"""
        return await self.invoke(ctx, "/etcdserverpb.KV/Compact", in_, pb.CompactionResponse, **opts)


class KVServer(Protocol):
    """What a server of keys must be able to do. Go: etcdserver/etcdserverpb/rpc.pb.go#KVServer"""

    async def range(self, ctx: Context, r: pb.RangeRequest) -> pb.RangeResponse:
        """Read keys."""

    async def put(self, ctx: Context, r: pb.PutRequest) -> pb.PutResponse:
        """Write a key."""

    async def delete_range(self, ctx: Context, r: pb.DeleteRangeRequest) -> pb.DeleteRangeResponse:
        """Delete keys."""

    async def txn(self, ctx: Context, r: pb.TxnRequest) -> pb.TxnResponse:
        """Compare, then do one branch or the other."""

    async def compact(self, ctx: Context, r: pb.CompactionRequest) -> pb.CompactionResponse:
        """Forget revisions."""


def register_kv_server(srv: KVServer, interceptor: UnaryServerInterceptor) -> Registered:
    """What to give to ``grpclib.server.Server``. Go: etcdserver/etcdserverpb/rpc.pb.go#RegisterKVServer"""
    return Registered(KV_SERVICE_DESC, srv, interceptor)


async def _kv_range_handler(srv: KVServer, stream: ServerStream, interceptor: UnaryServerInterceptor) -> None:
    """Serve a read. Go: etcdserver/etcdserverpb/rpc.pb.go#_KV_Range_Handler"""

    async def handler(ctx: Context, in_: pb.RangeRequest) -> pb.RangeResponse:
        """Go: etcdserver/etcdserverpb/rpc.pb.go#_KV_Range_Handler.func1"""
        return await srv.range(ctx, in_)

    await _serve(stream, interceptor, UnaryServerInfo(srv, "/etcdserverpb.KV/Range"), handler)


async def _kv_put_handler(srv: KVServer, stream: ServerStream, interceptor: UnaryServerInterceptor) -> None:
    """Serve a put. Go: etcdserver/etcdserverpb/rpc.pb.go#_KV_Put_Handler"""

    async def handler(ctx: Context, in_: pb.PutRequest) -> pb.PutResponse:
        """Go: etcdserver/etcdserverpb/rpc.pb.go#_KV_Put_Handler.func1"""
        return await srv.put(ctx, in_)

    await _serve(stream, interceptor, UnaryServerInfo(srv, "/etcdserverpb.KV/Put"), handler)


async def _kv_delete_range_handler(
    srv: KVServer, stream: ServerStream, interceptor: UnaryServerInterceptor
) -> None:
    """Serve a deletion. Go: etcdserver/etcdserverpb/rpc.pb.go#_KV_DeleteRange_Handler"""

    async def handler(ctx: Context, in_: pb.DeleteRangeRequest) -> pb.DeleteRangeResponse:
        """Go: etcdserver/etcdserverpb/rpc.pb.go#_KV_DeleteRange_Handler.func1"""
        return await srv.delete_range(ctx, in_)

    await _serve(stream, interceptor, UnaryServerInfo(srv, "/etcdserverpb.KV/DeleteRange"), handler)


async def _kv_txn_handler(srv: KVServer, stream: ServerStream, interceptor: UnaryServerInterceptor) -> None:
    """Serve a transaction. Go: etcdserver/etcdserverpb/rpc.pb.go#_KV_Txn_Handler"""

    async def handler(ctx: Context, in_: pb.TxnRequest) -> pb.TxnResponse:
        """Go: etcdserver/etcdserverpb/rpc.pb.go#_KV_Txn_Handler.func1"""
        return await srv.txn(ctx, in_)

    await _serve(stream, interceptor, UnaryServerInfo(srv, "/etcdserverpb.KV/Txn"), handler)


async def _kv_compact_handler(
    srv: KVServer, stream: ServerStream, interceptor: UnaryServerInterceptor
) -> None:
    """Serve a compaction. Go: etcdserver/etcdserverpb/rpc.pb.go#_KV_Compact_Handler"""

    async def handler(ctx: Context, in_: pb.CompactionRequest) -> pb.CompactionResponse:
        """Go: etcdserver/etcdserverpb/rpc.pb.go#_KV_Compact_Handler.func1"""
        return await srv.compact(ctx, in_)

    await _serve(stream, interceptor, UnaryServerInfo(srv, "/etcdserverpb.KV/Compact"), handler)


class ClusterClient:
    """Who is a member, one call each. Go: etcdserver/etcdserverpb/rpc.pb.go#clusterClient"""

    def __init__(self, invoke: Invoke) -> None:
        self.invoke = invoke

    async def member_add(self, ctx: Context, in_: pb.MemberAddRequest, **opts: Any) -> pb.MemberAddResponse:
        """Add a member or a learner. Go: etcdserver/etcdserverpb/rpc.pb.go#clusterClient.MemberAdd"""
        return await self.invoke(ctx, "/etcdserverpb.Cluster/MemberAdd", in_, pb.MemberAddResponse, **opts)

    async def member_remove(
        self, ctx: Context, in_: pb.MemberRemoveRequest, **opts: Any
    ) -> pb.MemberRemoveResponse:
        """Remove a member. Go: etcdserver/etcdserverpb/rpc.pb.go#clusterClient.MemberRemove"""
        method = "/etcdserverpb.Cluster/MemberRemove"
        return await self.invoke(ctx, method, in_, pb.MemberRemoveResponse, **opts)

    async def member_update(
        self, ctx: Context, in_: pb.MemberUpdateRequest, **opts: Any
    ) -> pb.MemberUpdateResponse:
        """Give a member other peer URLs. Go: etcdserver/etcdserverpb/rpc.pb.go#clusterClient.MemberUpdate"""
        method = "/etcdserverpb.Cluster/MemberUpdate"
        return await self.invoke(ctx, method, in_, pb.MemberUpdateResponse, **opts)

    async def member_list(
        self, ctx: Context, in_: pb.MemberListRequest, **opts: Any
    ) -> pb.MemberListResponse:
        """Ask who is a member. Go: etcdserver/etcdserverpb/rpc.pb.go#clusterClient.MemberList"""
        return await self.invoke(ctx, "/etcdserverpb.Cluster/MemberList", in_, pb.MemberListResponse, **opts)

    async def member_promote(
        self, ctx: Context, in_: pb.MemberPromoteRequest, **opts: Any
    ) -> pb.MemberPromoteResponse:
        """Let a learner vote. Go: etcdserver/etcdserverpb/rpc.pb.go#clusterClient.MemberPromote"""
        method = "/etcdserverpb.Cluster/MemberPromote"
        return await self.invoke(ctx, method, in_, pb.MemberPromoteResponse, **opts)


class ClusterServer(Protocol):
    """What a server must be able to do for its members.

    Go: etcdserver/etcdserverpb/rpc.pb.go#ClusterServer
    """

    async def member_add(self, ctx: Context, r: pb.MemberAddRequest) -> pb.MemberAddResponse:
        """Let a member in."""

    async def member_remove(self, ctx: Context, r: pb.MemberRemoveRequest) -> pb.MemberRemoveResponse:
        """Put a member out."""

    async def member_update(self, ctx: Context, r: pb.MemberUpdateRequest) -> pb.MemberUpdateResponse:
        """Give a member other peer URLs."""

    async def member_list(self, ctx: Context, r: pb.MemberListRequest) -> pb.MemberListResponse:
        """Say who is a member."""

    async def member_promote(self, ctx: Context, r: pb.MemberPromoteRequest) -> pb.MemberPromoteResponse:
        """Let a learner vote."""


def register_cluster_server(srv: ClusterServer, interceptor: UnaryServerInterceptor) -> Registered:
    """Like ``register_kv_server``. Go: etcdserver/etcdserverpb/rpc.pb.go#RegisterClusterServer"""
    return Registered(CLUSTER_SERVICE_DESC, srv, interceptor)


async def _cluster_member_add_handler(
    srv: ClusterServer, stream: ServerStream, interceptor: UnaryServerInterceptor
) -> None:
    """Serve an addition. Go: etcdserver/etcdserverpb/rpc.pb.go#_Cluster_MemberAdd_Handler"""

    async def handler(ctx: Context, in_: pb.MemberAddRequest) -> pb.MemberAddResponse:
        """Go: etcdserver/etcdserverpb/rpc.pb.go#_Cluster_MemberAdd_Handler.func1"""
        return await srv.member_add(ctx, in_)

    await _serve(stream, interceptor, UnaryServerInfo(srv, "/etcdserverpb.Cluster/MemberAdd"), handler)


async def _cluster_member_remove_handler(
    srv: ClusterServer, stream: ServerStream, interceptor: UnaryServerInterceptor
) -> None:
    """Serve a removal. Go: etcdserver/etcdserverpb/rpc.pb.go#_Cluster_MemberRemove_Handler"""

    async def handler(ctx: Context, in_: pb.MemberRemoveRequest) -> pb.MemberRemoveResponse:
        """Go: etcdserver/etcdserverpb/rpc.pb.go#_Cluster_MemberRemove_Handler.func1"""
        return await srv.member_remove(ctx, in_)

    await _serve(stream, interceptor, UnaryServerInfo(srv, "/etcdserverpb.Cluster/MemberRemove"), handler)


async def _cluster_member_update_handler(
    srv: ClusterServer, stream: ServerStream, interceptor: UnaryServerInterceptor
) -> None:
    """Serve an update. Go: etcdserver/etcdserverpb/rpc.pb.go#_Cluster_MemberUpdate_Handler"""

    async def handler(ctx: Context, in_: pb.MemberUpdateRequest) -> pb.MemberUpdateResponse:
        """Go: etcdserver/etcdserverpb/rpc.pb.go#_Cluster_MemberUpdate_Handler.func1"""
        return await srv.member_update(ctx, in_)

    await _serve(stream, interceptor, UnaryServerInfo(srv, "/etcdserverpb.Cluster/MemberUpdate"), handler)


async def _cluster_member_list_handler(
    srv: ClusterServer, stream: ServerStream, interceptor: UnaryServerInterceptor
) -> None:
    """Serve the list of members. Go: etcdserver/etcdserverpb/rpc.pb.go#_Cluster_MemberList_Handler"""

    async def handler(ctx: Context, in_: pb.MemberListRequest) -> pb.MemberListResponse:
        """Go: etcdserver/etcdserverpb/rpc.pb.go#_Cluster_MemberList_Handler.func1"""
        return await srv.member_list(ctx, in_)

    await _serve(stream, interceptor, UnaryServerInfo(srv, "/etcdserverpb.Cluster/MemberList"), handler)


async def _cluster_member_promote_handler(
    srv: ClusterServer, stream: ServerStream, interceptor: UnaryServerInterceptor
) -> None:
    """Serve a promotion. Go: etcdserver/etcdserverpb/rpc.pb.go#_Cluster_MemberPromote_Handler"""

    async def handler(ctx: Context, in_: pb.MemberPromoteRequest) -> pb.MemberPromoteResponse:
        """Go: etcdserver/etcdserverpb/rpc.pb.go#_Cluster_MemberPromote_Handler.func1"""
        return await srv.member_promote(ctx, in_)

    await _serve(stream, interceptor, UnaryServerInfo(srv, "/etcdserverpb.Cluster/MemberPromote"), handler)


type ServerStream = Stream[Any, Any]


class MethodDesc(NamedTuple):
    """A row of the table: the method's handler, and the messages that go in and out."""

    handler: Callable[..., Awaitable[None]]
    request_type: type[Message]
    reply_type: type[Message]


class ServiceDesc(NamedTuple):
    """The table of one service: what gRPC looks a call up in by its name."""

    service_name: str
    methods: dict[str, MethodDesc]


KV_SERVICE_DESC = ServiceDesc(
    "etcdserverpb.KV",
    {
        "Range": MethodDesc(_kv_range_handler, pb.RangeRequest, pb.RangeResponse),
        "Put": MethodDesc(_kv_put_handler, pb.PutRequest, pb.PutResponse),
        "DeleteRange": MethodDesc(_kv_delete_range_handler, pb.DeleteRangeRequest, pb.DeleteRangeResponse),
        "Txn": MethodDesc(_kv_txn_handler, pb.TxnRequest, pb.TxnResponse),
        "Compact": MethodDesc(_kv_compact_handler, pb.CompactionRequest, pb.CompactionResponse),
    },
)


CLUSTER_SERVICE_DESC = ServiceDesc(
    "etcdserverpb.Cluster",
    {
        "MemberAdd": MethodDesc(_cluster_member_add_handler, pb.MemberAddRequest, pb.MemberAddResponse),
        "MemberRemove": MethodDesc(
            _cluster_member_remove_handler, pb.MemberRemoveRequest, pb.MemberRemoveResponse
        ),
        "MemberUpdate": MethodDesc(
            _cluster_member_update_handler, pb.MemberUpdateRequest, pb.MemberUpdateResponse
        ),
        "MemberList": MethodDesc(_cluster_member_list_handler, pb.MemberListRequest, pb.MemberListResponse),
        "MemberPromote": MethodDesc(
            _cluster_member_promote_handler, pb.MemberPromoteRequest, pb.MemberPromoteResponse
        ),
    },
)


class Registered(NamedTuple):
    """A service table with the object that serves it, in the shape that grpclib's server asks for."""

    desc: ServiceDesc
    srv: object
    interceptor: UnaryServerInterceptor

    def __mapping__(self) -> dict[str, Handler]:
        return {f"/{self.desc.service_name}/{name}": self._bind(m) for name, m in self.desc.methods.items()}

    def _bind(self, method: MethodDesc) -> Handler:
        async def serve(stream: ServerStream) -> None:
            await method.handler(self.srv, stream, self.interceptor)

        return Handler(serve, Cardinality.UNARY_UNARY, method.request_type, method.reply_type)


async def _serve(
    stream: ServerStream, interceptor: UnaryServerInterceptor, info: UnaryServerInfo, handler: UnaryHandler
) -> None:
    """Decode the request, note who sent it, and answer it through the interceptor."""
    request = await stream.recv_message()
    assert request is not None, "a unary call without its message"
    address = stream.peer.addr() or ()
    peer = address if isinstance(address, str) else ":".join(map(str, address[:2]))
    ctx = Context(stream.metadata or {}, peer)
    await stream.send_message(await interceptor(ctx, request, info, handler))
