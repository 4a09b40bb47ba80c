"""On real sockets, calls that go the short way end as those that go the long one, also if things go wrong."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import hpack
import pytest
from grpclib.client import Channel, UnaryUnaryMethod
from grpclib.const import Cardinality, Handler, Status
from grpclib.exceptions import GRPCError
from hyperframe.frame import (
    DataFrame,
    Frame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)
from hypothesis import given
from hypothesis import strategies as st

from minietcd.etcdserver.api.v3rpc.codec import Codec
from minietcd.etcdserver.api.v3rpc.grpc import Server
from minietcd.etcdserver.api.v3rpc.unary import _PREFIX, DATA, PREFACE, Call, take_frames
from minietcd.proto.etcdserverpb.rpc_pb2 import PutRequest, PutResponse

SECONDS = 20.0
PUT = "/etcdserverpb.KV/Put"
HEADERS = {
    ":method": "POST",
    ":scheme": "http",
    ":path": PUT,
    ":authority": "a",
    "te": "trailers",
    "content-type": "application/grpc",
}


class Service:
    """Answers a put with as many bytes as the key asks for, or fails, or waits."""

    def __init__(self) -> None:
        self.ways: list[str] = []
        self.metadata: list[dict[str, Any]] = []
        self.called, self.cancelled, self.gate = asyncio.Event(), asyncio.Event(), asyncio.Event()

    def __mapping__(self) -> dict[str, Handler]:
        return {PUT: Handler(self.put, Cardinality.UNARY_UNARY, PutRequest, PutResponse)}

    async def put(self, stream: Any) -> None:
        self.ways.append("short" if isinstance(stream, Call) else "long")
        self.metadata.append(dict(stream.metadata))
        request = await stream.recv_message()
        match request.key:
            case b"wait":
                await self.wait()
            case b"refuse":
                raise GRPCError(Status.NOT_FOUND, "no ünïcode 100%")
            case b"crash":
                raise ZeroDivisionError
            case b"early":
                await stream.send_initial_metadata()
        response = PutResponse()
        response.prev_kv.value = bytes(int(request.key)) if request.key.isdigit() else request.value
        await stream.send_message(response)

    async def wait(self) -> None:
        self.called.set()
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


@contextlib.asynccontextmanager
async def served(service: Service, streams: int = 1000) -> AsyncIterator[tuple[Server, tuple[str, int]]]:
    server = Server([service], Codec(1 << 20), None, streams)
    listening = await asyncio.get_running_loop().create_server(server.connection, "127.0.0.1", 0)
    try:
        async with asyncio.timeout(SECONDS):
            yield server, listening.sockets[0].getsockname()
    finally:
        listening.close()
        await server.graceful_stop(1.0)


@contextlib.asynccontextmanager
async def warm(service: Service) -> AsyncIterator[tuple[Server, Channel]]:
    """A connection whose headers the server knows by now."""
    async with served(service) as (server, (host, port)):
        channel = Channel(host, port)
        try:
            while service.ways[-1:] != ["short"]:
                await put(channel)
            yield server, channel
        finally:
            channel.close()


async def put(channel: Channel, key: bytes = b"", value: bytes = b"", timeout: float | None = None) -> bytes:
    method = UnaryUnaryMethod(channel, PUT, PutRequest, PutResponse)
    response = await method(PutRequest(key=key, value=value), timeout=timeout)
    return response.prev_kv.value


class Wire:
    """A client that sends what it is told, right or wrong."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.encoder, self.read, self.received = hpack.Encoder(), bytearray(), 0
        self.send(PREFACE, SettingsFrame(0), *[SettingsFrame(0, flags=["ACK"])] * 3)

    def send(self, *frames: Frame | bytes) -> None:
        self.writer.write(b"".join(f if isinstance(f, bytes) else f.serialize() for f in frames))

    def put(self, id: int, key: bytes = b"", value: bytes = b"", timeout: str | None = None) -> list[Frame]:
        message = PutRequest(key=key, value=value).SerializeToString()
        headers = HEADERS | ({"grpc-timeout": timeout} if timeout else {})
        block = self.encoder.encode(headers.items())
        return [
            HeadersFrame(id, block, flags=["END_HEADERS", "PRIORITY"]),
            DataFrame(id, _PREFIX.pack(0, len(message)) + message, flags=["END_STREAM"]),
        ]

    async def frame(self, kind: type[Frame], stream: int) -> None:
        """Wait for a frame of this kind and stream; the others are passed over."""
        while True:
            for got in take_frames(self.read):
                self.received += len(got.payload) if got.kind == DATA else 0
                if (got.kind, got.stream) == (kind.type, stream):
                    return
            data = await self.reader.read(1 << 16)
            assert data, f"the end, and no {kind.__name__}"
            self.read += data

    async def end(self) -> None:
        """Wait until the server has closed the connection."""
        while await self.reader.read(1 << 16):
            pass


