"""The pages of a database file: which bucket each belongs to, and what a commit wrote anew.

The file is LMDB's: two meta pages, of which the one with the newer transaction counts, and B+trees of pages
that are never changed in place. https://www.symas.com/lmdb describes it; its layout is that of ``lmdb.h`` and
``mdb.c`` 0.9, 64 bits, lowest byte first.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from minietcd.mvcc.kvstore import CONSISTENT_INDEX_KEY_NAME
from minietcd.mvcc.kvstore_compaction import META_BUCKET_NAME
from minietcd.mvcc.kvstore_txn import KEY_BUCKET_NAME
from minietcd.mvcc.revision import bytes_to_rev, is_tombstone
from minietcd.proto.mvccpb.kv_pb2 import KeyValue

_HEADER = struct.Struct("<QHHHH")
_NODE = struct.Struct("<HHHH")
_TREE = struct.Struct("<IHHQQQQQ")
_META = struct.Struct("<IIQQ")
_BRANCH, _LEAF = 1, 2
_BIG, _BUCKET = 1, 2
_NO_PAGE = (1 << 64) - 1
FREE, NAMES, NEWEST, OLDER = "free list", "buckets", "newest", "older"
"""Owners that are no buckets."""


class Page(NamedTuple):
    """A page in use: its number, what it is, and whose."""

    number: int
    kind: str
    owner: str


@dataclass(frozen=True, slots=True)
class Commit:
    """A file as it was at one commit."""

    transaction: int
    pages: dict[int, Page]
    pairs: dict[tuple[bytes, bytes], bytes]
    """By bucket and key."""
    roots: dict[str, int]
    """The page where the tree of each owner begins."""
    size: int
    """Bytes of a page."""


def read(data: bytes) -> Commit:
    """The last commit in a file."""
    return _Reader(data).commit()


class Written(NamedTuple):
    """A page as two commits have it: what it was, what it is, and whether it was written between them."""

    number: int
    was: Page | None
    now: Page | None
    new: bool


def written(before: bytes, after: bytes) -> Iterator[Written]:
    """Every page of the file."""
    old, new = read(before), read(after)
    for number in range(len(after) // new.size):
        at = slice(number * new.size, (number + 1) * new.size)
        changed = before[at] != after[at]
        yield Written(number, old.pages.get(number), new.pages.get(number), changed)


def changes(before: bytes, after: bytes) -> Iterator[tuple[str, str, str, str]]:
    """The pairs that differ: bucket, key, value before (or nothing), value now, as a reader can read them."""
    old, new = read(before).pairs, read(after).pairs
    for bucket, key in sorted(new.keys() | old.keys()):
        was, now = old.get((bucket, key)), new.get((bucket, key))
        if was != now:
            yield bucket.decode(), _key(bucket, key), _value(bucket, key, was), _value(bucket, key, now)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.size = data, 0
        self.pages: dict[int, Page] = {}
        self.pairs: dict[tuple[bytes, bytes], bytes] = {}
        self.roots: dict[str, int] = {}

    def commit(self) -> Commit:
        self.size = _TREE.unpack_from(self.data, _HEADER.size + _META.size)[0]
        metas = [self._meta(number) for number in (0, 1)]
        number, (transaction, free, names) = max(enumerate(metas), key=lambda each: each[1][0])
        for page in (0, 1):
            self.pages[page] = Page(page, "meta", NEWEST if page == number else OLDER)
        self._tree(free, FREE, None)
        self._tree(names, NAMES, b"")
        return Commit(transaction, self.pages, self.pairs, self.roots, self.size)

    def _meta(self, number: int) -> tuple[int, int, int]:
        """Its transaction, and the roots of the free list and of the buckets' names."""
        at = number * self.size + _HEADER.size + _META.size
        free, names = (_TREE.unpack_from(self.data, at + n * _TREE.size)[-1] for n in (0, 1))
        transaction: int = struct.unpack_from("<Q", self.data, at + 2 * _TREE.size + 8)[0]
        return transaction, free, names

    def _tree(self, root: int, owner: str, bucket: bytes | None) -> None:
        """``bucket`` is whose pairs these are: none's, or, if empty, those of the buckets themselves."""
        if root == _NO_PAGE:
            return
        self.roots.setdefault(owner, root)
        at = root * self.size
        _, _, flags, lower, _ = _HEADER.unpack_from(self.data, at)
        self.pages[root] = Page(root, "branch" if flags & _BRANCH else "leaf", owner)
        for (offset,) in struct.iter_unpack("<H", self.data[at + _HEADER.size : at + lower]):
            low, high, node, size = _NODE.unpack_from(self.data, at + offset)
            if flags & _BRANCH:
                self._tree(low | high << 16 | node << 32, owner, bucket)
            elif bucket is not None:
                self._pair(at + offset + _NODE.size, size, low | high << 16, node, owner, bucket)

    def _pair(self, at: int, key_size: int, size: int, flags: int, owner: str, bucket: bytes) -> None:
        key, at = self.data[at : at + key_size], at + key_size
        if flags & _BUCKET:
            self._tree(_TREE.unpack_from(self.data, at)[-1], key.decode(), key)
        elif flags & _BIG:
            number: int = struct.unpack_from("<Q", self.data, at)[0]
            for page in range(number, number + -(-(_HEADER.size + size) // self.size)):
                self.pages[page] = Page(page, "overflow", owner)
            start = number * self.size + _HEADER.size
            self.pairs[bucket, key] = self.data[start : start + size]
        else:
            self.pairs[bucket, key] = self.data[at : at + size]


def _key(bucket: bytes, key: bytes) -> str:
    if bucket == KEY_BUCKET_NAME:
        rev = bytes_to_rev(key)
        return f"{rev.main}_{rev.sub}" + " t" * is_tombstone(key)
    return key.decode(errors="replace")


def _value(bucket: bytes, key: bytes, value: bytes | None) -> str:
    if value is None:
        return ""
    if bucket == KEY_BUCKET_NAME:
        kv = KeyValue.FromString(value)
        told = f"{kv.key.decode()}={kv.value.decode()}"
        return f"{told}, create {kv.create_revision}, mod {kv.mod_revision}, version {kv.version}"
    if (bucket, key) == (META_BUCKET_NAME, CONSISTENT_INDEX_KEY_NAME):
        return str(int.from_bytes(value))
    return value.decode(errors="replace")
