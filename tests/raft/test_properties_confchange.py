"""Changes of members, one after the other: no two configurations in a row can decide without each other."""

from itertools import combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minietcd.raft import ConfChangeError
from minietcd.raft import raftpb as pb
from minietcd.raft.confchange import confchange
from minietcd.raft.confchange.confchange import Changer
from minietcd.raft.confchange.restore import restore
from minietcd.raft.quorum.quorum import VoteWon
from minietcd.raft.tracker.tracker import ProgressTracker

LAST_INDEX = 5


def intersect(one, other, ids):
    """Whether no set of members is a quorum of ``one`` while those who are left are one of ``other``."""
    ids = set(ids)
    for size in range(len(ids) + 1):
        for some in map(set, combinations(ids, size)):
            if _decide(one, some) and _decide(other, ids - some):
                return False
    return True


def _decide(config, members):
    votes = {id: id in members for id in config.voters.ids()}
    return config.voters.vote_result(votes) == VoteWon


def check_is_sound(config, progress):
    """Everybody has one part, with a progress to it, and only who votes or learns has one."""
    incoming, outgoing = config.voters
    assert incoming
    assert set(progress) == incoming | outgoing | config.learners | config.learners_next
    assert not config.learners & (incoming | outgoing)
    assert config.learners_next <= outgoing - incoming
    assert {id for id, pr in progress.items() if pr.is_learner} == config.learners
    assert outgoing or not config.auto_leave
    assert all(pr.match < pr.next for pr in progress.values())


def step(changer, kind, auto_leave, changes):
    """The configuration and progress after one step. Raises ConfChangeError."""
    if kind == "simple":
        return changer.simple(*changes)
    return changer.enter_joint(auto_leave, *changes) if kind == "enter" else changer.leave_joint()


def take(changer, kind, auto_leave, changes, ids):
    """Take a step, if it may be taken, and check what it makes; returns whether it was taken."""
    tracker = changer.tracker
    before = str(tracker.config), str(tracker.progress)
    try:
        config, progress = step(changer, kind, auto_leave, changes)
    except ConfChangeError:
        config = None
    assert (str(tracker.config), str(tracker.progress)) == before, "only a copy is changed"
    if config is None:
        return False
    check_is_sound(config, progress)
    assert intersect(tracker.config, config, ids), f"{tracker.config} -> {config}"
    kept = set(tracker.progress) & set(progress)
    assert all(progress[id].match == tracker.progress[id].match for id in kept)
    tracker.config, tracker.progress = config, progress
    return True


def founded(*voters):
    changer = Changer(ProgressTracker(10), LAST_INDEX)
    for id in voters:
        changer.tracker.config, changer.tracker.progress = changer.simple(pb.ConfChangeSingle(node_id=id))
    return changer


def single_changes(ids):
    kinds = (pb.ConfChangeAddNode, pb.ConfChangeAddLearnerNode, pb.ConfChangeRemoveNode)
    return [pb.ConfChangeSingle(kind, id) for kind, id in product(kinds, ids)]


CHANGES = st.lists(st.sampled_from(single_changes(range(6))), max_size=4)
STEPS = st.tuples(st.sampled_from(["simple", "enter", "leave"]), st.booleans(), CHANGES)


@given(st.sets(st.integers(1, 5), min_size=1), st.lists(STEPS, max_size=12))
def test_configurations_in_a_row_share_a_member_of_every_two_quorums(voters, steps):
    changer = founded(*voters)
    for kind, auto_leave, changes in steps:
        take(changer, kind, auto_leave, changes, range(1, 6))


def reachable(ids):
    """Every configuration that is reached by steps that do each member one thing at most; all are checked."""
    singles = [[None, *single_changes([id])] for id in ids]
    several = [[change for change in chosen if change] for chosen in product(*singles)]
    steps = [("leave", False, []), *(("simple", False, changes) for changes in several)]
    steps += [("enter", auto_leave, changes) for auto_leave in (False, True) for changes in several]
    seen, found = {}, [founded(ids[0]).tracker]
    while found:
        tracker = found.pop()
        if seen.setdefault(str(tracker.config), tracker) is not tracker:
            continue
        for kind, auto_leave, changes in steps:
            changer = Changer(ProgressTracker(10, tracker.config, tracker.progress), LAST_INDEX)
            if take(changer, kind, auto_leave, changes, ids):
                found.append(changer.tracker)
    return seen


def test_every_configuration_of_three_members_is_reached_soundly_and_can_be_stored():
    configurations = reachable((1, 2, 3))
    assert "voters=(1)&&(2 3) learners_next=(3) autoleave" in configurations
    for tracker in configurations.values():
        restored = ProgressTracker(10)
        restored.config, restored.progress = restore(Changer(restored, LAST_INDEX), tracker.conf_state())
        assert str(restored.config) == str(tracker.config)
        assert set(restored.progress) == set(tracker.progress)


# Each of these is one forgotten line away.


def simple_without_a_limit(self, *changes):
    config, progress = self.check_and_copy()
    self.apply(config, progress, changes)
    return config, progress


def joint_without_the_old_voters(self, auto_leave, *changes):
    config, progress = self.check_and_copy()
    self.apply(config, progress, changes)
    return config, progress


def leave_and_keep_the_progress(self):
    config, progress = self.check_and_copy()
    if not config.voters.outgoing:
        raise ConfChangeError("not joint")
    config.learners |= config.learners_next
    config.learners_next.clear()
    config.voters.outgoing.clear()
    return config, progress


def demote_at_once(self, config, progress, id):
    if id not in progress:
        self.init_progress(config, progress, id, is_learner=True)
        return
    config.voters.incoming.discard(id)
    config.learners.add(id)
    progress[id].is_learner = True


@pytest.mark.parametrize(
    ("method", "mutant"),
    [
        ("simple", simple_without_a_limit),
        ("enter_joint", joint_without_the_old_voters),
        ("leave_joint", leave_and_keep_the_progress),
        ("make_learner", demote_at_once),
    ],
)
def test_a_careless_change_is_noticed(monkeypatch, method, mutant):
    monkeypatch.setattr(confchange, "check_invariants", lambda config, progress: None)
    monkeypatch.setattr(Changer, method, mutant)
    with pytest.raises(AssertionError):
        reachable((1, 2, 3))
