"""Snapshot files: written once, checked when read, the newest first.

Go: etcdserver/api/snap/snapshotter.go
Go: etcdserver/api/snap/db.go
"""

from __future__ import annotations

import itertools
import os
from collections.abc import AsyncIterable, Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path

import google_crc32c
from google.protobuf.message import DecodeError

from minietcd.etcdserver.api.snap import errors
from minietcd.pkg import fileutil, logutil
from minietcd.pkg.disk import DISK, Disk
from minietcd.pkg.fileutil import File
from minietcd.proto.snappb import snap_pb2 as snappb
from minietcd.proto.walpb import record_pb2 as walpb
from minietcd.raft.raftpb import Snapshot
from minietcd.raft.ready import is_empty_snap

SNAP_SUFFIX = ".snap"
VALID_FILES = {"db", "db-lock"}

_READ_BYTES = 1024 * 1024

log = logutil.get_logger("snap")


class Snapshotter:
    """The snapshot files in ``dir``. Go: etcdserver/api/snap/snapshotter.go#Snapshotter"""

    def __init__(self, dir: Path, disk: Disk = DISK) -> None:
        """Go: etcdserver/api/snap/snapshotter.go#New"""
        self.dir = dir
        self.disk = disk
        self._temporary = itertools.count(1)

    def save_snap(self, snapshot: Snapshot) -> None:
        """Write it, unless it is empty. Go: etcdserver/api/snap/snapshotter.go#Snapshotter.SaveSnap"""
        if not is_empty_snap(snapshot):
            self.save(snapshot)

    def save(self, snapshot: Snapshot) -> None:
        """Write a file of that name, and return when it is on the disk, name and all, and with it the name of
        the database that came before: the WAL is about to rely on both.

        Go: etcdserver/api/snap/snapshotter.go#Snapshotter.save
        """
        fname = f"{snapshot.metadata.term:016x}-{snapshot.metadata.index:016x}{SNAP_SUFFIX}"
        b = snapshot.marshal()
        snap = snappb.snapshot(crc=google_crc32c.value(b), data=b)
        fileutil.write_and_sync_file(self.dir / fname, snap.SerializeToString(), self.disk)
        fileutil.sync_path(self.dir, self.disk)

    def load(self) -> Snapshot:
        """The newest snapshot. Raises NoSnapshotError.

        Go: etcdserver/api/snap/snapshotter.go#Snapshotter.Load
        """
        return self.load_matching(lambda _: True)

    def load_newest_available(self, wal_snaps: Sequence[walpb.Snapshot]) -> Snapshot:
        """The newest snapshot that the WAL mentions. Raises NoSnapshotError.

        Go: etcdserver/api/snap/snapshotter.go#Snapshotter.LoadNewestAvailable
        """
        mentioned = {(snap.term, snap.index) for snap in wal_snaps}
        return self.load_matching(lambda snap: (snap.metadata.term, snap.metadata.index) in mentioned)

    def load_matching(self, match: Callable[[Snapshot], bool]) -> Snapshot:
        """The newest snapshot that can be read and that ``match`` accepts. Raises NoSnapshotError.

        Go: etcdserver/api/snap/snapshotter.go#Snapshotter.loadMatching
        """
        for name in self.snap_names():
            snap = load_snap(self.dir / name, self.disk)
            if snap and match(snap):
                return snap
        raise errors.NoSnapshotError(self.dir)

    def snap_names(self) -> list[str]:
        """The snapshot files, newest first. Go: etcdserver/api/snap/snapshotter.go#Snapshotter.snapNames"""
        return check_suffix(self.cleanup_snapdir(fileutil.read_dir(self.dir, disk=self.disk)))[::-1]

    def cleanup_snapdir(self, filenames: list[str]) -> list[str]:
        """Remove what a defragmentation that was cut short left behind; the other names.

        Go: etcdserver/api/snap/snapshotter.go#Snapshotter.cleanupSnapdir
        """
        orphans = [name for name in filenames if name.startswith("db.tmp")]
        for name in orphans:
            log.info("found orphaned defragmentation file; deleting", path=name)
            self.disk.unlink(self.dir / name)
        return [name for name in filenames if name not in orphans]

    def release_snap_dbs(self, snap: Snapshot) -> None:
        """Remove databases that came with older snapshots and never came into use.

        Go: etcdserver/api/snap/snapshotter.go#Snapshotter.ReleaseSnapDBs
        """
        for name in fileutil.read_dir(self.dir, ".snap.db", self.disk):
            try:
                index = int(name.removesuffix(".snap.db"), 16)
            except ValueError:
                log.warning("failed to parse index from filename", path=name)
                continue
            if index < snap.metadata.index:
                log.warning("found orphaned .snap.db file; deleting", path=name)
                self.disk.unlink(self.dir / name)

    async def save_db_from(self, r: AsyncIterable[bytes], id: int) -> int:
        """Keep the database that comes with the snapshot at index ``id``, all of it or nothing; its size.

        Go: etcdserver/api/snap/db.go#Snapshotter.SaveDBFrom
        """
        name = f"tmp{id:x}-{next(self._temporary)}"
        n = 0
        with closing(File(self.dir / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, self.disk)) as f:
            try:
                async for data in r:
                    f.write(data)
                    n += len(data)
                fileutil.fsync(f)
                self.disk.rename(f.name, self._db_file_path(id))
            except BaseException:
                with suppress(OSError):
                    self.disk.unlink(f.name)
                raise
        log.info("saved database snapshot to disk", path=self._db_file_path(id), bytes=n)
        return n

    def db_file_path(self, id: int) -> Path:
        """Where the database that came with the snapshot at index ``id`` is. Raises NoDBSnapshotError.

        Go: etcdserver/api/snap/db.go#Snapshotter.DBFilePath
        """
        path = self._db_file_path(id)
        if not self.disk.exists(path):
            raise errors.NoDBSnapshotError(path)
        return path

    def _db_file_path(self, id: int) -> Path:
        """Go: etcdserver/api/snap/db.go#Snapshotter.dbFilePath"""
        return self.dir / f"{id:016x}.snap.db"


