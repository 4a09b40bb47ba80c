"""The store of all revisions: its counters, its compaction, its way back from the backend.

Go: mvcc/kvstore.go
"""

from __future__ import annotations

import google_crc32c

from minietcd.lease.errors import LeaseNotFoundError
from minietcd.lease.lessor import NO_LEASE, LeaseID, LeaseItem, Lessor
from minietcd.mvcc.backend.backend import Backend
from minietcd.mvcc.backend.batch_tx import BatchTx
from minietcd.mvcc.errors import CompactedError, FutureRevError
from minietcd.mvcc.index import TreeIndex
from minietcd.mvcc.key_index import KeyIndex
from minietcd.mvcc.kv import DEFAULT_RANGE, ConsistentIndexGetter, RangeOptions, RangeResult
from minietcd.mvcc.kvstore_compaction import FINISHED_COMPACT_KEY_NAME, META_BUCKET_NAME, schedule_compaction
from minietcd.mvcc.kvstore_txn import KEY_BUCKET_NAME, StoreTxnRead, StoreTxnWrite
from minietcd.mvcc.revision import Revision, bytes_to_rev, is_tombstone, rev_to_bytes
from minietcd.pkg import logutil
from minietcd.pkg.chan import Chan
from minietcd.pkg.schedule import FIFOScheduler
from minietcd.proto.mvccpb.kv_pb2 import KeyValue

CONSISTENT_INDEX_KEY_NAME = b"consistent_index"
SCHEDULED_COMPACT_KEY_NAME = b"scheduledCompactRev"
DEFAULT_COMPACT_BATCH_LIMIT = 1000
DEFAULT_IGNORES = frozenset({(META_BUCKET_NAME, CONSISTENT_INDEX_KEY_NAME)})
"""Not hashed: entries that change nothing else move it at different times on different members."""

RESTORE_CHUNK_KEYS = 10_000
_LAST = Revision((1 << 63) - 1, (1 << 63) - 1)

log = logutil.get_logger("mvcc")


