"""What the two codecs share: where bytes go to and come from, and whose connection it is.

An encoder appends to a buffer that its stream flushes; a decoder is fed what arrived, and gives a message
whenever one is complete. Neither waits, so each message is written and read in one call.

Go: etcdserver/api/rafthttp/coder.go
"""

from __future__ import annotations

import struct
from typing import NamedTuple, Protocol

from google.protobuf.message import DecodeError

from minietcd.etcdserver.api.rafthttp.errors import ExceedSizeLimitError, MalformedMessageError
from minietcd.raft.raftpb import Message, MessageType, MsgHeartbeat

READ_BYTES_LIMIT = 512 << 20

UINT64 = struct.Struct(">Q")

LINK_HEARTBEAT_MESSAGE = Message(type=MsgHeartbeat)
"""Keeps an idle stream alive; raft sends nothing without a sender and a receiver."""


def is_link_heartbeat_message(m: Message) -> bool:
    """Whether ``m`` only says that the stream is alive.

    Go: etcdserver/api/rafthttp/stream.go#isLinkHeartbeatMessage
    """
    return m.type == MessageType.MsgHeartbeat and not m.from_ and not m.to


class Link(NamedTuple):
    """Which connection: the same value at both of its ends."""

    stream: str
    writer: str
    """``host:port`` of the end that writes messages, which is the one that was dialled."""
    reader: str


class Encoder(Protocol):
    """Turns messages into a stream's bytes. Go: etcdserver/api/rafthttp/coder.go#encoder"""

    conn: Link

    def encode(self, m: Message) -> None:
        """Append one message to the stream's buffer."""


class Decoder:
    """Bytes that arrived and were not yet understood. Go: etcdserver/api/rafthttp/coder.go#decoder"""

    def __init__(self, conn: Link) -> None:
        self.conn = conn
        self.buf = bytearray()
        self.needed = 1

    def feed(self, data: bytes) -> None:
        """What came next."""
        self.buf += data

    def decode(self) -> Message | None:
        """Take the next message; None until all of it is there. Raises MalformedMessageError."""
        raise NotImplementedError

    def has(self, number: int) -> bool:
        """Whether so many bytes are there; if not, there is no use in trying before."""
        self.needed = number
        return len(self.buf) >= number

    def size_at(self, offset: int, limit: int = READ_BYTES_LIMIT) -> int:
        """The length that is written there. Raises ExceedSizeLimitError."""
        size: int = UINT64.unpack_from(self.buf, offset)[0]
        if size > limit:
            raise ExceedSizeLimitError
        return size

    def take(self, start: int, end: int) -> bytes:
        """The bytes between the two, and forget all up to ``end``."""
        data = bytes(self.buf[start:end])
        del self.buf[:end]
        self.needed = 1
        return data


def unmarshal(data: bytes) -> Message:
    """The message that these bytes are. Raises MalformedMessageError."""
    try:
        return Message.unmarshal(data)
    except (DecodeError, IndexError) as error:
        raise MalformedMessageError(f"{len(data)} bytes are no raft message: {error}") from error
