"""Operations and their options become the requests that etcd's client sends."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minietcd.clientv3 import op
from minietcd.proto.etcdserverpb.rpc_pb2 import RangeRequest


@pytest.mark.parametrize(
    ("key", "opts", "expected"),
    [
        ("foo", [], {"key": b"foo"}),
        ("foo", [op.with_prefix()], {"key": b"foo", "range_end": b"fop"}),
        ("a\udcff", [op.with_prefix()], {"key": b"a\xff", "range_end": b"b"}),
        (b"\xff\xff", [op.with_prefix()], {"key": b"\xff\xff", "range_end": b"\0"}),
        ("", [op.with_prefix()], {"key": b"\0", "range_end": b"\0"}),
        ("", [op.with_from_key()], {"key": b"\0", "range_end": b"\0"}),
        ("a", [op.with_range("c"), op.with_limit(2)], {"key": b"a", "range_end": b"c", "limit": 2}),
        ("a", [op.with_rev(7), op.with_serializable()], {"key": b"a", "revision": 7, "serializable": True}),
        ("a", [op.with_sort(op.SortByKey, op.SortAscend)], {"key": b"a"}),
        (
            "a",
            [op.with_sort(op.SortByModRevision, op.SortDescend)],
            {"key": b"a", "sort_target": "MOD", "sort_order": "DESCEND"},
        ),
        (
            "a",
            [op.with_keys_only(), op.with_count_only()],
            {"key": b"a", "keys_only": True, "count_only": True},
        ),
        (
            "a",
            [op.with_min_mod_rev(1), op.with_max_mod_rev(2)],
            {"key": b"a", "min_mod_revision": 1, "max_mod_revision": 2},
        ),
        (
            "a",
            [op.with_min_create_rev(3), op.with_max_create_rev(4)],
            {"key": b"a", "min_create_revision": 3, "max_create_revision": 4},
        ),
    ],
)
def test_a_get_becomes_this_range_request(key: Any, opts: list[Any], expected: dict[str, Any]) -> None:
    assert op.op_get(key, *opts).to_range_request() == RangeRequest(**expected)


@given(st.binary(min_size=1), st.binary())
def test_a_prefix_range_holds_just_the_keys_with_that_prefix(prefix: bytes, other: bytes) -> None:
    end = op.get_prefix(prefix)
    for key in (prefix + other, other):
        in_range = prefix <= key and (key < end or end == op.NO_PREFIX_END)
        if end != op.NO_PREFIX_END:
            assert in_range == key.startswith(prefix)
        else:
            assert set(prefix) == {0xFF} and in_range >= key.startswith(prefix)


def test_put_and_delete_carry_their_options() -> None:
    put = op.op_put("k", "v", op.with_lease(9), op.with_prev_kv(), op.with_ignore_lease()).to_put_request()
    assert (put.key, put.value, put.lease, put.prev_kv, put.ignore_lease) == (b"k", b"v", 9, True, True)
    delete = op.op_delete("k", op.with_from_key(), op.with_prev_kv()).to_delete_request()
    assert (delete.key, delete.range_end, delete.prev_kv) == (b"k", b"\0", True)
    assert op.op_put("k", "v").is_write() and not op.op_get("k").is_write()


@pytest.mark.parametrize(
    ("make", "options", "complaint"),
    [
        (op.op_get, [op.with_prefix(), op.with_from_key()], "cannot be set at the same time"),
        (op.op_delete, [op.with_limit(1)], "unexpected limit in delete"),
        (op.op_delete, [op.with_lease(1)], "unexpected lease_id in delete"),
        (lambda key, *o: op.op_put(key, "v", *o), [op.with_prefix()], "unexpected end in put"),
        (lambda key, *o: op.op_put(key, "v", *o), [op.with_rev(3)], "unexpected rev in put"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(make: Any, options: list[Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        make("k", *options)
