"""The log as a member uses it: saved, cut, closed, crashed, opened again."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Buffer
from pathlib import Path

import pytest

from minietcd.pkg.disk import Disk
from minietcd.pkg.fileutil import LockedError
from minietcd.proto.walpb.record_pb2 import Snapshot
from minietcd.raft.raftpb import Entry, EntryType, HardState, Index, NodeID, Term
from minietcd.wal import wal
from minietcd.wal.errors import (
    CRCMismatchError,
    MetadataConflictError,
    SliceOutOfRangeError,
    SnapshotMismatchError,
    SnapshotNotFoundError,
    WALFileNotFoundError,
)

VOTE = NodeID(0x8E9E05C52164694D)
GOLDEN = Path(__file__).parent.parent / "testdata" / "wal"
START = Snapshot(index=0, term=0)


@pytest.fixture(autouse=True)
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wal, "SEGMENT_SIZE_BYTES", 4096)


def entry(index: int, data: bytes = b"", term: int = 1) -> Entry:
    return Entry(EntryType.EntryNormal, Term(term), Index(index), data or b"entry %d" % index)


def state(commit: int, term: int = 1) -> HardState:
    return HardState(Term(term), VOTE, Index(commit))


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def read(directory: Path, snap: Snapshot = START) -> tuple[bytes, HardState, list[Entry]]:
    w = wal.open_for_read(directory, snap)
    try:
        return w.read_all()
    finally:
        w.close()


class CountingDisk(Disk):
    """Writes down what is asked of it."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def write(self, fd: int, data: Buffer) -> int:
        self.calls.append("write")
        return super().write(fd, data)

    def fdatasync(self, fd: int) -> None:
        self.calls.append("fdatasync")
        super().fdatasync(fd)


def test_what_was_saved_is_read_again_and_appended_to(tmp_path: Path) -> None:
    w = wal.create(tmp_path / "wal", b"metadata")
    w.save(state(0), [entry(1), entry(2)])
    w.close()

    w = wal.open(tmp_path / "wal", START)
    assert w.read_all() == (b"metadata", state(0), [entry(1), entry(2)])
    w.save(state(2), [entry(3)])
    w.close()

    assert read(tmp_path / "wal") == (b"metadata", state(2), [entry(1), entry(2), entry(3)])


def test_our_bytes_stay_as_they_are(tmp_path: Path) -> None:
    """The golden log is this package's own, of a day on which the real etcd went on with what it wrote."""
    w = wal.create(tmp_path / "wal", bytes.fromhex("08cd9a96a3c2b0a7c78e01 108c94e7d0c983c6ecbc01"))
    w.save(state(0), [entry(1), entry(2, bytes(range(256)) * 3)])
    w.save(
        state(2, term=2), [Entry(EntryType.EntryConfChange, Term(2), Index(3), b"\x08\x00\x10\x00\x18\x01")]
    )
    w.save_snapshot(Snapshot(index=2, term=1))
    w.cut()
    w.save(HardState(), [Entry(EntryType.EntryNormal, Term(2), Index(4))])
    w.close()
    assert names(tmp_path / "wal") == names(GOLDEN)
    for name in names(GOLDEN):
        ours = (tmp_path / "wal" / name).read_bytes()
        assert ours.rstrip(b"\0") == (GOLDEN / name).read_bytes().rstrip(b"\0"), name
    assert read(GOLDEN) == read(tmp_path / "wal")


def test_a_new_log_is_there_in_full_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "wal.tmp").mkdir()
    (tmp_path / "wal.tmp" / "left over").touch()
    w = wal.create(tmp_path / "wal", b"metadata")
    assert names(tmp_path) == ["wal"]
    assert names(tmp_path / "wal") == ["0000000000000000-0000000000000000.wal"]
    assert (tmp_path / "wal" / names(tmp_path / "wal")[0]).stat().st_size == 4096
    w.close()


def test_a_log_is_not_created_over_another(tmp_path: Path) -> None:
    assert not wal.exist(tmp_path / "wal")
    wal.create(tmp_path / "wal", b"metadata").close()
    assert wal.exist(tmp_path / "wal")
    with pytest.raises(FileExistsError, match="wal"):
        wal.create(tmp_path / "wal", b"metadata")


def test_nothing_to_save_costs_nothing(tmp_path: Path) -> None:
    disk = CountingDisk()
    w = wal.create(tmp_path / "wal", b"metadata", disk)
    disk.calls.clear()
    w.save(HardState(), [])
    assert disk.calls == []
    w.close()


def test_entries_and_state_take_one_write_and_one_fsync(tmp_path: Path) -> None:
    disk = CountingDisk()
    w = wal.create(tmp_path / "wal", b"metadata", disk)
    disk.calls.clear()
    w.save(state(0), [entry(1), entry(2)])
    assert disk.calls == ["write", "fdatasync"]
    w.close()


def test_a_commit_index_alone_is_not_worth_an_fsync(tmp_path: Path) -> None:
    disk = CountingDisk()
    w = wal.create(tmp_path / "wal", b"metadata", disk)
    w.save(state(0), [entry(1)])
    disk.calls.clear()
    w.save(state(1), [])
    assert disk.calls == []
    w.save(state(1, term=2), [])
    assert disk.calls == ["write", "fdatasync"]
    w.close()


