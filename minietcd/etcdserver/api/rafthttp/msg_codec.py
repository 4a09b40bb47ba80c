"""All messages as they are, each after its length in eight bytes.

Go: etcdserver/api/rafthttp/msg_codec.go
"""

from __future__ import annotations

from minietcd.etcdserver.api.rafthttp.coder import READ_BYTES_LIMIT, UINT64, Decoder, Link, unmarshal
from minietcd.raft.raftpb import Message


class MessageEncoder:
    """Writes messages whole. Go: etcdserver/api/rafthttp/msg_codec.go#messageEncoder"""

    def __init__(self, w: bytearray, conn: Link) -> None:
        self.w, self.conn = w, conn

    def encode(self, m: Message) -> None:
        """Append one message. Go: etcdserver/api/rafthttp/msg_codec.go#messageEncoder.encode"""
        data = m.marshal()
        self.w += UINT64.pack(len(data)) + data


class MessageDecoder(Decoder):
    """Reads messages that were written whole. Go: etcdserver/api/rafthttp/msg_codec.go#messageDecoder"""

    def decode(self) -> Message | None:
        """Take the next message, if all of it is there.

        Go: etcdserver/api/rafthttp/msg_codec.go#messageDecoder.decode
        """
        return self.decode_limit(READ_BYTES_LIMIT)

    def decode_limit(self, num_bytes: int) -> Message | None:
        """The same; a longer one raises ExceedSizeLimitError.

        Go: etcdserver/api/rafthttp/msg_codec.go#messageDecoder.decodeLimit
        """
        if len(self.buf) < self.needed or not self.has(8):
            return None
        end = 8 + self.size_at(0, num_bytes)
        return unmarshal(self.take(8, end)) if self.has(end) else None
