"""What every request between members carries, and what is made of the answer.

Go: etcdserver/api/rafthttp/util.go
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterable, Mapping
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

from minietcd.etcdserver.api.rafthttp import errors
from minietcd.pkg import logutil
from minietcd.pkg.chan import Chan
from minietcd.pkg.types import URLError, URLs, id_from_string, id_string
from minietcd.raft.raftpb import NodeID
from minietcd.version.version import MIN_CLUSTER_VERSION, VERSION, SemVer

if TYPE_CHECKING:
    from minietcd.etcdserver.api.rafthttp.transport import Transport

log = logutil.get_logger("rafthttp")

LOCAL_SERVER, LOCAL_MIN_CLUSTER = SemVer.parse(VERSION), SemVer.parse(MIN_CLUSTER_VERSION)

RAFT_PREFIX = "/raft"
PROBING_PREFIX = f"{RAFT_PREFIX}/probing"
RAFT_STREAM_PREFIX = f"{RAFT_PREFIX}/stream"
RAFT_SNAPSHOT_PREFIX = f"{RAFT_PREFIX}/snapshot"

_SKIPPED_HEADERS = ("Accept", "Accept-Encoding")


def new_round_tripper(dial_timeout: float | None) -> aiohttp.ClientSession:
    """For POSTs: connections are kept, and an answer may take its time.

    Go: etcdserver/api/rafthttp/util.go#NewRoundTripper
    """
    return _session(aiohttp.TCPConnector(limit=0), dial_timeout, None)


def new_stream_round_tripper(dial_timeout: float | None, read_timeout: float) -> aiohttp.ClientSession:
    """For streams: a connection each, given up when nothing comes for ``read_timeout`` seconds.

    Go: etcdserver/api/rafthttp/util.go#newStreamRoundTripper
    """
    return _session(aiohttp.TCPConnector(limit=0, force_close=True), dial_timeout, read_timeout)


def _session(
    connector: aiohttp.TCPConnector, dial_timeout: float | None, read_timeout: float | None
) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=dial_timeout, sock_read=read_timeout),
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=_SKIPPED_HEADERS,
        auto_decompress=False,
    )


def request_headers(tr: Transport) -> dict[str, str]:
    """Who asks, of which cluster and version, and where it listens."""
    headers = {
        "X-Server-From": id_string(tr.id),
        "X-Server-Version": VERSION,
        "X-Min-Cluster-Version": MIN_CLUSTER_VERSION,
        "X-Etcd-Cluster-ID": id_string(tr.cluster_id),
    }
    set_peer_urls_header(headers, tr.urls)
    return headers


def create_post_request(
    tr: Transport, u: str, path: str, body: bytes | AsyncIterable[bytes], ct: str
) -> contextlib.AbstractAsyncContextManager[aiohttp.ClientResponse]:
    """A POST of raft's to ``u``. Go: etcdserver/api/rafthttp/util.go#createPostRequest"""
    return tr.pipeline_rt.post(u + path, data=body, headers=request_headers(tr) | {"Content-Type": ct})


def check_post_response(resp: aiohttp.ClientResponse, body: bytes, to: NodeID) -> None:
    """Raises a RafthttpError unless the message was accepted.

    Go: etcdserver/api/rafthttp/util.go#checkPostResponse
    """
    if resp.status == web.HTTPPreconditionFailed.status_code:
        raise precondition_error(body)
    if resp.status == web.HTTPForbidden.status_code:
        raise errors.MemberRemovedError
    if resp.status != web.HTTPNoContent.status_code:
        raise errors.PeerAnswerError(f'unexpected http status {resp.reason} while posting to "{resp.url}"')


def precondition_error(body: bytes) -> errors.RafthttpError:
    """What status 412 with that body says."""
    text = body.decode(errors="replace")
    for error in (errors.IncompatibleVersionError, errors.ClusterIDMismatchError):
        if text.removesuffix("\n") == error.text:
            return error()
    return errors.PeerAnswerError(f'unhandled error "{text}" when precondition failed')


def report_critical_error(error: errors.RafthttpError, errc: Chan[Exception] | None) -> None:
    """Tell the server, once, that it cannot go on. Go: etcdserver/api/rafthttp/util.go#reportCriticalError"""
    if errc is not None:
        errc.try_send(error)


def compare_major_minor_version(a: SemVer, b: SemVer) -> int:
    """-1, 0 or 1. Go: etcdserver/api/rafthttp/util.go#compareMajorMinorVersion"""
    return (a[:2] > b[:2]) - (a[:2] < b[:2])


def server_version(h: Mapping[str, str]) -> SemVer:
    """Raises ValueError. Go: etcdserver/api/rafthttp/util.go#serverVersion"""
    return SemVer.parse(h.get("X-Server-Version") or "2.0.0")


def min_cluster_version(h: Mapping[str, str]) -> SemVer:
    """Raises ValueError. Go: etcdserver/api/rafthttp/util.go#minClusterVersion"""
    return SemVer.parse(h.get("X-Min-Cluster-Version") or "2.0.0")


def check_version_compatibility(name: str, server: SemVer, min_cluster: SemVer) -> None:
    """Raises IncompatibleVersionError if one of the two could not be in a cluster of the other.

    Go: etcdserver/api/rafthttp/util.go#checkVersionCompatibility
    """
    versions = f"remote[{name}]={server}, local={LOCAL_SERVER}"
    if compare_major_minor_version(server, LOCAL_MIN_CLUSTER) == -1:
        raise errors.IncompatibleVersionError(f"remote version is too low: {versions}")
    if compare_major_minor_version(min_cluster, LOCAL_SERVER) == 1:
        raise errors.IncompatibleVersionError(f"local version is too low: {versions}")


def set_peer_urls_header(headers: dict[str, str], urls: URLs) -> None:
    """Say where this member listens. Go: etcdserver/api/rafthttp/util.go#setPeerURLsHeader"""
    if urls:
        headers["X-PeerURLs"] = str(urls)


def add_remote_from_request(tr: Transport, request: web.BaseRequest) -> None:
    """Know the sender, if this member has not heard of it yet.

    Go: etcdserver/api/rafthttp/util.go#addRemoteFromRequest
    """
    urls = request.headers.get("X-PeerURLs")
    with contextlib.suppress(ValueError, URLError):
        from_ = NodeID(id_from_string(request.headers.get("X-Server-From", "")))
        if urls:
            tr.add_remote(from_, urls.split(","))


def log_of(tr: Transport, peer: NodeID) -> logutil.Logger:
    """The log, its lines being about a peer."""
    return log.with_(local_member_id=id_string(tr.id), remote_peer_id=id_string(peer))


async def cancel(*tasks: asyncio.Task[None]) -> None:
    """Cancel the tasks and wait until they are gone."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
