"""MsgApp with what the receiver knows left out.

In the steady state every MsgApp follows right after the one before, in the same term, so sender, receiver,
term and index need not be told. Three kinds, by their first byte; numbers are eight bytes, big-endian:

====  ============  ===========================================================================
byte  name          what follows
====  ============  ===========================================================================
0     heartbeat     nothing: the stream is alive
1     app entries   number of entries; for each its length and the entry; the commit index
2     app           length and the whole message, which sets term and index anew
====  ============  ===========================================================================

Go: etcdserver/api/rafthttp/msgappv2_codec.go
"""

from __future__ import annotations

from google.protobuf.message import DecodeError

from minietcd.etcdserver.api.rafthttp.coder import (
    LINK_HEARTBEAT_MESSAGE,
    UINT64,
    Decoder,
    Link,
    is_link_heartbeat_message,
    unmarshal,
)
from minietcd.etcdserver.api.rafthttp.errors import MalformedMessageError
from minietcd.raft.raftpb import Entry, Index, Message, MsgApp, NodeID, Term

MSG_TYPE_LINK_HEARTBEAT = 0
MSG_TYPE_APP_ENTRIES = 1
MSG_TYPE_APP = 2


class MsgAppV2Encoder:
    """Knows where the receiver is in the log.

    Go: etcdserver/api/rafthttp/msgappv2_codec.go#msgAppV2Encoder
    """

    def __init__(self, w: bytearray, conn: Link) -> None:
        """Go: etcdserver/api/rafthttp/msgappv2_codec.go#newMsgAppV2Encoder"""
        self.w, self.conn = w, conn
        self.term, self.index = Term(0), Index(0)

    def encode(self, m: Message) -> None:
        """Append one message, as short as can be.

        Go: etcdserver/api/rafthttp/msgappv2_codec.go#msgAppV2Encoder.encode
        """
        if is_link_heartbeat_message(m):
            self.w.append(MSG_TYPE_LINK_HEARTBEAT)
        elif self.index == m.index and self.term == m.log_term == m.term:
            self._app_entries(m)
        else:
            data = m.marshal()
            self.w.append(MSG_TYPE_APP)
            self.w += UINT64.pack(len(data)) + data
            self.term, self.index = _following(m)

    def _app_entries(self, m: Message) -> None:
        self.w.append(MSG_TYPE_APP_ENTRIES)
        self.w += UINT64.pack(len(m.entries))
        for entry in m.entries:
            data = entry.marshal()
            self.w += UINT64.pack(len(data)) + data
        self.w += UINT64.pack(m.commit)
        self.index = Index(self.index + len(m.entries))


class MsgAppV2Decoder(Decoder):
    """Knows what the sender left out. Go: etcdserver/api/rafthttp/msgappv2_codec.go#msgAppV2Decoder"""

    def __init__(self, conn: Link, local: NodeID, remote: NodeID) -> None:
        """Go: etcdserver/api/rafthttp/msgappv2_codec.go#newMsgAppV2Decoder"""
        super().__init__(conn)
        self.local, self.remote = local, remote
        self.term, self.index = Term(0), Index(0)

    def decode(self) -> Message | None:
        """Take the next message, if all of it is there. Raises MalformedMessageError.

        Go: etcdserver/api/rafthttp/msgappv2_codec.go#msgAppV2Decoder.decode
        """
        if len(self.buf) < self.needed:
            return None
        kind = self.buf[0]
        if kind == MSG_TYPE_APP_ENTRIES:
            return self._app_entries()
        if kind == MSG_TYPE_APP:
            return self._app()
        if kind != MSG_TYPE_LINK_HEARTBEAT:
            raise MalformedMessageError(f"failed to parse type {kind} in msgappv2 stream")
        self.take(0, 1)
        return LINK_HEARTBEAT_MESSAGE

    def _app(self) -> Message | None:
        if not self.has(9):
            return None
        end = 9 + self.size_at(1)
        if not self.has(end):
            return None
        m = unmarshal(self.take(9, end))
        self.term, self.index = _following(m)
        return m

    def _app_entries(self) -> Message | None:
        spans, end = [], 9
        if not self.has(end):
            return None
        for _ in range(self.size_at(1)):
            if not self.has(end + 8):
                return None
            start = end + 8
            end = start + self.size_at(end)
            spans.append((start, end))
        if not self.has(end + 8):
            return None
        entries = tuple(self._entry(start, end) for start, end in spans)
        commit = Index(UINT64.unpack(self.take(end, end + 8))[0])
        m = Message(MsgApp, self.local, self.remote, self.term, self.term, self.index, entries, commit)
        self.index = Index(self.index + len(entries))
        return m

    def _entry(self, start: int, end: int) -> Entry:
        try:
            return Entry.unmarshal(bytes(self.buf[start:end]))
        except (DecodeError, IndexError) as error:
            raise MalformedMessageError(f"{end - start} bytes are no entry: {error}") from error


def _following(m: Message) -> tuple[Term, Index]:
    """Where the next MsgApp starts if it follows ``m``."""
    return m.term, m.entries[-1].index if m.entries else m.index
