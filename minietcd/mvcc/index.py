"""The keys in order, each with its revisions; in memory only, rebuilt from the backend at every start.

A range is [key, end): no ``end`` means ``key`` alone, ``end`` = zero byte means all from ``key`` on.

Left out: RangeSince and keyIndex.since, because nothing calls them, in Go either.

Go: mvcc/index.go
"""

from __future__ import annotations

from collections.abc import Iterator

from sortedcontainers import SortedDict

from minietcd.mvcc.errors import RevisionNotFoundError
from minietcd.mvcc.key_index import Found, KeyIndex
from minietcd.mvcc.revision import Revision
from minietcd.pkg import logutil

FROM_KEY = b"\0"
"""The ``end`` of a range without end."""

log = logutil.get_logger("mvcc")


class TreeIndex:
    """Every key that a read at some revision can still find.

    Go: mvcc/index.go#treeIndex
    """

    def __init__(self) -> None:
        """Go: mvcc/index.go#newTreeIndex"""
        self.tree: SortedDict[bytes, KeyIndex] = SortedDict()

    def put(self, key: bytes, rev: Revision) -> None:
        """``key`` was written at ``rev``. Go: mvcc/index.go#treeIndex.Put"""
        found: KeyIndex | None = self.tree.get(key)
        if found is None:
            found = self.tree[key] = KeyIndex(key)
        found.put(rev)

    def get(self, key: bytes, at_rev: int) -> Found | None:
        """What counted for ``key`` at ``at_rev``, if it existed. Go: mvcc/index.go#treeIndex.Get"""
        found: KeyIndex | None = self.tree.get(key)
        return found.get(at_rev) if found is not None else None

    def key_index(self, key: bytes) -> KeyIndex | None:
        """All that is known of a key.

        Go: mvcc/index.go#treeIndex.KeyIndex
        Go: mvcc/index.go#treeIndex.keyIndex
        """
        found: KeyIndex | None = self.tree.get(key)
        return found

    def visit(self, key: bytes, end: bytes) -> Iterator[KeyIndex]:
        """The keys of a range that has an end, in order. Go: mvcc/index.go#treeIndex.visit"""
        last = None if end == FROM_KEY else end
        for found in self.tree.irange(key, last, inclusive=(True, False)):
            yield self.tree[found]

    def revisions(self, key: bytes, end: bytes, at_rev: int) -> list[Revision]:
        """Where to find what each key of a range was at ``at_rev``. Go: mvcc/index.go#treeIndex.Revisions"""
        if not end:
            found = self.get(key, at_rev)
            return [found[0]] if found else []
        return [found[0] for ki in self.visit(key, end) if (found := ki.get(at_rev))]

    def range(self, key: bytes, end: bytes, at_rev: int) -> tuple[list[bytes], list[Revision]]:
        """The keys of a range that existed at ``at_rev``, and their revisions.

        Go: mvcc/index.go#treeIndex.Range
        """
        if not end:
            found = self.get(key, at_rev)
            return ([key], [found[0]]) if found else ([], [])
        pairs = [(ki.key, found[0]) for ki in self.visit(key, end) if (found := ki.get(at_rev))]
        return [key for key, _ in pairs], [rev for _, rev in pairs]

    def tombstone(self, key: bytes, rev: Revision) -> None:
        """``key`` was deleted at ``rev``. Raises RevisionNotFoundError if there is none.

        Go: mvcc/index.go#treeIndex.Tombstone
        """
        found: KeyIndex | None = self.tree.get(key)
        if found is None:
            raise RevisionNotFoundError
        found.tombstone(rev)

    def compact(self, rev: int) -> set[Revision]:
        """Forget what cannot be asked for any more; the older revisions that must stay in the backend.

        Go: mvcc/index.go#treeIndex.Compact
        """
        log.info("compact tree index", revision=rev)
        available: set[Revision] = set()
        for key_index in list(self.tree.values()):
            key_index.compact(rev, available)
            if key_index.is_empty():
                del self.tree[key_index.key]
        return available

    def keep(self, rev: int) -> set[Revision]:
        """What ``compact`` would return. Go: mvcc/index.go#treeIndex.Keep"""
        available: set[Revision] = set()
        for key_index in self.tree.values():
            key_index.keep(rev, available)
        return available

    def insert(self, ki: KeyIndex) -> None:
        """Take a key over as it is. Go: mvcc/index.go#treeIndex.Insert"""
        self.tree[ki.key] = ki
