"""Members come, learn, vote and go, also while the network is split and while members die."""

from contextlib import suppress

import pytest

from minietcd.raft import ConfChangeError, ProposalDroppedError
from minietcd.raft import raftpb as pb
from minietcd.raft.confchange.confchange import Changer
from tests.raft.raft_network import Faults, Network

CAREFUL = {"pre_vote": True, "check_quorum": True}
EXPLICIT = pb.ConfChangeTransitionJointExplicit


def config(member):
    return str(member.raft.prs.config)


def numbers(count):
    return [b"%d" % number for number in range(count)]


def test_a_learner_catches_up_is_promoted_and_may_lead():
    network = Network(3, **CAREFUL)
    leader = network.elect(1)
    network.propose(1, *numbers(20))
    leader.compact()
    learner = network.join(4)
    network.change(1, "l4")
    network.tick(5)
    assert (learner.data, learner.raft.is_learner) == (numbers(20), True)
    network.change(1, "v4")
    network.tick(2)
    assert {config(member) for member in network.up()} == {"voters=(1 2 3 4)"}
    leader.node.transfer_leader(4)
    network.settle()
    assert network.leaders() == [4]
    network.propose(4, b"as leader")
    assert network.agree() == [*numbers(20), b"as leader"]


def test_a_learner_does_not_count_and_once_promoted_does():
    network = Network(2, learners=1)
    leader = network.elect(1)
    network.isolated = {2}
    network.propose(1, b"waits")
    assert leader.data == [], "the learner has it, which is no vote"
    assert network[3].raft.raft_log.last_index() == leader.raft.raft_log.last_index()
    network.heal()
    network.tick(2)
    network.change(1, "v3")
    network.isolated = {2}
    network.propose(1, b"goes on")
    assert leader.data == [b"waits", b"goes on"]


def test_a_learner_that_is_alone_never_campaigns():
    network = Network(1, learners=2)
    network.leader()
    network.tick()
    network.crash(1)
    network.tick(300)
    assert {member.raft.term for member in network.up()} == {1}


def test_three_members_are_replaced_by_three_others_at_once():
    network = Network(3)
    network.elect(1)
    network.propose(1, *numbers(5))
    for id in (4, 5, 6):
        network.join(id)
        network.change(1, f"l{id}")
    network[1].compact()
    network.tick(3)
    network.change(1, "v4 v5 v6 r1 r2 r3")
    network.tick(3)
    network.crash(1, 2, 3)
    leader = network.leader()
    assert leader.id in (4, 5, 6)
    network.propose(leader.id, b"new")
    assert network.agree() == [*numbers(5), b"new"]
    assert config(leader) == "voters=(4 5 6)"


def test_a_joint_configuration_needs_both_majorities():
    network = Network(5)
    leader = network.elect(1)
    network.change(1, "r4 r5 l3", transition=EXPLICIT)
    assert config(leader) == "voters=(1 2)&&(1 2 3 4 5) learners_next=(3)"
    network.partition({1, 2})
    network.propose(1, b"first")
    assert leader.data == [], "two of two have it, and two of five"
    network.partition({1, 2, 3})
    network.tick(3)
    assert leader.data == [b"first"]
    network.partition({1, 3, 4, 5})
    network.propose(1, b"second")
    assert leader.data == [b"first"], "one of two has it, and four of five"
    network.partition({1, 2, 3})
    network.tick(3)
    assert leader.data == [b"first", b"second"]
    network.change(1, "")
    network.heal()
    network.tick(3)
    assert {config(network[id]) for id in (1, 2, 3)} == {"voters=(1 2) learners=(3)"}


@pytest.mark.parametrize(
    "reachable", [{1, 2}, {3, 4, 5}, {1, 3, 4}], ids=["new", "old", "old majority, one new"]
)
def test_a_split_joint_configuration_elects_nobody_without_both_majorities(reachable):
    """(1 2)&&(1 2 3 4 5): each of these lacks one of the two majorities."""
    network = Network(5)
    network.elect(1)
    network.change(1, "r4 r5 r3", transition=EXPLICIT)
    network.propose(1, b"before")
    network.agree()
    network.crash(1)
    network.restart()
    terms = set(network.invariants.leaders)
    network.partition(reachable)
    network.tick(200)
    assert set(network.invariants.leaders) == terms
    network.partition({1, 2, 3})
    assert network.leader().id in (1, 2, 3)
    network.heal()
    assert network.agree() == [b"before"]


