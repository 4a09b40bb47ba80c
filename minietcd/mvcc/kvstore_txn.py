"""Transactions: reading at a revision, writing the next one.

Go: mvcc/kvstore_txn.go
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from minietcd.lease.lessor import NO_LEASE, LeaseID, LeaseItem
from minietcd.mvcc.backend.batch_tx import BatchTxBuffered
from minietcd.mvcc.backend.read_tx import ReadTx
from minietcd.mvcc.errors import CompactedError, FutureRevError
from minietcd.mvcc.kv import DEFAULT_RANGE, RangeOptions, RangeResult
from minietcd.mvcc.revision import Revision, append_mark_tombstone, rev_to_bytes
from minietcd.proto.mvccpb.kv_pb2 import KeyValue

if TYPE_CHECKING:
    from minietcd.mvcc.kvstore import Store

KEY_BUCKET_NAME = b"key"


class StoreTxnRead:
    """Reads the store as it was when this began.

    Go: mvcc/kvstore_txn.go#storeTxnRead
    """

    __slots__ = ("first_rev_", "rev_", "s", "tx")

    def __init__(self, s: Store, tx: ReadTx) -> None:
        self.s = s
        self.tx: ReadTx | BatchTxBuffered = tx
        self.first_rev_, self.rev_ = s.compact_main_rev, s.current_rev

    def first_rev(self) -> int:
        """The revision of the last compaction. Go: mvcc/kvstore_txn.go#storeTxnRead.FirstRev"""
        return self.first_rev_

    def rev(self) -> int:
        """The store's revision. Go: mvcc/kvstore_txn.go#storeTxnRead.Rev"""
        return self.rev_

    def range(self, key: bytes, end: bytes, ro: RangeOptions = DEFAULT_RANGE) -> RangeResult:
        """The keys of a range. Raises CompactedError, FutureRevError.

        Go: mvcc/kvstore_txn.go#storeTxnRead.Range
        """
        return self.range_keys(key, end, self.rev_, ro)

    def end(self) -> None:
        """Let go of the state that was read. Go: mvcc/kvstore_txn.go#storeTxnRead.End"""
        self.tx.runlock()

    def __enter__(self) -> Self:
        """It ends with the block."""
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def range_keys(self, key: bytes, end: bytes, cur_rev: int, ro: RangeOptions) -> RangeResult:
        """Ask the index which revisions counted, and the backend what they hold.

        Raises CompactedError or FutureRevError.

        Go: mvcc/kvstore_txn.go#storeTxnRead.rangeKeys
        """
        if ro.rev > cur_rev:
            raise FutureRevError
        rev = ro.rev if ro.rev > 0 else cur_rev
        if rev < self.s.compact_main_rev:
            raise CompactedError
        revs = self.s.kvindex.revisions(key, end, rev)
        if ro.count:
            return RangeResult([], cur_rev, len(revs))
        kvs = [self._key_value(at) for at in (revs[: ro.limit] if ro.limit > 0 else revs)]
        return RangeResult(kvs, cur_rev, len(revs))

    def _key_value(self, rev: Revision) -> KeyValue:
        _, values = self.tx.unsafe_range(KEY_BUCKET_NAME, rev_to_bytes(rev))
        assert values, f"range cannot find {rev}"
        return KeyValue.FromString(values[0])


