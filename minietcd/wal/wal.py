"""The write-ahead log itself: made, opened, read once from one end to the other, and then appended to.

Left out: the background file pipeline, because asking a file system for 64 MB takes it some fifty
microseconds, and happens beside three fsyncs; and Verify, because nothing calls it.

Go: wal/wal.go
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path

from minietcd.pkg import fileutil, logutil
from minietcd.pkg.disk import DISK, Disk
from minietcd.pkg.fileutil import File
from minietcd.proto.walpb.record_pb2 import Snapshot
from minietcd.raft.raftpb import Entry, HardState
from minietcd.raft.ready import is_empty_hard_state, must_sync
from minietcd.wal import errors
from minietcd.wal.decoder import CRC_TYPE, ENTRY_TYPE, METADATA_TYPE, SNAPSHOT_TYPE, STATE_TYPE, Decoder
from minietcd.wal.encoder import Encoder
from minietcd.wal.util import exist, is_valid_seq, parse_wal_name, read_wal_names, search_index, wal_name

WARN_SYNC_DURATION = 1.0
"""Seconds after which an fsync is worth a warning."""

SEGMENT_SIZE_BYTES = 64 * 1000 * 1000
"""How much is preallocated for a segment, and from where on the next one is begun."""

log = logutil.get_logger("wal")


class WAL:
    """A log in read mode, until ``read_all``, or in append mode.

    ``locks`` are the segments held open, in their order; the last one, the tail, is appended to. ``decoder``
    is there in read mode, ``encoder`` in append mode. ``enti`` is the index of the last entry saved. After an
    OSError nobody knows what is on the disk: stop, start again, and go on from what can be read.

    Go: wal/wal.go#WAL
    """

    encoder: Encoder

    def __init__(self, dirpath: Path, disk: Disk, metadata: bytes | None = None) -> None:
        self.dir = dirpath
        self.disk = disk
        self.metadata = metadata
        self.state = HardState()
        self.start = Snapshot(index=0, term=0)
        self.decoder: Decoder | None = None
        self.unsafe_no_sync = False
        self.enti = 0
        self.locks: list[File] = []

    def set_unsafe_no_fsync(self) -> None:
        """Trade the promise for speed. Go: wal/wal.go#WAL.SetUnsafeNoFsync"""
        self.unsafe_no_sync = True

    def cleanup_wal(self) -> None:
        """Set aside a log that could not be made in full, so that the next start makes a new one.

        Go: wal/wal.go#WAL.cleanupWAL
        """
        with suppress(OSError):
            self.close()
        broken = self.dir.with_name(self.dir.name + ".broken")
        if self.disk.exists(broken):
            self.disk.rmtree(broken)
        self.disk.rename(self.dir, broken)

    def rename_wal(self, tmpdirpath: Path) -> None:
        """Let the log appear at its place, all at once. Go: wal/wal.go#WAL.renameWAL"""
        if self.disk.exists(self.dir):
            self.disk.rmtree(self.dir)
        self.disk.rename(tmpdirpath, self.dir)
        self.tail().name = self.dir / self.tail().name.name

    def read_all(self) -> tuple[bytes, HardState, list[Entry]]:
        """Metadata, last hard state, and the entries after the snapshot the log was opened at; then append.

        Raises UnexpectedEOFError if the tail is torn, which only a log open for reading puts up with; another
        WALError if the log is damaged, or is not the one asked for.

        Go: wal/wal.go#WAL.ReadAll
        """
        assert self.decoder, "wal: decoder not found"
        state, ents, match = HardState(), list[Entry](), False
        try:
            for rec in self.decoder:
                if rec.type == ENTRY_TYPE:
                    self.read_entry(self.decoder.must_unmarshal_entry(rec.data), ents)
                elif rec.type == STATE_TYPE:
                    state = self.decoder.must_unmarshal_state(rec.data)
                elif rec.type == METADATA_TYPE:
                    if self.metadata not in (None, rec.data):
                        raise self.decoder.error(errors.MetadataConflictError)
                    self.metadata = rec.data
                elif rec.type == SNAPSHOT_TYPE:
                    match |= self.read_snapshot(self.decoder.unmarshal(Snapshot.FromString, rec.data))
                elif rec.type != CRC_TYPE:
                    raise self.decoder.error(errors.CorruptRecordError)
        except errors.UnexpectedEOFError:
            if self.locks:
                raise
        if self.metadata is None:
            raise errors.CorruptRecordError(self.dir)
        if not match:
            raise errors.SnapshotNotFoundError(self.dir)
        self.state = state
        self.end_read_mode()
        return self.metadata, state, ents

    def read_entry(self, e: Entry, ents: list[Entry]) -> None:
        """Put an entry at its place; those from there on were overwritten when it was saved."""
        assert self.decoder
        if e.index > self.start.index:
            up = e.index - self.start.index - 1
            if up > len(ents):
                raise self.decoder.error(errors.SliceOutOfRangeError)
            ents[up:] = [e]
        self.enti = e.index

    def read_snapshot(self, snap: Snapshot) -> bool:
        """Whether this is the snapshot to start from."""
        assert self.decoder
        if snap.index == self.start.index and snap.term != self.start.term:
            raise self.decoder.error(errors.SnapshotMismatchError)
        return snap.index == self.start.index

    def end_read_mode(self) -> None:
        """Go on behind the last record, if the log is ours to append to.

        What a torn write left behind the end becomes zeros: the next records would cover only part of it.
        """
        assert self.decoder
        if self.locks:
            self.tail().seek(self.decoder.last_valid_off)
            fileutil.zero_to_end(self.tail())
            self.encoder = Encoder(self.tail(), self.decoder.crc, self.decoder.last_valid_off)
        else:
            self.decoder.close()
        self.decoder = None

    def cut(self) -> None:
        """Close the tail where it ends, and begin the next segment, which appears complete with its head.

        Go: wal/wal.go#WAL.cut
        """
        self.tail().truncate(self.encoder.offset)
        self.sync()

        new_tail = fileutil.try_lock_file(
            self.dir / "0.tmp", os.O_CREAT | os.O_TRUNC | os.O_WRONLY, self.disk
        )
        fileutil.preallocate(new_tail, SEGMENT_SIZE_BYTES)
        path = self.dir / wal_name(self.seq() + 1, self.enti + 1)
        self.locks.append(new_tail)
        self.encoder = Encoder(new_tail, self.encoder.crc, 0)
        self.save_crc()
        self.encoder.encode(METADATA_TYPE, self.metadata)
        self.save_state(self.state)
        self.sync()

        self.disk.rename(new_tail.name, path)
        fileutil.sync_path(self.dir, self.disk)
        new_tail.name = path
        log.info("created a new WAL segment", path=path)

    def sync(self) -> None:
        """Return when everything saved is on the disk. Go: wal/wal.go#WAL.sync"""
        self.encoder.flush()
        if self.unsafe_no_sync:
            return
        start = self.disk.monotonic()
        fileutil.fdatasync(self.tail())
        took = self.disk.monotonic() - start
        if took > WARN_SYNC_DURATION:
            log.warning("slow fdatasync", took=took, expected_duration=WARN_SYNC_DURATION)

    def release_lock_to(self, index: int) -> None:
        """Let go of the segments that hold nothing from ``index`` on, so that they may be purged.

        Go: wal/wal.go#WAL.ReleaseLockTo
        """
        older = sum(parse_wal_name(file.name.name)[1] < index for file in self.locks)
        for _ in range(older - 1):
            self.locks.pop(0).close()

    def close(self) -> None:
        """Sync what was saved, and let go of every file. Go: wal/wal.go#WAL.Close"""
        try:
            if self.locks and not self.decoder:
                self.sync()
        finally:
            if self.decoder and not self.locks:
                self.decoder.close()
            self.decoder = None
            while self.locks:
                self.locks.pop().close()

    def save_entry(self, e: Entry) -> None:
        """Append one entry; ``sync`` must follow. Go: wal/wal.go#WAL.saveEntry"""
        self.encoder.encode(ENTRY_TYPE, e.marshal())
        self.enti = e.index

    def save_state(self, s: HardState) -> None:
        """Append the hard state, unless it is empty; ``sync`` must follow. Go: wal/wal.go#WAL.saveState"""
        if is_empty_hard_state(s):
            return
        self.state = s
        self.encoder.encode(STATE_TYPE, s.marshal())

    def save(self, st: HardState, ents: Sequence[Entry]) -> None:
        """Append entries, then state; return when that which raft must not forget is on the disk.

        Go: wal/wal.go#WAL.Save
        """
        if is_empty_hard_state(st) and not ents:
            return
        sync = must_sync(st, self.state, len(ents))
        for e in ents:
            self.save_entry(e)
        self.save_state(st)
        if self.encoder.offset >= SEGMENT_SIZE_BYTES:
            self.cut()
        elif sync:
            self.sync()

    def save_snapshot(self, e: Snapshot) -> None:
        """Record that there is a snapshot file up to ``e.index``. Go: wal/wal.go#WAL.SaveSnapshot"""
        self.encoder.encode(SNAPSHOT_TYPE, Snapshot(index=e.index, term=e.term).SerializeToString())
        self.enti = max(self.enti, e.index)
        self.sync()

    def save_crc(self) -> None:
        """Begin a segment where the chain stands. Go: wal/wal.go#WAL.saveCrc"""
        self.encoder.encode(CRC_TYPE)

    def tail(self) -> File:
        """The segment that is appended to. Go: wal/wal.go#WAL.tail"""
        return self.locks[-1]

    def seq(self) -> int:
        """The tail's sequence number. Go: wal/wal.go#WAL.seq"""
        return parse_wal_name(self.tail().name.name)[0]


