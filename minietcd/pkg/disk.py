"""The disk as a parameter: the few system calls that durable code makes, in one replaceable object.

``DISK`` is the real one. A simulator passes its own to the WAL and the snapshotter: one whose last write
tears, whose fsyncs fail or stall, which forgets at a crash what was not synced, or which is full.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import sys
import time
from collections.abc import Buffer
from pathlib import Path

_LINUX = sys.platform == "linux"
_WHOLE_FILE = struct.pack("hhqqi0q", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)


class Disk:
    """System calls, named and behaving as those of ``os``: a file is its descriptor, a failure an OSError."""

    def open(self, path: Path, flags: int, mode: int) -> int:
        """The descriptor of a file; ``flags`` may say that it is to be made, with ``mode``."""
        return os.open(path, flags, mode)

    def close(self, fd: int) -> None:
        """Give back a descriptor, and with it the lock."""
        os.close(fd)

    def read(self, fd: int, size: int) -> bytes:
        """Up to ``size`` bytes; none at the end."""
        return os.read(fd, size)

    def write(self, fd: int, data: Buffer) -> int:
        """How many bytes of ``data`` were taken. It is the caller's again, and changes, once this returns."""
        return os.write(fd, data)

    def lseek(self, fd: int, offset: int, whence: int) -> int:
        """Where the file stands after it."""
        return os.lseek(fd, offset, whence)

    def ftruncate(self, fd: int, size: int) -> None:
        """Cut the file to ``size`` bytes, or let it grow by zeros."""
        os.ftruncate(fd, size)

    def fallocate(self, fd: int, size: int) -> None:
        """Give the file at least ``size`` bytes, zeros where it had none, and blocks for all of them."""
        if _LINUX:
            os.posix_fallocate(fd, 0, size)
        elif os.fstat(fd).st_size < size:
            os.ftruncate(fd, size)

    def fsync(self, fd: int) -> None:
        """Return when the file, or the names in a directory, are on the disk."""
        os.fsync(fd)

    def fdatasync(self, fd: int) -> None:
        """As fsync, but for what only tells when the file was changed."""
        (os.fdatasync if _LINUX else os.fsync)(fd)

    def lock(self, fd: int) -> None:
        """Lock the file until its descriptor is closed; BlockingIOError if anybody else has it.

        The lock is etcd's (of the open file description), so each keeps out of the other's directory.

        Go: pkg/fileutil/lock_linux.go#ofdTryLockFile
        Go: pkg/fileutil/lock_flock.go#flockTryLockFile
        """
        if _LINUX:
            fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _WHOLE_FILE)
        else:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def exists(self, path: Path) -> bool:
        """Whether there is something of this name. Go: pkg/fileutil/fileutil.go#Exist"""
        return path.exists()

    def listdir(self, path: Path) -> list[str]:
        """The names in a directory, in any order."""
        return [child.name for child in path.iterdir()]

    def makedirs(self, path: Path, mode: int) -> None:
        """Make a directory, and those above it, where they are missing."""
        path.mkdir(mode, parents=True, exist_ok=True)

    def rename(self, source: Path, target: Path) -> None:
        """Give a file another name, also one that is taken: then that file is gone."""
        source.rename(target)

    def unlink(self, path: Path) -> None:
        """Remove a name."""
        path.unlink()

    def rmtree(self, path: Path) -> None:
        """Remove a directory and all that is in it."""
        shutil.rmtree(path)

    def monotonic(self) -> float:
        """Seconds since some moment, to tell a slow disk by."""
        return time.monotonic()


DISK = Disk()