class Store:
    """Keys and values at every revision since the last compaction.

    Go: mvcc/kvstore.go#store
    """

    txn_write: type[StoreTxnWrite] = StoreTxnWrite

    def __init__(
        self,
        b: Backend,
        le: Lessor,
        ig: ConsistentIndexGetter | None,
        compaction_batch_limit: int = DEFAULT_COMPACT_BATCH_LIMIT,
    ) -> None:
        """Open the store that ``b`` holds; ``ig`` is left out where no raft log stands behind it.

        Go: mvcc/kvstore.go#NewStore
        """
        self.b = b
        self.le = le
        self.ig = ig
        self.compaction_batch_limit = compaction_batch_limit
        self.current_rev, self.compact_main_rev = 1, -1
        self.fifo_sched: FIFOScheduler | None = None
        self.closed = False
        le.set_range_deleter(self.write)
        with b.batch_tx() as tx:
            tx.unsafe_create_bucket(KEY_BUCKET_NAME)
            tx.unsafe_create_bucket(META_BUCKET_NAME)
        b.force_commit()
        self.restore_()

    def read(self) -> StoreTxnRead:
        """Begin to read the state of now. Go: mvcc/kvstore_txn.go#store.Read"""
        return StoreTxnRead(self, self.b.concurrent_read_tx())

    def write(self) -> StoreTxnWrite:
        """Begin to write; no await before its ``end``. Go: mvcc/kvstore_txn.go#store.Write"""
        tx = self.b.batch_tx()
        tx.lock()
        return self.txn_write(self, tx)

    def rev(self) -> int:
        """The revision of the last transaction that wrote. Go: mvcc/kv_view.go#readView.Rev"""
        return self.current_rev

    def first_rev(self) -> int:
        """The revision of the last compaction; -1 before the first. Go: mvcc/kv_view.go#readView.FirstRev"""
        return self.compact_main_rev

    def range(self, key: bytes, end: bytes, ro: RangeOptions = DEFAULT_RANGE) -> RangeResult:
        """Read one range. Go: mvcc/kv_view.go#readView.Range"""
        with self.read() as txn:
            return txn.range(key, end, ro)

    def put(self, key: bytes, value: bytes, lease: LeaseID = NO_LEASE) -> int:
        """A transaction of one put. Go: mvcc/kv_view.go#writeView.Put"""
        with self.write() as txn:
            return txn.put(key, value, lease)

    def delete_range(self, key: bytes, end: bytes) -> tuple[int, int]:
        """A transaction of one deletion. Go: mvcc/kv_view.go#writeView.DeleteRange"""
        with self.write() as txn:
            return txn.delete_range(key, end)

    def hash(self) -> tuple[int, int]:
        """A hash of the whole backend, and the revision. Go: mvcc/kvstore.go#store.Hash"""
        self.b.force_commit()
        return self.b.hash(DEFAULT_IGNORES), self.current_rev

    def hash_by_rev(self, rev: int) -> tuple[int, int, int]:
        """A hash of the revisions up to ``rev`` (0: all) that compaction leaves; current, compact revision.

        Raises CompactedError, FutureRevError.

        Go: mvcc/kvstore.go#store.HashByRev
        """
        if 0 < rev <= self.compact_main_rev:
            raise CompactedError
        if rev > self.current_rev:
            raise FutureRevError
        rev = rev or self.current_rev
        keep = self.kvindex.keep(rev)
        crc = google_crc32c.extend(0, KEY_BUCKET_NAME)

        def hash_pair(key: bytes, value: bytes) -> None:
            nonlocal crc
            at = bytes_to_rev(key)
            # What compaction is about to delete does not count; members delete it at different times.
            if at.main <= rev and not (at.main <= self.compact_main_rev and keep and at not in keep):
                crc = google_crc32c.extend(crc, key + value)

        self.b.read_tx().unsafe_for_each(KEY_BUCKET_NAME, hash_pair)
        return crc, self.current_rev, self.compact_main_rev

    def compact(self, rev: int) -> Chan[None]:
        """Make all before ``rev`` unreadable now, and delete it in time; the channel closes when it is done.

        Raises CompactedError, FutureRevError.

        Go: mvcc/kvstore.go#store.Compact
        Go: mvcc/kvstore.go#store.compactLockfree
        """
        self.update_compact_rev(rev)
        return self.compact_(rev)

    def update_compact_rev(self, rev: int) -> None:
        """Decide that the store begins at ``rev``, and make that last.

        Raises CompactedError or FutureRevError.

        Go: mvcc/kvstore.go#store.updateCompactRev
        """
        if rev <= self.compact_main_rev:
            raise CompactedError
        if rev > self.current_rev:
            raise FutureRevError
        self.compact_main_rev = rev
        with self.b.batch_tx() as tx:
            tx.unsafe_put(META_BUCKET_NAME, SCHEDULED_COMPACT_KEY_NAME, rev_to_bytes(Revision(rev)))
        self.b.force_commit()

    def compact_(self, rev: int) -> Chan[None]:
        """Queue the deletion behind those that run.

        Go: mvcc/kvstore.go#store.compact
        Go: mvcc/kvstore.go#store.compactBarrier
        """
        done: Chan[None] = Chan("compactc")
        b = self.b

        async def job() -> None:
            if self.holds(b):
                await schedule_compaction(self, rev, self.kvindex.compact(rev))
            if not self.closed:  # then the next start will do it; a store that took over has no need to
                done.close()

        if self.fifo_sched is None:
            self.fifo_sched = FIFOScheduler("compaction scheduler (fifo.run)")
        self.fifo_sched.schedule(job)
        return done

    def commit(self) -> None:
        """Commit what waits, with the newest consistent index. Go: mvcc/kvstore.go#store.Commit"""
        with self.b.batch_tx() as tx:
            self.save_index(tx)
        self.b.force_commit()

    def holds(self, b: Backend) -> bool:
        """Whether this is still the store in ``b``: where Go stops a compaction, it stops by itself."""
        return self.b is b and not self.closed

    def restore(self, b: Backend) -> None:
        """Become the store that ``b`` holds. Go: mvcc/kvstore.go#store.Restore"""
        self.b = b
        self.restore_()

    def restore_(self) -> None:
        """Build the index from the backend, and take up what was unfinished.

        Go: mvcc/kvstore.go#store.restore
        """
        self.kvindex = TreeIndex()
        self.current_rev, self.compact_main_rev = 1, -1
        self._consistent_index = 0
        with self.b.batch_tx() as tx:
            if finished := tx.unsafe_range(META_BUCKET_NAME, FINISHED_COMPACT_KEY_NAME)[1]:
                self.compact_main_rev = bytes_to_rev(finished[0]).main
                log.info("restored last compact revision", restored_compact_revision=self.compact_main_rev)
            scheduled = tx.unsafe_range(META_BUCKET_NAME, SCHEDULED_COMPACT_KEY_NAME)[1]
            key_to_lease: dict[bytes, LeaseID] = {}
            start = Revision(1)
            while True:
                keys, values = tx.unsafe_range(
                    KEY_BUCKET_NAME, rev_to_bytes(start), rev_to_bytes(_LAST), RESTORE_CHUNK_KEYS
                )
                self.restore_chunk(keys, values, key_to_lease)
                if len(keys) < RESTORE_CHUNK_KEYS:
                    break
                start = bytes_to_rev(keys[-1])
                start = Revision(start.main, start.sub + 1)
        # All that was written up to the compaction may be gone: the store was at least there.
        self.current_rev = max(self.current_rev, self.compact_main_rev)
        self._restore_leases(key_to_lease)
        if scheduled and (rev := bytes_to_rev(scheduled[0]).main) > self.compact_main_rev:
            self.compact(rev)
            log.info("resume scheduled compaction", scheduled_compact_revision=rev)

    def restore_chunk(
        self, keys: list[bytes], values: list[bytes], key_to_lease: dict[bytes, LeaseID]
    ) -> None:
        """Replay revisions, and note which lease each key has at last.

        Go: mvcc/kvstore.go#restoreChunk
        Go: mvcc/kvstore.go#restoreIntoIndex
        """
        for rev_bytes, value in zip(keys, values, strict=True):
            kv = KeyValue.FromString(value)
            rev = bytes_to_rev(rev_bytes)
            self.current_rev = rev.main
            known = self.kvindex.key_index(kv.key)
            if is_tombstone(rev_bytes):
                key_to_lease.pop(kv.key, None)
                if known is not None:
                    known.tombstone(rev)
                continue
            if kv.lease:
                key_to_lease[kv.key] = LeaseID(kv.lease)
            else:
                key_to_lease.pop(kv.key, None)
            if known is not None:
                known.put(rev)
            else:
                known = KeyIndex(kv.key)
                known.restore(Revision(kv.create_revision), rev, kv.version)
                self.kvindex.insert(known)

    def _restore_leases(self, key_to_lease: dict[bytes, LeaseID]) -> None:
        for key, lease_id in key_to_lease.items():
            try:
                self.le.attach(lease_id, [LeaseItem(key)])
            except LeaseNotFoundError as e:
                log.warning("failed to attach a lease", lease_id=f"{lease_id:016x}", error=e)

    async def close(self) -> None:
        """Stop compacting; the next start takes up what is left of it. Go: mvcc/kvstore.go#store.Close"""
        self.closed = True
        if self.fifo_sched is not None:
            await self.fifo_sched.stop()
            self.fifo_sched = None

    def save_index(self, tx: BatchTx) -> None:
        """Write the index of the entry being applied into the batch that holds its changes.

        Go: mvcc/kvstore.go#store.saveIndex
        """
        if self.ig is None:
            return
        self._consistent_index = self.ig.consistent_index()
        tx.unsafe_put(META_BUCKET_NAME, CONSISTENT_INDEX_KEY_NAME, self._consistent_index.to_bytes(8))

    def consistent_index(self) -> int:
        """The index of the last entry whose changes are here. Go: mvcc/kvstore.go#store.ConsistentIndex"""
        self._consistent_index = self._consistent_index or saved_index(self.b)
        return self._consistent_index


def saved_index(b: Backend) -> int:
    """The index of the last entry whose changes are in ``b``; 0 if it holds none."""
    saved = b.read_tx().unsafe_range(META_BUCKET_NAME, CONSISTENT_INDEX_KEY_NAME)[1]
    return int.from_bytes(saved[0]) if saved else 0
