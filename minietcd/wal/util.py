"""The names of segments. Go: wal/util.go"""

from __future__ import annotations

import re
from pathlib import Path

from minietcd.pkg import logutil
from minietcd.pkg.disk import DISK, Disk
from minietcd.pkg.fileutil import read_dir
from minietcd.wal.errors import WALFileNotFoundError

log = logutil.get_logger("wal")

_WAL_NAME = re.compile(r"([0-9a-f]{16})-([0-9a-f]{16})\.wal")


def exist(dir: Path, disk: Disk = DISK) -> bool:
    """Whether a log was begun in ``dir``. Go: wal/util.go#Exist"""
    return disk.exists(dir) and bool(read_dir(dir, ".wal", disk))


def search_index(names: list[str], index: int) -> int | None:
    """Where in ``names`` the segment is that may hold the entry ``index``. Go: wal/util.go#searchIndex"""
    at_or_before = [i for i, name in enumerate(names) if parse_wal_name(name)[1] <= index]
    return at_or_before[-1] if at_or_before else None


def is_valid_seq(names: list[str]) -> bool:
    """Whether no segment is missing in between. Go: wal/util.go#isValidSeq"""
    seqs = [parse_wal_name(name)[0] for name in names]
    return seqs == list(range(seqs[0], seqs[0] + len(seqs)))


def read_wal_names(dirpath: Path, disk: Disk = DISK) -> list[str]:
    """The segments in ``dirpath``, oldest first. Raises WALFileNotFoundError if there is none.

    Go: wal/util.go#readWALNames
    """
    if names := check_wal_names(read_dir(dirpath, disk=disk)):
        return names
    raise WALFileNotFoundError(dirpath)


def check_wal_names(names: list[str]) -> list[str]:
    """Those that are names of segments; other files are none of ours. Go: wal/util.go#checkWalNames"""
    for name in names:
        if not _WAL_NAME.fullmatch(name) and not name.endswith(".tmp"):
            log.warning("ignored file in WAL directory", path=name)
    return [name for name in names if _WAL_NAME.fullmatch(name)]


def parse_wal_name(name: str) -> tuple[int, int]:
    """Sequence number and first index. Go: wal/util.go#parseWALName"""
    match = _WAL_NAME.fullmatch(name)
    assert match, f"bad wal name {name}"
    return int(match[1], 16), int(match[2], 16)


def wal_name(seq: int, index: int) -> str:
    """The name of a segment. Go: wal/util.go#walName"""
    return f"{seq:016x}-{index:016x}.wal"
