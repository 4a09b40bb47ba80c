"""A server of keys in this process: it answers, or fails as a test tells it to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from grpclib.exceptions import GRPCError
from grpclib.server import Server

from minietcd.pkg.context import Context
from minietcd.proto.etcdserverpb import rpc_pb2
from minietcd.proto.etcdserverpb.rpc import UnaryHandler, UnaryServerInfo, register_kv_server


@dataclass
class ScriptedKV:
    """Fails with each of ``failures`` in turn, then succeeds; keeps the name and metadata of every call."""

    failures: list[GRPCError] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)
    endpoint: str = ""

    async def intercept(
        self, ctx: Context, request: Any, info: UnaryServerInfo, handler: UnaryHandler
    ) -> Any:
        self.calls.append(info.full_method.rsplit("/", 1)[1])
        self.metadata = dict(ctx.metadata)
        if self.failures:
            raise self.failures.pop(0)
        return await handler(ctx, request)

    async def range(self, ctx: Context, r: rpc_pb2.RangeRequest) -> rpc_pb2.RangeResponse:
        return rpc_pb2.RangeResponse(kvs=[{"key": r.key, "value": r.range_end}], count=1)

    async def put(self, ctx: Context, r: rpc_pb2.PutRequest) -> rpc_pb2.PutResponse:
        return rpc_pb2.PutResponse(prev_kv={"key": r.key, "value": r.value})

    async def delete_range(self, ctx: Context, r: rpc_pb2.DeleteRangeRequest) -> rpc_pb2.DeleteRangeResponse:
        return rpc_pb2.DeleteRangeResponse(deleted=1)

    async def txn(self, ctx: Context, r: rpc_pb2.TxnRequest) -> rpc_pb2.TxnResponse:
        return rpc_pb2.TxnResponse(succeeded=True)

    async def compact(self, ctx: Context, r: rpc_pb2.CompactionRequest) -> rpc_pb2.CompactionResponse:
        return rpc_pb2.CompactionResponse()


@pytest_asyncio.fixture
async def kv_servers() -> AsyncIterator[list[ScriptedKV]]:
    """Two of them, each on a port of its own."""
    scripts = [ScriptedKV(), ScriptedKV()]
    servers = [Server([register_kv_server(script, script.intercept)]) for script in scripts]
    for script, server in zip(scripts, servers, strict=True):
        await server.start("127.0.0.1", 0)
        assert server._server is not None
        script.endpoint = f"127.0.0.1:{server._server.sockets[0].getsockname()[1]}"
    yield scripts
    for server in servers:
        server.close()
        await server.wait_closed()


@pytest.fixture
def nobody(unused_tcp_port: int) -> str:
    """An endpoint where nobody listens."""
    return f"127.0.0.1:{unused_tcp_port}"