@contextlib.asynccontextmanager
async def wired(service: Service, streams: int = 1000) -> AsyncIterator[Wire]:
    """As ``warm``, by a client that need not behave; the next stream is 7."""
    async with served(service, streams) as (_, (host, port)):
        wire = Wire(*await asyncio.open_connection(host, port))
        for id in (1, 3, 5):
            wire.send(*wire.put(id))
            await wire.frame(DataFrame, id)
        assert service.ways == ["long", "long", "short"]
        try:
            yield wire
        finally:
            wire.writer.close()


async def test_headers_that_came_before_take_the_short_way_and_bring_their_metadata() -> None:
    service = Service()
    async with served(service) as (_, (host, port)):
        channel = Channel(host, port)
        method = UnaryUnaryMethod(channel, PUT, PutRequest, PutResponse)
        sent: dict[str, str | bytes] = {"token": "t", "some-bin": b"\0\1"}
        for _ in range(4):
            await method(PutRequest(), metadata=sent)
        channel.close()
    assert service.ways == ["long", "long", "short", "short"]
    assert service.metadata == [sent] * 4


@pytest.mark.parametrize("size", [0, 1, 16_000, 16_384, 100_000, 5_000_000])
async def test_answers_of_any_size_arrive(size: int) -> None:
    service = Service()
    async with warm(service) as (server, channel):
        assert await asyncio.gather(*(put(channel, b"%d" % size) for _ in range(3))) == [bytes(size)] * 3
        assert await put(channel, b"early", b"after") == b"after"
        [connection] = server.connections
        assert not connection.processor.streams


async def test_requests_of_any_size_arrive_and_the_window_is_given_back() -> None:
    service = Service()
    async with warm(service) as (_, channel):
        for size in [*range(16_300, 16_400, 7), *[15_000] * 600]:  # twice the connection's window
            assert await put(channel, b"", bytes(size)) == bytes(size)
    assert {"long", "short"} <= set(service.ways)


async def test_failures_are_told_as_on_the_long_way(caplog: pytest.LogCaptureFixture) -> None:
    service = Service()
    async with warm(service) as (_, channel):
        found = {}
        for key, value in ((b"refuse", b""), (b"crash", b""), (b"k", bytes(1 << 20))):
            with pytest.raises(GRPCError) as error:
                await put(channel, key, value)
            found[key] = error.value.status, error.value.message
        assert await put(channel, b"", b"after") == b"after"
    assert found[b"refuse"] == (Status.NOT_FOUND, "no ünïcode 100%")
    assert found[b"crash"] == (Status.UNKNOWN, "Internal Server Error")
    assert found[b"k"][0] is Status.RESOURCE_EXHAUSTED
    assert [record.message for record in caplog.records] == ["a call failed"]


