"""One operation on keys, described before it is sent: what to do, and the options that narrow it.

Go: clientv3/op.go
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from enum import Enum

from minietcd.proto.etcdserverpb.rpc_pb2 import DeleteRangeRequest, PutRequest, RangeRequest

type Text = str | bytes
"""A key or a value. Those that are not UTF-8 come as bytes, or as str with surrogate escapes."""

type OpOption = Callable[[Op], None]
"""Go: clientv3/op.go#OpOption"""

NO_PREFIX_END = b"\0"
"""As the end of a range: there is none."""


class OpType(Enum):
    """What an operation does. Go: clientv3/op.go#opType"""

    RANGE = 1
    PUT = 2
    DELETE_RANGE = 3


type SortOrder = RangeRequest.SortOrder
"""Go: clientv3/sort.go#SortOrder"""
SortNone, SortAscend, SortDescend = RangeRequest.NONE, RangeRequest.ASCEND, RangeRequest.DESCEND

type SortTarget = RangeRequest.SortTarget
"""Go: clientv3/sort.go#SortTarget"""
SortByKey, SortByVersion, SortByValue = RangeRequest.KEY, RangeRequest.VERSION, RangeRequest.VALUE
SortByCreateRevision, SortByModRevision = RangeRequest.CREATE, RangeRequest.MOD


@dataclass(slots=True)
class Op:
    """An operation and all that any option can say about it.

    Go: clientv3/op.go#Op
    """

    t: OpType
    key: bytes
    val: bytes = b""
    end: bytes = b""
    rev: int = 0
    limit: int = 0
    sort: tuple[SortTarget, SortOrder] | None = None
    serializable: bool = False
    keys_only: bool = False
    count_only: bool = False
    min_mod_rev: int = 0
    max_mod_rev: int = 0
    min_create_rev: int = 0
    max_create_rev: int = 0
    prev_kv: bool = False
    ignore_value: bool = False
    ignore_lease: bool = False
    lease_id: int = 0
    is_opts_with_from_key: bool = False
    is_opts_with_prefix: bool = False

    def to_range_request(self) -> RangeRequest:
        """What a read says on the wire. Go: clientv3/op.go#Op.toRangeRequest"""
        assert self.t is OpType.RANGE, self.t
        target, order = self.sort or (SortByKey, SortNone)
        return RangeRequest(
            key=self.key,
            range_end=self.end,
            limit=self.limit,
            revision=self.rev,
            sort_order=order,
            sort_target=target,
            serializable=self.serializable,
            keys_only=self.keys_only,
            count_only=self.count_only,
            min_mod_revision=self.min_mod_rev,
            max_mod_revision=self.max_mod_rev,
            min_create_revision=self.min_create_rev,
            max_create_revision=self.max_create_rev,
        )

    def to_put_request(self) -> PutRequest:
        """What a put says on the wire."""
        return PutRequest(
            key=self.key,
            value=self.val,
            lease=self.lease_id,
            prev_kv=self.prev_kv,
            ignore_value=self.ignore_value,
            ignore_lease=self.ignore_lease,
        )

    def to_delete_request(self) -> DeleteRangeRequest:
        """What a delete says on the wire."""
        return DeleteRangeRequest(key=self.key, range_end=self.end, prev_kv=self.prev_kv)

    def is_write(self) -> bool:
        """Whether it changes the store. Go: clientv3/op.go#Op.isWrite"""
        return self.t is not OpType.RANGE

    def apply_opts(self, opts: tuple[OpOption, ...]) -> None:
        """Let each option set its fields, in their order. Go: clientv3/op.go#Op.applyOpts"""
        for opt in opts:
            opt(self)


def op_get(key: Text, *opts: OpOption) -> Op:
    """Read a key or a range. Go: clientv3/op.go#OpGet"""
    ret = Op(OpType.RANGE, _bytes(key))
    ret.apply_opts(opts)
    _choose_prefix_or_from_key(ret)
    return ret


def op_delete(key: Text, *opts: OpOption) -> Op:
    """Delete a key or a range. Go: clientv3/op.go#OpDelete"""
    ret = Op(OpType.DELETE_RANGE, _bytes(key))
    ret.apply_opts(opts)
    _choose_prefix_or_from_key(ret)
    _accept_only(ret, "delete", {"key", "end", "prev_kv"})
    return ret


def op_put(key: Text, val: Text, *opts: OpOption) -> Op:
    """Write a key. Go: clientv3/op.go#OpPut"""
    ret = Op(OpType.PUT, _bytes(key), _bytes(val))
    ret.apply_opts(opts)
    _accept_only(ret, "put", {"key", "val", "lease_id", "prev_kv", "ignore_value", "ignore_lease"})
    return ret


