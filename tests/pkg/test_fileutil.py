"""Files that have to survive a crash."""

from __future__ import annotations

import os
from collections.abc import Buffer
from pathlib import Path

import pytest

from minietcd.pkg import fileutil
from minietcd.pkg.disk import Disk
from minietcd.pkg.fileutil import File, LockedError


def test_a_locked_file_is_nobody_elses_until_it_is_closed(tmp_path: Path) -> None:
    file = fileutil.try_lock_file(tmp_path / "a", os.O_CREAT | os.O_WRONLY)
    with pytest.raises(LockedError, match=r"already locked.*'.*/a'"):
        fileutil.try_lock_file(tmp_path / "a", os.O_WRONLY)
    file.close()
    fileutil.try_lock_file(tmp_path / "a", os.O_WRONLY).close()


def test_a_directory_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    fileutil.touch_dir_all(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
    assert fileutil.read_dir(tmp_path / "a" / "b") == []
    fileutil.touch_dir_all(tmp_path / "a" / "b")


def test_a_directory_that_is_to_be_made_anew_must_be_empty(tmp_path: Path) -> None:
    fileutil.create_dir_all(tmp_path)
    (tmp_path / "stranger").touch()
    with pytest.raises(OSError, match="stranger"):
        fileutil.create_dir_all(tmp_path)


def test_the_rest_of_a_file_becomes_zeros_and_keeps_its_size(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 1000)
    file = File(tmp_path / "a", os.O_RDWR)
    file.seek(600)
    fileutil.zero_to_end(file)
    file.write(b"yy")
    file.close()
    assert (tmp_path / "a").read_bytes() == b"x" * 600 + b"yy" + bytes(398)


def test_preallocating_never_shortens_a_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 1000)
    file = File(tmp_path / "a", os.O_RDWR)
    for size in (0, 10, 1000):
        fileutil.preallocate(file, size)
        assert (tmp_path / "a").stat().st_size == 1000
    fileutil.preallocate(file, 2000)
    file.close()
    assert (tmp_path / "a").read_bytes() == b"x" * 1000 + bytes(1000)


def test_the_oldest_files_are_purged_up_to_one_that_is_locked(tmp_path: Path) -> None:
    for name in ("1.wal", "2.wal", "3.wal", "4.wal", "0.snap"):
        (tmp_path / name).touch()
    file = fileutil.try_lock_file(tmp_path / "2.wal", os.O_WRONLY)
    assert fileutil.purge_file(tmp_path, ".wal", 1) == [tmp_path / "1.wal"]
    file.close()
    assert fileutil.purge_file(tmp_path, ".wal", 1) == [tmp_path / "2.wal", tmp_path / "3.wal"]
    assert fileutil.purge_file(tmp_path, ".wal", 1) == []
    assert fileutil.read_dir(tmp_path) == ["0.snap", "4.wal"]


class ReluctantDisk(Disk):
    """Takes three bytes at a time."""

    def write(self, fd: int, data: Buffer) -> int:
        return super().write(fd, memoryview(data)[:3])


def test_everything_is_written_however_little_the_disk_takes_at_a_time(tmp_path: Path) -> None:
    fileutil.write_and_sync_file(tmp_path / "a", b"a longer text", ReluctantDisk())
    assert (tmp_path / "a").read_bytes() == b"a longer text"
