"""The log, its unstable end and the storage behind it, beside a plain list of terms, whatever comes when."""

import logging
from functools import cache
from itertools import accumulate
from random import Random

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from minietcd.raft import NO_LIMIT, CompactedError, MemoryStorage
from minietcd.raft import raftpb as pb
from minietcd.raft.log import RaftLog
from minietcd.raft.log_unstable import Unstable

LOGGER = logging.getLogger("test")


@cache
def entry(index, term):
    return pb.Entry(term=term, index=index, data=bytes(Random(f"{index} {term}").randrange(9)))


@cache
def wire_length(entry):
    return len(entry.marshal())


def chosen(data, lowest, highest):
    return data.draw(st.integers(lowest, highest))


class LogMachine(RuleBasedStateMachine):
    """The model: ``terms[i]`` at index ``i``, of which those from ``first`` on can still be read.

    A Ready is taken, written and advanced in three steps, between which anything else may come.
    """

    def __init__(self):
        super().__init__()
        self.storage = MemoryStorage()
        self.log = RaftLog(self.storage, LOGGER)
        self.terms, self.first = [0], 1
        self.committed = self.applied = 0
        self.term = 1
        self.ready = None
        self.written = False

    @property
    def last(self):
        return len(self.terms) - 1

    # What comes to a leader

    @rule(count=st.integers(1, 4), newer=st.booleans())
    def append(self, count, newer):
        self.term += newer
        first = self.last + 1
        self.terms += [self.term] * count
        assert self.log.append([entry(first + i, self.term) for i in range(count)]) == self.last

    @rule(data=st.data())
    def commit_what_a_quorum_has(self, data):
        index = chosen(data, 0, self.last + 2)
        term = self.terms[index] if index <= self.last else 0
        commits = index > self.committed and term == self.term
        assert self.log.maybe_commit(index, self.term) == commits
        if commits:
            self.committed = index

    # What comes to a follower

    @rule(data=st.data())
    def append_after_a_match(self, data):
        """A leader's entries: some are here already, some replace what is not committed, some are new."""
        previous = chosen(data, self.committed, self.last)
        alike = chosen(data, previous, self.last)
        replacing = chosen(data, 0, 3)
        self.term += bool(replacing)
        terms = self.terms[previous + 1 : alike + 1] + [self.term] * replacing
        commit = chosen(data, 0, self.last + 5)
        end = previous + len(terms)
        ents = [entry(i, term) for i, term in enumerate(terms, start=previous + 1)]
        assert self.log.maybe_append(previous, self.terms[previous], commit, ents) == end
        if replacing:
            self.terms[previous + 1 :] = terms
        self.committed = max(self.committed, min(commit, end))

    @rule(data=st.data())
    def refuse_without_a_match(self, data):
        previous = chosen(data, self.first - 1, self.last + 3)
        here = self.terms[previous] if previous <= self.last else 0
        assert self.log.maybe_append(previous, here + 1, self.last, [entry(previous + 1, 99)]) is None

    @rule(data=st.data())
    def restore_a_snapshot(self, data):
        index = chosen(data, self.committed + 1, self.last + 5)
        self.term += 1  # else it would match the log, and none would be sent
        self.log.restore(pb.Snapshot(b"state", pb.SnapshotMetadata(pb.ConfState((1,)), index, self.term)))
        self.terms = [0] * index + [self.term]
        self.first, self.committed = index + 1, index

    # What is made of it

    @precondition(lambda self: not self.ready)
    @rule(size=st.sampled_from([0, 30, NO_LIMIT]))
    def take_ready(self, size):
        self.log.max_next_ents_size = size
        self.ready = self.log.unstable_entries(), self.log.unstable.snapshot, self.log.next_ents()
        self.written = False
        first = max(self.applied + 1, self.first)
        expected = [entry(i, self.terms[i]) for i in range(first, self.committed + 1)]
        assert self.ready[2] == limited(expected, size)

    @precondition(lambda self: self.ready and not self.written)
    @rule()
    def write(self):
        unstable, snapshot, _ = self.ready
        if snapshot:
            self.storage.apply_snapshot(snapshot)
        self.storage.append(unstable)
        self.written = True

    @precondition(lambda self: self.written)
    @rule()
    def advance(self):
        unstable, snapshot, committed = self.ready
        index = committed[-1].index if committed else snapshot.metadata.index if snapshot else 0
        if index:
            self.log.applied_to(index)
            self.applied = index
        if unstable:
            self.log.stable_to(unstable[-1].index, unstable[-1].term)
        if snapshot:
            self.log.stable_snap_to(snapshot.metadata.index)
        self.ready, self.written = None, False

    @precondition(lambda self: not self.ready)
    @rule()
    def do_all_three(self):
        self.take_ready(NO_LIMIT)
        self.write()
        self.advance()

    @precondition(lambda self: self.storage.first_index() <= min(self.applied, self.storage.last_index()))
    @rule(data=st.data())
    def compact(self, data):
        index = chosen(data, self.storage.first_index(), min(self.applied, self.storage.last_index()))
        self.storage.compact(index)
        if not self.log.unstable.snapshot:
            self.first = index + 1

    # What must hold

    @invariant()
    def gives_slices_that_fit(self):
        for low in {self.first, max(self.first, self.log.unstable.offset - 1)}:
            for size in (0, 20, 60, NO_LIMIT):
                expected = [entry(i, self.terms[i]) for i in range(low, self.last + 1)]
                assert self.log.slice(low, self.last + 1, size) == limited(expected, size)

    @invariant()
    def knows_what_it_lacks(self):
        with pytest.raises(CompactedError):
            self.log.slice(self.first - 1, self.first, NO_LIMIT)
        assert self.log.entries(self.last + 1, NO_LIMIT) == []

    @invariant()
    def is_older_than_what_ends_later(self):
        last, term = self.last, self.terms[-1]
        newer = [(last, term), (last + 1, term), (0, term + 1)]
        assert all(self.log.is_up_to_date(*end) for end in newer)
        assert not any(self.log.is_up_to_date(*end) for end in [(last - 1, term), (last + 1, term - 1)])

    @invariant()
    def is_the_list(self):
        log = self.log
        assert (log.first_index(), log.last_index()) == (self.first, self.last)
        assert [log.term(i) for i in range(self.first - 1, self.last + 2)] == [
            *self.terms[self.first - 1 :],
            0,
        ]
        assert log.all_entries() == [entry(i, self.terms[i]) for i in range(self.first, self.last + 1)]
        assert (log.committed, log.applied) == (self.committed, self.applied)
        assert self.applied <= self.committed <= self.last

    @invariant()
    def is_unstable_only_at_its_end(self):
        unstable = self.log.unstable
        assert unstable.offset + len(unstable.entries) == self.last + 1
        assert [e.term for e in unstable.entries] == self.terms[unstable.offset :]