def create(dirpath: Path, metadata: bytes, disk: Disk = DISK) -> WAL:
    """Make a log in ``dirpath``, ready to append to. Raises FileExistsError if there is one.

    Go: wal/wal.go#Create
    """
    if exist(dirpath, disk):
        raise FileExistsError(errno.EEXIST, "wal: there is a log already", str(dirpath))
    tmpdirpath = dirpath.with_name(dirpath.name + ".tmp")
    if disk.exists(tmpdirpath):
        disk.rmtree(tmpdirpath)
    fileutil.create_dir_all(tmpdirpath, disk)

    w = WAL(dirpath, disk, metadata)
    f = fileutil.try_lock_file(tmpdirpath / wal_name(0, 0), os.O_WRONLY | os.O_CREAT, disk)
    w.locks.append(f)
    w.encoder = Encoder(f, 0, 0)
    try:
        fileutil.preallocate(f, SEGMENT_SIZE_BYTES)
        w.save_crc()
        w.encoder.encode(METADATA_TYPE, metadata)
        w.save_snapshot(Snapshot(index=0, term=0))
        w.rename_wal(tmpdirpath)
    except OSError:
        f.close()
        raise
    try:
        for dir in (dirpath, dirpath.parent):
            fileutil.sync_path(dir, disk)
    except OSError:
        w.cleanup_wal()
        raise
    return w


