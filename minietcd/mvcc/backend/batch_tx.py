"""Writing: one transaction of the file that takes many transactions of the store.

Go: mvcc/backend/batch_tx.go
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import lmdb

from minietcd.mvcc.backend.errors import BackendError
from minietcd.mvcc.backend.read_tx import Pairs, Visitor, unsafe_for_each, unsafe_range
from minietcd.mvcc.backend.tx_buffer import TxWriteBuffer

if TYPE_CHECKING:
    from minietcd.mvcc.backend.backend import Backend


class BatchTx:
    """The open write transaction and how many writes wait in it.

    Between ``lock`` and ``unlock`` nothing else writes: whoever holds it must not await. The assertion stands
    where Go would wait.

    Go: mvcc/backend/batch_tx.go#batchTx
    """

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.tx: lmdb.Transaction[bytes] | None = None
        self.pending = 0
        self.locked = False
        self.failure: BackendError | None = None

    def lock(self) -> None:
        """Begin to write. Go: mvcc/backend/batch_tx.go#batchTx.Lock"""
        assert not self.locked, "a write transaction is open already"
        self.locked = True

    def unlock(self) -> None:
        """Done writing; commit if the batch is full. Go: mvcc/backend/batch_tx.go#batchTx.Unlock"""
        if self.pending >= self.backend.batch_limit:
            self.commit_(stop=False)
        self.locked = False

    def __enter__(self) -> Self:
        """Locked until the block ends."""
        self.lock()
        return self

    def __exit__(self, *_: object) -> None:
        self.unlock()

    def runlock(self) -> None:
        """Never: writing ends with ``unlock``. Go: mvcc/backend/batch_tx.go#batchTx.RUnlock"""
        raise AssertionError("unexpected runlock")

    def unsafe_create_bucket(self, name: bytes) -> None:
        """Make sure that the bucket is there. Go: mvcc/backend/batch_tx.go#batchTx.UnsafeCreateBucket"""
        if name not in self.backend.buckets:
            self.backend.buckets[name] = self.backend.db.open_db(name, txn=self._open)
        self.pending += 1

    def unsafe_put(self, bucket_name: bytes, key: bytes, value: bytes) -> None:
        """Write a pair. Go: mvcc/backend/batch_tx.go#batchTx.UnsafePut"""
        self.unsafe_put_(bucket_name, key, value, seq=False)

    def unsafe_seq_put(self, bucket_name: bytes, key: bytes, value: bytes) -> None:
        """Write a pair whose key is probably the greatest of the bucket: such pages are filled to the brim.

        Go: mvcc/backend/batch_tx.go#batchTx.UnsafeSeqPut
        """
        self.unsafe_put_(bucket_name, key, value, seq=True)

    def unsafe_put_(self, bucket_name: bytes, key: bytes, value: bytes, seq: bool) -> None:
        """Write a pair; ``seq`` promises that its key is behind all others.

        Go: mvcc/backend/batch_tx.go#batchTx.unsafePut
        """
        bucket, tx = self.backend.buckets[bucket_name], self._open
        try:
            if not (seq and tx.put(key, value, append=True, db=bucket)):
                tx.put(key, value, db=bucket)
        except lmdb.Error as e:
            raise self._failed(e) from e
        self.pending += 1

    def unsafe_range(self, bucket_name: bytes, key: bytes, end_key: bytes = b"", limit: int = 0) -> Pairs:
        """The pairs of [key, end_key), or of ``key`` alone if ``end_key`` is empty; ``limit`` 0 is no limit.

        Go: mvcc/backend/batch_tx.go#batchTx.UnsafeRange
        """
        bucket = self.backend.buckets[bucket_name]
        if end_key:
            return unsafe_range(self._open, bucket, key, end_key, limit)
        value = self._open.get(key, None, bucket)
        return ([], []) if value is None else ([key], [value])

    def unsafe_delete(self, bucket_name: bytes, key: bytes) -> None:
        """Remove a pair if it is there. Go: mvcc/backend/batch_tx.go#batchTx.UnsafeDelete"""
        try:
            self._open.delete(key, db=self.backend.buckets[bucket_name])
        except lmdb.Error as e:
            raise self._failed(e) from e
        self.pending += 1

    def unsafe_for_each(self, bucket_name: bytes, visitor: Visitor) -> None:
        """Call ``visitor`` with every pair. Go: mvcc/backend/batch_tx.go#batchTx.UnsafeForEach"""
        unsafe_for_each(self._open, self.backend.buckets.get(bucket_name), visitor)

    def safe_pending(self) -> int:
        """How many writes wait for the commit. Go: mvcc/backend/batch_tx.go#batchTx.safePending"""
        return self.pending

    def commit_(self, stop: bool) -> None:
        """Commit what waits, and begin the next transaction unless this is to be the last.

        Go: mvcc/backend/batch_tx.go#batchTx.commit
        """
        if self.tx is not None:
            if self.pending == 0 and not stop:
                return
            try:
                self.tx.commit()
            except lmdb.Error as e:
                raise self._failed(e) from e
            self.tx = None
            self.pending = 0
            self.backend.commits += 1
        if not stop:
            self.tx = self.backend.db.begin(write=True)

    def rollback(self) -> None:
        """Forget what waits."""
        if self.tx is not None:
            self.tx.abort()
        self.tx, self.pending, self.locked = None, 0, False

    @property
    def _open(self) -> lmdb.Transaction[bytes]:
        if self.tx is None:
            raise self.failure or BackendError(self.backend.path, "closed")
        return self.tx

    def _failed(self, error: lmdb.Error) -> BackendError:
        """Fatal, and raised by all that comes after: this batch is lost, but still in the write-ahead log."""
        self.rollback()
        reason = f"cannot write: {error}"
        if isinstance(error, lmdb.MapFullError):
            size = self.backend.db.info()["map_size"]
            reason = f"full at {size:,} bytes; restart with a larger --quota-backend-bytes"
        self.failure = BackendError(self.backend.path, reason)
        return self.failure


