"""Disks that forget at a crash what was not synced.

A file is what was written to it; what of that is durable, the last fsync says. So it is with names and the
fsync of their directory. At a crash what came after survives in part: some of the writes, in their order, the
last of them torn between sectors; some of the changes of names, in their order. That is what ext4 may do,
except that it may also reorder writes to one file. Directories that are made stay: a journal has them long
before.

Who maps a file into memory needs a real one. Such files are real, and are not kept here: each stays in a
crash what it is, which is right for a database whose file is always one that was committed, as LMDB's is. A
file from here that is renamed to the name of a real one becomes real.
"""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Buffer, Callable
from pathlib import Path

from tracer.virtual.loop import VirtualLoop, running

_SECTOR = 512
"""Bytes that are written whole or not at all, which logs rely on to tell a torn write from a damaged one."""

type Change = tuple[int, bytes] | int
"""Bytes that were written somewhere, or a new size."""


class File:
    """Bytes up to a size, those never written being zero, and what of them is durable.

    A sync that goes on makes durable what was changed before it, ``synced`` changes, but not before ``done``.
    """

    def __init__(self) -> None:
        self.data, self.size = bytearray(), 0
        self.durable: tuple[bytearray, int] = bytearray(), 0
        self.changes: list[Change] = []
        self.synced, self.done = 0, 0.0
        self.locked = False

    def change(self, change: Change) -> None:
        """Write or resize; not yet durable."""
        self.size = _apply(self.data, self.size, change)
        self.changes.append(change)

    def sync(self, now: float, done: float) -> None:
        """Make durable what has changed; that will be so at ``done``."""
        self.settle(now)
        self.synced, self.done = len(self.changes), done

    def settle(self, now: float) -> None:
        """A sync that was done by ``now`` has done what it does."""
        if self.synced and self.done <= now:
            self._keep(self.changes[: self.synced])
            del self.changes[: self.synced]
            self.synced = 0

    def read(self, offset: int, size: int) -> bytes:
        """As much as there is."""
        size = max(0, min(size, self.size - offset))
        return bytes(self.data[offset : offset + size]).ljust(size, b"\0")

    def crash(self, now: float, chance: random.Random) -> None:
        """Be what a crash leaves."""
        self.settle(now)
        survive = chance.randint(0, len(self.changes))
        self._keep(self.changes[:survive])
        for torn in self.changes[survive : survive + 1]:
            if isinstance(torn, tuple):
                offset, data = torn
                ends = range(-offset % _SECTOR, len(data), _SECTOR)
                self._keep([(offset, data[: chance.choice([0, *ends])])])
        self.changes.clear()
        self.data, self.size, self.synced, self.locked = bytearray(self.durable[0]), self.durable[1], 0, False

    def _keep(self, changes: list[Change]) -> None:
        data, size = self.durable
        for change in changes:
            size = _apply(data, size, change)
        self.durable = data, size


class Directory:
    """Names, and what they were after each change that is not durable yet; the first of these is."""

    def __init__(self) -> None:
        self.names: dict[str, File | Directory] = {}
        self.history: list[dict[str, File | Directory]] = [{}]

    def bind(self, name: str, node: File | Directory | None) -> None:
        """Let ``name`` stand for that, or for nothing."""
        self.names.pop(name, None)
        if node is not None:
            self.names[name] = node
        self.history.append(dict(self.names))
        if isinstance(node, Directory):
            self.sync()

    def sync(self, now: float = 0.0, done: float = 0.0) -> None:
        """Make them durable: at once, which is a little early."""
        self.history = [dict(self.names)]

    def crash(self, now: float, chance: random.Random) -> None:
        """Be what a crash leaves, and all that is in it too."""
        self.names = dict(chance.choice(self.history))
        self.sync()
        for node in self.names.values():
            node.crash(now, chance)


class _Open:
    """A file or directory that somebody has open, at an offset."""

    def __init__(self, path: Path, node: File | Directory) -> None:
        self.path, self.node, self.offset, self.locks = path, node, 0, False

    @property
    def file(self) -> File:
        assert isinstance(self.node, File), f"{self.path} is a directory"
        return self.node