def test_a_leader_that_dies_in_a_joint_configuration_leaves_it_to_the_next():
    """Also to leave it automatically: the next leader does so as soon as it has committed something."""
    network = Network(3, learners=1)
    leader = network.elect(1)
    network.dropped_types = {pb.MsgHeartbeat}
    change = pb.ConfChangeV2(changes=pb.conf_changes_from_string("v4 r1"))
    leader.node.propose_conf_change(change)
    network.keep = lambda m: not any(e.type == pb.EntryConfChangeV2 and not e_changes(e) for e in m.entries)
    network.settle()
    assert config(network[2]) == "voters=(2 3 4)&&(1 2 3) autoleave"
    network.crash(1)
    network.heal()
    successor = network.leader()
    network.tick_until(lambda: config(successor) == "voters=(2 3 4)")
    network.propose(successor.id, b"after")
    assert network.agree() == [b"after"]


def e_changes(entry):
    return pb.ConfChangeV2.unmarshal(entry.data).changes


def test_a_second_change_waits_until_the_first_is_applied():
    network = Network(3)
    leader = network.elect(1)
    for words in ("r3", "r2"):
        leader.node.propose_conf_change(pb.ConfChangeV2(changes=pb.conf_changes_from_string(words)))
    network.settle()
    assert config(leader) == "voters=(1 2)"
    network.change(1, "r2")
    assert config(leader) == "voters=(1)"


def test_a_member_that_was_removed_disturbs_nobody_who_checks_for_it():
    network = Network(3, **CAREFUL)
    network.elect(1)
    network.isolated = {3}
    network.change(1, "r3")
    network.heal()
    network.tick(200)
    assert (network.leaders(), network[1].raft.term) == ([1], 1)


@pytest.mark.parametrize("seed", range(5))
def test_under_churn_members_change_and_nothing_is_lost(seed):
    """Changes of every kind, proposed blindly, while messages are lost, links are cut and members die.

    Four ids take all parts in turn. Who is removed stops, as etcd does. At the end, whoever is left agrees.
    """
    network = Network(3, seed=seed, **CAREFUL)
    network.compact_every = 25
    rand = network.rand
    network.join(4)
    for number in range(400):
        network.faults = Faults(loss=0.05, duplicate=0.05, delay=2, crash=0.005)
        network.try_to_propose(b"%d" % number)
        if rand.random() < 0.1:
            propose_some_change(network)
        if rand.random() < 0.3:
            network.restart()
        if rand.random() < 0.02:
            some = set(rand.sample(range(1, 5), 2))
            network.partition(some, {1, 2, 3, 4} - some)
        if rand.random() < 0.1:
            network.cut = set()
        network.tick()
        stop_who_was_removed(network)
    network.heal()
    network.restart()
    while network.leader(within=2000).raft.prs.config.voters.outgoing:
        network.change(network.leader().id, "")
        network.tick()
        stop_who_was_removed(network)
    network.crash(*(set(network.members) - set(network.leader().raft.prs.progress)))
    assert network.agree() == network.invariants.history
    assert len(network.invariants.history) > 50
    entries = (entry for entry, _ in network.invariants.committed.values())
    assert sum(entry.type != pb.EntryNormal for entry in entries) > 5


def stop_who_was_removed(network):
    network.crash(*(id for id in network.leaders() if id not in network[id].raft.prs.progress))


def propose_some_change(network):
    """One or two members are to take another part; it is for whoever proposes to know that that can be."""
    rand = network.rand
    for leader in map(network.members.get, network.leaders()):
        others = [id for id in range(1, 5) if id != leader.id]  # who leads is to hand that over first
        words = " ".join(rand.choice("vvlr") + str(id) for id in rand.sample(others, rand.randint(0, 2)))
        transition = rand.choice(list(pb.ConfChangeTransition)) if words else pb.ConfChangeTransitionAuto
        change = pb.ConfChangeV2(transition, pb.conf_changes_from_string(words))
        changer = Changer(leader.raft.prs, leader.raft.raft_log.last_index())
        with suppress(ConfChangeError, ProposalDroppedError):
            if words and not leader.raft.prs.config.voters.outgoing:
                changer.enter_joint(False, *change.changes)
                if not change.enter_joint()[1]:
                    changer.simple(*change.changes)
            leader.node.propose_conf_change(change)
