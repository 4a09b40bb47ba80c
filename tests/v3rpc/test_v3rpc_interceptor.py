"""What every call passes, around services that are easy to predict."""

from __future__ import annotations

import logging
from typing import Any, cast

import pytest
from grpclib.const import Status
from grpclib.exceptions import GRPCError

from minietcd.etcdserver.api.v3rpc import metrics
from minietcd.etcdserver.api.v3rpc.header import Header
from minietcd.etcdserver.api.v3rpc.interceptor import (
    chain_unary_server,
    new_log_unary_interceptor,
    new_unary_interceptor,
    prometheus_unary_interceptor,
)
from minietcd.etcdserver.api.v3rpc.quota import QuotaAlarmer
from minietcd.etcdserver.server import EtcdServer
from minietcd.pkg.context import BACKGROUND, Context
from minietcd.proto.etcdserverpb.rpc import UnaryHandler, UnaryServerInfo, UnaryServerInterceptor
from minietcd.proto.etcdserverpb.rpc_pb2 import (
    AlarmRequest,
    AlarmType,
    PutRequest,
    PutResponse,
    RangeRequest,
    ResponseHeader,
)

INFO = UnaryServerInfo(None, "/etcdserverpb.KV/Put")
REQUIRE_LEADER = Context({"hasleader": "true"})


class Member:
    """As much of a member as interceptors ask for."""

    def __init__(self, leader: int = 1, learner: bool = False) -> None:
        self._leader, self._learner = leader, learner
        self.alarms: list[AlarmRequest] = []

    def leader(self) -> int:
        return self._leader

    def is_learner(self) -> bool:
        return self._learner

    def id(self) -> int:
        return 7

    async def alarm(self, ctx: Context, r: AlarmRequest) -> None:
        self.alarms.append(r)


def member(leader: int = 1, learner: bool = False) -> EtcdServer:
    return cast(EtcdServer, Member(leader, learner))


async def answer(ctx: Context, req: Any) -> PutResponse:
    return PutResponse()


async def test_who_requires_a_leader_is_refused_without_one() -> None:
    intercept = new_unary_interceptor(member(leader=0))
    with pytest.raises(GRPCError) as refused:
        await intercept(REQUIRE_LEADER, PutRequest(), INFO, answer)
    assert (refused.value.status, refused.value.message) == (Status.UNAVAILABLE, "etcdserver: no leader")
    assert await intercept(BACKGROUND, PutRequest(), INFO, answer) == PutResponse()
    assert await new_unary_interceptor(member())(REQUIRE_LEADER, PutRequest(), INFO, answer) == PutResponse()


async def test_a_learner_serves_only_reads_that_may_be_stale() -> None:
    intercept = new_unary_interceptor(member(learner=True))
    await intercept(BACKGROUND, RangeRequest(serializable=True), INFO, answer)
    for request in (PutRequest(), RangeRequest()):
        with pytest.raises(GRPCError, match="rpc not supported for learner"):
            await intercept(BACKGROUND, request, INFO, answer)


async def test_interceptors_are_passed_from_the_first_to_the_last_and_back() -> None:
    seen: list[str] = []

    def mark(name: str) -> UnaryServerInterceptor:
        async def intercept(ctx: Context, req: Any, info: UnaryServerInfo, handler: UnaryHandler) -> Any:
            seen.append(f"{name} before {info.full_method}")
            response = await handler(ctx, req)
            seen.append(f"{name} after")
            return response

        return intercept

    await chain_unary_server([mark("a"), mark("b")])(BACKGROUND, PutRequest(), INFO, answer)
    assert seen == [f"a before {INFO.full_method}", f"b before {INFO.full_method}", "b after", "a after"]
    assert await chain_unary_server([])(BACKGROUND, PutRequest(), INFO, answer) == PutResponse()


async def test_the_log_tells_of_a_put_but_not_its_value(caplog: pytest.LogCaptureFixture) -> None:
    intercept = new_log_unary_interceptor(member())
    await intercept(BACKGROUND, PutRequest(key=b"k", value=b"secret"), INFO, answer)
    assert caplog.records == []
    with caplog.at_level(logging.DEBUG):
        await intercept(Context({}, "1.2.3.4:5"), PutRequest(key=b"k", value=b"secret"), INFO, answer)
    [fields] = [record.__dict__["fields"] for record in caplog.records if record.message == "request stats"]
    assert fields["remote"] == "1.2.3.4:5"
    assert fields["request size"] == 11
    assert "secret" not in str(fields)


async def test_the_log_tells_also_of_calls_that_failed(caplog: pytest.LogCaptureFixture) -> None:
    async def refuse(ctx: Context, req: Any) -> Any:
        raise GRPCError(Status.INVALID_ARGUMENT, "no")

    with caplog.at_level(logging.DEBUG), pytest.raises(GRPCError):
        await new_log_unary_interceptor(member())(BACKGROUND, RangeRequest(key=b"k"), INFO, refuse)
    [fields] = [record.__dict__["fields"] for record in caplog.records if record.message == "request stats"]
    assert (fields["request size"], fields["response size"]) == (3, 0)


async def test_calls_are_counted_by_how_they_end() -> None:
    def counts() -> list[float]:
        statuses = (Status.OK, Status.INVALID_ARGUMENT, Status.UNKNOWN)
        counters = [metrics.handled("unary", INFO.full_method, status) for status in statuses]
        return [counter._value.get() for counter in (metrics.started("unary", INFO.full_method), *counters)]

    async def refuse(ctx: Context, req: Any) -> Any:
        raise GRPCError(Status.INVALID_ARGUMENT, "no")

    async def crash(ctx: Context, req: Any) -> Any:
        raise ZeroDivisionError

    before = counts()
    await prometheus_unary_interceptor(BACKGROUND, PutRequest(), INFO, answer)
    with pytest.raises(GRPCError):
        await prometheus_unary_interceptor(BACKGROUND, PutRequest(), INFO, refuse)
    with pytest.raises(ZeroDivisionError):
        await prometheus_unary_interceptor(BACKGROUND, PutRequest(), INFO, crash)
    assert [after - b for after, b in zip(counts(), before, strict=True)] == [3, 1, 1, 1]


def test_a_header_is_completed_but_its_revision_kept() -> None:
    header = Header(1, 2, lambda: 3, lambda: 4)
    fresh, done = ResponseHeader(), ResponseHeader(revision=9)
    header.fill(fresh)
    header.fill(done)
    assert fresh == ResponseHeader(cluster_id=1, member_id=2, raft_term=3, revision=4)
    assert done.revision == 9


async def test_who_has_no_room_left_tells_the_cluster_and_the_client() -> None:
    class Full:
        def available(self, request: object) -> bool:
            return False

    full = Member()
    alarmer = QuotaAlarmer.__new__(QuotaAlarmer)
    alarmer.q, alarmer.a = cast(Any, Full()), cast(EtcdServer, full)
    with pytest.raises(GRPCError, match="etcdserver: mvcc: database space exceeded"):
        await alarmer.check(BACKGROUND, PutRequest())
    [alarm] = full.alarms
    assert (alarm.memberID, alarm.action, alarm.alarm) == (7, AlarmRequest.ACTIVATE, AlarmType.NOSPACE)
