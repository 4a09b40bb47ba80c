"""A client's connection: h2 knows its frames, grpclib its calls, and plain calls go a shorter way."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from grpclib.const import Cardinality
from grpclib.protocol import H2Protocol
from grpclib.server import Handler as CallHandler
from h2.connection import AllowedStreamIDs
from h2.settings import SettingCodes
from h2.stream import StreamInputs
from hyperframe.frame import GoAwayFrame, WindowUpdateFrame

from minietcd.etcdserver.api.v3rpc.hpack import Decoder, Encoder
from minietcd.etcdserver.api.v3rpc.unary import DATA, HEADERS, Call, Frame, plain_request, take_frames

if TYPE_CHECKING:
    from minietcd.etcdserver.api.v3rpc.grpc import Server

_LAST_STREAM = 2**31 - 1
"""In a GOAWAY: every stream that is there may still end well."""
_WINDOW_STEP = 1 << 16


class Connection(H2Protocol):
    """One client's connection, which its server knows as long as it is open."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._calls = CallHandler(server._mapping, server._codec, None, server.__dispatch__)
        self._read, self._taken = bytearray(), 0
        super().__init__(self._calls, server._config, server._h2_config)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say how many streams it may have, and let the server know of it."""
        super().connection_made(cast(asyncio.Transport, Cork(transport)))
        self._h2, self._decoder = self.connection._connection, Decoder()
        self._h2.encoder, self._h2.decoder = Encoder(), self._decoder
        self._h2.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: self._server.max_concurrent_streams})
        self.connection.flush()
        self._server.connections.add(self)

    def data_received(self, data: bytes) -> None:
        """Begin the calls that are plain and have come whole; the libraries see to all else."""
        self._read += data
        frames = list(take_frames(self._read))
        messages = {frame.stream: frame.message() for frame in reversed(frames) if frame.kind == DATA}
        begun = set()
        for frame in frames:
            if self.connection.is_closing():
                break
            if frame.kind == HEADERS and self._begin(frame, messages.get(frame.stream)):
                begun.add(frame.stream)
            elif frame.kind == DATA and frame.stream in begun:
                self._take(len(frame.payload))
            else:
                super().data_received(frame.data)

    def _begin(self, frame: Frame, message: bytes | None) -> bool:
        """Start a call and tell the libraries of it as if they had read it; False if that is theirs to do."""
        headers = None if message is None else self._decoder.known(frame.block())
        request = plain_request(headers) if headers else None
        if message is None or request is None or not self._may_open(frame.stream):
            return False
        method = self._server.methods.get(request.path)
        if method.cardinality is not Cardinality.UNARY_UNARY:
            return False
        state = self._h2._begin_new_stream(frame.stream, AllowedStreamIDs.ODD).state_machine
        state.process_input(StreamInputs.RECV_HEADERS)
        state.process_input(StreamInputs.RECV_END_STREAM)
        stream = self.connection.create_stream(stream_id=frame.stream)
        release = self.processor.register(stream)
        call = Call(self._server, stream, method, request, message)
        task = self._calls._tasks[stream] = self._calls.loop.create_task(call.serve())
        task.add_done_callback(lambda _: (release(), self._calls._tasks.pop(stream, None)))
        return True

    def _may_open(self, stream: int) -> bool:
        h2 = self._h2
        is_next = stream % 2 == 1 and stream > h2.highest_inbound_stream_id
        return is_next and h2.open_inbound_streams < h2.local_settings.max_concurrent_streams

    def _take(self, size: int) -> None:
        """Let the client send as much again, which h2 does not, as it has not seen these bytes."""
        self._taken += size
        if self._taken >= _WINDOW_STEP:
            self.connection._transport.write(WindowUpdateFrame(0, window_increment=self._taken).serialize())
            self._taken = 0

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
