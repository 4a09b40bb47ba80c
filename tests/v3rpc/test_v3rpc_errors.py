"""Exceptions to statuses and back, with etcd's words."""

from __future__ import annotations

import pytest
from grpclib.const import Status
from grpclib.exceptions import GRPCError

from minietcd.etcdserver import errors as etcdserver
from minietcd.etcdserver.api.v3rpc.key import (
    check_delete_request,
    check_intervals,
    check_put_request,
    check_range_request,
    check_txn_request,
)
from minietcd.etcdserver.api.v3rpc.rpctypes.error import (
    ErrGRPCCompacted,
    ErrGRPCEmptyKey,
    EtcdError,
    err_string_to_error,
    error,
)
from minietcd.etcdserver.api.v3rpc.util import to_grpc_error, to_grpc_error_map
from minietcd.proto.etcdserverpb.rpc_pb2 import (
    Compare,
    DeleteRangeRequest,
    PutRequest,
    RangeRequest,
    RequestOp,
    TxnRequest,
)
from minietcd.raft.errors import ProposalDroppedError


@pytest.mark.parametrize("sentinel", err_string_to_error.values())
def test_a_client_knows_every_error_of_a_server_again(sentinel: object) -> None:
    err = error(sentinel.err())  # type: ignore[attr-defined]
    assert isinstance(err, EtcdError)
    assert err.matches(sentinel)  # type: ignore[arg-type]
    assert str(err).startswith("etcdserver: ")


def test_words_that_are_not_etcds_stay_what_they_are() -> None:
    err = GRPCError(Status.UNAVAILABLE, "transport is closing")
    assert error(err) is err


def test_an_error_matches_only_its_own_sentinel() -> None:
    err = error(ErrGRPCCompacted.err())
    assert isinstance(err, EtcdError)
    assert err.matches(ErrGRPCCompacted)
    assert not err.matches(ErrGRPCEmptyKey)


@pytest.mark.parametrize("kind", to_grpc_error_map)
def test_every_exception_has_its_status(kind: type[Exception]) -> None:
    status = to_grpc_error(kind())
    assert (status.status, status.message) == to_grpc_error_map[kind]


def test_all_that_etcdserver_raises_in_a_request_has_its_words() -> None:
    status = to_grpc_error(etcdserver.TimeoutDueToConnectionLostError())
    assert status.status is Status.UNAVAILABLE
    assert status.message == "etcdserver: request timed out, possibly due to connection lost"


def test_what_has_no_status_is_unknown_and_a_fault_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    dropped = to_grpc_error(ProposalDroppedError())
    assert (dropped.status, dropped.message) == (Status.UNKNOWN, "raft proposal dropped")
    assert caplog.messages == []
    assert to_grpc_error(KeyError("x")).status is Status.UNKNOWN
    assert "KeyError('x')" in caplog.text


def test_a_deadline_that_passed_is_the_clients() -> None:
    assert to_grpc_error(TimeoutError()).status is Status.DEADLINE_EXCEEDED


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (PutRequest(value=b"v"), "etcdserver: key is not provided"),
        (PutRequest(key=b"k", value=b"v", ignore_value=True), "etcdserver: value is provided"),
        (PutRequest(key=b"k", lease=1, ignore_lease=True), "etcdserver: lease is provided"),
        (RangeRequest(), "etcdserver: key is not provided"),
        (DeleteRangeRequest(range_end=b"z"), "etcdserver: key is not provided"),
    ],
)
def test_requests_without_sense_are_refused(request_: object, words: str) -> None:
    with pytest.raises(GRPCError) as refused:
        if isinstance(request_, PutRequest):
            check_put_request(request_)
        elif isinstance(request_, RangeRequest):
            check_range_request(request_)
        elif isinstance(request_, DeleteRangeRequest):
            check_delete_request(request_)
    assert refused.value.status is Status.INVALID_ARGUMENT
    assert refused.value.message == words


GET = RequestOp(request_range=RangeRequest(key=b"a"))


def put(key: bytes) -> RequestOp:
    return RequestOp(request_put=PutRequest(key=key))


def delete(key: bytes, end: bytes = b"") -> RequestOp:
    return RequestOp(request_delete_range=DeleteRangeRequest(key=key, range_end=end))


def txn(success: list[RequestOp], failure: list[RequestOp] | None = None) -> RequestOp:
    return RequestOp(request_txn=TxnRequest(success=success, failure=failure or []))


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (TxnRequest(compare=[Compare()]), "etcdserver: key is not provided"),
        (TxnRequest(failure=[put(b"")]), "etcdserver: key is not provided"),
        (TxnRequest(success=[txn([delete(b"")])]), "etcdserver: key is not provided"),
        (TxnRequest(success=[RequestOp()]), "etcdserver: key not found"),
        (TxnRequest(success=[GET] * 5), "etcdserver: too many operations in txn request"),
        (TxnRequest(success=[txn([GET] * 3), GET]), "etcdserver: too many operations in txn request"),
    ],
)
def test_a_transaction_makes_sense_in_every_part(request_: TxnRequest, words: str) -> None:
    with pytest.raises(GRPCError) as refused:
        check_txn_request(request_, 4)
    assert (refused.value.status, refused.value.message) == (Status.INVALID_ARGUMENT, words)
    check_txn_request(TxnRequest(success=[txn([GET] * 2), GET], failure=[put(b"a"), delete(b"a")]), 4)


@pytest.mark.parametrize(
    "ops",
    [
        [put(b"a"), put(b"a")],
        [put(b"a"), delete(b"a")],
        [delete(b"a", b"c"), put(b"b")],
        [put(b"a"), txn([put(b"a")])],
        [txn([put(b"a")]), txn([], [put(b"a")])],
        [txn([delete(b"a")]), put(b"a")],
        [delete(b"a"), txn([], [put(b"a")])],
    ],
)
def test_a_key_changes_only_once_in_a_transaction(ops: list[RequestOp]) -> None:
    with pytest.raises(GRPCError, match="etcdserver: duplicate key given in txn request"):
        check_intervals(ops)


@pytest.mark.parametrize(
    "ops",
    [
        [put(b"a"), put(b"b"), delete(b"c"), delete(b"c")],
        [delete(b"a", b"c"), put(b"c")],
        [txn([put(b"a")], [put(b"a")])],
        [put(b"a"), GET],
    ],
)
def test_changes_that_do_not_meet_may_stand_together(ops: list[RequestOp]) -> None:
    check_intervals(ops)