def open(dirpath: Path, snap: Snapshot, disk: Disk = DISK) -> WAL:
    """The log in ``dirpath``, locked, to be read from ``snap`` on, which is in it, and then appended to.

    Raises WALFileNotFoundError if segments are missing, LockedError if another process has the log.

    Go: wal/wal.go#Open
    """
    return open_at_index(dirpath, snap, True, disk)


def open_for_read(dirpath: Path, snap: Snapshot, disk: Disk = DISK) -> WAL:
    """As ``open``, for reading only: no lock is needed, and a torn tail does not matter.

    Go: wal/wal.go#OpenForRead
    """
    return open_at_index(dirpath, snap, False, disk)


def open_at_index(dirpath: Path, snap: Snapshot, write: bool, disk: Disk) -> WAL:
    """Open the segments, with their locks if they are to be written. Go: wal/wal.go#openAtIndex"""
    w = WAL(dirpath, disk)
    files = open_wal_files(dirpath, select_wal_files(dirpath, snap, disk), write, disk)
    w.start = snap
    w.decoder = Decoder(files)
    if write:
        w.locks = files
    return w


def select_wal_files(dirpath: Path, snap: Snapshot, disk: Disk) -> list[str]:
    """The segments from the one on that may hold what comes after ``snap``. Raises WALFileNotFoundError.

    Go: wal/wal.go#selectWALFiles
    """
    names = read_wal_names(dirpath, disk)
    name_index = search_index(names, snap.index)
    if name_index is None or not is_valid_seq(names[name_index:]):
        raise errors.WALFileNotFoundError(dirpath)
    return names[name_index:]


def open_wal_files(dirpath: Path, names: list[str], write: bool, disk: Disk) -> list[File]:
    """Open these segments, all of them or none. Go: wal/wal.go#openWALFiles"""
    files: list[File] = []
    try:
        for name in names:
            if write:
                files.append(fileutil.try_lock_file(dirpath / name, os.O_RDWR, disk))
            else:
                files.append(File(dirpath / name, os.O_RDONLY, disk))
    except OSError:
        for file in files:
            file.close()
        raise
    return files


def valid_snapshot_entries(wal_dir: Path, disk: Disk = DISK) -> list[Snapshot]:
    """The snapshots recorded in the log that lie within what was committed: those to start from.

    Go: wal/wal.go#ValidSnapshotEntries
    """
    snaps, commit = list[Snapshot](), 0
    files = open_wal_files(wal_dir, read_wal_names(wal_dir, disk), False, disk)
    with closing(Decoder(files)) as decoder, suppress(errors.UnexpectedEOFError):
        for rec in decoder:
            if rec.type == SNAPSHOT_TYPE:
                snaps.append(decoder.unmarshal(Snapshot.FromString, rec.data))
            elif rec.type == STATE_TYPE:
                commit = decoder.must_unmarshal_state(rec.data).commit
    return [snap for snap in snaps if snap.index <= commit]