def test_a_full_segment_is_cut_and_the_next_one_begins(tmp_path: Path) -> None:
    w = wal.create(tmp_path / "wal", b"metadata")
    entries = [entry(i, bytes([i]) * 1000) for i in range(1, 13)]
    for e in entries:
        w.save(state(e.index - 1), [e])
    w.close()

    assert names(tmp_path / "wal") == [
        "0000000000000000-0000000000000000.wal",
        "0000000000000001-0000000000000006.wal",
        "0000000000000002-000000000000000b.wal",
    ]
    assert read(tmp_path / "wal") == (b"metadata", state(11), entries)


def test_a_segment_alone_tells_metadata_and_state(tmp_path: Path) -> None:
    w = wal.create(tmp_path / "wal", b"metadata")
    w.save(state(0), [entry(1)])
    w.save(state(1), [])
    w.cut()
    (tmp_path / "wal" / "0000000000000000-0000000000000000.wal").unlink()
    w.save(HardState(), [entry(2), entry(3)])
    w.save_snapshot(Snapshot(index=2, term=1))
    w.close()
    assert read(tmp_path / "wal", Snapshot(index=2, term=1)) == (b"metadata", state(1), [entry(3)])


def test_the_state_is_carried_into_a_segment_cut_after_a_restart(tmp_path: Path) -> None:
    w = wal.create(tmp_path / "wal", b"metadata")
    w.save(state(0), [entry(1)])
    w.close()
    w = wal.open(tmp_path / "wal", START)
    w.read_all()
    w.cut()
    w.save_snapshot(Snapshot(index=2, term=1))
    w.close()
    (tmp_path / "wal" / "0000000000000000-0000000000000000.wal").unlink()
    assert read(tmp_path / "wal", Snapshot(index=2, term=1))[1] == state(0)


def test_entries_saved_again_replace_those_after_them(tmp_path: Path) -> None:
    w = wal.create(tmp_path / "wal", b"metadata")
    w.save(state(0), [entry(1), entry(2), entry(3)])
    w.save(state(0, term=2), [entry(2, b"other", term=2)])
    w.close()
    assert read(tmp_path / "wal")[2] == [entry(1), entry(2, b"other", term=2)]


def test_reading_starts_behind_the_snapshot(tmp_path: Path) -> None:
    w = wal.create(tmp_path / "wal", b"metadata")
    w.save(state(0), [entry(i) for i in range(1, 6)])
    w.save_snapshot(Snapshot(index=3, term=1))
    w.close()
    assert read(tmp_path / "wal", Snapshot(index=3, term=1))[2] == [entry(4), entry(5)]
    with pytest.raises(SnapshotMismatchError):
        read(tmp_path / "wal", Snapshot(index=3, term=2))
    with pytest.raises(SnapshotNotFoundError):
        read(tmp_path / "wal", Snapshot(index=4, term=1))


def test_a_snapshot_beyond_the_log_lets_entries_follow_it(tmp_path: Path) -> None:
    w = wal.create(tmp_path / "wal", b"metadata")
    w.save_snapshot(Snapshot(index=10, term=2))
    w.save(state(10, term=2), [entry(11, term=2)])
    w.close()
    assert read(tmp_path / "wal", Snapshot(index=10, term=2))[2] == [entry(11, term=2)]
    with pytest.raises(SliceOutOfRangeError):
        read(tmp_path / "wal")


def test_only_committed_snapshots_are_valid(tmp_path: Path) -> None:
    w = wal.create(tmp_path / "wal", b"metadata")
    for index, term in [(1, 1), (2, 1), (3, 2)]:
        w.save_snapshot(Snapshot(index=index, term=term))
    w.save(state(2), [])
    w.close()
    assert [snap.index for snap in wal.valid_snapshot_entries(tmp_path / "wal")] == [0, 1, 2]


def test_released_segments_can_be_locked_by_others(tmp_path: Path) -> None:
    w = wal.create(tmp_path / "wal", b"metadata")
    for index in range(1, 11):
        w.save(state(0), [entry(index)])
        w.cut()

    def held() -> list[int]:
        return [wal.parse_wal_name(file.name.name)[1] for file in w.locks]

    assert held() == [0, *range(2, 12)]
    w.release_lock_to(4)
    assert held() == list(range(3, 12))
    w.release_lock_to(1)
    assert held() == list(range(3, 12))
    w.release_lock_to(15)
    assert held() == [11]
    w.close()


def test_a_log_that_another_process_has_is_refused_by_name(tmp_path: Path) -> None:
    w = wal.create(tmp_path / "wal", b"metadata")
    program = (
        "import sys; from pathlib import Path; from minietcd.wal import wal\n"
        "try: wal.open(Path(sys.argv[1]), wal.Snapshot(index=0, term=0))\n"
        "except OSError as error: print(error)"
    )
    args = [sys.executable, "-c", program, str(tmp_path / "wal")]
    said = subprocess.run(args, capture_output=True, text=True, check=True, timeout=60).stdout
    assert "locked by another process" in said
    assert "0000000000000000-0000000000000000.wal" in said
    with pytest.raises(LockedError):
        wal.open(tmp_path / "wal", START)
    w.close()


