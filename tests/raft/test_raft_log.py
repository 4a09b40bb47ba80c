"""The log and its unstable end, case by case; test_properties_log.py has all of them."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minietcd.raft import NO_LIMIT, CompactedError, MemoryStorage, SnapOutOfDateError, UnavailableError
from minietcd.raft import raftpb as pb
from minietcd.raft.log import RaftLog
from minietcd.raft.log_unstable import Unstable
from minietcd.raft.util import limit_size

LOGGER = logging.getLogger("test")


def entries(first, *terms):
    return [pb.Entry(term=term, index=first + i, data=b"%d" % term) for i, term in enumerate(terms)]


def snapshot(index, term):
    return pb.Snapshot(b"data", pb.SnapshotMetadata(pb.ConfState((1,)), index, term))


def raft_log(*terms, stable=None):
    """A log of entries with these terms, the first ``stable`` of them in storage (all, unless told)."""
    storage = MemoryStorage()
    stable = len(terms) if stable is None else stable
    storage.append(entries(1, *terms[:stable]))
    log = RaftLog(storage, LOGGER)
    log.append(entries(stable + 1, *terms[stable:]))
    return log


def terms(log):
    return [entry.term for entry in log.all_entries()]


@pytest.mark.parametrize("stable", [0, 1, 3])
@pytest.mark.parametrize(
    ("first", "new", "expected"),
    [
        (4, (4,), [1, 2, 3, 4]),
        (3, (4, 4), [1, 2, 4, 4]),
        (1, (4,), [4]),
        (2, (4, 4), [1, 4, 4]),
    ],
)
def test_what_is_appended_replaces_what_stood_there(stable, first, new, expected):
    log = raft_log(1, 2, 3, stable=stable)
    assert log.append(entries(first, *new)) == len(expected)
    assert terms(log) == expected


@pytest.mark.parametrize(
    ("index", "log_term", "new", "committed", "expected", "after"),
    [
        (3, 3, (), 3, 3, 3),
        (3, 3, (4,), 3, 4, 3),
        (3, 3, (4,), 9, 4, 4),
        (2, 2, (3,), 9, 3, 3),
        (2, 2, (4, 4), 1, 4, 1),
        (3, 2, (4,), 3, None, 1),
        (4, 3, (4,), 3, None, 1),
        (0, 0, (), 9, 0, 1),
    ],
)
def test_a_leader_appends_only_after_an_entry_that_both_have(
    index, log_term, new, committed, expected, after
):
    log = raft_log(1, 2, 3)
    log.commit_to(1)
    assert log.maybe_append(index, log_term, committed, entries(index + 1, *new)) == expected
    assert log.committed == after


def test_an_old_append_does_not_shorten_the_log():
    log = raft_log(1, 2, 3)
    assert log.maybe_append(1, 1, 2, entries(2, 2)) == 2
    assert terms(log) == [1, 2, 3]


def test_nothing_committed_is_replaced():
    log = raft_log(1, 2, 3)
    log.commit_to(2)
    with pytest.raises(AssertionError, match="conflict with committed entry"):
        log.maybe_append(1, 1, 1, entries(2, 9))


def test_a_log_cannot_commit_what_it_does_not_have():
    with pytest.raises(AssertionError, match="lost"):
        raft_log(1).commit_to(2)


@pytest.mark.parametrize(
    ("term", "last", "expected"), [(3, 3, True), (4, 1, True), (3, 4, True), (3, 2, False), (2, 9, False)]
)
def test_a_log_is_as_new_by_its_last_term_and_then_by_its_length(term, last, expected):
    assert raft_log(1, 2, 3).is_up_to_date(last, term) == expected


def test_an_entry_of_an_older_term_is_not_committed_by_its_number_of_copies():
    log = raft_log(1, 1, 2)
    assert not log.maybe_commit(2, 2)
    assert log.maybe_commit(3, 2)
    assert log.committed == 3
    assert not log.maybe_commit(3, 2)


def test_terms_are_known_from_the_entry_before_the_first_to_the_last():
    storage = MemoryStorage()
    storage.apply_snapshot(snapshot(10, 4))
    storage.append(entries(11, 5))
    log = RaftLog(storage, LOGGER)
    log.append(entries(12, 6))
    assert [log.term(i) for i in range(9, 14)] == [0, 4, 5, 6, 0]
    with pytest.raises(CompactedError):
        log.slice(10, 11, NO_LIMIT)
    assert not log.match_term(9, 4)


@pytest.mark.parametrize("stable", range(6))
def test_a_slice_ends_where_its_size_does_but_holds_one_entry_at_least(stable):
    log = raft_log(1, 2, 3, 4, 5, stable=stable)
    size = entries(1, 1)[0].size()
    assert [e.index for e in log.slice(2, 6, NO_LIMIT)] == [2, 3, 4, 5]
    assert [e.index for e in log.slice(2, 6, 2 * size)] == [2, 3]
    assert [e.index for e in log.slice(2, 6, 2 * size - 1)] == [2]
    assert [e.index for e in log.slice(2, 6, 0)] == [2]
    assert log.entries(6, NO_LIMIT) == []


@given(st.lists(st.binary(max_size=200), max_size=10), st.integers(0, 1500))
def test_the_size_limit_counts_bytes(data, limit):
    ents = [pb.Entry(index=i, data=one) for i, one in enumerate(data)]
    kept = limit_size(ents, limit)
    assert kept == ents[: len(kept)]
    assert len(kept) == min(len(ents), 1) or sum(len(e.marshal()) for e in kept) <= limit
    assert len(kept) == len(ents) or sum(len(e.marshal()) for e in ents[: len(kept) + 1]) > limit


def test_what_is_committed_is_handed_out_until_it_is_applied():
    log = raft_log(1, 1, 1)
    assert log.next_ents() == []
    log.commit_to(2)
    assert [e.index for e in log.next_ents()] == [1, 2]
    log.applied_to(1)
    assert [e.index for e in log.next_ents()] == [2]
    with pytest.raises(AssertionError):
        log.applied_to(3)


def test_a_snapshot_takes_the_place_of_the_log():
    log = raft_log(1, 1, 1)
    log.restore(snapshot(10, 4))
    assert (log.first_index(), log.last_index(), log.last_term(), log.committed) == (11, 10, 4, 10)
    assert log.snapshot() == snapshot(10, 4)
    assert not log.has_next_ents()
    log.stable_snap_to(9)
    assert log.unstable.snapshot
    log.stable_snap_to(10)
    assert not log.unstable.snapshot


def test_entries_stay_unstable_if_another_leader_has_replaced_them():
    unstable = Unstable(5, LOGGER, entries=entries(5, 1, 1))
    unstable.truncate_and_append(entries(5, 2))
    unstable.stable_to(5, 1)
    assert unstable.entries == entries(5, 2)
    unstable.stable_to(5, 2)
    assert (unstable.entries, unstable.offset) == ([], 6)


def test_what_was_handed_out_does_not_change_with_the_log():
    log = raft_log(1)
    log.append(entries(2, 1))
    handed_out = log.unstable_entries()
    log.append(entries(3, 1))
    assert handed_out == entries(2, 1)


def test_storage_starts_empty():
    storage = MemoryStorage()
    assert storage.initial_state() == (pb.HardState(), pb.ConfState())
    assert (storage.first_index(), storage.last_index(), storage.term(0)) == (1, 0, 0)
    with pytest.raises(UnavailableError):
        storage.entries(1, 1, NO_LIMIT)
    with pytest.raises(UnavailableError):
        storage.term(1)


def test_storage_forgets_what_is_compacted():
    storage = MemoryStorage()
    storage.append(entries(1, 1, 2, 3))
    storage.compact(2)
    assert (storage.first_index(), storage.last_index(), storage.term(2)) == (3, 3, 2)
    for forgotten in (
        lambda: storage.term(1),
        lambda: storage.entries(2, 3, NO_LIMIT),
        lambda: storage.compact(2),
    ):
        with pytest.raises(CompactedError):
            forgotten()


@pytest.mark.parametrize(
    ("first", "new", "expected"),
    [(1, (1, 2), [3, 4, 5]), (4, (6, 6), [3, 6, 6]), (2, (2, 3, 7), [3, 7]), (6, (6,), [3, 4, 5, 6])],
)
def test_storage_ignores_what_is_compacted_and_replaces_the_rest(first, new, expected):
    storage = MemoryStorage()
    storage.apply_snapshot(snapshot(2, 2))
    storage.append(entries(3, 3, 4, 5))
    storage.append(entries(first, *new))
    assert [storage.term(i) for i in range(3, storage.last_index() + 1)] == expected


def test_storage_has_no_gaps():
    with pytest.raises(AssertionError, match="missing log entry"):
        MemoryStorage().append(entries(2, 1))


def test_storage_keeps_the_newest_snapshot():
    storage = MemoryStorage()
    storage.append(entries(1, 1, 1, 2))
    conf_state = pb.ConfState((1, 2))
    created = storage.create_snapshot(3, conf_state, b"state")
    assert created == storage.snapshot() == pb.Snapshot(b"state", pb.SnapshotMetadata(conf_state, 3, 2))
    with pytest.raises(SnapOutOfDateError):
        storage.create_snapshot(3, None, b"")
    with pytest.raises(SnapOutOfDateError):
        storage.apply_snapshot(snapshot(3, 2))
    storage.apply_snapshot(snapshot(9, 4))
    assert (storage.first_index(), storage.last_index()) == (10, 9)
