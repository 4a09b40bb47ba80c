"""One port for gRPC and HTTP/1, on asyncio's loop and on uvloop."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
import uvloop
from aiohttp import web
from grpclib.client import Channel, UnaryUnaryMethod
from grpclib.const import Cardinality, Handler, Status
from grpclib.exceptions import GRPCError, StreamTerminatedError

from minietcd.embed.serve import Listener, listen
from minietcd.etcdserver.api.etcdhttp.base import plain_errors
from minietcd.etcdserver.api.v3rpc.codec import Codec
from minietcd.etcdserver.api.v3rpc.grpc import Server
from minietcd.proto.etcdserverpb.rpc_pb2 import PutRequest, PutResponse

LOOPS: list[Callable[[], asyncio.AbstractEventLoop]] = [asyncio.new_event_loop, uvloop.new_event_loop]
who = contextvars.ContextVar("who", default="nobody")


class Echo:
    """Answers a put with the length of its value as revision, once ``gate`` is open."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.called = asyncio.Event()
        self.seen_by: list[str] = []

    def __mapping__(self) -> dict[str, Handler]:
        return {"/etcdserverpb.KV/Put": Handler(self.put, Cardinality.UNARY_UNARY, PutRequest, PutResponse)}

    async def put(self, stream: Any) -> None:
        request = await stream.recv_message()
        self.seen_by.append(who.get())
        self.called.set()
        await self.gate.wait()
        response = PutResponse()
        response.header.revision = len(request.value)
        await stream.send_message(response)


@contextlib.asynccontextmanager
async def served(echo: Echo, limit: int = 1 << 20) -> AsyncIterator[tuple[Listener, Channel]]:
    listener = Listener("http://127.0.0.1:0", listen("http://127.0.0.1:0"))
    app = web.Application(middlewares=[plain_errors])
    app.router.add_get("/who", hello, allow_head=False)
    await listener.serve(app, Server([echo], Codec(limit), None, 1000))
    host, port = listener.addr.split(":")
    channel = Channel(host, int(port))
    try:
        yield listener, channel
    finally:
        channel.close()
        await listener.stop_servers(1.0)


async def hello(request: web.Request) -> web.Response:
    return web.Response(text=who.get())


def put(channel: Channel, value: bytes = b"", path: str = "/etcdserverpb.KV/Put") -> Any:
    return UnaryUnaryMethod(channel, path, PutRequest, PutResponse)(PutRequest(value=value))


async def get(listener: Listener, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"http://{listener.addr}{path}") as response:
        return response.status, await response.text()


def on_every_loop(test: Callable[[], Any]) -> Callable[[Any], None]:
    @pytest.mark.parametrize("loop_factory", LOOPS)
    def run(loop_factory: Any) -> None:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(test())

    run.__name__ = test.__name__
    return run


@on_every_loop
async def test_both_protocols_are_answered_on_one_port_also_in_turns() -> None:
    async with served(Echo()) as (listener, channel):
        assert (await put(channel, b"12345")).header.revision == 5
        assert await get(listener, "/who") == (200, "nobody")
        assert await get(listener, "/nope") == (404, "404 page not found\n")
        assert (await put(channel, b"123")).header.revision == 3


@on_every_loop
async def test_calls_run_in_the_context_in_which_the_server_was_started() -> None:
    who.set("the harness")
    echo = Echo()
    async with served(echo) as (listener, channel):
        who.set("a client")
        await put(channel)
        assert echo.seen_by == ["the harness"]
        assert await get(listener, "/who") == (200, "the harness")


@on_every_loop
async def test_the_preface_may_come_a_byte_at_a_time() -> None:
    async with served(Echo()) as (listener, _):
        reader, writer = await asyncio.open_connection(*listener.addr.split(":"))
        for byte in b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n":
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)
        assert (await reader.readexactly(9))[3] == 4, "the server's SETTINGS frame"
        writer.close()


@on_every_loop
async def test_a_call_that_runs_ends_well_when_the_server_stops() -> None:
    echo = Echo()
    echo.gate.clear()
    async with served(echo) as (listener, channel):
        call = asyncio.create_task(put(channel, b"1"))
        await echo.called.wait()
        stopping = asyncio.create_task(listener.stop_servers(30.0))
        await asyncio.sleep(0)
        echo.gate.set()
        await stopping
        assert (await call).header.revision == 1


@on_every_loop
async def test_a_call_that_does_not_end_is_cut_when_the_time_is_over() -> None:
    echo = Echo()
    echo.gate.clear()
    async with served(echo) as (listener, channel):
        call = asyncio.create_task(put(channel, b"1"))
        await echo.called.wait()
        await listener.stop_servers(0.01)
        with pytest.raises(StreamTerminatedError):
            await call


@on_every_loop
async def test_a_client_that_says_nothing_is_cut_too() -> None:
    async with served(Echo()) as (listener, _):
        reader, writer = await asyncio.open_connection(*listener.addr.split(":"))
        await get(listener, "/who")  # by now the silent one was accepted too
        await listener.stop_servers(0.0)
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()


@on_every_loop
async def test_more_than_a_hundred_calls_share_a_connection() -> None:
    echo = Echo()
    echo.gate.clear()
    async with served(echo) as (_, channel):
        await put_first(echo, channel)
        calls = [asyncio.create_task(put(channel, b"1")) for _ in range(300)]
        while len(echo.seen_by) < 301:  # noqa: ASYNC110
            await asyncio.sleep(0)
        echo.gate.set()
        await asyncio.gather(*calls)


async def put_first(echo: Echo, channel: Channel) -> None:
    """One call, so that the client has heard how many streams it may open."""
    echo.gate.set()
    await put(channel)
    echo.gate.clear()


@on_every_loop
async def test_what_cannot_be_served_is_refused_in_the_words_of_grpc_go() -> None:
    async with served(Echo(), limit=100) as (_, channel):
        for path, words in [
            ("/etcdserverpb.KV/Nope", "unknown method Nope for service etcdserverpb.KV"),
            ("/nope.Nope/Nope", "unknown service nope.Nope"),
        ]:
            with pytest.raises(GRPCError) as refused:
                await put(channel, path=path)
            assert (refused.value.status, refused.value.message) == (Status.UNIMPLEMENTED, words)
        with pytest.raises(GRPCError) as refused:
            await put(channel, b"x" * 99)
        assert refused.value.status is Status.RESOURCE_EXHAUSTED
        assert refused.value.message == "grpc: received message larger than max (101 vs. 100)"


def test_a_busy_port_is_reported_as_go_does() -> None:
    with listen("http://127.0.0.1:0") as sock:
        port = sock.getsockname()[1]
        with pytest.raises(OSError, match=rf"listen tcp 127\.0\.0\.1:{port}: bind: address already in use"):
            listen(f"http://127.0.0.1:{port}")
