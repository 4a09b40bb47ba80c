"""One key's revisions, against a list of everything that ever happened to it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minietcd.mvcc.errors import RevisionNotFoundError
from minietcd.mvcc.key_index import Found, KeyIndex
from minietcd.mvcc.revision import Revision, append_mark_tombstone, bytes_to_rev, is_tombstone, rev_to_bytes

type History = list[tuple[Revision, bool]]
"""Each change, and whether it was a deletion."""


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Puts and deletions with growing revisions, some in the same transaction; none deletes a missing key."""
    history: History = []
    main, sub, alive = 1, 0, False
    steps = st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=25)
    for step, wants_delete in draw(steps):
        main, sub = (main + step, 0) if step else (main, sub + 1)
        history.append((Revision(main, sub), alive and wants_delete))
        alive = not (alive and wants_delete)
    return history


def indexed(history: History) -> KeyIndex:
    key_index = KeyIndex(b"key")
    for rev, deleted in history:
        (key_index.tombstone if deleted else key_index.put)(rev)
    return key_index


def looked_up(history: History, at_rev: int) -> Found | None:
    """What a read at ``at_rev`` must find, by going through all that happened."""
    found: Found | None = None
    for rev, deleted in history:
        if rev.main > at_rev:
            break
        found = None if deleted else (rev, found[1] if found else rev, found[2] + 1 if found else 1)
    return found


@given(histories())
def test_every_revision_ever_is_found(history: History) -> None:
    key_index = indexed(history)
    for at_rev in range(history[-1][0].main + 2):
        assert key_index.get(at_rev) == looked_up(history, at_rev)


@given(histories(), st.data())
def test_compaction_changes_no_answer_at_or_after_it(history: History, data: st.DataObject) -> None:
    last = history[-1][0].main
    key_index = indexed(history)
    available: set[Revision] = set()
    for at_rev in sorted(data.draw(st.lists(st.integers(0, last + 1), min_size=1, max_size=4))):
        kept: set[Revision] = set()
        key_index.keep(at_rev, kept)
        available = set()
        key_index.compact(at_rev, available)
        assert available == kept
        found = looked_up(history, at_rev)
        assert available == ({found[0]} if found else set())
        if key_index.is_empty():
            assert looked_up(history, at_rev) is None
            break
        for later in range(at_rev, last + 2):
            assert key_index.get(later) == looked_up(history, later)


@given(st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1))
def test_a_revision_comes_back_from_its_bytes(main: int, sub: int) -> None:
    key = rev_to_bytes(Revision(main, sub))
    assert len(key) == 17
    assert bytes_to_rev(key) == bytes_to_rev(append_mark_tombstone(key)) == Revision(main, sub)
    assert is_tombstone(append_mark_tombstone(key))
    assert not is_tombstone(key)


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)), min_size=2))
def test_the_bytes_sort_as_the_revisions_do(pairs: list[tuple[int, int]]) -> None:
    revs = [Revision(*pair) for pair in pairs]
    assert [bytes_to_rev(key) for key in sorted(map(rev_to_bytes, revs))] == sorted(revs)


def test_the_bytes_are_those_of_etcd() -> None:
    assert rev_to_bytes(Revision(258, 3)) == b"\0\0\0\0\0\0\1\2_\0\0\0\0\0\0\0\3"


def test_a_deleted_key_cannot_be_deleted_again() -> None:
    key_index = indexed([(Revision(2), False), (Revision(3), True)])
    with pytest.raises(RevisionNotFoundError, match="mvcc: revision not found"):
        key_index.tombstone(Revision(4))


def test_a_revision_must_grow() -> None:
    with pytest.raises(AssertionError, match="put at"):
        indexed([(Revision(2), False), (Revision(2), False)])
