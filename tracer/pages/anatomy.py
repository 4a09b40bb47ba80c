"""Bytes taken apart: a record of the log and a message on a stream, down to the key and the value in them.

What the parts are, the code's own decoders and descriptors say, so a change of format changes the picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from minietcd.etcdserver.api.rafthttp.coder import UINT64, Link
from minietcd.etcdserver.api.rafthttp.msgappv2_codec import (
    MSG_TYPE_APP,
    MSG_TYPE_APP_ENTRIES,
    MsgAppV2Decoder,
)
from minietcd.pkg.disk import Disk
from minietcd.proto.etcdserverpb.etcdserver_pb2 import Metadata
from minietcd.proto.etcdserverpb.raft_internal_pb2 import InternalRaftRequest
from minietcd.proto.raftpb import raft_pb2
from minietcd.proto.walpb.record_pb2 import Record
from minietcd.raft.raftpb import Entry, HardState, Message, NodeID
from minietcd.wal.decoder import (
    CRC_TYPE,
    ENTRY_TYPE,
    FRAME_SIZE_BYTES,
    METADATA_TYPE,
    SNAPSHOT_TYPE,
    STATE_TYPE,
    Decoder,
    decode_frame_size,
)
from tracer.model import Trace
from tracer.pages.code import UnknownError
from tracer.wire import Piece, Told

_INNER: Mapping[str, Any] = {
    "walpb.Record.data": raft_pb2.Entry.DESCRIPTOR,
    "raftpb.Entry.Data": InternalRaftRequest.DESCRIPTOR,
}
"""What stands in a field that is declared as bytes; of records, in one that holds an entry."""

_NOTES: Mapping[str, str] = {
    "walpb.Record.crc": "CRC-32C of the data of every record so far, this one included",
    "raftpb.Entry.Term": "the term in which it was proposed",
    "raftpb.Entry.Index": "its place in the log",
    "raftpb.Entry.Data": "the request; raft does not look inside",
    "etcdserverpb.RequestHeader.ID": "by it the waiting handler is found again",
    "raftpb.Message.commit": "up to here the leader knows it decided",
}

RECORDS = {
    METADATA_TYPE: "metadata",
    ENTRY_TYPE: "entry",
    STATE_TYPE: "state",
    CRC_TYPE: "crc",
    SNAPSHOT_TYPE: "snapshot",
}
_BIG = 1 << 40
_ID = 8
_VARINT, _CHUNK = 0, 2


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes with a name: ``data`` at ``start``, what they say, and ``parts`` that stand behind them in it.

    The ``note`` is English, and among the words of the pages.
    """

    name: str
    data: bytes
    says: str = ""
    note: str = ""
    parts: tuple[Part, ...] = ()

    def whole(self) -> bytes:
        """Its own bytes and those of its parts."""
        return self.data + b"".join(part.whole() for part in self.parts)


@dataclass(frozen=True, slots=True)
class Framed:
    """A record of the log, and where its frame stands."""

    start: int
    frame: bytes
    record: Record

    def sizes(self) -> tuple[int, int]:
        """Bytes of the record, and of its padding."""
        return decode_frame_size(int.from_bytes(self.frame[:FRAME_SIZE_BYTES], "little"))


def records(segment: bytes) -> Iterator[Framed]:
    """All that stands in the last segment of a log, as its own decoder reads it. Raises WALError."""
    decoder = Decoder([_File(segment)])  # type: ignore[list-item]
    start = 0
    for record in decoder:
        yield Framed(start, segment[start : decoder.last_valid_off], record)
        start = decoder.last_valid_off


def record(segment: bytes, index: int) -> Part:
    """The record of the entry at ``index``, the last of several. Raises UnknownError."""
    found = [each for each in records(segment) if _index(each.record) == index]
    if not found:
        raise UnknownError("entry in the log at", str(index), [])
    return _frame(found[-1])