async def test_a_deadline_ends_a_call_also_one_that_was_heard_before() -> None:
    service = Service()
    async with wired(service) as wire:
        for id in (7, 9, 11, 13):
            wire.send(*wire.put(id, b"wait", timeout="10m"))
            await service.cancelled.wait()
            service.cancelled.clear()


async def test_a_message_in_two_frames_is_whole_only_with_both() -> None:
    service = Service()
    async with wired(service) as wire:
        head, data = wire.put(7, b"wait", b"some" + _PREFIX.pack(0, 2) + b"ab")
        whole = data.serialize()[9:]
        wire.send(head, DataFrame(7, whole[:-7]), DataFrame(7, whole[-7:], flags=["END_STREAM"]))
        await service.called.wait()
    assert service.ways[3:] == ["long"]


async def test_no_more_is_sent_than_the_client_has_room_for() -> None:
    service = Service()
    async with wired(service) as wire:
        wire.send(*(frame for id in range(7, 27, 2) for frame in wire.put(id, b"10000")))
        await wire.frame(DataFrame, 17)
        wire.send(PingFrame(0, b"8 octets"))
        await wire.frame(PingFrame, 0)
        assert wire.received <= 65_535
        wire.send(WindowUpdateFrame(0, window_increment=100_000))
        await wire.frame(HeadersFrame, 25)


async def test_a_call_that_its_client_takes_back_is_cancelled_and_others_go_on() -> None:
    service = Service()
    async with wired(service) as wire:
        wire.send(*wire.put(7, b"wait"), *wire.put(9, b"wait"))
        await service.called.wait()
        wire.send(RstStreamFrame(7))
        await service.cancelled.wait()
        service.gate.set()
        await wire.frame(DataFrame, 9)
        wire.send(*wire.put(11), RstStreamFrame(11), *wire.put(13))  # taken back before it began
        await wire.frame(DataFrame, 13)
    assert service.ways[-3:] == ["short"] * 3


async def test_calls_that_come_together_are_answered_whatever_the_order_of_their_frames() -> None:
    service = Service()
    async with wired(service) as wire:
        heads, datas = zip(*(wire.put(id) for id in (7, 9, 11)), strict=True)
        wire.send(*heads, *reversed(datas))
        for id in (7, 9, 11):
            await wire.frame(DataFrame, id)
    assert service.ways[3:] == ["short"] * 3


@pytest.mark.parametrize("id", [8, 5])
async def test_a_stream_that_cannot_be_is_refused_with_the_connection(id: int) -> None:
    async with wired(Service()) as wire:
        wire.send(*wire.put(id))
        await wire.end()


async def test_more_streams_than_allowed_are_refused_with_the_connection() -> None:
    service = Service()
    async with wired(service, streams=2) as wire:
        wire.send(*wire.put(7, b"wait"), *wire.put(9, b"wait"))
        await service.called.wait()
        wire.send(*wire.put(11))
        await wire.end()
        await service.cancelled.wait()


async def test_a_server_that_stops_lets_calls_end() -> None:
    service = Service()
    async with warm(service) as (server, channel):
        call = asyncio.ensure_future(put(channel, b"wait", b"done"))
        await service.called.wait()
        stopped = asyncio.ensure_future(server.graceful_stop(SECONDS))
        await asyncio.sleep(0)
        service.gate.set()
        assert await call == b"done"
        await stopped


@given(st.lists(st.binary(max_size=70_000), max_size=4), st.integers(1, 5000))
def test_frames_are_taken_as_they_were_written_however_they_come(payloads: list[bytes], step: int) -> None:
    written = PREFACE + b"".join(DataFrame(i + 1, data).serialize() for i, data in enumerate(payloads))
    read, taken = bytearray(), list[tuple[int, bytes]]()
    for start in range(0, len(written), step):
        read += written[start : start + step]
        taken += [(frame.stream, frame.payload) for frame in take_frames(read) if frame.kind == DATA]
    assert not read
    assert taken == list(enumerate(payloads, 1))
