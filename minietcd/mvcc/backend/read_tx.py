"""Reading: the last committed state, and over it what has been written since.

Go: mvcc/backend/read_tx.go
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

import lmdb

from minietcd.mvcc.backend.tx_buffer import TxReadBuffer

type Visitor = Callable[[bytes, bytes], None]
type Pairs = tuple[list[bytes], list[bytes]]
"""Keys, and the values that belong to them."""

SAFE_RANGE_BUCKET = b"key"
"""The one bucket whose keys are never overwritten: no range meets a key both committed and buffered."""


class Committed:
    """A committed state, pinned until nobody reads it any more."""

    __slots__ = ("buckets", "readers", "stale", "tx")

    def __init__(self, tx: lmdb.Transaction[bytes], buckets: Mapping[bytes, lmdb._Database]) -> None:
        """``buckets``: those that existed then; a younger bucket cannot be looked up in an older state."""
        self.tx = tx
        self.buckets = buckets
        self.readers = 0
        self.stale = False

    def retire(self) -> None:
        """A newer state is there: let go of this one, now or with the last reader."""
        self.stale = True
        if self.readers == 0:
            self.tx.abort()

    def release(self) -> None:
        """One reader has ended."""
        self.readers -= 1
        if self.stale and self.readers == 0:
            self.tx.abort()


class ReadTx:
    """Reads whatever is the newest: the state of the last commit and the writes that ended since.

    Go: mvcc/backend/read_tx.go#readTx
    """

    __slots__ = ("buf", "committed")

    def __init__(self, buf: TxReadBuffer, committed: Committed) -> None:
        self.buf = buf
        self.committed = committed

    def rlock(self) -> None:
        """Nothing to wait for. Go: mvcc/backend/read_tx.go#readTx.RLock"""

    def runlock(self) -> None:
        """Nothing to wake. Go: mvcc/backend/read_tx.go#readTx.RUnlock"""

    def unsafe_range(self, bucket_name: bytes, key: bytes, end_key: bytes = b"", limit: int = 0) -> Pairs:
        """The pairs of [key, end_key), or of ``key`` alone if ``end_key`` is empty; ``limit`` 0 is no limit.

        Go: mvcc/backend/read_tx.go#readTx.UnsafeRange
        Go: mvcc/backend/read_tx.go#concurrentReadTx.UnsafeRange
        """
        bucket = self.committed.buckets.get(bucket_name)
        if not end_key:
            value = self.buf.buckets[bucket_name].get(key)
            if value is None and bucket is not None:
                value = self.committed.tx.get(key, None, bucket)
            return ([], []) if value is None else ([key], [value])
        assert bucket_name == SAFE_RANGE_BUCKET, f"do not use unsafe_range on bucket {bucket_name!r}"
        keys, values = unsafe_range(self.committed.tx, bucket, key, end_key, limit) if bucket else ([], [])
        for buffered_key, value in self.buf.range(bucket_name, key, end_key):
            if 0 < limit <= len(keys):
                break
            keys.append(buffered_key)
            values.append(value)
        return keys, values

    def unsafe_for_each(self, bucket_name: bytes, visitor: Visitor) -> None:
        """Call ``visitor`` with every pair: what is only committed, then what was written since.

        Go: mvcc/backend/read_tx.go#readTx.UnsafeForEach
        Go: mvcc/backend/read_tx.go#concurrentReadTx.UnsafeForEach
        """
        buffered = dict(self.buf.for_each(bucket_name))

        def visit_no_dup(key: bytes, value: bytes) -> None:
            if key not in buffered:
                visitor(key, value)

        unsafe_for_each(self.committed.tx, self.committed.buckets.get(bucket_name), visit_no_dup)
        for key in sorted(buffered):
            visitor(key, buffered[key])

    def reset(self, committed: Committed) -> None:
        """All that was buffered is in ``committed`` now; who still reads the old buffer keeps it.

        Go: mvcc/backend/read_tx.go#readTx.reset
        """
        self.committed.retire()
        self.buf, self.committed = TxReadBuffer(), committed


class ConcurrentReadTx(ReadTx):
    """Reads the state in which it was created, whatever is written meanwhile, until ``runlock``.

    Go: mvcc/backend/read_tx.go#concurrentReadTx
    """

    __slots__ = ()

    def __init__(self, buf: TxReadBuffer, committed: Committed) -> None:
        committed.readers += 1
        self.buf = buf
        self.committed = committed

    def runlock(self) -> None:
        """The end of this transaction. Go: mvcc/backend/read_tx.go#concurrentReadTx.RUnlock"""
        self.committed.release()


def unsafe_range(
    tx: lmdb.Transaction[bytes], bucket: lmdb._Database, key: bytes, end_key: bytes, limit: int
) -> Pairs:
    """The pairs of [key, end_key), at most ``limit`` if that is positive.

    Go: mvcc/backend/batch_tx.go#unsafeRange
    """
    keys: list[bytes] = []
    values: list[bytes] = []
    limit = limit if limit > 0 else sys.maxsize
    with tx.cursor(bucket) as cursor:
        pairs = cursor.iternext() if cursor.set_range(key) else ()
        for found, value in pairs:
            if found >= end_key or len(keys) == limit:
                break
            keys.append(found)
            values.append(value)
    return keys, values


def unsafe_for_each(tx: lmdb.Transaction[bytes], bucket: lmdb._Database | None, visitor: Visitor) -> None:
    """Call ``visitor`` with every pair, in order of the keys. Go: mvcc/backend/batch_tx.go#unsafeForEach"""
    if bucket is None:
        return
    with tx.cursor(bucket) as cursor:
        for key, value in cursor:
            visitor(key, value)
