"""Who is connected, and what took too long.

Go: etcdserver/util.go
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from minietcd.etcdserver.api.membership.member import Member
from minietcd.pkg import logutil
from minietcd.pkg.chan import Chan
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


def warn_of_failed_request(took: float, request: Any, err: Exception) -> None:
    """Tell of a request that could not be applied, after ``took`` seconds.

    Go: etcdserver/util.go#warnOfFailedRequest
    """
    log.warning("failed to apply request", took=took, request=_shown(request), error=err)


def warn_of_expensive_generic_request(
    warning_apply_duration: float, took: float, request: Any, prefix: str, response: Any
) -> None:
    """Tell of a request that took longer than it should (seconds).

    Go: etcdserver/util.go#warnOfExpensiveGenericRequest
    """
    if took > warning_apply_duration:
        log.warning(
            "apply request took too long",
            took=took,
            expected_duration=warning_apply_duration,
            prefix=prefix,
            request=_shown(request),
            response="" if response is None else f"size:{response.ByteSize()}",
        )


def _shown(request: Any) -> str:
    """The request on one line; of values, which may be secret or long, only the size."""
    name = type(request).__name__
    parts = [f"{f.name}:{len(v) if f.name == 'value' else v!r}" for f, v in request.ListFields()]
    return f"{name}<{' '.join(parts)}>"[:512]
