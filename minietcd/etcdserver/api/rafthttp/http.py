"""The doors of a member: who knocks is checked, then heard (``/raft``, ``/raft/snapshot``) or written to.

Go: etcdserver/api/rafthttp/http.go
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from minietcd.etcdserver.api.rafthttp import errors, metrics, util
from minietcd.etcdserver.api.rafthttp.coder import Link, unmarshal
from minietcd.etcdserver.api.rafthttp.msg_codec import MessageDecoder
from minietcd.etcdserver.api.rafthttp.stream import OutgoingConn, StreamType
from minietcd.pkg import logutil
from minietcd.pkg.context import BACKGROUND
from minietcd.pkg.types import URLError, id_from_string, id_string
from minietcd.raft.errors import RaftError
from minietcd.raft.raftpb import Message, MsgSnap, NodeID
from minietcd.version.version import VERSION

if TYPE_CHECKING:
    from minietcd.etcdserver.api.rafthttp.transport import Transport

log = logutil.get_logger("rafthttp")

BODY_ERRORS = (OSError, aiohttp.ClientError, web.RequestPayloadError, HttpProcessingError)
"""What reading a request can raise when its sender goes away."""

_NO_LIMIT = 1 << 63


class PipelineHandler:
    """Takes one message a request. Go: etcdserver/api/rafthttp/http.go#pipelineHandler"""

    def __init__(self, tr: Transport) -> None:
        """Go: etcdserver/api/rafthttp/http.go#newPipelineHandler"""
        self.tr = tr

    async def serve_http(self, request: web.Request) -> web.StreamResponse:
        """Read the message, and answer when raft has it: 204.

        Go: etcdserver/api/rafthttp/http.go#pipelineHandler.ServeHTTP
        """
        if refusal := _refusal(self.tr, request, "POST"):
            return refusal
        util.add_remote_from_request(self.tr, request)
        try:
            m = await _only_message(request.content)
        except (*BODY_ERRORS, errors.MalformedMessageError) as error:
            return _bad_message(self.tr, request, f"error reading raft message: {error}")
        return await _processed(self.tr, m)


class SnapshotHandler:
    """Takes a message and its database. Go: etcdserver/api/rafthttp/http.go#snapshotHandler"""

    def __init__(self, tr: Transport) -> None:
        """Go: etcdserver/api/rafthttp/http.go#newSnapshotHandler"""
        self.tr = tr

    async def serve_http(self, request: web.Request) -> web.StreamResponse:
        """Keep the database before raft hears of the snapshot, which may then ask for it.

        Go: etcdserver/api/rafthttp/http.go#snapshotHandler.ServeHTTP
        """
        if refusal := _refusal(self.tr, request, "POST"):
            return refusal
        util.add_remote_from_request(self.tr, request)
        dec = MessageDecoder(Link("snapshot", "", ""))
        try:
            m = await _first_message(dec, request.content)
        except (*BODY_ERRORS, errors.MalformedMessageError) as error:
            return _bad_message(self.tr, request, f"failed to decode raft message ({error})")
        if m.type != MsgSnap:
            return _bad_message(self.tr, request, "wrong raft message type")
        failures = metrics.snapshot_receive_failures.labels(id_string(m.from_))
        try:
            await self._save(m, _rest(dec, request.content))
        except BODY_ERRORS as error:
            failures.inc()
            return _error(f"failed to save KV snapshot ({error})", 500)
        resp = await _processed(self.tr, m)
        (metrics.snapshot_receive.labels(id_string(m.from_)) if resp.status == 204 else failures).inc()
        return resp

    async def _save(self, m: Message, body: AsyncIterator[bytes]) -> None:
        assert self.tr.snapshotter is not None, "no snapshotter"
        index = m.snapshot.metadata.index
        lg = util.log_of(self.tr, m.from_).with_(incoming_snapshot_index=index)
        lg.info("receiving database snapshot")
        n = await self.tr.snapshotter.save_db_from(body, index)
        metrics.received_bytes.labels(id_string(m.from_)).inc(n)
        lg.info("received and saved database snapshot", incoming_snapshot_size_bytes=n)


