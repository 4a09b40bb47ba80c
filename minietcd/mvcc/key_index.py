"""The revisions of one key.

Go: mvcc/key_index.go
"""

from __future__ import annotations

from dataclasses import dataclass, field

from minietcd.mvcc.errors import RevisionNotFoundError
from minietcd.mvcc.revision import ZERO, Revision

type Found = tuple[Revision, Revision, int]
"""When the key was last modified, when it was created, and its version."""


@dataclass(slots=True)
class Generation:
    """One life of a key, from its creation to its tombstone; ``ver`` counts also what compaction took.

    Go: mvcc/key_index.go#generation
    """

    ver: int = 0
    created: Revision = ZERO
    revs: list[Revision] = field(default_factory=list)

    def is_empty(self) -> bool:
        """Whether nothing was written in this life yet. Go: mvcc/key_index.go#generation.isEmpty"""
        return not self.revs

    def walk(self, at_rev: int) -> int:
        """The position of the newest revision not after ``at_rev``, or -1.

        Go: mvcc/key_index.go#generation.walk
        """
        for position in range(len(self.revs) - 1, -1, -1):
            if self.revs[position][0] <= at_rev:
                return position
        return -1


@dataclass(slots=True)
class KeyIndex:
    """The lives of a key, the last one being open (and empty while the key is deleted).

    put(1), put(2), tombstone(3), put(4), tombstone(5) make the generations {1, 2, 3t} {4, 5t} {}. Compacting
    at 2 leaves {2, 3t} {4, 5t} {}; at 4, or at 3, {4, 5t} {}; at 5, {}, and the key can be forgotten.

    Go: mvcc/key_index.go#keyIndex
    """

    key: bytes
    modified: Revision = ZERO
    generations: list[Generation] = field(default_factory=list)

    def put(self, rev: Revision) -> None:
        """The key was written at ``rev``. Go: mvcc/key_index.go#keyIndex.put"""
        assert rev > self.modified, f"put at {rev} after {self.modified}"
        if not self.generations:
            self.generations.append(Generation())
        generation = self.generations[-1]
        if not generation.revs:
            generation.created = rev
        generation.revs.append(rev)
        generation.ver += 1
        self.modified = rev

    def restore(self, created: Revision, modified: Revision, ver: int) -> None:
        """Begin with a revision that is not the first, as found in the backend after a compaction.

        Go: mvcc/key_index.go#keyIndex.restore
        """
        assert not self.generations, f"restore of {self.key!r}, which has revisions"
        self.modified = modified
        self.generations.append(Generation(ver, created, [modified]))

    def tombstone(self, rev: Revision) -> None:
        """The key was deleted at ``rev``. Raises RevisionNotFoundError if it was deleted before.

        Go: mvcc/key_index.go#keyIndex.tombstone
        """
        assert not self.is_empty(), f"tombstone on {self.key!r}, which has no revisions"
        if self.generations[-1].is_empty():
            raise RevisionNotFoundError
        self.put(rev)
        self.generations.append(Generation())

    def get(self, at_rev: int) -> Found | None:
        """What counted at ``at_rev``; None if the key did not exist. Go: mvcc/key_index.go#keyIndex.get"""
        generation = self.find_generation(at_rev)
        if generation is None:
            return None
        position = generation.walk(at_rev)
        if position == -1:
            return None
        later = len(generation.revs) - position - 1
        return generation.revs[position], generation.created, generation.ver - later

    def compact(self, at_rev: int, available: set[Revision]) -> None:
        """Forget what nobody at or after ``at_rev`` can see; add to ``available`` what is kept of the rest.

        A tombstone is not kept: at its revision the key is as good as never written.

        Go: mvcc/key_index.go#keyIndex.compact
        """
        number, position = self.do_compact(at_rev, available)
        generation = self.generations[number]
        if not generation.is_empty():
            if position != -1:
                del generation.revs[:position]
            if len(generation.revs) == 1 and number != len(self.generations) - 1:
                available.discard(generation.revs[0])
                number += 1
        del self.generations[:number]

    def keep(self, at_rev: int, available: set[Revision]) -> None:
        """Add to ``available`` what ``compact`` would keep. Go: mvcc/key_index.go#keyIndex.keep"""
        if self.is_empty():
            return
        number, position = self.do_compact(at_rev, available)
        revs = self.generations[number].revs
        if revs and position == len(revs) - 1 and number != len(self.generations) - 1:
            available.discard(revs[position])

    def do_compact(self, at_rev: int, available: set[Revision]) -> tuple[int, int]:
        """The first generation that ends after ``at_rev``, and the position in it of what counts then.

        Go: mvcc/key_index.go#keyIndex.doCompact
        """
        number = 0
        while number < len(self.generations) - 1 and self.generations[number].revs[-1].main <= at_rev:
            number += 1
        generation = self.generations[number]
        position = generation.walk(at_rev)
        if position != -1:
            available.add(generation.revs[position])
        return number, position

    def is_empty(self) -> bool:
        """Whether nothing is left to know. Go: mvcc/key_index.go#keyIndex.isEmpty"""
        return len(self.generations) == 1 and self.generations[0].is_empty()

    def find_generation(self, rev: int) -> Generation | None:
        """The life in which the key was at ``rev``; None if it was in none.

        Go: mvcc/key_index.go#keyIndex.findGeneration
        """
        last = self.generations[-1]
        for generation in reversed(self.generations):
            revs = generation.revs
            if not revs:
                continue
            if generation is not last and revs[-1][0] <= rev:
                return None
            if revs[0][0] <= rev:
                return generation
        return None
