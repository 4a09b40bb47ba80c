"""A stream: a GET whose answer's body never ends, one message after another.

Who wants to read dials; who is asked writes. Should a second connection come for the same stream, it takes
the place of the first.

Go: etcdserver/api/rafthttp/stream.go
"""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

from minietcd.etcdserver.api.rafthttp import errors, metrics, util
from minietcd.etcdserver.api.rafthttp.coder import (
    LINK_HEARTBEAT_MESSAGE,
    Decoder,
    Encoder,
    Link,
    is_link_heartbeat_message,
)
from minietcd.etcdserver.api.rafthttp.msg_codec import MessageDecoder, MessageEncoder
from minietcd.etcdserver.api.rafthttp.msgappv2_codec import MsgAppV2Decoder, MsgAppV2Encoder
from minietcd.etcdserver.api.rafthttp.peer_status import FailureType, PeerStatus
from minietcd.etcdserver.api.rafthttp.urlpick import URLPicker
from minietcd.pkg.chan import Chan, select
from minietcd.pkg.clock import Ticker
from minietcd.pkg.task import go
from minietcd.pkg.types import id_string
from minietcd.raft.raftpb import Message, MsgProp, NodeID
from minietcd.version.version import SemVer

if TYPE_CHECKING:
    from minietcd.etcdserver.api.rafthttp.transport import Transport


CONN_READ_TIMEOUT = 5.0
"""Seconds without a byte after which a stream is given up; idle ones are kept alive three times as often."""
CONN_WRITE_TIMEOUT = 5.0
STREAM_BUF_SIZE = 4096


class StreamType(StrEnum):
    """Which of a peer's two streams. Go: etcdserver/api/rafthttp/stream.go#streamType"""

    MESSAGE = "message"
    MSG_APP_V2 = "msgappv2"

    def endpoint(self) -> str:
        """The path that it is asked for at. Go: etcdserver/api/rafthttp/stream.go#streamType.endpoint"""
        return f"{util.RAFT_STREAM_PREFIX}/{'msgapp' if self is StreamType.MSG_APP_V2 else 'message'}"

    def shown(self) -> str:
        """For people. Go: etcdserver/api/rafthttp/stream.go#streamType.String"""
        return "stream MsgApp v2" if self is StreamType.MSG_APP_V2 else "stream Message"


class OutgoingConn:
    """The body of an answer that a peer asked for, to be written to until it is closed.

    What is encoded gathers in ``w``, until it is flushed.

    Go: etcdserver/api/rafthttp/stream.go#outgoingConn
    Go: etcdserver/api/rafthttp/http.go#closeNotifier
    """

    def __init__(
        self, t: StreamType, response: web.StreamResponse, transport: asyncio.BaseTransport | None
    ) -> None:
        """Go: etcdserver/api/rafthttp/http.go#newCloseNotifier"""
        self.t, self.response = t, response
        self.w = bytearray()
        self.link = Link(t, _address(transport, "sockname"), _address(transport, "peername"))
        self._done: Chan[None] = Chan("closeNotifier.done")

    async def flush(self) -> int:
        """Send what was gathered; how much that was. Raises OSError when the peer is gone or too slow."""
        data = bytes(self.w)
        self.w.clear()
        async with asyncio.timeout(CONN_WRITE_TIMEOUT):
            await self.response.write(data)
        return len(data)

    def close(self) -> None:
        """The writer is done with it. Go: etcdserver/api/rafthttp/http.go#closeNotifier.Close"""
        self._done.close()

    async def close_notify(self) -> None:
        """Wait for that. Go: etcdserver/api/rafthttp/http.go#closeNotifier.closeNotify"""
        await select(self._done)