class StreamHandler:
    """Opens a stream for a peer that wants to read. Go: etcdserver/api/rafthttp/http.go#streamHandler"""

    def __init__(self, tr: Transport) -> None:
        """Go: etcdserver/api/rafthttp/http.go#newStreamHandler"""
        self.tr = tr

    async def serve_http(self, request: web.Request) -> web.StreamResponse:
        """Hand the answer's body to the peer's writer, and wait until it is done with it.

        Go: etcdserver/api/rafthttp/http.go#streamHandler.ServeHTTP
        """
        refusal = _refusal(self.tr, request, "GET") or self._stranger(request)
        if refusal:
            refusal.headers["X-Server-Version"] = VERSION
            return refusal
        t, from_ = _stream_type(request.path), NodeID(id_from_string(posixpath.basename(request.path)))
        p, transport = self.tr.peers[from_], request.transport
        assert t is not None, request.path
        resp = web.StreamResponse(headers=_headers(self.tr) | {"X-Server-Version": VERSION})
        await resp.prepare(request)
        conn = OutgoingConn(t, resp, transport)
        await p.attach_outgoing_conn(conn)
        await conn.close_notify()
        if transport and transport.get_write_buffer_size():
            transport.abort()  # it does not read: there is no use in saying goodbye
        return resp

    def _stranger(self, request: web.Request) -> web.Response | None:
        """Why who asks gets no stream, if so."""
        if _stream_type(request.path) is None:
            return self._ignored(request, "invalid path", 404)
        try:
            from_ = NodeID(id_from_string(posixpath.basename(request.path)))
        except ValueError:
            return self._ignored(request, "invalid from", 404)
        if self.tr.raft.is_id_removed(from_):
            return self._ignored(request, "removed member", 410)
        if self.tr.get(from_) is None:
            # It may be that this member is behind, and has not heard yet that the other one joined.
            if urls := request.headers.get("X-PeerURLs"):
                _try_add_remote(self.tr, from_, urls)
            return self._ignored(request, "error sender not found", 404)
        if request.headers.get("X-Raft-To") != id_string(self.tr.id):
            return self._ignored(request, "to field mismatch", 412)
        return None

    def _ignored(self, request: web.Request, why: str, status: int) -> web.Response:
        member = id_string(self.tr.id)
        log.warning("ignored streaming request", local_member_id=member, path=request.path, error=why)
        return _error(why, status, _headers(self.tr))


async def serve_probe(tr: Transport, _: web.Request) -> web.Response:
    """Answer those who measure how far away this member is, and whether its clock is right: with the time."""
    now = datetime.fromtimestamp(tr.clock(), UTC).isoformat().replace("+00:00", "Z")
    return web.Response(text=json.dumps({"OK": True, "Now": now}) + "\n")


def check_cluster_compatibility_from_header(tr: Transport, header: Mapping[str, str]) -> None:
    """Raises IncompatibleVersionError or ClusterIDMismatchError.

    Go: etcdserver/api/rafthttp/http.go#checkClusterCompatibilityFromHeader
    """
    remote, gcid = header.get("X-Server-From", ""), header.get("X-Etcd-Cluster-ID", "")
    lg = log.with_(local_member_id=id_string(tr.id), remote_peer_server_name=remote)
    try:
        server, minimum = util.server_version(header), util.min_cluster_version(header)
        util.check_version_compatibility(remote, server, minimum)
    except (ValueError, errors.IncompatibleVersionError) as error:
        lg.warning("failed to check version compatibility", error=error)
        raise errors.IncompatibleVersionError from error
    if gcid != id_string(tr.cluster_id):
        ours = id_string(tr.cluster_id)
        lg.warning("request cluster ID mismatch", local_member_cluster_id=ours, remote_peer_cluster_id=gcid)
        raise errors.ClusterIDMismatchError


def _refusal(tr: Transport, request: web.Request, method: str) -> web.Response | None:
    """What to answer at once to the wrong method, the wrong version or the wrong cluster."""
    if request.method != method:
        return _error("Method Not Allowed", 405, {"Allow": method})
    try:
        check_cluster_compatibility_from_header(tr, request.headers)
    except errors.RafthttpError as error:
        return _error(str(error), 412, _headers(tr))
    return None


async def _processed(tr: Transport, m: Message) -> web.Response:
    """Let raft take the message in; the answer comes after that, so that the sender knows."""
    try:
        await tr.raft.process(BACKGROUND, m)
    except errors.HTTPError as error:
        return web.json_response({"message": str(error)}, status=error.code)
    except RaftError as error:
        util.log_of(tr, m.from_).warning("failed to process Raft message", error=error)
        return _error("error processing raft message", 500)
    return web.Response(status=204, headers=_headers(tr))


async def _only_message(content: aiohttp.StreamReader) -> Message:
    b = await content.read()
    m = unmarshal(b)
    metrics.received_bytes.labels(id_string(m.from_)).inc(len(b))
    return m


async def _first_message(dec: MessageDecoder, content: aiohttp.StreamReader) -> Message:
    while (m := dec.decode_limit(_NO_LIMIT)) is None:
        if not (data := await content.readany()):
            raise errors.MalformedMessageError("unexpected EOF")
        dec.feed(data)
    return m


async def _rest(dec: MessageDecoder, content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """The bytes behind the message."""
    yield bytes(dec.buf)
    while data := await content.readany():
        yield data


def _bad_message(tr: Transport, request: web.Request, why: str) -> web.Response:
    sender = request.remote or ""
    log.warning("failed to read Raft message", local_member_id=id_string(tr.id), remote=sender, error=why)
    metrics.recv_failures.labels(sender).inc()
    return _error(why, 400, _headers(tr))


def _try_add_remote(tr: Transport, from_: NodeID, urls: str) -> None:
    try:
        tr.add_remote(from_, urls.split(","))
    except URLError as error:
        util.log_of(tr, from_).warning("ignored the URLs of a peer", error=error)


def _stream_type(path: str) -> StreamType | None:
    endpoint = posixpath.dirname(path)
    return next((t for t in StreamType if t.endpoint() == endpoint), None)


def _headers(tr: Transport) -> dict[str, str]:
    return {"X-Etcd-Cluster-ID": id_string(tr.cluster_id)}


def _error(text: str, status: int, headers: Mapping[str, str] | None = None) -> web.Response:
    """As Go's ``http.Error``: the text in a line of its own."""
    return web.Response(text=f"{text}\n", status=status, headers=headers)