def says(record: Record) -> str:
    """What a record holds, in short."""
    if record.type == ENTRY_TYPE:
        entry = Entry.unmarshal(record.data)
        return f"entry {entry.index}, term {entry.term}, {len(entry.data)} B"
    if record.type == STATE_TYPE:
        state = HardState.unmarshal(record.data)
        return f"term {state.term}, commit {state.commit}"
    return f"{len(record.data)} B" if record.data else "—"


def message(stream: bytes, index: int) -> Part:
    """The MsgApp with the entry at ``index`` on a stream, in the chunk of HTTP that carried it.

    Raises UnknownError.
    """
    decoder = MsgAppV2Decoder(Link("", "", ""), NodeID(0), NodeID(0))
    for size, body, end in _chunks(stream):
        decoder.feed(body)
        while True:
            before = bytes(decoder.buf)
            found = decoder.decode()
            if found is None:
                break
            if any(entry.index == index for entry in found.entries):
                bytes_ = before[: len(before) - len(decoder.buf)]
                parts = tuple(_app(bytes_, found))
                if bytes_ != body:
                    return Part("MsgApp", b"", parts=parts)
                chunk = Part(
                    "size", size, f"{len(body)} B", "of the chunk: the answer to a GET that never ends"
                )
                return Part(
                    "HTTP", b"", parts=(chunk, Part("MsgApp", b"", parts=parts), Part("end", end, "\\r\\n"))
                )
    raise UnknownError("message on the stream with entry", str(index), [])


def request_id(segment: bytes, index: int) -> Part:
    """The id of the request in the entry at ``index``: whose it is, when that began, which one of its.

    Raises UnknownError.
    """
    told = list(records(segment))
    member = next(Metadata.FromString(each.record.data).NodeID for each in told if _is_metadata(each.record))
    found = [Entry.unmarshal(each.record.data) for each in told if _index(each.record) == index]
    if not found:
        raise UnknownError("entry in the log at", str(index), [])
    number = InternalRaftRequest.FromString(found[-1].data).header.ID
    data = number.to_bytes(_ID)
    parts = (
        Part("member", data[:2], f"{member:#x}", "the last two bytes of the member's id"),
        Part(
            "time",
            data[2:7],
            f"{int.from_bytes(data[2:7])} ms",
            "when it started, since 1970; the low 40 bits",
        ),
        Part("counter", data[7:], str(data[7]), "how many it has given out since then"),
    )
    return Part(f"{number:#x}", b"", parts=parts)


def call(frames: Iterable[Told]) -> Part:
    """The frames of a call, each with its head, and what gRPC and protobuf made of the body."""
    told = list(frames)
    parts = tuple(Part(f"{each.kind} · {each.size} B", b"", parts=tuple(_layers(each))) for each in told)
    return Part(f"{sum(each.size for each in told)} B", b"", parts=parts)


def _layers(frame: Told) -> Iterator[Part]:
    """Pieces that one protocol reads stand together; a header says for itself how it is coded."""
    for layer, pieces in groupby(frame.pieces, lambda piece: piece.layer.partition(",")[0]):
        inside = tuple(_piece(each) for each in pieces)
        name = {"HTTP/2": "frame head"}.get(layer, layer)
        yield Part(f"{name} · {sum(len(each.data) for each in inside)} B", b"", parts=inside)


def _piece(piece: Piece) -> Part:
    how = piece.layer.partition(", ")[2]
    return Part(piece.name, piece.data, f"{piece.value} · {how}" if how else piece.value)


def _is_metadata(record: Record) -> bool:
    return bool(record.type == METADATA_TYPE and record.data)


