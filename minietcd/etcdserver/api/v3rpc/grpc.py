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
from typing import Any

from grpclib.config import Configuration
from grpclib.const import Cardinality, Handler, Status
from grpclib.exceptions import GRPCError
from grpclib.health.service import Health
from grpclib.server import Server as GRPCLibServer

from minietcd.etcdserver.api.v3rpc.codec import Codec
from minietcd.etcdserver.api.v3rpc.connection import Connection
from minietcd.etcdserver.api.v3rpc.interceptor import (
    chain_unary_server,
    new_log_unary_interceptor,
    new_unary_interceptor,
    prometheus_unary_interceptor,
)
from minietcd.etcdserver.api.v3rpc.member import ClusterServer
from minietcd.etcdserver.api.v3rpc.quota import QuotaKVServer
from minietcd.etcdserver.server import EtcdServer
from minietcd.pkg.task import go
from minietcd.proto.etcdserverpb.rpc import (
    UnaryServerInterceptor,
    register_cluster_server,
    register_kv_server,
)

GRPC_OVERHEAD_BYTES = 512 * 1024


def server(
    s: EtcdServer, config: Configuration | None = None, interceptors: Sequence[UnaryServerInterceptor] = ()
) -> Server:
    """What serves ``s``; a call passes ``interceptors`` before etcd's own.

    Go: etcdserver/api/v3rpc/grpc.go#Server
    """
    chain = chain_unary_server(
        [*interceptors, new_log_unary_interceptor(s), new_unary_interceptor(s), prometheus_unary_interceptor]
    )
    services = [
        register_kv_server(QuotaKVServer(s), chain),
        register_cluster_server(ClusterServer(s), chain),
        Health(),
    ]
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
        self._mapping = self.methods = Methods(self._mapping)
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