def load_snap(path: Path, disk: Disk) -> Snapshot | None:
    """The snapshot in a file; if there is none, it is renamed, so that nobody tries again.

    Go: etcdserver/api/snap/snapshotter.go#loadSnap
    """
    try:
        return read(path, disk)
    except errors.SnapError as error:
        broken = path.with_name(path.name + ".broken")
        disk.rename(path, broken)
        log.warning("renamed to a broken snap file", path=path, broken_path=broken, error=error)
        return None


def read(path: Path, disk: Disk = DISK) -> Snapshot:
    """The snapshot in a file. Raises SnapError if it is empty, damaged or something else.

    Go: etcdserver/api/snap/snapshotter.go#Read
    """
    try:
        serialized = snappb.snapshot.FromString(_read_file(path, disk))
        if not serialized.data or not serialized.crc:
            raise errors.EmptySnapshotError(path)
        if google_crc32c.value(serialized.data) != serialized.crc:
            raise errors.CRCMismatchError(path)
        return Snapshot.unmarshal(serialized.data)
    except DecodeError:
        raise errors.SnapError(path) from None


def check_suffix(names: list[str]) -> list[str]:
    """Those that are snapshots; others, but for the database, are worth a warning.

    Go: etcdserver/api/snap/snapshotter.go#checkSuffix
    """
    snaps = [name for name in names if name.endswith(SNAP_SUFFIX)]
    for name in names:
        if name not in snaps and name not in VALID_FILES:
            log.warning("found unexpected non-snap file; skipping", path=name)
    return snaps


def _read_file(path: Path, disk: Disk) -> bytes:
    with closing(File(path, os.O_RDONLY, disk)) as file:
        return b"".join(iter(lambda: file.read(_READ_BYTES), b""))
