"""Who leads, and for how long, told on a clock of ticks."""

import pytest

from minietcd.raft import StateFollower
from minietcd.raft import raftpb as pb
from tests.raft.raft_network import Faults, Network

CAREFUL = {"pre_vote": True, "check_quorum": True}
WAYS = pytest.mark.parametrize("options", [{}, CAREFUL], ids=["plain", "careful"])


@WAYS
@pytest.mark.parametrize("size", [1, 2, 3, 5, 7])
@pytest.mark.parametrize("seed", range(2))
def test_a_group_elects_a_leader_and_keeps_it(size, seed, options):
    network = Network(size, seed=seed, **options)
    leader = network.leader(within=200)
    term = leader.raft.term
    network.tick(200)
    assert network.leaders() == [leader.id]
    assert {(member.raft.term, member.raft.lead) for member in network.up()} == {(term, leader.id)}


@WAYS
def test_a_group_elects_again_when_its_leader_dies_and_not_without_a_majority(options):
    network = Network(3, **options)
    first = network.leader()
    network.crash(first.id)
    second = network.leader()
    assert second.raft.term > first_term(network)
    network.restart(first.id)
    network.tick(50)
    assert network.leaders() == [second.id], "who comes back follows"
    network.crash(*(member.id for member in network.followers()))
    terms = len(network.invariants.leaders)
    network.tick(200)
    assert len(network.invariants.leaders) == terms, "one of three elects nobody"
    network.restart()
    assert network.leader()


def first_term(network):
    return min(network.invariants.leaders)


@WAYS
def test_many_elections_give_each_term_one_leader(options):
    """Its leader and two more of seven are cut off, again and again: the four who are left have another."""
    network = Network(7, seed=3, **options)
    for _ in range(20):
        leader = network.leader()
        alone = [leader.id, *network.rand.sample([member.id for member in network.followers()], 2)]
        together = set(network.members) - set(alone)
        network.partition(together)
        network.tick_until(lambda ids=together: ids & set(network.leaders()))
        network.heal()
        network.agree()
    assert len(network.invariants.leaders) > 20


def test_ten_leaders_are_transferred_without_a_term_to_spare():
    """A transfer costs one term and no tick: nobody waits for a timeout."""
    network = Network(3, seed=1, **CAREFUL)
    leader, term = network.leader(), network.leader().raft.term
    now = network.now
    for number in range(10):
        target = network.followers()[number % 2].id
        network.propose(leader.id, b"%d" % number)
        leader.node.transfer_leader(target)
        network.settle()
        assert network.leaders() == [target]
        leader = network[target]
    assert (network.now, leader.raft.term) == (now, term + 10)
    assert network.agree() == [b"%d" % number for number in range(10)]


def test_a_transfer_to_a_follower_that_lags_waits_for_its_log():
    network = Network(3, **CAREFUL)
    leader = network.leader()
    slow = network.followers()[0]
    network.isolated = {slow.id}
    network.propose(leader.id, *(b"%d" % number for number in range(50)))
    leader.node.transfer_leader(slow.id)
    network.settle()
    assert leader.leads
    network.heal()
    network.tick_until(lambda: network.leaders() == [slow.id], within=9)
    assert len(slow.data) == 50


def test_a_transfer_to_a_dead_follower_is_given_up_after_an_election_timeout():
    network = Network(3, **CAREFUL)
    leader = network.leader()
    dead = network.followers()[0].id
    network.crash(dead)
    leader.node.transfer_leader(dead)
    assert leader.raft.lead_transferee == dead
    network.tick(leader.raft.election_timeout)
    network.propose(leader.id, b"after")
    assert leader.data == [b"after"]


@pytest.mark.parametrize("seed", range(5))
def test_elections_end_though_messages_are_late_and_get_lost(seed):
    network = Network(5, seed=seed, **CAREFUL)
    network.faults = Faults(loss=0.2, duplicate=0.1, delay=3)
    for _ in range(10):
        network.crash(network.leader(within=2000).id)
        network.leader(within=2000)
        network.restart()


def test_a_member_that_was_cut_off_comes_back_without_an_election():
    """Its pre-votes found no majority, so its term has not run away (thesis, 9.6)."""
    network = Network(5, **CAREFUL)
    leader = network.leader()
    away = network.followers()[0]
    network.isolated = {away.id}
    network.tick(300)
    network.heal()
    network.tick(30)
    assert network.leaders() == [leader.id]
    assert away.raft.term == leader.raft.term
    assert away.raft.state == StateFollower


def test_without_pre_vote_it_costs_an_election():
    """The same story told plainly shows what pre-vote is for."""
    network = Network(5)
    leader, term = network.leader(), network.leader().raft.term
    away = network.followers()[0]
    network.isolated = {away.id}
    network.tick(300)
    network.heal()
    network.tick(50)
    assert network.leader().raft.term > term + 5
    assert leader.raft.term == away.raft.term


def test_the_first_election_of_three_takes_these_messages():
    network = Network(3)
    network.elect(1)
    counts = {type_: network.count(type_) for type_ in pb.MessageType if network.count(type_)}
    # The empty entry of the new term goes to both; then both are told that it is committed.
    assert counts == {pb.MsgVote: 2, pb.MsgVoteResp: 2, pb.MsgApp: 4, pb.MsgAppResp: 4}
