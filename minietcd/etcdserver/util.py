"""Who is connected, and what took too long.

Go: etcdserver/util.go
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message

from minietcd.etcdserver.api.membership.member import Member
from minietcd.pkg import logutil
from minietcd.pkg.chan import Chan
from minietcd.proto.etcdserverpb.raft_internal_pb2 import InternalRaftRequest
from minietcd.proto.etcdserverpb.raft_internal_stringer import internal_raft_string, loggable_string
from minietcd.proto.etcdserverpb.rpc_pb2 import RangeResponse, TxnResponse
from minietcd.raft.raftpb import NodeID

if TYPE_CHECKING:
    from minietcd.etcdserver.api.rafthttp.transport import Transport

log = logutil.get_logger("etcdserver")


def is_connected_to_quorum_since(
    transport: Transport, since: float, self_id: NodeID, members: list[Member]
) -> bool:
    """Whether this member and those connected since before ``since`` are a quorum.

    Go: etcdserver/util.go#isConnectedToQuorumSince
    """
    return num_connected_since(transport, since, self_id, members) >= len(members) // 2 + 1


def is_connected_since(transport: Transport, since: float, remote: NodeID) -> bool:
    """Whether ``remote`` has been connected since before ``since`` (the loop's clock).

    Go: etcdserver/util.go#isConnectedSince
    """
    active_since = transport.active_since(remote)
    return active_since is not None and active_since < since


def is_connected_fully_since(
    transport: Transport, since: float, self_id: NodeID, members: list[Member]
) -> bool:
    """Whether all of ``members`` have been connected since before ``since``.

    Go: etcdserver/util.go#isConnectedFullySince
    """
    return num_connected_since(transport, since, self_id, members) == len(members)


def num_connected_since(transport: Transport, since: float, self_id: NodeID, members: list[Member]) -> int:
    """How many of ``members`` have been connected since before ``since``, this one included.

    Go: etcdserver/util.go#numConnectedSince
    """
    return sum(m.id == self_id or is_connected_since(transport, since, m.id) for m in members)


def longest_connected(transport: Transport, members: Iterable[NodeID]) -> NodeID | None:
    """The member that has been connected longest, if any is. Go: etcdserver/util.go#longestConnected"""
    active = [(since, id) for id in members if (since := transport.active_since(id)) is not None]
    return min(active)[1] if active else None


class Notifier:
    """Wakes everybody who waits for one event, and tells them whether it failed.

    Go: etcdserver/util.go#notifier
    """

    __slots__ = ("c", "err")

    def __init__(self) -> None:
        """Go: etcdserver/util.go#newNotifier"""
        self.c: Chan[None] = Chan("readNotifier.c")
        self.err: Exception | None = None

    def notify(self, err: Exception | None) -> None:
        """Wake all who wait, for good; ``err`` is what they raise. Go: etcdserver/util.go#notifier.notify"""
        self.err = err
        self.c.close()


def warn_of_expensive_request(
    limit: float, took: float, request: InternalRaftRequest, response: Message | None, err: Exception | None
) -> None:
    """Tell of a request that took longer to apply than ``limit`` (seconds).

    Go: etcdserver/util.go#warnOfExpensiveRequest
    """
    if took > limit:
        shown = internal_raft_string(request), _size_text(response)
        warn_of_expensive_generic_request(limit, took, "", *shown, err)


def warn_of_failed_request(took: float, request: InternalRaftRequest, err: Exception) -> None:
    """Tell of a request that could not be applied, after ``took`` seconds.

    Go: etcdserver/util.go#warnOfFailedRequest
    """
    shown = internal_raft_string(request)
    log.warning("failed to apply request", took=took, request=shown, response="", error=err)


def warn_of_expensive_read_only_request(
    limit: float, took: float, request: Message, response: Any, err: Exception | None
) -> None:
    """The same of a range, or of a transaction that only reads.

    Go: etcdserver/util.go#warnOfExpensiveReadOnlyTxnRequest
    Go: etcdserver/util.go#warnOfExpensiveReadOnlyRangeRequest
    """
    if took <= limit:
        return
    text = ""
    if isinstance(response, RangeResponse):
        text = f"range_response_count:{len(response.kvs)} {_size_text(response)}"
    elif isinstance(response, TxnResponse):
        counts = [f"range_response_count:{len(op.response_range.kvs)}" for op in response.responses]
        text = f"responses:<{' '.join(counts)}> {_size_text(response)}"
    shown = loggable_string(request), text
    warn_of_expensive_generic_request(limit, took, "read-only range ", *shown, err)


def warn_of_expensive_generic_request(
    limit: float, took: float, prefix: str, request: str, response: str, err: Exception | None
) -> None:
    """Log that a request took ``took`` seconds, which is more than ``limit``.

    Go: etcdserver/util.go#warnOfExpensiveGenericRequest
    """
    lg = log.with_(took=took, expected_duration=limit, prefix=prefix, request=request, response=response)
    (lg.with_(error=err) if err else lg).warning("apply request took too long")


def _size_text(response: Message | None) -> str:
    return "" if response is None else f"size:{response.ByteSize()}"