class BatchTxBuffered(BatchTx):
    """A batch whose writes can be read as soon as they are unlocked, long before they are committed.

    Go: mvcc/backend/batch_tx.go#batchTxBuffered
    """

    def __init__(self, backend: Backend) -> None:
        """Go: mvcc/backend/batch_tx.go#newBatchTxBuffered"""
        super().__init__(backend)
        self.buf = TxWriteBuffer()
        super().commit_(stop=False)

    def unlock(self) -> None:
        """Hand what was written to the readers. Go: mvcc/backend/batch_tx.go#batchTxBuffered.Unlock"""
        if self.pending:
            read_tx = self.backend.read_tx()
            if read_tx.committed.readers:
                # Somebody reads the buffer across an await: theirs stays as it is.
                read_tx.buf = read_tx.buf.unsafe_copy()
            self.buf.writeback(read_tx.buf)
        super().unlock()

    def commit(self) -> None:
        """Commit now. Go: mvcc/backend/batch_tx.go#batchTxBuffered.Commit"""
        self.lock()
        self.commit_(stop=False)
        self.unlock()

    def commit_and_stop(self) -> None:
        """Commit for the last time. Go: mvcc/backend/batch_tx.go#batchTxBuffered.CommitAndStop"""
        self.lock()
        self.commit_(stop=True)
        self.unlock()

    def commit_(self, stop: bool) -> None:
        """Commit, and move the readers on to the state that this makes.

        Go: mvcc/backend/batch_tx.go#batchTxBuffered.commit
        Go: mvcc/backend/batch_tx.go#batchTxBuffered.unsafeCommit
        """
        commits = self.backend.commits
        super().commit_(stop)
        if self.backend.commits > commits:
            self.backend.read_tx().reset(self.backend.begin())

    def unsafe_put(self, bucket_name: bytes, key: bytes, value: bytes) -> None:
        """Write a pair and buffer it. Go: mvcc/backend/batch_tx.go#batchTxBuffered.UnsafePut"""
        super().unsafe_put(bucket_name, key, value)
        self.buf.put(bucket_name, key, value)

    def unsafe_seq_put(self, bucket_name: bytes, key: bytes, value: bytes) -> None:
        """Append a pair and buffer it. Go: mvcc/backend/batch_tx.go#batchTxBuffered.UnsafeSeqPut"""
        super().unsafe_seq_put(bucket_name, key, value)
        self.buf.put(bucket_name, key, value)
