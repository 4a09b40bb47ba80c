"""One port for gRPC and HTTP/1: the first bytes of a connection say which of the two it is.

HTTP/2 begins with a preface that no HTTP/1 request begins with. ``Peek`` looks for it, then lets the
protocol that understands the rest take over the transport, with its socket, its TLS and its flow control.

Left out: the JSON gateway, because it comes with the services it would show.

Go: embed/serve.go
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from typing import Any, cast
from urllib.parse import SplitResult, urlsplit

from aiohttp import web

from minietcd.embed.config import Config, ConfigError
from minietcd.etcdserver.api.etcdhttp.base import Handle
from minietcd.etcdserver.api.v3rpc.grpc import Server

log = logging.getLogger("embed")

_PREFACE = b"PRI * HTTP/2.0"
_BACKLOG = 1024
_HTTP_STOP_TIMEOUT = 1.0


class Listener:
    """A bound port, and what serves it once it is told to. Go: embed/serve.go#serveCtx"""

    def __init__(self, url: str, sock: socket.socket) -> None:
        self.url = url
        self.addr = join_host_port(*sock.getsockname()[:2])
        self.silent: set[asyncio.Transport] = set()
        self.closed = False
        self._sock = sock
        self._server: asyncio.Server | None = None
        self._grpc: Server | None = None
        self._http: web.AppRunner | None = None

    async def serve(self, app: web.Application, grpc: Server | None = None) -> None:
        """Accept connections: gRPC to ``grpc``, all others to ``app``. Go: embed/serve.go#serveCtx.serve"""
        self._grpc = grpc
        self._http = web.AppRunner(app, access_log=None, shutdown_timeout=_HTTP_STOP_TIMEOUT)
        await self._http.setup()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Peek(self), sock=self._sock, backlog=_BACKLOG)

    def protocol(self, head: bytes) -> asyncio.Protocol:
        """Who understands a connection that begins with ``head``."""
        assert self._http is not None and self._http.server is not None
        if self._grpc is not None and head.startswith(_PREFACE):
            return self._grpc.connection()
        return self._http.server()

    async def stop_servers(self, timeout: float) -> None:
        """Accept no more, let calls end for ``timeout`` seconds, then cut them.

        Go: embed/etcd.go#stopServers
        """
        self.close()
        if self._grpc is not None:
            await self._grpc.graceful_stop(timeout)
        if self._http is not None:
            await self._http.cleanup()
        if self._server is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._server.wait_closed(), _HTTP_STOP_TIMEOUT)

    def close(self) -> None:
        """Accept no more, and leave those who have not said anything."""
        self.closed = True
        for transport in list(self.silent):
            transport.abort()
        if self._server is not None:
            self._server.close()
        else:
            self._sock.close()


class Peek(asyncio.Protocol):
    """Reads the first bytes of a connection, and hands it over to whom they are for."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for those bytes."""
        self._transport = cast(asyncio.Transport, transport)
        self._listener.silent.add(self._transport)
        if self._listener.closed:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Hand over as soon as it is clear to whom."""
        self._head += data
        if len(self._head) < len(_PREFACE) and _PREFACE.startswith(self._head):
            return
        self._listener.silent.discard(self._transport)
        protocol = self._listener.protocol(self._head)
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)
        protocol.data_received(self._head)

    def connection_lost(self, exc: BaseException | None) -> None:
        """It ended before that."""
        self._listener.silent.discard(self._transport)


def listen(url: str) -> socket.socket:
    """A socket that queues connections to the address in ``url``. Raises OSError in Go's words.

    Left out: unix sockets, because what is measured here goes over the network.
    """
    parts = urlsplit(url)
    if parts.scheme != "http":
        raise ConfigError(f"only http URLs can be listened on yet: {url}")
    host, port = parts.hostname or "", _port(parts)
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    family, kind, proto, _, address = min(found, key=lambda info: info[0] != socket.AF_INET)
    sock = socket.socket(family, kind, proto)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(_BACKLOG)
    except OSError as err:
        sock.close()
        reason = (err.strerror or str(err)).lower()
        raise OSError(f"listen tcp {join_host_port(host, port)}: bind: {reason}") from err
    return sock


def _port(parts: SplitResult) -> int:
    try:
        return parts.port or 0
    except ValueError:
        raise OSError(f"listen tcp: address {parts.netloc.rpartition(':')[2]}: invalid port") from None


def join_host_port(host: str, port: int) -> str:
    """As Go's ``net.JoinHostPort``."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def access_controller(cfg: Config) -> Any:
    """Who may ask over HTTP: by host, against DNS rebinding, and from which pages of the web.

    Go: embed/serve.go#accessController.ServeHTTP
    """

    @web.middleware
    async def check(request: web.Request, handler: Handle) -> web.StreamResponse:
        host = urlsplit(f"//{request.host}").hostname or ""
        if not _allowed(host, cfg.host_whitelist):
            log.warning('rejecting HTTP request from "%s" to prevent DNS rebinding attacks', host)
            return web.Response(status=421, text=err_cve_2018_5702(host))
        response = web.Response() if request.method == "OPTIONS" else await handler(request)
        origin = "*" if _allowed("*", cfg.cors) else request.headers.get("Origin", "")
        if _allowed(origin, cfg.cors):
            add_cors_header(response, origin)
        return response

    return check


def _allowed(name: str, whitelist: frozenset[str]) -> bool:
    return not whitelist or "*" in whitelist or name in whitelist


def add_cors_header(response: web.StreamResponse, origin: str) -> None:
    """Let pages of ``origin`` read the answer. Go: embed/serve.go#addCORSHeader"""
    response.headers["Access-Control-Allow-Methods"] = "POST, GET, OPTIONS, PUT, DELETE"
    response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Access-Control-Allow-Headers"] = "accept, content-type, authorization"


def err_cve_2018_5702(host: str) -> str:
    """How to be let in. Go: embed/serve.go#errCVE20185702"""
    return (
        f"\nThe Host header {host!r} is not one that this member answers to.\n\n"
        "Either use TLS, which any host name may, or name the host when the member is started,\n"
        f"for example: --host-whitelist {host!r}\n\n"
        "That keeps pages of the web from reaching it by DNS rebinding (CVE-2018-5702).\n"
    )