def limited(ents, size):
    """As many entries as fit, by their length on the wire; one at least."""
    ends = list(accumulate(wire_length(e) for e in ents)) if size < NO_LIMIT else []
    return ents[: max(1, sum(end <= size for end in ends))] if ends else ents


TestLog = LogMachine.TestCase
TestLog.settings = settings(deadline=None, stateful_step_count=30)
HUNT = settings(TestLog.settings, max_examples=2000, derandomize=True, database=None, phases=[Phase.generate])


# Each of these is one forgotten condition away.


def stable_whatever_the_term(self, i, t):
    if i >= self.offset and self.maybe_term(i) is not None:
        del self.entries[: i + 1 - self.offset]
        self.offset = i + 1


def append_without_truncating(self, ents):
    position = max(0, ents[0].index - self.offset)
    self.offset = min(self.offset, ents[0].index)
    self.entries[position : position + len(ents)] = ents


def stable_whichever_snapshot(self, i):
    self.snapshot = None


def commit_an_older_term(self, max_index, term):
    if max_index > self.committed and max_index <= self.last_index():
        self.commit_to(max_index)
        return True
    return False


def commit_beyond_what_matches(self, index, log_term, committed, ents):
    if not self.match_term(index, log_term):
        return None
    if conflict := self.find_conflict(ents):
        self.append(ents[conflict - index - 1 :])
    self.commit_to(min(committed, self.last_index()))
    return index + len(ents)


def append_to_storage_without_truncating(self, entries):
    for new in entries:
        position = new.index - self.ents[0].index
        if position > 0:
            self.ents[position : position + 1] = [new]


def slice_past_the_limit(self, lo, hi, max_size):
    self.must_check_out_of_bounds(lo, hi)
    boundary = min(max(lo, self.unstable.offset), hi)
    stable = self.storage.entries(lo, boundary, max_size) if lo < boundary else []
    return stable + (self.unstable.slice(boundary, hi) if boundary < hi else [])


@pytest.mark.parametrize(
    ("owner", "method", "mutant"),
    [
        (Unstable, "stable_to", stable_whatever_the_term),
        (Unstable, "truncate_and_append", append_without_truncating),
        (Unstable, "stable_snap_to", stable_whichever_snapshot),
        (RaftLog, "maybe_commit", commit_an_older_term),
        (RaftLog, "maybe_append", commit_beyond_what_matches),
        (RaftLog, "slice", slice_past_the_limit),
        (MemoryStorage, "append", append_to_storage_without_truncating),
    ],
)
def test_a_wrong_log_is_noticed(monkeypatch, owner, method, mutant):
    monkeypatch.setattr(owner, method, mutant)
    with pytest.raises((AssertionError, CompactedError)):
        run_state_machine_as_test(LogMachine, settings=HUNT)