class StoreTxnWrite(StoreTxnRead):
    """Writes the next revision; all its changes carry it, and become visible together at ``end``.

    Go: mvcc/kvstore_txn.go#storeTxnWrite
    """

    __slots__ = ("begin_rev", "changes_")

    tx: BatchTxBuffered

    def __init__(self, s: Store, tx: BatchTxBuffered) -> None:
        self.s = s
        self.tx = tx
        self.begin_rev = s.current_rev
        self.changes_: list[KeyValue] = []

    def first_rev(self) -> int:
        """The revision of the last compaction."""
        return self.s.compact_main_rev

    def rev(self) -> int:
        """The revision at which this began; it writes the next. Go: mvcc/kvstore_txn.go#storeTxnWrite.Rev"""
        return self.begin_rev

    def range(self, key: bytes, end: bytes, ro: RangeOptions = DEFAULT_RANGE) -> RangeResult:
        """The keys of a range, own changes included. Go: mvcc/kvstore_txn.go#storeTxnWrite.Range"""
        return self.range_keys(key, end, self.begin_rev + bool(self.changes_), ro)

    def delete_range(self, key: bytes, end: bytes) -> tuple[int, int]:
        """Delete the keys of a range: how many there were, and the revision now.

        Go: mvcc/kvstore_txn.go#storeTxnWrite.DeleteRange
        """
        deleted = self.delete_range_(key, end)
        return deleted, self.begin_rev + bool(self.changes_)

    def put(self, key: bytes, value: bytes, lease: LeaseID = NO_LEASE) -> int:
        """Write a key, and tell at which revision. Go: mvcc/kvstore_txn.go#storeTxnWrite.Put"""
        self.put_(key, value, lease)
        return self.begin_rev + 1

    def end(self) -> None:
        """Save the consistent index with what was written, and let it all be seen.

        Go: mvcc/kvstore_txn.go#storeTxnWrite.End
        """
        if self.changes_:
            self.s.save_index(self.tx)
            self.s.current_rev += 1
        self.tx.unlock()

    def put_(self, key: bytes, value: bytes, lease_id: LeaseID) -> None:
        """Append the pair under the next revision, and exchange the key's lease.

        Go: mvcc/kvstore_txn.go#storeTxnWrite.put
        """
        rev = self.begin_rev + 1
        created, version, old_lease = rev, 1, NO_LEASE
        if found := self.s.kvindex.get(key, rev):
            created, version = found[1].main, found[2] + 1
            old_lease = self.s.le.get_lease(LeaseItem(key))
        idx_rev = Revision(rev, len(self.changes_))
        kv = KeyValue(
            key=key, value=value, create_revision=created, mod_revision=rev, version=version, lease=lease_id
        )
        self.tx.unsafe_seq_put(KEY_BUCKET_NAME, rev_to_bytes(idx_rev), kv.SerializeToString())
        self.s.kvindex.put(key, idx_rev)
        self.changes_.append(kv)
        if old_lease != NO_LEASE:
            self.s.le.detach(old_lease, [LeaseItem(key)])
        if lease_id != NO_LEASE:
            self.s.le.attach(lease_id, [LeaseItem(key)])

    def delete_range_(self, key: bytes, end: bytes) -> int:
        """Delete each key of the range that exists. Go: mvcc/kvstore_txn.go#storeTxnWrite.deleteRange"""
        keys, _ = self.s.kvindex.range(key, end, self.begin_rev + bool(self.changes_))
        for found in keys:
            self.delete(found)
        return len(keys)

    def delete(self, key: bytes) -> None:
        """Append a tombstone, and take the key from its lease.

        Go: mvcc/kvstore_txn.go#storeTxnWrite.delete
        """
        idx_rev = Revision(self.begin_rev + 1, len(self.changes_))
        kv = KeyValue(key=key)
        mark = append_mark_tombstone(rev_to_bytes(idx_rev))
        self.tx.unsafe_seq_put(KEY_BUCKET_NAME, mark, kv.SerializeToString())
        self.s.kvindex.tombstone(key, idx_rev)
        self.changes_.append(kv)
        lease_id = self.s.le.get_lease(LeaseItem(key))
        if lease_id != NO_LEASE:
            self.s.le.detach(lease_id, [LeaseItem(key)])

    def changes(self) -> list[KeyValue]:
        """What was written so far; a deletion has no create_revision.

        Go: mvcc/kvstore_txn.go#storeTxnWrite.Changes
        """
        return self.changes_
