"""Revisions, and the bytes under which the backend keeps them.

Go: mvcc/revision.go
"""

from __future__ import annotations

import struct
from typing import NamedTuple

_REV_BYTES = struct.Struct(">qcq")
_MARK_TOMBSTONE = b"t"


class Revision(NamedTuple):
    """One change: the ``sub``-th of transaction ``main``. Later ones compare greater.

    Go: mvcc/revision.go#revision
    Go: mvcc/revision.go#revision.GreaterThan
    """

    main: int
    sub: int = 0


ZERO = Revision(0)


def rev_to_bytes(rev: Revision) -> bytes:
    """17 bytes that sort as revisions do: main, ``_``, sub. Go: mvcc/revision.go#revToBytes"""
    return _REV_BYTES.pack(rev[0], b"_", rev[1])


def bytes_to_rev(key: bytes) -> Revision:
    """The inverse, of 17 bytes or 18. Go: mvcc/revision.go#bytesToRev"""
    main, _, sub = _REV_BYTES.unpack_from(key)
    return Revision(main, sub)


def append_mark_tombstone(key: bytes) -> bytes:
    """The 18 bytes of a deletion. Go: mvcc/kvstore.go#appendMarkTombstone"""
    assert len(key) == _REV_BYTES.size, key
    return key + _MARK_TOMBSTONE


def is_tombstone(key: bytes) -> bool:
    """Whether these bytes stand for a deletion. Go: mvcc/kvstore.go#isTombstone"""
    return len(key) == _REV_BYTES.size + 1 and key.endswith(_MARK_TOMBSTONE)
