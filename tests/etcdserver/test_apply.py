"""What a committed request does to the store and what it answers, without any raft around it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minietcd.auth.store import AuthInfo, AuthStore
from minietcd.etcdserver import quota
from minietcd.etcdserver.apply import (
    ApplierV3,
    ApplierV3backend,
    ApplierV3Capped,
    ApplierV3Corrupt,
    QuotaApplierV3,
    compare_kv,
    is_txn_readonly,
    prune_kvs,
    remove_needless_range_reqs,
)
from minietcd.etcdserver.apply_auth import AuthApplierV3, need_admin_permission
from minietcd.etcdserver.errors import CorruptError, KeyNotFoundError, NoSpaceError
from minietcd.lease.errors import LeaseNotFoundError
from minietcd.lease.lessor import LeaseID, Lessor
from minietcd.mvcc.backend.backend import Backend
from minietcd.mvcc.errors import CompactedError, FutureRevError
from minietcd.mvcc.watchable_store import WatchableStore
from minietcd.proto.etcdserverpb import rpc_pb2 as pb
from minietcd.proto.etcdserverpb.raft_internal_pb2 import InternalRaftRequest
from minietcd.proto.mvccpb.kv_pb2 import KeyValue

R = pb.RangeRequest
C = pb.Compare


@pytest.fixture
def s(tmp_path: Path) -> Iterator[Any]:
    """The parts of a member that applying needs."""
    be = Backend(tmp_path / "db")
    lessor = Lessor(be)
    kv = WatchableStore(be, lessor, None)
    server: Any = SimpleNamespace(
        kv=lambda: kv,
        lessor=lessor,
        backend=lambda: be,
        auth_store=lambda: auth,
        cfg=SimpleNamespace(clock=lambda: 0.0, warning_apply_duration=0.1, quota_backend_bytes=0),
        cluster=lambda: SimpleNamespace(id=lambda: 1),
        id=lambda: 2,
        term=lambda: 3,
    )
    auth = AuthStore(be)
    server.base = ApplierV3backend(server)
    server.apply_v3 = AuthApplierV3(auth, QuotaApplierV3(server, server.base), lessor)
    yield server
    be.close()


def put(key: str, value: str = "v", **more: Any) -> pb.PutRequest:
    return pb.PutRequest(key=key.encode(), value=value.encode(), **more)


def apply(s: Any, **request: Any) -> Any:
    result = s.apply_v3.apply(InternalRaftRequest(**request))
    if result.err:
        raise result.err
    return result.resp


def keys(answer: pb.RangeResponse) -> str:
    return " ".join(kv.key.decode() for kv in answer.kvs)


@pytest.fixture
def filled(s: Any) -> Any:
    """a, b, c, d: created at 2, 3, 4, 5; b was modified again, then a; d has the least value."""
    for key, value in [("a", "4"), ("b", "3"), ("c", "2"), ("d", "1"), ("b", "3"), ("a", "4"), ("a", "4")]:
        apply(s, put=put(key, value))
    return s


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "a b c d"),
        ({"sort_order": R.DESCEND}, "d c b a"),
        ({"sort_target": R.VALUE}, "d c b a"),
        ({"sort_target": R.MOD}, "c d b a"),
        ({"sort_target": R.VERSION, "sort_order": R.DESCEND}, "a b c d"),
        ({"sort_target": R.CREATE, "sort_order": R.DESCEND}, "d c b a"),
        ({"limit": 2}, "a b"),
        ({"limit": 2, "sort_order": R.DESCEND}, "d c"),
        ({"min_mod_revision": 6}, "a b"),
        ({"max_mod_revision": 5}, "c d"),
        ({"min_create_revision": 3, "max_create_revision": 4}, "b c"),
        ({"revision": 3}, "a b"),
        ({"count_only": True}, ""),
    ],
)
def test_range_sorts_prunes_and_cuts(filled: Any, options: dict[str, Any], expected: str) -> None:
    answer = filled.base.range(None, R(key=b"a", range_end=b"\0", **options))
    assert keys(answer) == expected
    assert answer.header.revision == 8
    assert answer.count == (2 if "revision" in options else 4)
    assert answer.more == ("limit" in options)


def test_range_can_leave_values_out(filled: Any) -> None:
    answer = filled.base.range(None, R(key=b"a", keys_only=True))
    assert (answer.kvs[0].key, answer.kvs[0].value, answer.kvs[0].version) == (b"a", b"", 3)
    assert filled.base.range(None, R(key=b"a")).kvs[0].value == b"4"


def test_put_answers_and_keeps_what_it_is_told(s: Any) -> None:
    assert not apply(s, put=put("a", "1", prev_kv=True)).HasField("prev_kv")
    assert apply(s, put=put("a", "2", prev_kv=True)).prev_kv.value == b"1"
    lease = apply(s, lease_grant=pb.LeaseGrantRequest(ID=7, TTL=100))
    assert (lease.ID, lease.TTL, lease.header.member_id) == (7, 100, 2)
    apply(s, put=put("a", "", ignore_value=True, lease=7))
    apply(s, put=put("a", "3", ignore_lease=True))
    (kv,) = s.base.range(None, R(key=b"a")).kvs
    assert (kv.value, kv.lease) == (b"3", 7)


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (put("none", "", ignore_value=True), KeyNotFoundError),
        (put("none", ignore_lease=True), KeyNotFoundError),
        (put("none", lease=9), LeaseNotFoundError),
    ],
)
def test_a_put_that_cannot_be_changes_nothing(filled: Any, request_: pb.PutRequest, error: Any) -> None:
    with pytest.raises(error):
        apply(filled, put=request_)
    op = pb.RequestOp(request_put=request_)
    with pytest.raises(error):
        apply(filled, txn=pb.TxnRequest(success=[pb.RequestOp(request_put=put("a", "9")), op]))
    assert filled.kv().rev() == 8
    assert filled.base.range(None, R(key=b"a")).kvs[0].value == b"4"


def test_delete_range_counts_and_shows(filled: Any) -> None:
    answer = apply(filled, delete_range=pb.DeleteRangeRequest(key=b"b", range_end=b"d", prev_kv=True))
    assert (answer.deleted, [kv.key for kv in answer.prev_kvs]) == (2, [b"b", b"c"])
    assert answer.header.revision == 9
    assert apply(filled, delete_range=pb.DeleteRangeRequest(key=b"b")).deleted == 0
    assert filled.kv().rev() == 9


def test_a_txn_that_fails_after_it_wrote_shows_nothing_and_is_the_last(filled: Any) -> None:
    """Clients cannot ask for one: it deletes and puts the same key. It could still be in the log."""
    gone = pb.RequestOp(request_delete_range=pb.DeleteRangeRequest(key=b"a"))
    kept = pb.RequestOp(request_put=put("a", "", ignore_value=True))
    with pytest.raises(AssertionError, match="unexpected error during txn: etcdserver: key not found"):
        apply(filled, txn=pb.TxnRequest(success=[gone, kept]))
    with pytest.raises(AssertionError, match="a write transaction is open already"):
        apply(filled, put=put("b"))
    with pytest.raises(AssertionError, match="a write transaction is open already"):
        filled.backend().force_commit()
    assert filled.kv().rev() == 8
    filled.backend().batch_tx().rollback()


@pytest.mark.parametrize(
    ("compare", "holds"),
    [
        (C(key=b"a", target=C.VALUE, result=C.EQUAL, value=b"4"), True),
        (C(key=b"a", target=C.VALUE, result=C.GREATER, value=b"4"), False),
        (C(key=b"a", target=C.VERSION, result=C.EQUAL, version=3), True),
        (C(key=b"a", target=C.CREATE, result=C.LESS, create_revision=3), True),
        (C(key=b"a", target=C.MOD, result=C.NOT_EQUAL, mod_revision=8), False),
        (C(key=b"a", target=C.LEASE, result=C.EQUAL, lease=0), True),
        (C(key=b"a", range_end=b"e", target=C.CREATE, result=C.LESS, create_revision=6), True),
        (C(key=b"a", range_end=b"e", target=C.VALUE, result=C.LESS, value=b"4"), False),
        (C(key=b"none", target=C.VERSION, result=C.EQUAL, version=0), True),
        (C(key=b"none", target=C.VALUE, result=C.EQUAL, value=b""), False),
    ],
)
def test_txn_takes_the_branch_that_the_comparison_says(filled: Any, compare: C, holds: bool) -> None:
    branches = [pb.RequestOp(request_put=put(f"{branch}")) for branch in (True, False)]
    answer = apply(filled, txn=pb.TxnRequest(compare=[compare], success=branches[:1], failure=branches[1:]))
    assert answer.succeeded == holds
    assert keys(filled.base.range(None, R(key=b"False", range_end=b"a"))) == str(holds)
    assert answer.header.revision == 9


@pytest.mark.parametrize(
    ("compare", "holds"),
    [
        (C(key=b"a", target=9), True),  # type: ignore[arg-type]
        (C(key=b"a", target=-1, result=C.LESS), False),  # type: ignore[arg-type]
        (C(key=b"a", target=C.VALUE, result=9), True),  # type: ignore[arg-type]
    ],
)
def test_txn_takes_some_branch_also_when_the_comparison_makes_no_sense(
    filled: Any, compare: C, holds: bool
) -> None:
    success = [pb.RequestOp(request_put=put("new"))]
    assert apply(filled, txn=pb.TxnRequest(compare=[compare], success=success)).succeeded is holds


@pytest.mark.parametrize(
    "odd", [{"sort_target": 9}, {"sort_target": -1, "sort_order": 7}, {"limit": 2**63 - 1}]
)
def test_txn_reads_also_in_an_order_that_makes_no_sense(filled: Any, odd: dict[str, Any]) -> None:
    read = pb.RequestOp(request_range=pb.RangeRequest(key=b"a", range_end=b"z", **odd))
    answer = apply(filled, txn=pb.TxnRequest(success=[pb.RequestOp(request_put=put("new")), read]))
    assert len(answer.responses[1].response_range.kvs) == 5


def test_txn_acts_in_order_at_one_revision_also_when_nested(filled: Any) -> None:
    inner = pb.TxnRequest(
        compare=[C(key=b"d", target=C.VALUE, result=C.EQUAL, value=b"no")],
        failure=[pb.RequestOp(request_put=put("d", "new"))],
    )
    after = pb.RequestOp(request_range=R(key=b"d"))
    gone = pb.RequestOp(request_delete_range=pb.DeleteRangeRequest(key=b"a"))
    txn = pb.TxnRequest(success=[gone, pb.RequestOp(request_txn=inner), after])
    answer = apply(filled, txn=txn)
    deleted, nested, read = answer.responses
    assert deleted.response_delete_range.deleted == 1
    assert not nested.response_txn.succeeded
    assert nested.response_txn.responses[0].response_put.header.revision == 9
    assert read.response_range.kvs[0].value == b"new"
    assert answer.header.revision == filled.kv().rev() == 9


def test_txn_that_changes_nothing_makes_no_revision(filled: Any) -> None:
    gone = pb.RequestOp(request_delete_range=pb.DeleteRangeRequest(key=b"none"))
    assert apply(filled, txn=pb.TxnRequest(success=[gone])).header.revision == 8
    read = pb.TxnRequest(success=[pb.RequestOp(request_range=R(key=b"a"))])
    assert is_txn_readonly(read)
    assert filled.base.txn(read).header.revision == 8


@pytest.mark.parametrize(("revision", "error"), [(9, FutureRevError), (3, CompactedError)])
async def test_txn_reads_only_revisions_that_are_there(filled: Any, revision: int, error: Any) -> None:
    filled.kv().compact(4)
    read = pb.RequestOp(request_range=R(key=b"a", revision=revision))
    with pytest.raises(error):
        apply(filled, txn=pb.TxnRequest(success=[pb.RequestOp(request_put=put("x")), read]))
    with pytest.raises(error):
        filled.base.range(None, R(key=b"a", revision=revision))
    await filled.kv().close()


def test_revoking_a_lease_deletes_its_keys(s: Any) -> None:
    apply(s, lease_grant=pb.LeaseGrantRequest(ID=7, TTL=100))
    apply(s, put=put("a", lease=7))
    apply(s, lease_revoke=pb.LeaseRevokeRequest(ID=7))
    assert not s.base.range(None, R(key=b"a")).kvs
    assert s.lessor.lookup(LeaseID(7)) is None
    with pytest.raises(LeaseNotFoundError):
        apply(s, lease_revoke=pb.LeaseRevokeRequest(ID=7))


def test_a_full_backend_still_does_what_was_committed_but_says_so(s: Any) -> None:
    s.cfg.quota_backend_bytes = 1
    s.apply_v3 = QuotaApplierV3(s, s.base)
    with pytest.raises(NoSpaceError):
        apply(s, put=put("a"))
    assert keys(s.base.range(None, R(key=b"a"))) == "a"
    assert apply(s, delete_range=pb.DeleteRangeRequest(key=b"a")).deleted == 1


def test_a_raised_alarm_refuses_what_grows(filled: Any) -> None:
    filled.apply_v3 = ApplierV3Capped(filled.base)
    for refused in (
        {"put": put("a")},
        {"txn": pb.TxnRequest(failure=[pb.RequestOp(request_put=put("a"))])},
        {"lease_grant": pb.LeaseGrantRequest(TTL=1)},
    ):
        with pytest.raises(NoSpaceError):
            apply(filled, **refused)
    assert apply(filled, delete_range=pb.DeleteRangeRequest(key=b"a")).deleted == 1
    corrupt: ApplierV3 = ApplierV3Corrupt(filled.base)
    with pytest.raises(CorruptError):
        corrupt.range(None, R(key=b"a"))


def test_costs_are_etcds() -> None:
    assert quota.cost(put("key", "value")) == 256 + 3 + 5
    assert quota.cost(pb.LeaseGrantRequest()) == 64
    two, one = [pb.RequestOp(request_put=put("k"))] * 2, [pb.RequestOp(request_put=put("k", "v" * 600))]
    assert quota.cost(pb.TxnRequest(success=two, failure=one)) == 256 + 1 + 600


def test_who_may_not_write_is_refused_when_it_is_applied(s: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AuthStore, "is_auth_enabled", lambda store: True)
    result = s.apply_v3.apply(InternalRaftRequest(put=put("a")))
    assert str(result.err) == "auth: user name is empty"
    asked = {"username": "me", "auth_revision": 1}
    result = s.apply_v3.apply(InternalRaftRequest(header=asked, put=put("a")))
    assert str(result.err) == "auth: permission denied"
    assert s.kv().rev() == 1
    assert s.apply_v3._auth_info == AuthInfo("me", 1)


def test_only_admins_change_users() -> None:
    assert need_admin_permission(InternalRaftRequest(auth_user_add=pb.AuthUserAddRequest()))
    assert not need_admin_permission(InternalRaftRequest(auth_user_get=pb.AuthUserGetRequest()))
    assert not need_admin_permission(InternalRaftRequest(put=put("a")))


def test_reads_that_nobody_waits_for_are_dropped() -> None:
    ops = [pb.RequestOp(request_range=R(key=b"a")), pb.RequestOp(request_put=put("a"))]
    txn = pb.TxnRequest(success=ops, failure=ops[:1])
    remove_needless_range_reqs(txn)
    assert (list(txn.success), list(txn.failure)) == (ops[1:], [])


bounds = st.integers(0, 5)


@given(st.lists(st.tuples(bounds, bounds)), bounds, bounds, bounds, bounds)
def test_pruning_keeps_exactly_what_is_within_bounds(
    revisions: list[tuple[int, int]], min_mod: int, max_mod: int, min_create: int, max_create: int
) -> None:
    kvs = [KeyValue(mod_revision=mod, create_revision=create) for mod, create in revisions]
    request = R(
        min_mod_revision=min_mod,
        max_mod_revision=max_mod,
        min_create_revision=min_create,
        max_create_revision=max_create,
    )
    left = [(kv.mod_revision, kv.create_revision) for kv in prune_kvs(kvs, request)]
    assert left == [
        (mod, create)
        for mod, create in revisions
        if not ((max_mod and mod > max_mod) or mod < min_mod)
        if not ((max_create and create > max_create) or create < min_create)
    ]


@given(st.integers(), st.integers())
def test_comparisons_are_those_of_integers(have: int, want: int) -> None:
    have, want = have % 2**63, want % 2**63
    kv = KeyValue(version=have)
    results = [
        compare_kv(C(target=C.VERSION, result=result, version=want), kv)
        for result in (C.EQUAL, C.NOT_EQUAL, C.GREATER, C.LESS)
    ]
    assert results == [have == want, have != want, have > want, have < want]
