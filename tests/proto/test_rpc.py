"""A stub and a handler meet over real gRPC, with the interceptor between the wire and the server."""

from __future__ import annotations

from typing import Any

import pytest
from grpclib.client import Channel, UnaryUnaryMethod
from grpclib.const import Status
from grpclib.exceptions import GRPCError
from grpclib.server import Server

from minietcd.pkg.context import BACKGROUND, Context
from minietcd.proto.etcdserverpb import rpc_pb2
from minietcd.proto.etcdserverpb.rpc import (
    KV_SERVICE_DESC,
    KVClient,
    UnaryHandler,
    UnaryServerInfo,
    register_kv_server,
)


class EchoServer:
    """Answers a put with its own pair, and refuses all else."""

    async def put(self, ctx: Context, r: rpc_pb2.PutRequest) -> rpc_pb2.PutResponse:
        return rpc_pb2.PutResponse(prev_kv={"key": r.key, "value": r.value})

    async def range(self, ctx: Context, r: Any) -> Any:
        raise GRPCError(Status.UNIMPLEMENTED, "not here")

    delete_range = txn = compact = range


async def test_a_put_passes_the_interceptor_and_comes_back() -> None:
    seen: list[tuple[Any, ...]] = []

    async def interceptor(ctx: Context, request: Any, info: UnaryServerInfo, handler: UnaryHandler) -> Any:
        seen.append((info.full_method, ctx.metadata["token"], ctx.peer.startswith("127.0.0.1:")))
        return await handler(ctx, request)

    server = Server([register_kv_server(EchoServer(), interceptor)])
    await server.start("127.0.0.1", 0)
    assert server._server is not None
    port = server._server.sockets[0].getsockname()[1]
    async with Channel("127.0.0.1", port) as channel:

        async def invoke(ctx: Context, method: str, request: Any, reply_type: Any, **opts: Any) -> Any:
            call: Any = UnaryUnaryMethod(channel, method, type(request), reply_type)
            return await call(request, metadata={"token": "t"}, **opts)

        client = KVClient(invoke)
        reply = await client.put(BACKGROUND, rpc_pb2.PutRequest(key=b"foo", value=b"bar"), timeout=5)
        with pytest.raises(GRPCError, match="not here"):
            await client.txn(BACKGROUND, rpc_pb2.TxnRequest())
    server.close()
    await server.wait_closed()
    assert (reply.prev_kv.key, reply.prev_kv.value) == (b"foo", b"bar")
    assert seen == [("/etcdserverpb.KV/Put", "t", True), ("/etcdserverpb.KV/Txn", "t", True)]


def test_the_table_has_every_method_of_the_proto_file_with_its_types() -> None:
    service = rpc_pb2.DESCRIPTOR.services_by_name["KV"]
    declared = {m.name: (m.input_type.full_name, m.output_type.full_name) for m in service.methods}
    table = KV_SERVICE_DESC.methods.items()
    served = {
        name: (m.request_type.DESCRIPTOR.full_name, m.reply_type.DESCRIPTOR.full_name) for name, m in table
    }
    assert KV_SERVICE_DESC.service_name == service.full_name
    assert served == declared
