"""From one configuration to the next, one safe step at a time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minietcd.raft import ConfChangeError
from minietcd.raft import raftpb as pb
from minietcd.raft.confchange.confchange import Changer, describe
from minietcd.raft.confchange.restore import restore
from minietcd.raft.tracker.tracker import ProgressTracker


class Group:
    """A tracker that is changed by words like ``v1 l2 r3``."""

    def __init__(self, voters=""):
        self.changer = Changer(ProgressTracker(10), 5)
        for word in voters.split():
            self.simple(word)

    @property
    def tracker(self):
        return self.changer.tracker

    def simple(self, words):
        return self._become(self.changer.simple(*pb.conf_changes_from_string(words)))

    def enter_joint(self, words, auto_leave=False):
        return self._become(self.changer.enter_joint(auto_leave, *pb.conf_changes_from_string(words)))

    def leave_joint(self):
        return self._become(self.changer.leave_joint())

    def _become(self, outcome):
        self.tracker.config, self.tracker.progress = outcome
        return str(self.tracker.config)


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        ("", "v1", "voters=(1)"),
        ("v1", "v2", "voters=(1 2)"),
        ("v1 v2", "r2", "voters=(1)"),
        ("v1", "l2", "voters=(1) learners=(2)"),
        ("v1 l2", "v2", "voters=(1 2)"),
        ("v1 v2", "l2", "voters=(1) learners=(2)"),
        ("v1 l2", "r2", "voters=(1)"),
        ("v1", "u1", "voters=(1)"),
        ("v1", "v0 r0", "voters=(1)"),
        ("v1", "r9", "voters=(1)"),
        ("v1", "l2 l3 r3", "voters=(1) learners=(2)"),
    ],
)
def test_a_simple_change_moves_one_voter_at_most(before, change, after):
    assert Group(before).simple(change) == after


@pytest.mark.parametrize(
    ("before", "change", "message"),
    [
        ("v1", "r1", "removed all voters"),
        ("v1", "v2 v3", "more than one voter changed without entering joint config"),
    ],
)
def test_a_simple_change_that_could_split_the_group_is_refused(before, change, message):
    with pytest.raises(ConfChangeError, match=message):
        Group(before).simple(change)


def test_a_joint_configuration_is_entered_and_left():
    group = Group("v1 v2 v3")
    assert group.enter_joint("r3 v4 l5", auto_leave=True) == (
        "voters=(1 2 4)&&(1 2 3) learners=(5) autoleave"
    )
    assert sorted(group.tracker.progress) == [1, 2, 3, 4, 5]
    with pytest.raises(ConfChangeError, match="config is already joint"):
        group.enter_joint("v6")
    with pytest.raises(ConfChangeError, match="can't apply simple config change in joint config"):
        group.simple("v6")
    assert group.leave_joint() == "voters=(1 2 4) learners=(5)"
    assert sorted(group.tracker.progress) == [1, 2, 4, 5]


def test_a_voter_becomes_a_learner_when_the_half_in_which_it_votes_is_left():
    group = Group("v1 v2 v3")
    assert group.enter_joint("l3") == "voters=(1 2)&&(1 2 3) learners_next=(3)"
    assert not group.tracker.progress[3].is_learner
    assert group.leave_joint() == "voters=(1 2) learners=(3)"
    assert group.tracker.progress[3].is_learner


def test_what_is_not_joint_cannot_be_left_and_what_is_empty_cannot_be_entered():
    with pytest.raises(ConfChangeError, match="can't leave a non-joint config"):
        Group("v1").leave_joint()
    with pytest.raises(ConfChangeError, match="can't make a zero-voter config joint"):
        Group().enter_joint("v1")


def test_a_refused_change_leaves_the_tracker_as_it_was():
    group = Group("v1 v2")
    with pytest.raises(ConfChangeError):
        group.simple("r1 r2")
    assert str(group.tracker.config) == "voters=(1 2)"


def test_a_newcomer_starts_at_the_end_of_the_log_and_active():
    pr = Group("v1").tracker.progress[1]
    assert (pr.match, pr.next, pr.recent_active, pr.inflights.size) == (0, 5, True, 10)


IDS = st.lists(st.integers(1, 9), unique=True, max_size=4).map(tuple)


@st.composite
def conf_states(draw):
    """Any configuration that can be: learners are no voters, those to be were voters of the outgoing half."""
    voters = draw(st.lists(st.integers(1, 9), unique=True, min_size=1, max_size=4))
    outgoing = draw(IDS)
    learners = [id for id in draw(IDS) if id not in voters and id not in outgoing]
    learners_next = [id for id in outgoing if id not in voters and draw(st.booleans())]
    auto_leave = bool(outgoing) and draw(st.booleans())
    return pb.ConfState(tuple(voters), tuple(learners), tuple(outgoing), tuple(learners_next), auto_leave)


@given(conf_states())
def test_a_stored_configuration_is_restored(conf_state):
    tracker = ProgressTracker(10)
    tracker.config, tracker.progress = restore(Changer(tracker, 5), conf_state)
    assert tracker.conf_state().equivalent(conf_state)


def test_changes_are_described_by_name():
    assert describe(*pb.conf_changes_from_string("v1 r2")) == "ConfChangeAddNode(1) ConfChangeRemoveNode(2)"
