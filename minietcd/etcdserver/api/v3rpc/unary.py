"""A short way for most calls: one message in and one out, no deadline, headers that came before.

HTTP/2 in Python costs more than all that etcd does with a put. So a request that is there whole, with headers
that its connection knows, is not led frame by frame through the layers of h2 and grpclib, and neither is its
answer: ``Frame`` finds such requests, ``Call`` answers them. All else is left to the libraries.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from grpclib.const import Handler
from grpclib.exceptions import GRPCError
from grpclib.metadata import decode_metadata
from grpclib.protocol import Stream
from grpclib.server import Server
from grpclib.server import Stream as ServerStream
from h2.stream import StreamInputs

log = logging.getLogger("etcdserver/api/v3rpc")

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS = 0, 1
_END_STREAM, _END_HEADERS, _PRIORITY = 0x1, 0x4, 0x20
_HEAD = struct.Struct(">BHBBI")
_PREFIX = struct.Struct(">BI")

_ASKED = {":method": "POST", "te": "trailers", "content-type": "application/grpc"}
_HEADERS = ((":status", "200"), ("content-type", "application/grpc+proto"))
_TRAILERS = (("grpc-status", "0"),)


class Frame(NamedTuple):
    """A frame of HTTP/2 that has come whole."""

    kind: int
    flags: int
    stream: int
    data: bytes

    @property
    def payload(self) -> bytes:
        """What follows its head."""
        return self.data[_HEAD.size :]

    def block(self) -> bytes | None:
        """The headers of a request, if they are all in this frame."""
        if self.kind != HEADERS or self.flags & ~_PRIORITY != _END_HEADERS:
            return None
        return self.payload[5:] if self.flags & _PRIORITY else self.payload

    def message(self) -> bytes | None:
        """The message of a call, if this frame is all that is said after the headers."""
        prefix, message = self.payload[: _PREFIX.size], self.payload[_PREFIX.size :]
        whole = self.flags == _END_STREAM and prefix == _PREFIX.pack(0, len(message))
        return message if whole else None


def take_frames(read: bytearray) -> Iterator[Frame]:
    """Take away the frames that have come whole; the preface of a connection goes as a frame of no kind."""
    while len(read) >= _HEAD.size:
        high, low, kind, flags, stream = _HEAD.unpack_from(read)
        end = _HEAD.size + (high << 16) + low
        if read.startswith(PREFACE):
            kind, end = -1, len(PREFACE)
        if len(read) < end:
            break
        data = bytes(read[:end])
        del read[:end]
        yield Frame(kind, flags, stream & 0x7FFFFFFF, data)


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return _HEAD.pack(len(payload) >> 16, len(payload) & 0xFFFF, kind, flags, stream) + payload


class Request(NamedTuple):
    """What headers say."""

    path: str
    metadata: Any


@lru_cache(256)
def plain_request(headers: tuple[tuple[bytes, bytes], ...]) -> Request | None:
    """What these headers say, if that is no more than which method is called with which metadata."""
    try:
        texts = [(str(name, "ascii"), str(value, "ascii")) for name, value in headers]
        fields, metadata = dict(texts), decode_metadata(texts)
    except ValueError:
        return None
    if "grpc-timeout" in fields or _ASKED.items() - fields.items():
        return None
    return Request(fields.get(":path", ""), metadata)


class Call(ServerStream[Any, Any]):
    """A call whose message is here; where its answer cannot go the short way, it goes as any other."""

    def __init__(self, server: Server, stream: Stream, method: Handler, request: Request, message: bytes):
        super().__init__(
            stream,
            request.path,
            method.cardinality,
            method.request_type,
            method.reply_type,
            codec=server._codec,
            status_details_codec=None,
            dispatch=server.__dispatch__,
        )
        self.metadata = request.metadata
        self._func, self._message = method.func, message

    async def serve(self) -> None:
        """Answer it, or say what was wrong."""
        async with self:
            try:
                await self._func(self)
            except Exception as err:
                if not isinstance(err, GRPCError):
                    log.exception("a call failed")
                raise

    async def recv_message(self) -> Any:
        """The message that came."""
        return self._codec.decode(self._message, self._recv_type)

    async def send_message(self, message: Any) -> None:
        """Write headers, message and trailers at once, if the client has room for them now."""
        id, connection, h2 = self._stream.id, self._stream.connection, self._stream._h2_connection
        assert id is not None, "a call without a stream"
        size = _PREFIX.size + message.ByteSize()
        room = min(h2.local_flow_control_window(id), h2.max_outbound_frame_size)
        if size > room or self._send_initial_metadata_done or not connection.write_ready.is_set():
            await super().send_message(message)
            return
        data, encode = self._codec.encode(message, self._send_type), h2.encoder.encode
        connection._transport.write(
            _frame(HEADERS, _END_HEADERS, id, encode(_HEADERS))
            + _frame(DATA, 0, id, _PREFIX.pack(0, len(data)) + data)
            + _frame(HEADERS, _END_HEADERS | _END_STREAM, id, encode(_TRAILERS))
        )
        h2.outbound_flow_control_window -= size
        h2.streams[id].state_machine.process_input(StreamInputs.SEND_END_STREAM)
        self._send_trailing_metadata_done = True
