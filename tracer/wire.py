"""What a client and a member write to each other, taken apart: HTTP/2, HPACK, gRPC and protobuf."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from hpack import Decoder
from hpack.hpack import decode_integer
from hyperframe.frame import DataFrame, Frame, HeadersFrame, SettingsFrame, WindowUpdateFrame

from minietcd.etcdserver.api.v3rpc.unary import PREFACE
from minietcd.proto.etcdserverpb.rpc import KV_SERVICE_DESC

_HEAD, _PREFIX = 9, 5
_VARINT = 0
_SETTINGS = {
    SettingsFrame.HEADER_TABLE_SIZE: "HEADER_TABLE_SIZE",
    SettingsFrame.ENABLE_PUSH: "ENABLE_PUSH",
    SettingsFrame.MAX_CONCURRENT_STREAMS: "MAX_CONCURRENT_STREAMS",
    SettingsFrame.INITIAL_WINDOW_SIZE: "INITIAL_WINDOW_SIZE",
    SettingsFrame.MAX_FRAME_SIZE: "MAX_FRAME_SIZE",
    SettingsFrame.MAX_HEADER_LIST_SIZE: "MAX_HEADER_LIST_SIZE",
    SettingsFrame.ENABLE_CONNECT_PROTOCOL: "ENABLE_CONNECT_PROTOCOL",
}


class Said(NamedTuple):
    """Bytes that one wrote to another."""

    source: str
    target: str
    data: bytes


class Piece(NamedTuple):
    """Some bytes, which protocol reads them, which field of it they are, and what that says."""

    data: bytes
    layer: str
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Told:
    """One frame: who wrote it, its kind, flags and stream, how long it is, and all of it in pieces."""

    source: str
    kind: str
    flags: str
    stream: int
    size: int
    pieces: tuple[Piece, ...] = ()


class Conversation:
    """One connection to a service of keys; who writes the preface is the client."""

    def __init__(self, said: Iterable[Said]) -> None:
        self._tables: dict[str, Decoder] = defaultdict(Decoder)
        self._paths: dict[int, str] = {}
        self._client = ""
        self.frames = [self._tell(source, data) for source, data in _frames(said)]

    def call(self, source: str) -> Iterator[Told]:
        """What ``source`` wrote of the first call: its headers, message and trailers."""
        of = next(frame.stream for frame in self.frames if frame.stream)
        mine = (f for f in self.frames if f.source == source and f.kind in ("HEADERS", "DATA"))
        return (frame for frame in mine if frame.stream == of)

    def _tell(self, source: str, data: bytes) -> Told:
        if data == PREFACE:
            self._client = source
            return Told(source, "preface", "", 0, len(data))
        frame, size = Frame.parse_frame_header(memoryview(data[:_HEAD]))
        frame.parse_body(memoryview(data[_HEAD:]))
        kind = {"WindowUpdateFrame": "WINDOW_UPDATE"}.get(
            type(frame).__name__, type(frame).__name__.removesuffix("Frame").upper()
        )
        flags = " ".join(sorted(map(str, frame.flags)))
        head = (
            Piece(data[:3], "HTTP/2", "length", str(size)),
            Piece(data[3:4], "HTTP/2", "type", kind),
            Piece(data[4:5], "HTTP/2", "flags", flags or "0"),
            Piece(data[5:9], "HTTP/2", "stream", str(frame.stream_id)),
        )
        pieces = (*head, *self._body(source, frame, data[_HEAD:]))
        return Told(source, kind, flags, frame.stream_id, len(data), pieces)

    def _body(self, source: str, frame: Frame, body: bytes) -> Iterator[Piece]:
        match frame:
            case HeadersFrame():
                for piece in _headers(frame.data, self._tables[source]):
                    if piece.name == ":path":
                        self._paths[frame.stream_id] = piece.value
                    yield piece
            case DataFrame():
                desc = KV_SERVICE_DESC.methods[self._paths[frame.stream_id].rpartition("/")[2]]
                message = desc.request_type if source == self._client else desc.reply_type
                yield Piece(body[:1], "gRPC", "compressed", str(body[0]))
                yield Piece(body[1:_PREFIX], "gRPC", "length", str(int.from_bytes(body[1:_PREFIX])))
                yield from _fields(body[_PREFIX:], message.DESCRIPTOR)
            case SettingsFrame():
                for number, value in frame.settings.items():
                    yield Piece(b"", "HTTP/2 SETTINGS", _SETTINGS.get(number, str(number)), str(value))
            case WindowUpdateFrame():
                yield Piece(body, "HTTP/2 WINDOW_UPDATE", "increment", str(frame.window_increment))


def _frames(said: Iterable[Said]) -> Iterator[tuple[str, bytes]]:
    """Each frame as soon as it has been written whole, and by whom."""
    left: dict[str, bytes] = defaultdict(bytes)
    for source, _, data in said:
        left[source] += data
        while len(left[source]) >= _HEAD and len(left[source]) >= (size := _size(left[source])):
            yield source, left[source][:size]
            left[source] = left[source][size:]


def _size(data: bytes) -> int:
    return len(PREFACE) if PREFACE.startswith(data[:_HEAD]) else _HEAD + int.from_bytes(data[:3])


def _headers(block: bytes, table: Decoder) -> Iterator[Piece]:
    """Each header with its bytes; how it is coded goes with the name of the protocol."""
    while block:
        size, how = _header(block)
        for name, value in table.decode(block[:size]):
            yield Piece(block[:size], f"HPACK, {how}", str(name), str(value))
        block = block[size:]


def _header(block: bytes) -> tuple[int, str]:
    """How many bytes the first header of a block takes, and how it is coded."""
    first = block[0]
    if first & 0x80:
        index, size = decode_integer(block, 7)
        return size, f"indexed {index}"
    added = first & 0x40
    index, size = decode_integer(block, 6 if added else 5 if first & 0x20 else 4)
    if first & 0xE0 == 0x20:
        return size, "table size"
    for _ in range(1 if index else 2):
        length, used = decode_integer(block[size:], 7)
        size += used + length
    return size, "literal, added" if added else "literal"


def _fields(data: bytes, message: Any) -> Iterator[Piece]:
    """Each field with its bytes; of a message within a message first its head, then its fields."""
    at = 0
    while at < len(data):
        start = at
        tag, at = _varint(data, at)
        number, at = _varint(data, at)
        known = message.fields_by_number[tag >> 3]
        layer, name = f"protobuf, field {tag >> 3}", f"{message.name}.{known.name}"
        if tag & 7 == _VARINT:
            yield Piece(data[start:at], layer, name, str(number))
            continue
        inside = data[at : at + number]
        if known.message_type:
            yield Piece(data[start:at], layer, name, f"{number} bytes")
            yield from _fields(inside, known.message_type)
        else:
            yield Piece(data[start : at + number], layer, name, inside.decode())
        at += number


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of protobuf's, and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def rows_of_frames(talk: Conversation) -> Iterator[tuple[str, ...]]:
    """Number, who, kind, stream, bytes, and what the frame says, for a table."""
    for number, frame in enumerate(talk.frames, 1):
        says = [frame.flags] * bool(frame.flags)
        said = (p for p in frame.pieces if p.layer not in ("HTTP/2", "gRPC") and not _goes_on(p))
        says += [f"{piece.name}={piece.value}" for piece in said]
        words = " ".join(f"`{each}`" for each in says) or "—"
        yield str(number), frame.source, f"`{frame.kind}`", str(frame.stream), str(frame.size), words


def _goes_on(piece: Piece) -> bool:
    return piece.layer.startswith("protobuf") and piece.value.endswith(" bytes")
