"""The file: opening, committing in time, copying, hashing, closing.

Go: mvcc/backend/backend.go
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO

import google_crc32c
import lmdb

from minietcd.mvcc.backend.batch_tx import BatchTxBuffered
from minietcd.mvcc.backend.errors import BackendError, BackendLockedError
from minietcd.mvcc.backend.read_tx import Committed, ConcurrentReadTx, ReadTx
from minietcd.mvcc.backend.tx_buffer import TxReadBuffer
from minietcd.pkg import fileutil, logutil
from minietcd.pkg.clock import Ticker
from minietcd.pkg.task import go

DEFAULT_BATCH_LIMIT = 10_000
DEFAULT_BATCH_INTERVAL = 0.1
INITIAL_MMAP_SIZE = 10 << 30
"""Address space, not disk: the file grows as it is written, but not beyond. A start with a file that has come
near it doubles it."""

_MAX_BUCKETS = 32
_BBOLT_MAGIC = bytes.fromhex("edda0ced")
_COPY_CHUNK = 1 << 20

log = logutil.get_logger("mvcc/backend")


class Snapshot:
    """A copy of the whole file as it was, to be sent to another member.

    Go: mvcc/backend/backend.go#snapshot
    """

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file

    def size(self) -> int:
        """In bytes. Go: mvcc/backend/backend.go#Snapshot"""
        return os.fstat(self.file.fileno()).st_size

    def write_to(self, writer: IO[bytes]) -> int:
        """Write it all, and tell how much that was."""
        return sum(writer.write(chunk) for chunk in self)

    def __iter__(self) -> Iterator[bytes]:
        """Piece by piece, for a sender that awaits in between."""
        self.file.seek(0)
        while chunk := self.file.read(_COPY_CHUNK):
            yield chunk

    def close(self) -> None:
        """Free the disk space it took. Go: mvcc/backend/backend.go#snapshot.Close"""
        self.file.close()