class StreamWriter:
    """Writes messages to whatever connection was attached last.

    Go: etcdserver/api/rafthttp/stream.go#streamWriter
    """

    def __init__(self, tr: Transport, id: NodeID, status: PeerStatus) -> None:
        """Start the task that writes. Go: etcdserver/api/rafthttp/stream.go#startStreamWriter"""
        self.tr, self.peer_id, self.status, self.lg = tr, id, status, util.log_of(tr, id)
        self.msgc: Chan[Message] = Chan("streamWriter.msgc", STREAM_BUF_SIZE)
        self.connc: Chan[OutgoingConn] = Chan("streamWriter.connc")
        self.done: Chan[None] = Chan("streamWriter.done")
        self.conn: OutgoingConn | None = None
        self.enc: Encoder
        self.batched = 0
        self._sent_bytes = metrics.sent_bytes.labels(id_string(id))
        self._task = go(self.run(), "rafthttp streamWriter.run")

    async def run(self) -> None:
        """Write, keep alive, change over: until stopped.

        Without a connection nothing is taken from ``msgc``, and nothing is put there.

        Go: etcdserver/api/rafthttp/stream.go#streamWriter.run
        """
        self.lg.info("started stream writer with remote peer")
        try:
            with Ticker(CONN_READ_TIMEOUT / 3) as tickc:
                while True:
                    heartbeatc, msgc = (tickc.c, self.msgc) if self.conn else (None, None)
                    chan, item = await select(self.connc, heartbeatc, msgc)
                    if chan is self.connc:
                        self._change_over(item)
                    elif chan is msgc:
                        await self._write(item)
                    else:
                        await self._heartbeat()
        finally:
            self.close()
            self.done.close()
            if isinstance(conn := self.connc.try_recv(), OutgoingConn):
                conn.close()  # it came when we were told to stop
            self.lg.info("stopped TCP streaming connection with remote peer")

    def writec(self) -> tuple[Chan[Message], bool]:
        """Where to put messages, and whether they will be written now.

        Go: etcdserver/api/rafthttp/stream.go#streamWriter.writec
        """
        return self.msgc, self.conn is not None

    def close(self) -> bool:
        """Let go of the connection, with what waits for it; whether there was one.

        Go: etcdserver/api/rafthttp/stream.go#streamWriter.close
        Go: etcdserver/api/rafthttp/stream.go#streamWriter.closeUnlocked
        """
        if self.conn is None:
            return False
        self.conn.close()
        if len(self.msgc):
            self.tr.raft.report_unreachable(self.peer_id)
        self.msgc = Chan("streamWriter.msgc", STREAM_BUF_SIZE)
        self.conn = None
        return True

    async def attach(self, conn: OutgoingConn) -> bool:
        """Hand over a connection; False if the writer has stopped.

        Go: etcdserver/api/rafthttp/stream.go#streamWriter.attach
        """
        chan, _ = await select((self.connc, conn), self.done)
        return chan is self.connc

    async def stop(self) -> None:
        """End the task, and let go of the connection.

        Go: etcdserver/api/rafthttp/stream.go#streamWriter.stop
        """
        await util.cancel(self._task)

    def _change_over(self, conn: OutgoingConn) -> None:
        lg = self.lg.with_(stream_writer_type=conn.t.shown())
        if self.close():
            lg.warning("closed TCP streaming connection with remote peer")
        self.conn, self.batched = conn, 0
        self.enc = (MessageEncoder if conn.t == StreamType.MESSAGE else MsgAppV2Encoder)(conn.w, conn.link)
        self.status.activate()
        lg.info("established TCP streaming connection with remote peer")

    async def _write(self, m: Message) -> None:
        """Encode one message; flush when none waits behind it, or many were written."""
        try:
            self.enc.encode(m)
            if not len(self.msgc) or self.batched > STREAM_BUF_SIZE // 2:
                await self._flush()
            else:
                self.batched += 1
        except OSError as error:
            self._lost("write", error)
            self.tr.raft.report_unreachable(m.to)

    async def _heartbeat(self) -> None:
        try:
            self.enc.encode(LINK_HEARTBEAT_MESSAGE)
            await self._flush()
        except OSError as error:
            self._lost("heartbeat", error)

    async def _flush(self) -> None:
        assert self.conn is not None, "flush without a connection"
        self.batched = 0
        self._sent_bytes.inc(await self.conn.flush())

    def _lost(self, action: str, error: OSError) -> None:
        assert self.conn is not None, "lost without a connection"
        shown = self.conn.t.shown()
        self.status.deactivate(FailureType(shown, action), error)
        metrics.sent_failures.labels(id_string(self.peer_id)).inc()
        self.lg.warning("lost TCP streaming connection with remote peer", stream_writer_type=shown)
        self.close()


