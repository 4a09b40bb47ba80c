"""One follower as its leader sees it, and the window of what is under way to it."""

import pytest

from minietcd.raft.tracker.inflights import Inflights
from minietcd.raft.tracker.progress import Progress, ProgressMap
from minietcd.raft.tracker.state import StateProbe, StateReplicate, StateSnapshot
from minietcd.raft.tracker.tracker import ProgressTracker


def progress(state=StateProbe, match=0, next=1, size=3, **fields):
    return Progress(Inflights(size), match=match, next=next, state=state, **fields)


def test_a_full_window_takes_no_more():
    window = Inflights(1)
    window.add(1)
    with pytest.raises(AssertionError):
        window.add(2)
    window.free_first_one()
    window.add(2)
    assert list(window.buffer) == [2]


@pytest.mark.parametrize(
    ("pr", "paused"),
    [
        (progress(), False),
        (progress(probe_sent=True), True),
        (progress(StateReplicate), False),
        (progress(StateReplicate, size=0), True),
        (progress(StateReplicate, probe_sent=True), False),
        (progress(StateSnapshot), True),
    ],
)
def test_a_follower_is_paused_as_its_state_says(pr, paused):
    assert pr.is_paused() == paused


@pytest.mark.parametrize(
    ("pr", "next"),
    [
        (progress(StateReplicate, match=1, next=5), 2),
        (progress(StateSnapshot, match=1, next=5, pending_snapshot=10), 11),
        (progress(StateSnapshot, match=1, next=5), 2),
    ],
)
def test_a_probe_starts_after_what_is_certain(pr, next):
    pr.become_probe()
    assert (pr.state, pr.match, pr.next, pr.pending_snapshot) == (StateProbe, 1, next, 0)


@pytest.mark.parametrize(
    ("acked", "match", "next", "updated"),
    [(2, 3, 5, False), (3, 3, 5, False), (4, 4, 5, True), (5, 5, 6, True)],
)
def test_an_acknowledgement_moves_forward_only(acked, match, next, updated):
    pr = progress(match=3, next=5)
    assert pr.maybe_update(acked) == updated
    assert (pr.match, pr.next) == (match, next)


@pytest.mark.parametrize(
    ("state", "match", "next", "rejected", "last", "genuine", "expected_next"),
    [
        (StateReplicate, 5, 10, 5, 5, False, 10),
        (StateReplicate, 5, 10, 4, 4, False, 10),
        (StateReplicate, 5, 10, 9, 9, True, 6),
        (StateProbe, 0, 10, 5, 5, False, 10),
        (StateProbe, 0, 10, 9, 9, True, 9),
        (StateProbe, 0, 10, 9, 2, True, 3),
        (StateProbe, 0, 10, 9, 0, True, 1),
        (StateProbe, 0, 1, 0, 0, True, 1),
        (StateProbe, 5, 10, 9, 2, True, 6),
    ],
)
def test_a_refusal_moves_back_unless_it_is_stale(state, match, next, rejected, last, genuine, expected_next):
    pr = progress(state, match, next)
    assert pr.maybe_decr_to(rejected, last) == genuine
    assert (pr.match, pr.next) == (match, expected_next)


def test_progress_is_printed_with_what_is_unusual_about_it():
    pr = progress(StateSnapshot, 1, 2, size=1, is_learner=True, pending_snapshot=123, recent_active=False)
    pr.inflights.add(2)
    assert str(pr) == "StateSnapshot match=1 next=2 learner paused pendingSnap=123 inactive inflight=1[full]"
    assert str(ProgressMap({2: pr, 1: progress(recent_active=True)})).startswith(
        "1: StateProbe match=0 next=1\n2: "
    )


def test_only_the_first_vote_of_a_member_counts():
    tracker = ProgressTracker(1)
    tracker.config.voters.incoming.update({1, 2, 3})
    tracker.progress.update({id: progress() for id in (1, 2, 3)})
    tracker.record_vote(1, True)
    tracker.record_vote(1, False)
    tracker.record_vote(2, False)
    tracker.record_vote(9, True)
    granted, rejected, result = tracker.tally_votes()
    assert (granted, rejected, str(result)) == (1, 1, "VotePending")


def test_a_quorum_is_active_when_a_majority_was_heard_of():
    tracker = ProgressTracker(1)
    tracker.config.voters.incoming.update({1, 2, 3})
    tracker.progress.update({id: progress(recent_active=id == 1) for id in (1, 2, 3)})
    assert not tracker.quorum_active()
    tracker.progress[2].recent_active = True
    assert tracker.quorum_active()