class VirtualDisk:
    """The disk of one machine, below ``root``: calls as those of ``os``.

    An fsync takes from ``latency[0]`` to ``latency[1]`` seconds and ``stall``, for which the process stands
    still; if it dies meanwhile, what it was to sync is not. While it is ``full`` no file grows. The calls in
    ``failing`` raise EIO. ``watch`` is called before each change with the name of the call and the path.
    """

    def __init__(self, loop: VirtualLoop, root: Path, chance: random.Random) -> None:
        self.loop, self.root, self.chance = loop, root, chance
        self.latency = 0.000_2, 0.002
        self.stall = 0.0
        self.full = False
        self.failing: set[str] = set()
        self.watch: Callable[[str, Path], None] = lambda call, path: None
        self._tree = Directory()
        self._open: dict[int, _Open] = {}
        self._next = 1_000_000

    def crash(self) -> None:
        """Lose what a crash loses; nobody has a file open any more."""
        self._open.clear()
        self._tree.crash(self.loop.now, self.chance)

    def open(self, path: Path, flags: int, mode: int) -> int:
        """As ``os.open``."""
        node = self._find(path)
        if node is None:
            if not flags & os.O_CREAT:
                raise _error(errno.ENOENT, path)
            self._changing("create", path, grows=True)
            node = File()
            self._parent(path).bind(path.name, node)
        elif flags & os.O_TRUNC and isinstance(node, File):
            self._changing("truncate", path)
            node.change(0)
        self._next += 1
        self._open[self._next] = _Open(path, node)
        return self._next

    def close(self, fd: int) -> None:
        """The lock goes with it."""
        opened = self._open.pop(fd, None)
        if opened is not None and opened.locks:
            opened.file.locked = False

    def read(self, fd: int, size: int) -> bytes:
        """From where the descriptor stands."""
        opened = self._of(fd)
        data = opened.file.read(opened.offset, size)
        opened.offset += len(data)
        return data

    def write(self, fd: int, data: Buffer) -> int:
        """All of it is taken, unless there is no room."""
        opened, written = self._of(fd), bytes(data)
        end = opened.offset + len(written)
        self._changing("write", opened.path, grows=end > opened.file.size)
        opened.file.change((opened.offset, written))
        opened.offset = end
        return len(written)

    def lseek(self, fd: int, offset: int, whence: int) -> int:
        """Where the descriptor stands after it."""
        opened = self._of(fd)
        opened.offset = (
            offset + {os.SEEK_SET: 0, os.SEEK_CUR: opened.offset, os.SEEK_END: opened.file.size}[whence]
        )
        return opened.offset

    def ftruncate(self, fd: int, size: int) -> None:
        """Cut it off, or let it grow by zeros."""
        opened = self._of(fd)
        self._changing("truncate", opened.path)
        opened.file.change(size)

    def fallocate(self, fd: int, size: int) -> None:
        """Give it at least that size."""
        opened = self._of(fd)
        if size > opened.file.size:
            self._changing("allocate", opened.path, grows=True)
            opened.file.change(size)

    def fsync(self, fd: int) -> None:
        """What the file holds, or the names in a directory, will survive a crash."""
        opened = self._of(fd)
        self._changing("fsync", opened.path)
        process = running()
        if process is not None:
            process.spend(self.stall + self.chance.uniform(*self.latency))
        opened.node.sync(self.loop.now, self.loop.moment())

    def fdatasync(self, fd: int) -> None:
        """The same."""
        self.fsync(fd)

    def lock(self, fd: int) -> None:
        """BlockingIOError if another descriptor has it."""
        opened = self._of(fd)
        if opened.file.locked:
            raise BlockingIOError(errno.EWOULDBLOCK, os.strerror(errno.EWOULDBLOCK), str(opened.path))
        opened.file.locked = opened.locks = True

    def contents(self, path: Path) -> bytes:
        """What was written to a file; where it was only given room, that is left out at its end."""
        node = self._find(path)
        if not isinstance(node, File):
            raise _error(errno.ENOENT, path)
        return bytes(node.data[: node.size])

    def exists(self, path: Path) -> bool:
        """Whether there is something of this name."""
        return self._find(path) is not None

    def listdir(self, path: Path) -> list[str]:
        """The names in a directory."""
        return list(self._directory(path).names)

    def makedirs(self, path: Path, mode: int) -> None:
        """As ``os.makedirs``, where they are missing."""
        path.mkdir(mode, parents=True, exist_ok=True)
        directory = self._tree
        for name in path.relative_to(self.root).parts:
            if name not in directory.names:
                directory.bind(name, Directory())
            child = directory.names[name]
            assert isinstance(child, Directory), f"{name} of {path} is a file"
            directory = child

    def rename(self, source: Path, target: Path) -> None:
        """As ``os.replace``."""
        node = self._find(source)
        if node is None:
            raise _error(errno.ENOENT, source)
        self._changing("rename", target)
        self._parent(source).bind(source.name, None)
        if target.is_file() and isinstance(node, File):
            real = target.with_name(target.name + ".real")
            real.write_bytes(node.read(0, node.size))
            real.replace(target)
        else:
            self._parent(target).bind(target.name, node)

    def unlink(self, path: Path) -> None:
        """Remove a name."""
        if self._find(path) is None:
            raise _error(errno.ENOENT, path)
        self._changing("unlink", path)
        self._parent(path).bind(path.name, None)

    def rmtree(self, path: Path) -> None:
        """Remove all below a name."""
        self.unlink(path)

    def monotonic(self) -> float:
        """Seconds on the clock of the machine."""
        return self.loop.time()

    def _changing(self, call: str, path: Path, grows: bool = False) -> None:
        """Every change is announced here, and may fail. The dead change nothing."""
        self.watch(call, path)
        process = running()
        if call in self.failing or (process is not None and process.dead):
            raise _error(errno.EIO, path)
        if grows and self.full:
            raise _error(errno.ENOSPC, path)

    def _of(self, fd: int) -> _Open:
        if fd not in self._open:
            raise _error(errno.EBADF, self.root)
        return self._open[fd]

    def _find(self, path: Path) -> File | Directory | None:
        node: File | Directory | None = self._tree
        for name in path.relative_to(self.root).parts:
            node = node.names.get(name) if isinstance(node, Directory) else None
        return node

    def _directory(self, path: Path) -> Directory:
        node = self._find(path)
        if not isinstance(node, Directory):
            raise _error(errno.ENOENT, path)
        return node

    def _parent(self, path: Path) -> Directory:
        return self._directory(path.parent)


def _apply(data: bytearray, size: int, change: Change) -> int:
    if isinstance(change, int):
        del data[change:]
        return change
    offset, written = change
    if len(data) < offset:
        data.extend(bytes(offset - len(data)))
    data[offset : offset + len(written)] = written
    return max(size, offset + len(written))


def _error(number: int, path: Path) -> OSError:
    return OSError(number, os.strerror(number), str(path))
