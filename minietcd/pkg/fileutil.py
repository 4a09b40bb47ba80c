"""Files that have to survive a crash: locked, preallocated, flushed to the disk.

Left out: waiting for a lock, because an error that names the file helps more than a server that hangs.

Go: pkg/fileutil/fileutil.go
Go: pkg/fileutil/lock_linux.go
Go: pkg/fileutil/read_dir.go
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Concatenate

from minietcd.pkg import logutil
from minietcd.pkg.disk import DISK, Disk

PRIVATE_FILE_MODE = 0o600
PRIVATE_DIR_MODE = 0o700

log = logutil.get_logger("fileutil")


class LockedError(OSError):
    """Another process has the file open and locked. Go: pkg/fileutil/lock.go#ErrLocked"""

    def __init__(self, path: Path) -> None:
        super().__init__(errno.EWOULDBLOCK, "fileutil: file already locked by another process", str(path))


class File:
    """An open file that knows its name and its disk; its errors name it.

    Go: pkg/fileutil/lock.go#LockedFile
    """

    __slots__ = ("disk", "fd", "name")

    def __init__(self, name: Path, flags: int, disk: Disk = DISK, mode: int = PRIVATE_FILE_MODE) -> None:
        self.name = name
        self.disk = disk
        self.fd = disk.open(name, flags, mode)

    def call[R, **P](self, do: Callable[Concatenate[int, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """What this call of the disk returns for our descriptor; its OSError will say whose that is."""
        try:
            return do(self.fd, *args, **kwargs)
        except OSError as error:
            error.filename = str(self.name)
            raise

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes; none at the end."""
        return self.call(self.disk.read, size)

    def write(self, data: bytes | bytearray) -> None:
        """Write all of ``data``. When it raises, nobody knows how much of it is there."""
        written = self.call(self.disk.write, data)
        while written < len(data):
            written += self.call(self.disk.write, data[written:])

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Where the file stands afterwards."""
        return self.call(self.disk.lseek, offset, whence)

    def truncate(self, size: int) -> None:
        """Cut it off, or let it grow."""
        self.call(self.disk.ftruncate, size)

    def close(self) -> None:
        """Give back the descriptor, and with it the lock."""
        self.disk.close(self.fd)


def is_dir_writeable(dir: Path, disk: Disk = DISK) -> None:
    """Raise OSError unless a file can be made in ``dir``. Go: pkg/fileutil/fileutil.go#IsDirWriteable"""
    probe = dir / ".touch"
    File(probe, os.O_WRONLY | os.O_CREAT, disk).close()
    disk.unlink(probe)


def touch_dir_all(dir: Path, disk: Disk = DISK) -> None:
    """Make ``dir`` and its parents where they are missing, for the owner alone, and see that it can be used.

    Go: pkg/fileutil/fileutil.go#TouchDirAll
    """
    disk.makedirs(dir, PRIVATE_DIR_MODE)
    is_dir_writeable(dir, disk)


def create_dir_all(dir: Path, disk: Disk = DISK) -> None:
    """As ``touch_dir_all``, but ``dir`` must be empty. Go: pkg/fileutil/fileutil.go#CreateDirAll"""
    touch_dir_all(dir, disk)
    if names := read_dir(dir, disk=disk):
        raise OSError(errno.ENOTEMPTY, f"expected an empty directory, got {names}", str(dir))


def zero_to_end(f: File) -> None:
    """Put zeros where the file stands and after, and keep its size and its blocks.

    Go: pkg/fileutil/fileutil.go#ZeroToEnd
    """
    offset = f.seek(0, os.SEEK_CUR)
    length = f.seek(0, os.SEEK_END)
    f.truncate(offset)
    preallocate(f, length)
    f.seek(offset)


def preallocate(f: File, size: int) -> None:
    """Let the file have ``size`` bytes now, so that the disk cannot be too full for them later.

    Go: pkg/fileutil/preallocate.go#Preallocate
    """
    if size:
        f.call(f.disk.fallocate, size)


def purge_file(dirname: Path, suffix: str, max: int, disk: Disk = DISK) -> list[Path]:
    """Remove the oldest files that end in ``suffix`` until ``max`` are left or one is locked; which went.

    Go: pkg/fileutil/purge.go#purgeFile
    """
    purged: list[Path] = []
    names = read_dir(dirname, suffix, disk)
    while len(names) > max:
        try:
            file = try_lock_file(dirname / names.pop(0), os.O_WRONLY, disk)
        except LockedError:
            break
        disk.unlink(file.name)
        file.close()
        purged.append(file.name)
        log.info("purged", path=file.name)
    return purged


def read_dir(d: Path, ext: str = "", disk: Disk = DISK) -> list[str]:
    """The sorted names in ``d`` that end in ``ext``. Go: pkg/fileutil/read_dir.go#ReadDir"""
    return sorted(name for name in disk.listdir(d) if name.endswith(ext))


def fsync(f: File) -> None:
    """Return when the file is on the disk, all that is known of it. Go: pkg/fileutil/sync_linux.go#Fsync"""
    f.call(f.disk.fsync)


def fdatasync(f: File) -> None:
    """Return when what was written to the file is on the disk. Go: pkg/fileutil/sync_linux.go#Fdatasync"""
    f.call(f.disk.fdatasync)


def sync_path(path: Path, disk: Disk = DISK) -> None:
    """Return when a file, or the names in a directory, are on the disk.

    Go: pkg/fileutil/dir_unix.go#OpenDir
    """
    with closing(File(path, os.O_RDONLY, disk)) as file:
        fsync(file)


def try_lock_file(path: Path, flags: int, disk: Disk = DISK) -> File:
    """Open ``path`` for ourselves alone, until it is closed. Raises LockedError if it is somebody's.

    Go: pkg/fileutil/lock_linux.go#TryLockFile
    """
    file = File(path, flags, disk)
    try:
        disk.lock(file.fd)
    except BlockingIOError:
        file.close()
        raise LockedError(path) from None
    return file


def write_and_sync_file(filename: Path, data: bytes, disk: Disk = DISK) -> None:
    """Make a file of ``data`` that is on the disk; when that fails, there is none.

    Go: pkg/ioutil/util.go#WriteAndSyncFile
    """
    with closing(File(filename, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, disk, 0o666)) as file:
        try:
            file.write(data)
            fsync(file)
        except OSError:
            with suppress(OSError):
                disk.unlink(filename)
            raise