def test_a_missing_segment_is_refused(tmp_path: Path) -> None:
    w = wal.create(tmp_path / "wal", b"metadata")
    for index in (1, 2):
        w.save(state(0), [entry(index)])
        w.cut()
    w.close()
    (tmp_path / "wal" / "0000000000000001-0000000000000002.wal").unlink()
    with pytest.raises(WALFileNotFoundError, match="wal"):
        wal.open(tmp_path / "wal", START)
    (tmp_path / "empty").mkdir()
    with pytest.raises(WALFileNotFoundError, match="empty"):
        wal.open(tmp_path / "empty", START)


def test_segments_of_different_members_are_refused(tmp_path: Path) -> None:
    for metadata in (b"member a", b"member b"):
        w = wal.create(tmp_path / metadata.decode(), metadata)
        w.save(state(0), [entry(1)])
        w.cut()
        w.close()
    second = "0000000000000001-0000000000000002.wal"
    (tmp_path / "member b" / second).replace(tmp_path / "member a" / second)
    with pytest.raises((MetadataConflictError, CRCMismatchError), match=second):
        wal.open(tmp_path / "member a", START).read_all()


def test_files_that_are_no_segments_are_left_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    w = wal.create(tmp_path / "wal", b"metadata")
    w.save(state(0), [entry(1)])
    w.close()
    (tmp_path / "wal" / "0.tmp").touch()
    (tmp_path / "wal" / "0000000000000000-0000000000000000.wal.broken").touch()
    assert read(tmp_path / "wal")[2] == [entry(1)]
    assert [record.message for record in caplog.records] == ["ignored file in WAL directory"]


def test_a_large_batch_goes_out_by_whole_pages_before_the_fsync(tmp_path: Path) -> None:
    w = wal.create(tmp_path / "wal", b"metadata")
    big = [entry(i, os.urandom(100_000)) for i in range(1, 6)]
    w.save(state(0), big)
    w.close()
    assert read(tmp_path / "wal")[2] == big


class FullDisk(Disk):
    """Takes so many bytes, and no more."""

    def __init__(self, room: int) -> None:
        self.room = room

    def write(self, fd: int, data: Buffer) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = super().write(fd, memoryview(data)[: self.room])
        self.room -= taken
        return taken


def test_a_full_disk_is_reported_with_the_file_and_takes_nothing_that_was_saved(tmp_path: Path) -> None:
    disk = FullDisk(1024)
    w = wal.create(tmp_path / "wal", b"metadata", disk)
    saved = 0
    with pytest.raises(OSError, match=r"No space left on device: '.*0000\.wal'"):
        for index in range(1, 100):
            w.save(state(saved), [entry(index)])
            saved = index
    assert saved
    disk.room = 10_000
    w.close()  # which must not write again what was written in part: that could not be told from damage
    assert [e.index for e in read(tmp_path / "wal")[2]] == list(range(1, saved + 1))


class FailingSync(Disk):
    """Whose fsync of directories fails."""

    def fsync(self, fd: int) -> None:
        raise OSError(errno.EIO, "Input/output error")


def test_a_log_whose_place_is_not_durable_is_set_aside(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="Input/output error"):
        wal.create(tmp_path / "wal", b"metadata", FailingSync())
    assert names(tmp_path) == ["wal.broken"]


class ForgetfulDisk(Disk):
    """Knows which directories were synced since their names last changed."""

    def __init__(self) -> None:
        self.paths: dict[int, Path] = {}
        self.unsynced: set[Path] = set()

    def open(self, path: Path, flags: int, mode: int) -> int:
        if flags & os.O_CREAT and not path.exists():
            self.unsynced.add(path.parent)
        fd = super().open(path, flags, mode)
        self.paths[fd] = path
        return fd

    def rename(self, source: Path, target: Path) -> None:
        super().rename(source, target)
        self.unsynced |= {target.parent} | ({target} if source in self.unsynced else set())
        self.unsynced.discard(source)

    def fsync(self, fd: int) -> None:
        super().fsync(fd)
        self.unsynced.discard(self.paths[fd])


def test_a_new_log_cannot_lose_its_name_nor_those_in_it(tmp_path: Path) -> None:
    disk = ForgetfulDisk()
    wal.create(tmp_path / "wal", b"metadata", disk).close()
    assert not disk.unsynced & {tmp_path, tmp_path / "wal"}


class SlowDisk(Disk):
    """Two seconds pass whenever it is asked for the time."""

    now = 0.0

    def monotonic(self) -> float:
        self.now += 2
        return self.now


def test_a_slow_fsync_is_worth_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    w = wal.create(tmp_path / "wal", b"metadata", SlowDisk())
    assert "slow fdatasync" in caplog.messages
    w.set_unsafe_no_fsync()
    caplog.clear()
    w.save(state(0), [entry(1)])
    assert not caplog.messages
    w.close()
