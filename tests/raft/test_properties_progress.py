"""What a leader believes of a follower, and the window to it, under whatever comes, also twice and late."""

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from minietcd.raft.tracker.inflights import Inflights
from minietcd.raft.tracker.progress import Progress
from minietcd.raft.tracker.state import StateProbe, StateReplicate, StateSnapshot

WINDOW = st.integers(1, 6)
HISTORY = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(1, 5)),
        st.tuples(st.just("free_le"), st.integers(0, 60)),
        st.tuples(st.sampled_from(["free_first_one", "reset", "clone"])),
    ),
    max_size=40,
)


@given(WINDOW, HISTORY)
def test_the_window_is_a_queue_that_is_never_longer_than_its_size(size, history):
    window, model, last = Inflights(size), [], 0
    for name, *arguments in history:
        if name == "add":
            last += arguments[0]
            if len(model) == size:
                with pytest.raises(AssertionError, match="under way already"):
                    window.add(last)
            else:
                window.add(last)
                model.append(last)
        elif name == "free_le":
            window.free_le(arguments[0])
            model = [index for index in model if index > arguments[0]]
        elif name == "clone":
            copy = window.clone()
            window.reset()  # which the copy must not notice
            window = copy
        elif name == "reset" or model:
            getattr(window, name)()
            model = model[1:] if name == "free_first_one" else []
        assert list(window.buffer) == model
        assert (window.count(), window.full()) == (len(model), len(model) == size)
        assert len(model) <= size


class ProgressMachine(RuleBasedStateMachine):
    """A leader's doings with one follower's progress, while answers come in any order, or again and again."""

    def __init__(self):
        super().__init__()
        self.pr = Progress(Inflights(3), next=1)
        self.last = 1
        """Of the leader's log."""
        self.acknowledged = 0

    @rule(count=st.integers(1, 5))
    def propose(self, count):
        self.last += count

    @precondition(lambda self: not self.pr.is_paused() and self.pr.next <= self.last)
    @rule(count=st.integers(1, 5))
    def send(self, count):
        end = min(self.pr.next + count - 1, self.last)
        if self.pr.state == StateReplicate:
            self.pr.optimistic_update(end)
            self.pr.inflights.add(end)
        else:
            self.pr.probe_sent = True

    @rule(data=st.data())
    def acknowledged_up_to(self, data):
        index = data.draw(st.integers(0, self.last))
        news = index > self.acknowledged
        assert self.pr.maybe_update(index) == news
        self.acknowledged = max(index, self.acknowledged)
        if news and self.pr.state == StateReplicate:
            self.pr.inflights.free_le(index)
        elif news and (self.pr.state == StateProbe or index >= self.pr.pending_snapshot):
            self.pr.become_replicate()

    @rule(data=st.data(), hint=st.integers(0, 60))
    def refused(self, data, hint):
        """Any refusal may be one that was long under way."""
        rejected = data.draw(st.integers(0, self.last))
        before = self.pr.next
        genuine = self.pr.maybe_decr_to(rejected, hint)
        assert genuine or self.pr.next == before, "a stale refusal changes nothing"
        assert self.pr.next <= before
        if genuine and self.pr.state == StateReplicate:
            self.pr.become_probe()

    @rule()
    def heartbeat_answered(self):
        self.pr.probe_sent = False
        if self.pr.state == StateReplicate and self.pr.inflights.full():
            self.pr.inflights.free_first_one()

    @precondition(lambda self: self.pr.state == StateReplicate)
    @rule()
    def unreachable(self):
        self.pr.become_probe()

    @precondition(lambda self: self.pr.state == StateProbe)
    @rule(data=st.data())
    def send_a_snapshot(self, data):
        self.pr.become_snapshot(data.draw(st.integers(1, self.last)))

    @precondition(lambda self: self.pr.state == StateSnapshot)
    @rule(arrived=st.booleans())
    def the_fate_of_the_snapshot(self, arrived):
        if not arrived:
            self.pr.pending_snapshot = 0
        self.pr.become_probe()
        self.pr.probe_sent = True

    @invariant()
    def match_is_what_was_acknowledged_and_lies_before_next(self):
        pr = self.pr
        assert 0 <= pr.match < pr.next <= self.last + 1
        assert pr.match == self.acknowledged

    @invariant()
    def the_window_lies_between_them(self):
        window = list(self.pr.inflights.buffer)
        assert window == sorted(set(window))
        assert len(window) <= self.pr.inflights.size
        assert all(self.pr.match < index < self.pr.next for index in window)
        assert not window or self.pr.state == StateReplicate

    @invariant()
    def a_paused_follower_is_waited_for(self):
        full = self.pr.inflights.count() == self.pr.inflights.size
        waits = {StateProbe: self.pr.probe_sent, StateReplicate: full, StateSnapshot: True}
        assert self.pr.is_paused() == waits[self.pr.state]


TestProgress = ProgressMachine.TestCase
TestProgress.settings = settings(deadline=None, stateful_step_count=30)
HUNT = settings(
    TestProgress.settings, max_examples=2000, derandomize=True, database=None, phases=[Phase.generate]
)


# Each of these is one slip of the pen away.


def back_behind_match(self, rejected, last):
    if self.state == StateReplicate or self.next - 1 != rejected:
        return False
    self.next = max(min(rejected, last + 1), 1)  # as in etcd 3.4
    self.probe_sent = False
    return True


def update_backwards(self, n):
    updated = self.match < n
    self.match, self.next = n, max(self.next, n + 1)
    return updated


def keep_the_window(self, state):
    self.probe_sent, self.pending_snapshot, self.state = False, 0, state


def probe_from_the_snapshot_that_failed(self):
    pending = self.pending_snapshot
    self.reset_state(StateProbe)
    self.next = pending + 1


@pytest.mark.parametrize(
    ("method", "mutant"),
    [
        ("maybe_decr_to", back_behind_match),
        ("maybe_update", update_backwards),
        ("reset_state", keep_the_window),
        ("become_probe", probe_from_the_snapshot_that_failed),
        ("is_paused", lambda self: self.state == StateSnapshot),
    ],
)
def test_a_wrong_progress_is_noticed(monkeypatch, method, mutant):
    monkeypatch.setattr(Progress, method, mutant)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(ProgressMachine, settings=HUNT)


@pytest.mark.parametrize(
    ("method", "mutant"),
    [
        ("full", lambda self: len(self.buffer) > self.size),
        ("free_le", lambda self, to: self.buffer.clear()),
        ("free_first_one", lambda self: self.buffer.pop()),
        ("clone", lambda self: self),
    ],
)
def test_a_wrong_window_is_noticed(monkeypatch, method, mutant):
    monkeypatch.setattr(Inflights, method, mutant)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        test_the_window_is_a_queue_that_is_never_longer_than_its_size()
