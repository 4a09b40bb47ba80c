"""Why the term and the vote must be on disk: a bug that a Raft library really had, told as it happens.

Each story ends with what a client finds after everybody has started again. It is told twice: by members that
save their hard state, and by members that lack that one line; the latter lose a write that was acknowledged.
``tests/etcdserver/test_unsaved_vote.py`` tells the first with the real server and its write-ahead log.
"""

import pytest

from minietcd.raft import is_empty_snap
from minietcd.raft import raftpb as pb
from tests.raft.invariants import BrokenPromiseError
from tests.raft.raft_network import Member, Network


class Forgetful(Member):
    """``save`` without its last line."""

    def save(self, rd):
        if not is_empty_snap(rd.snapshot):
            self.storage.apply_snapshot(rd.snapshot)
        self.storage.append(rd.entries)


class ForgetsItsVote(Member):
    """Only the vote is missing from what is saved."""

    def save(self, rd):
        super().save(rd)
        saved = self.storage.hard_state
        self.storage.set_hard_state(pb.HardState(saved.term, 0, saved.commit))


def a_stale_log_runs_after_all_have_restarted(**options):
    """3 has an entry of a late term that nobody else has. If terms begin anew, what the others agree on then
    looks older than that.
    """
    network = Network(3, **options)
    for id in (1, 2, 1, 3):
        network.elect(id)
    network.isolated = {3}
    network.propose(3, b"stale")
    network.crash(1, 2, 3)
    network.restart(1, 2)
    leader = network.leader()
    network.propose(leader.id, b"acknowledged")
    assert leader.data == [b"acknowledged"]
    network.heal()
    network.crash(1, 2)
    network.restart(1, 2, 3)
    network[3].node.campaign()
    network.settle()
    return network.agree()


def test_a_stale_log_wins_no_election_because_the_term_was_saved():
    assert a_stale_log_runs_after_all_have_restarted() == [b"acknowledged"]


def test_without_the_line_that_saves_the_hard_state_the_stale_log_wins_and_the_write_is_lost():
    found = a_stale_log_runs_after_all_have_restarted(member=Forgetful, watched=False)
    assert found == [b"stale"]
    with pytest.raises(BrokenPromiseError, match="hard states go forward"):
        a_stale_log_runs_after_all_have_restarted(member=Forgetful)


def two_candidates_ask_one_voter_who_restarts_in_between(**options):
    """1 and 3 campaign in the same term. 2 votes for 1, restarts, and only then hears of 3.

    Returns what the last leader has applied, and what a client of the first was told.
    """
    network = Network(3, **options)
    network.keep = lambda m: {m.from_, m.to} == {1, 2} and m.type != pb.MsgApp
    network[3].node.campaign()
    [late] = [m for m in network[3].handle_ready() if m.to == 2]
    network.elect(1)
    network.crash(2)
    network.restart(2)
    network.keep = None
    network[2].node.step(late)
    network.settle()
    network[1].node.propose(b"acknowledged")
    network.tick(2)
    told = list(network[1].data)
    if network[3].leads:
        network.propose(3, b"instead")
    network.crash(1)
    return network.leader().data, told


def test_a_voter_who_restarts_remembers_its_vote():
    assert two_candidates_ask_one_voter_who_restarts_in_between() == ([b"acknowledged"], [b"acknowledged"])


def test_without_the_vote_two_lead_one_term_and_the_write_is_lost():
    options = {"member": ForgetsItsVote, "watched": False}
    found, told = two_candidates_ask_one_voter_who_restarts_in_between(**options)
    assert (found, told) == ([b"instead"], [b"acknowledged"])
    with pytest.raises(BrokenPromiseError, match="hard states go forward"):
        two_candidates_ask_one_voter_who_restarts_in_between(member=ForgetsItsVote)