def _frame(framed: Framed) -> Part:
    frame, (length, padding) = framed.frame, framed.sizes()
    end = FRAME_SIZE_BYTES + length
    parts = [
        Part("length", frame[:7], f"{length} B", "of the record, lowest byte first"),
        Part("padding", frame[7:8], f"{padding} B", "the highest bit says that there is some"),
        Part(
            f"Record · {length} B", b"", parts=tuple(_fields(frame[FRAME_SIZE_BYTES:end], Record.DESCRIPTOR))
        ),
    ]
    if padding:
        parts.append(Part("zeros", frame[end:], f"{padding} B", "up to a multiple of eight"))
    return Part(f"frame · {len(frame)} B", b"", parts=tuple(parts))


def _app(data: bytes, told: Message) -> Iterator[Part]:
    kind = data[0]
    names = {MSG_TYPE_APP_ENTRIES: "app entries", MSG_TYPE_APP: "app"}
    yield Part("kind", data[:1], f"{kind} = {names[kind]}")
    if kind == MSG_TYPE_APP:
        yield Part("length", data[1:9], f"{len(data) - 9} B", "highest byte first")
        yield Part("Message", b"", parts=tuple(_fields(data[9:], raft_pb2.Message.DESCRIPTOR)))
        return
    yield Part("count", data[1:9], str(len(told.entries)), "of entries, highest byte first")
    start = 9
    for entry in told.entries:
        (size,) = UINT64.unpack_from(data, start)
        yield Part("length", data[start : start + 8], f"{size} B", "of the entry")
        start += 8
        fields = tuple(_fields(data[start : start + size], raft_pb2.Entry.DESCRIPTOR))
        yield Part(f"Entry {entry.index} · {size} B", b"", parts=fields)
        start += size
    yield Part("commit", data[start:], str(told.commit), "up to here the leader knows it decided")


def _fields(data: bytes, message: Any) -> Iterator[Part]:
    at = 0
    while at < len(data):
        start = at
        tag, at = _varint(data, at)
        field = message.fields_by_number[tag >> 3]
        value, at = _varint(data, at)
        note = _NOTES.get(field.full_name, "")
        if tag & 7 == _VARINT:
            yield Part(field.name, data[start:at], _number(field, value), note)
            continue
        assert tag & 7 == _CHUNK, f"{field.full_name}: a kind of field that no page shows yet"
        head, body = data[start:at], data[at : at + value]
        at += value
        inner = field.message_type or _INNER.get(field.full_name)
        if inner and body:
            yield Part(f"{field.name} · {inner.name}", head, f"{value} B", note, tuple(_fields(body, inner)))
        else:
            yield Part(field.name, head + body, repr(body.decode(errors="replace")), note)


def _number(field: FieldDescriptor, value: int) -> str:
    if field.enum_type:
        return f"{value} = {field.enum_type.values_by_number[value].name}"
    if field.full_name == "walpb.Record.type":
        return f"{value} = {RECORDS[value]}"
    return f"{value:#x}" if value >= _BIG or field.name == "crc" else str(value)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """The number there, and where it ends."""
    value = shift = 0
    while data[at] & 0x80:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
    return value | data[at] << shift, at + 1


def _chunks(answer: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Of an answer in chunks each, as far as it got: the line with its size, what it holds, how it ends."""
    at = answer.index(b"\r\n\r\n") + 4
    while (line := answer.find(b"\r\n", at)) >= 0:
        start = line + 2
        end = start + int(answer[at:line], 16)
        yield answer[at:start], answer[start:end], answer[end : end + 2]
        at = end + 2


def _index(record: Record) -> int:
    return Entry.unmarshal(record.data).index if record.type == ENTRY_TYPE else 0


class _File:
    """Bytes that a decoder may read as a file."""

    name, disk = Path("wal"), Disk

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, size: int) -> bytes:
        """The next ones."""
        data, self._data = self._data[:size], self._data[size:]
        return data


def entry(trace: Trace) -> int:
    """The index of the first entry that a request in ``trace`` became. Raises UnknownError."""
    keys = [key for span in trace.spans.values() for key in span.keys or () if key[0] == "entry" and key[2]]
    if not keys:
        raise UnknownError("entry of a request in", "this trace", [])
    return min(number for _, number, _ in keys)