class Backend:
    """Buckets in a file, their one writer and their readers.

    Go: mvcc/backend/backend.go#backend
    """

    def __init__(
        self,
        path: Path,
        batch_interval: float = DEFAULT_BATCH_INTERVAL,
        batch_limit: int = DEFAULT_BATCH_LIMIT,
        mmap_size: int = INITIAL_MMAP_SIZE,
        unsafe_no_fsync: bool = False,
    ) -> None:
        """Open the file, or make it. Raises BackendLockedError, BackendError.

        Go: mvcc/backend/backend.go#newBackend
        """
        self.path = path
        self.batch_interval = batch_interval
        self.batch_limit = batch_limit
        self._mmap_size = mmap_size
        self._sync = not unsafe_no_fsync
        self._lock_fd = _flock(path)
        self._task: asyncio.Task[None] | None = None
        self.commits = 0
        try:
            self._open()
        except BaseException:
            os.close(self._lock_fd)
            raise
        self._read_tx = ReadTx(TxReadBuffer(), self.begin())
        self._batch_tx = BatchTxBuffered(self)

    def _open(self) -> None:
        self.db = _open_lmdb(self.path, max(self._mmap_size, 2 * self.path.stat().st_size), self._sync)
        try:
            with self.db.begin() as tx, tx.cursor() as cursor:
                names = list(cursor.iternext(values=False))
            self.buckets = {name: self.db.open_db(name, create=False) for name in names}
        except lmdb.Error as e:
            self.db.close()
            raise BackendError(self.path, f"damaged ({e})") from e

    def batch_tx(self) -> BatchTxBuffered:
        """The writer. Go: mvcc/backend/backend.go#backend.BatchTx"""
        return self._batch_tx

    def read_tx(self) -> ReadTx:
        """Reads the newest. Go: mvcc/backend/backend.go#backend.ReadTx"""
        return self._read_tx

    def concurrent_read_tx(self) -> ConcurrentReadTx:
        """Reads what is there now, until its ``runlock``.

        Go: mvcc/backend/backend.go#backend.ConcurrentReadTx
        """
        return ConcurrentReadTx(self._read_tx.buf, self._read_tx.committed)

    def force_commit(self) -> None:
        """Commit now. Go: mvcc/backend/backend.go#backend.ForceCommit"""
        self._batch_tx.commit()

    def snapshot(self) -> Snapshot:
        """Commit, and copy the file into an unnamed one beside it. Raises BackendError.

        Go: mvcc/backend/backend.go#backend.Snapshot
        """
        self.force_commit()
        file = tempfile.TemporaryFile(dir=self.path.parent)  # noqa: SIM115, the Snapshot closes it
        try:
            # To compact, LMDB reads in a transaction; a plain copy would wait for the open writer, for ever.
            self.db.copyfd(file.fileno(), compact=True)
        except lmdb.Error as e:
            file.close()
            raise BackendError(self.path, f"cannot copy: {e}") from e
        return Snapshot(file)

    def hash(self, ignores: Collection[tuple[bytes, bytes]] = ()) -> int:
        """CRC-32C of all committed buckets, but for the keys (bucket, key) in ``ignores``.

        Go: mvcc/backend/backend.go#backend.Hash
        """
        crc = 0
        committed = self._read_tx.committed
        for name in sorted(committed.buckets):
            crc = google_crc32c.extend(crc, name)
            with committed.tx.cursor(committed.buckets[name]) as cursor:
                for key, value in cursor:
                    if (name, key) not in ignores:
                        crc = google_crc32c.extend(crc, key + value)
        return crc

    def size(self) -> int:
        """Bytes of the file, free pages too, at the last commit. Go: mvcc/backend/backend.go#backend.Size"""
        return self._size

    def size_in_use(self) -> int:
        """Bytes of the pages that hold data. Go: mvcc/backend/backend.go#backend.SizeInUse"""
        return self._size_in_use

    def start(self) -> None:
        """Commit in time from now on."""
        self._task = go(self.run(), "backend.run (bolt commit)")

    async def run(self) -> None:
        """Commit what waits, every ``batch_interval``. Go: mvcc/backend/backend.go#backend.run"""
        with Ticker(self.batch_interval, "backend.run ticker.C") as ticker:
            async for _ in ticker.c:
                if self._batch_tx.safe_pending() != 0:
                    self._batch_tx.commit()

    def close(self) -> None:
        """Commit, and let go of the file. Go: mvcc/backend/backend.go#backend.Close"""
        if self._task is not None:
            self._task.cancel()
        self._batch_tx.commit_and_stop()
        self.db.close()
        os.close(self._lock_fd)

    def abandon(self) -> None:
        """Let go of the file, and write nothing of what waits: a start that fails leaves it as it was."""
        assert self._task is None, "it has been started"
        self._batch_tx.rollback()
        self.db.close()
        os.close(self._lock_fd)

    def defrag(self) -> None:
        """Write the file anew without its free pages, and go on with that, once it is on the disk: what is in
        it is nowhere else any more.

        Raises BackendError.

        Go: mvcc/backend/backend.go#backend.Defrag
        Go: mvcc/backend/backend.go#backend.defrag
        """
        assert self._read_tx.committed.readers == 0, "a reader is open across an await"
        before, temporary = self.size(), self.path.with_name("db.tmp")
        self.force_commit()
        temporary.unlink(missing_ok=True)
        try:
            self.db.copy(str(temporary), compact=True)
            fileutil.sync_path(temporary)
        except (lmdb.Error, OSError) as e:
            temporary.unlink(missing_ok=True)
            raise BackendError(self.path, f"cannot defragment: {e}") from e
        self._batch_tx.commit_and_stop()
        self.db.close()
        os.close(self._lock_fd)
        self._lock_fd = _flock(temporary)
        temporary.replace(self.path)
        fileutil.sync_path(self.path.parent)
        self._open()
        self._read_tx.committed = self.begin()
        self._batch_tx.commit_(stop=False)
        log.info("defragmented", path=self.path, current_db_size_bytes_diff=self.size() - before)

    def begin(self) -> Committed:
        """The state of the last commit; its size is measured on the way.

        Go: mvcc/backend/backend.go#backend.begin
        """
        tx = self.db.begin()
        stats = [tx.stat(bucket) for bucket in (None, *self.buckets.values())]
        page = stats[0]["psize"]
        used = sum(s["branch_pages"] + s["leaf_pages"] + s["overflow_pages"] for s in stats)
        self._size = (self.db.info()["last_pgno"] + 1) * page
        self._size_in_use = used * page
        return Committed(tx, dict(self.buckets))


def _flock(path: Path) -> int:
    """Take the file for this process: LMDB would let others in."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as e:
        raise BackendError(path, f"cannot open: {e.strerror}") from e
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise BackendLockedError(path) from None
    return fd


def _open_lmdb(path: Path, map_size: int, sync: bool) -> lmdb.Environment:
    """Open the environment, and refuse with a reason whatever is not a whole one."""
    with path.open("rb") as file:
        if file.read(20)[16:] == _BBOLT_MAGIC:
            raise BackendError(path, "a bbolt file, written by etcd itself; use another data directory")
    # The file lock is ours, so nobody uses LMDB's own: a stale one, or that of a file since renamed away.
    path.with_name(path.name + "-lock").unlink(missing_ok=True)
    try:
        db = lmdb.open(str(path), map_size, subdir=False, sync=sync, mode=0o600, max_dbs=_MAX_BUCKETS)
        # Reading a page behind the end of the file would kill the process.
        missing = (db.info()["last_pgno"] + 1) * db.stat()["psize"] - path.stat().st_size
        if missing > 0 and db.info()["last_txnid"]:
            db.close()
            raise BackendError(path, f"truncated: its last {missing:,} bytes are missing")
    except lmdb.Error as e:
        foreign = isinstance(e, lmdb.InvalidError | lmdb.VersionMismatchError | lmdb.CorruptedError)
        reason = "not a database of minietcd" if foreign else "cannot open"
        raise BackendError(path, f"{reason} ({str(e).removeprefix(f'{path}: ')})") from e
    return db