def with_lease(lease_id: int) -> OpOption:
    """Let the key die with this lease. Go: clientv3/op.go#WithLease"""
    return _set(lease_id=lease_id)


def with_limit(n: int) -> OpOption:
    """At most so many keys; 0: all. Go: clientv3/op.go#WithLimit"""
    return _set(limit=n)


def with_rev(rev: int) -> OpOption:
    """As it was at this revision. Go: clientv3/op.go#WithRev"""
    return _set(rev=rev)


def with_sort(target: SortTarget, order: SortOrder) -> OpOption:
    """In this order. By ascending key is how ranges come anyway, so the server need not sort.

    Go: clientv3/op.go#WithSort
    """
    if (target, order) == (SortByKey, SortAscend):
        order = SortNone
    return _set(sort=(target, order))


def get_prefix(key: bytes) -> bytes:
    """The end of the range of keys that start with ``key``: its last byte that can be raised, raised.

    Go: clientv3/op.go#getPrefix
    """
    head = key.rstrip(b"\xff")
    return head[:-1] + bytes([head[-1] + 1]) if head else NO_PREFIX_END


def with_prefix() -> OpOption:
    """Every key that starts with the key given. Go: clientv3/op.go#WithPrefix"""

    def option(op: Op) -> None:
        if not op.key:
            op.key, op.end = b"\0", NO_PREFIX_END
            return
        op.end, op.is_opts_with_prefix = get_prefix(op.key), True

    return option


def with_range(end_key: Text) -> OpOption:
    """Every key in [key, end_key). Go: clientv3/op.go#WithRange"""
    return _set(end=_bytes(end_key))


def with_from_key() -> OpOption:
    """Every key from the key given on. Go: clientv3/op.go#WithFromKey"""

    def option(op: Op) -> None:
        op.key, op.end, op.is_opts_with_from_key = op.key or b"\0", NO_PREFIX_END, True

    return option


def with_serializable() -> OpOption:
    """From the member asked, at once, possibly stale. Go: clientv3/op.go#WithSerializable"""
    return _set(serializable=True)


def with_keys_only() -> OpOption:
    """Without values. Go: clientv3/op.go#WithKeysOnly"""
    return _set(keys_only=True)


def with_count_only() -> OpOption:
    """Only how many there are. Go: clientv3/op.go#WithCountOnly"""
    return _set(count_only=True)


def with_min_mod_rev(rev: int) -> OpOption:
    """Changed at this revision or later. Go: clientv3/op.go#WithMinModRev"""
    return _set(min_mod_rev=rev)


def with_max_mod_rev(rev: int) -> OpOption:
    """Changed at this revision or earlier. Go: clientv3/op.go#WithMaxModRev"""
    return _set(max_mod_rev=rev)


def with_min_create_rev(rev: int) -> OpOption:
    """Created at this revision or later. Go: clientv3/op.go#WithMinCreateRev"""
    return _set(min_create_rev=rev)


def with_max_create_rev(rev: int) -> OpOption:
    """Created at this revision or earlier. Go: clientv3/op.go#WithMaxCreateRev"""
    return _set(max_create_rev=rev)


def with_prev_kv() -> OpOption:
    """Answer with what was there before. Go: clientv3/op.go#WithPrevKV"""
    return _set(prev_kv=True)


def with_ignore_value() -> OpOption:
    """Keep the value that is there. Go: clientv3/op.go#WithIgnoreValue"""
    return _set(ignore_value=True)


def with_ignore_lease() -> OpOption:
    """Keep the lease that is there. Go: clientv3/op.go#WithIgnoreLease"""
    return _set(ignore_lease=True)


def _set(**changes: object) -> OpOption:
    def option(op: Op) -> None:
        for name, value in changes.items():
            setattr(op, name, value)

    return option


def _bytes(text: Text) -> bytes:
    return text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text


def _choose_prefix_or_from_key(op: Op) -> None:
    if op.is_opts_with_prefix and op.is_opts_with_from_key:
        raise ValueError("`with_prefix` and `with_from_key` cannot be set at the same time, choose one")


def _accept_only(op: Op, what: str, names: set[str]) -> None:
    """Refuse options that would change nothing: whoever gave them meant something else."""
    for field in fields(op):
        if field.default is MISSING or field.name in names or field.name.startswith("is_opts"):
            continue
        if getattr(op, field.name) != field.default:
            raise ValueError(f"unexpected {field.name} in {what}")
