"""The gRPC server of a member: its services behind their interceptors, and its connections.

grpclib serves calls; what it lacks is here: a connection may come from a port that is shared with HTTP/1, a
client may open as many streams as it is told, and a server stops gracefully.

Left out: the enforcement of the clients' minimal keepalive time, because grpclib does not show pings.

Go: etcdserver/api/v3rpc/grpc.go
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from functools import partial
from typing import Any, cast

from grpclib.config import Configuration
from grpclib.const import Cardinality, Handler, Status
from grpclib.exceptions import GRPCError
from grpclib.health.service import Health
from grpclib.protocol import H2Protocol
from grpclib.server import Handler as CallHandler
from grpclib.server import Server as GRPCLibServer
from h2.settings import SettingCodes
from hyperframe.frame import GoAwayFrame

from minietcd.etcdserver.api.v3rpc.codec import Codec
from minietcd.etcdserver.api.v3rpc.hpack import Decoder, Encoder
from minietcd.etcdserver.api.v3rpc.interceptor import (
    chain_unary_server,
    new_log_unary_interceptor,
    new_unary_interceptor,
    prometheus_unary_interceptor,
)
from minietcd.etcdserver.api.v3rpc.quota import QuotaKVServer
from minietcd.etcdserver.server import EtcdServer
from minietcd.pkg.task import go
from minietcd.proto.etcdserverpb.rpc import UnaryServerInterceptor, register_kv_server

GRPC_OVERHEAD_BYTES = 512 * 1024
_LAST_STREAM = 2**31 - 1
"""In a GOAWAY: every stream that is there may still end well."""


def server(
    s: EtcdServer, config: Configuration | None = None, interceptors: Sequence[UnaryServerInterceptor] = ()
) -> Server:
    """What serves ``s``; a call passes ``interceptors`` before etcd's own.

    Go: etcdserver/api/v3rpc/grpc.go#Server
    """
    chain = chain_unary_server(
        [*interceptors, new_log_unary_interceptor(s), new_unary_interceptor(s), prometheus_unary_interceptor]
    )
    services = [register_kv_server(QuotaKVServer(s), chain), Health()]
    codec = Codec(s.cfg.max_request_bytes + GRPC_OVERHEAD_BYTES)
    return Server(services, codec, config, s.cfg.max_concurrent_streams)


class Server(GRPCLibServer):
    """Services, and the connections over which they are asked; who listens is somebody else's."""

    def __init__(
        self,
        services: Collection[Any],
        codec: Codec,
        config: Configuration | None,
        max_concurrent_streams: int,
    ) -> None:
        super().__init__(services, codec=codec, config=config)
        self._mapping = Methods(self._mapping)
        self.max_concurrent_streams = max_concurrent_streams
        self.connections: set[Connection] = set()

    def connection(self) -> Connection:
        """A protocol for one more connection that was accepted."""
        return Connection(self)

    async def graceful_stop(self, timeout: float) -> None:
        """Let calls end for ``timeout`` seconds, then cancel what is left, and close all connections."""
        draining = [go(connection.drain(), "grpc drain") for connection in self.connections]
        if draining:
            await asyncio.wait(draining, timeout=timeout)
        for connection in list(self.connections):
            connection.processor.close("server stopped")
        if draining:
            await asyncio.wait(draining)


class Methods(dict[str, Handler]):
    """The handlers by path; one that answers as gRPC does in Go where there is none."""

    def get(self, path: str, default: Any = None) -> Any:
        """The handler of ``/service/method``."""
        return super().get(path) or Handler(
            partial(unimplemented, self, path), Cardinality.UNARY_UNARY, Any, Any
        )


async def unimplemented(methods: Methods, path: str, stream: Any) -> None:
    """Refuse a call of a method or a service that is not there."""
    service, _, method = path.removeprefix("/").rpartition("/")
    known = any(name.startswith(f"/{service}/") for name in methods)
    text = f"unknown method {method} for service {service}" if known else f"unknown service {service}"
    raise GRPCError(Status.UNIMPLEMENTED, text)


class Connection(H2Protocol):
    """One client's connection, which its server knows as long as it is open."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._calls = CallHandler(server._mapping, server._codec, None, server.__dispatch__)
        super().__init__(self._calls, server._config, server._h2_config)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say how many streams it may have, and let the server know of it."""
        super().connection_made(cast(asyncio.Transport, Cork(transport)))
        h2, streams = self.connection._connection, self._server.max_concurrent_streams
        h2.encoder, h2.decoder = Encoder(), Decoder()
        h2.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: streams})
        self.connection.flush()
        self._server.connections.add(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Let the server forget it."""
        self._server.connections.discard(self)
        super().connection_lost(exc)

    async def drain(self) -> None:
        """Let calls end, send the client elsewhere, let calls end that came meanwhile.

        In this order, because a client built on h2, as ours is, drops its calls when it is sent away.
        """
        await self._calls_ended()
        if not self.connection.is_closing():
            frame = GoAwayFrame(0, last_stream_id=_LAST_STREAM)
            self.connection._transport.write(frame.serialize())
        await self._calls_ended()

    async def _calls_ended(self) -> None:
        if calls := [task for task in self._calls._tasks.values() if not task.done()]:
            await asyncio.wait(calls)


class Cork:
    """A transport that writes once a turn of the loop: each write is a system call, each answer three frames.

    Answers to several calls often come in one turn, so that a busy connection gains most.
    """

    def __init__(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._loop = asyncio.get_running_loop()
        self._written: list[bytes] = []
        self.get_extra_info = transport.get_extra_info
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        """Write ``data`` at the end of this turn."""
        if not self._written:
            self._loop.call_soon(self.flush)
        self._written.append(data)

    def flush(self) -> None:
        """Write now what was kept back."""
        data = b"".join(self._written)
        self._written.clear()
        if data and not self._transport.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        """Close, after what was written."""
        self.flush()
        self._transport.close()