class StreamReader:
    """Dials the peer, again and again, and passes on the messages it writes.

    Go: etcdserver/api/rafthttp/stream.go#streamReader
    """

    def __init__(
        self,
        tr: Transport,
        peer_id: NodeID,
        typ: StreamType,
        picker: URLPicker,
        status: PeerStatus,
        recvc: Chan[Message],
        propc: Chan[Message],
    ) -> None:
        self.tr, self.peer_id, self.typ, self.picker, self.status = tr, peer_id, typ, picker, status
        self.recvc, self.propc = recvc, propc
        self.lg = util.log_of(tr, peer_id).with_(stream_reader_type=typ.shown())
        self._next_dial = 0.0
        self._received_bytes = metrics.received_bytes.labels(id_string(peer_id))

    def start(self) -> None:
        """Start the task that reads. Go: etcdserver/api/rafthttp/stream.go#streamReader.start"""
        self._task = go(self.run(), "rafthttp streamReader.decodeLoop")

    async def run(self) -> None:
        """Dial and read until stopped. Go: etcdserver/api/rafthttp/stream.go#streamReader.run"""
        self.lg.info("started stream reader with remote peer")
        try:
            while True:
                action = "dial"
                try:
                    rc = await self.dial(self.typ)
                    action = "read"
                    self.status.activate()
                    self.lg.info("established TCP streaming connection with remote peer")
                    await self.decode_loop(rc, self.typ)
                except errors.UnsupportedStreamTypeError:
                    pass
                except errors.CONNECTION_ERRORS as error:
                    self.status.deactivate(FailureType(self.typ.shown(), action), error)
                if action == "read":
                    self.lg.warning("lost TCP streaming connection with remote peer")
                await self._wait()
        finally:
            self.lg.info("stopped stream reader with remote peer")

    async def decode_loop(self, rc: aiohttp.ClientResponse, t: StreamType) -> None:
        """Read until the peer ends the stream. Raises one of ``CONNECTION_ERRORS`` if it breaks.

        Go: etcdserver/api/rafthttp/stream.go#streamReader.decodeLoop
        """
        dec = self._new_decoder(rc, t)
        try:
            while data := await rc.content.readany():
                self._received_bytes.inc(len(data))
                dec.feed(data)
                while (m := dec.decode()) is not None:
                    if not is_link_heartbeat_message(m):
                        self._pass_on(m)
        finally:
            rc.close()

    async def stop(self) -> None:
        """End that task, and its connection. Go: etcdserver/api/rafthttp/stream.go#streamReader.stop"""
        await util.cancel(self._task)

    async def dial(self, t: StreamType) -> aiohttp.ClientResponse:
        """The answer whose body is the stream. Raises one of ``CONNECTION_ERRORS``.

        Go: etcdserver/api/rafthttp/stream.go#streamReader.dial
        """
        u = self.picker.pick()
        headers = util.request_headers(self.tr) | {"X-Raft-To": id_string(self.peer_id)}
        try:
            resp = await self.tr.stream_rt.get(f"{u}{t.endpoint()}/{self.tr.id:x}", headers=headers)
            try:
                await self._check(resp, t)
            except BaseException:
                resp.close()
                raise
        except errors.CONNECTION_ERRORS:
            self.picker.unreachable(u)
            raise
        return resp

    async def _check(self, resp: aiohttp.ClientResponse, t: StreamType) -> None:
        rv = _version_of(resp)
        if util.compare_major_minor_version(rv, util.LOCAL_SERVER) == -1 and not check_stream_support(rv, t):
            raise errors.UnsupportedStreamTypeError
        if resp.status == web.HTTPGone.status_code:
            removed = errors.MemberRemovedError()
            util.report_critical_error(removed, self.tr.error_c)
            raise removed
        if resp.status == web.HTTPNotFound.status_code:
            raise errors.PeerAnswerError(f"peer {self.peer_id:x} failed to find local node {self.tr.id:x}")
        if resp.status == web.HTTPPreconditionFailed.status_code:
            refusal = util.precondition_error(await resp.read())
            self.lg.warning("request sent was ignored by remote peer", error=refusal)
            raise refusal
        if resp.status != web.HTTPOk.status_code:
            raise errors.PeerAnswerError(f"unhandled http status {resp.status}")

    def _new_decoder(self, rc: aiohttp.ClientResponse, t: StreamType) -> Decoder:
        transport = rc.connection.transport if rc.connection else None
        link = Link(t, _address(transport, "peername"), _address(transport, "sockname"))
        if t == StreamType.MESSAGE:
            return MessageDecoder(link)
        return MsgAppV2Decoder(link, self.tr.id, self.peer_id)

    def _pass_on(self, m: Message) -> None:
        recvc = self.propc if m.type == MsgProp else self.recvc
        if not recvc.try_send(m):
            why = "dropped internal Raft message since receiving buffer is full (overloaded network)"
            self.lg.warning(why, message_type=str(m.type), remote_peer_active=self.status.is_active())
            metrics.recv_failures.labels(id_string(m.from_)).inc()

    async def _wait(self) -> None:
        """Dial once at once, then at most ``dial_retry_frequency`` times a second."""
        now = asyncio.get_running_loop().time()
        delay = self._next_dial - now
        self._next_dial = max(now, self._next_dial) + 1 / self.tr.dial_retry_frequency
        if delay > 0:
            await asyncio.sleep(delay)


def check_stream_support(v: SemVer, t: StreamType) -> bool:
    """Whether a member of that version has such streams: both came with 2.1.

    Go: etcdserver/api/rafthttp/stream.go#checkStreamSupport
    """
    return v >= (2, 1)


def _version_of(resp: aiohttp.ClientResponse) -> SemVer:
    try:
        return util.server_version(resp.headers)
    except ValueError as error:
        raise errors.PeerAnswerError(str(error)) from error


def _address(transport: asyncio.BaseTransport | None, end: str) -> str:
    address = transport.get_extra_info(end) if transport else None
    return f"{address[0]}:{address[1]}" if isinstance(address, tuple) else str(address or "")
