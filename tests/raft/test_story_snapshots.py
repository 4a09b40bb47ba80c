"""Logs are cut short, and who is behind them gets a snapshot, though it is lost, late, or met by a crash."""

import pytest

from minietcd.raft import raftpb as pb
from minietcd.raft.tracker.state import StateReplicate, StateSnapshot
from tests.raft.raft_network import Faults, Network

CAREFUL = {"pre_vote": True, "check_quorum": True}


def numbers(count):
    return [b"%d" % number for number in range(count)]


def one_left_behind(count=20, **options):
    """A leader whose log no longer has what one follower lacks; that follower is still cut off."""
    network = Network(3, **options)
    leader, behind = network.elect(1), network[3]
    network.isolated = {3}
    behind.applied.clear()
    network.propose(1, *numbers(count))
    network.isolated = set()
    network.dropped_types = {pb.MsgApp, pb.MsgSnap}
    network.tick(2)  # heard of, which a snapshot needs
    leader.compact()
    network.sent.clear()
    return network, leader, behind


def test_a_snapshot_brings_a_follower_up_in_one_message():
    network, leader, behind = one_left_behind()
    network.heal()
    network.tick(2)
    assert (network.count(pb.MsgSnap), behind.data) == (1, numbers(20))
    assert behind.applied == [], "nothing of it was applied from the log"
    assert behind.storage.snapshot() == leader.storage.snapshot()
    assert leader.raft.prs.progress[3].state == StateReplicate


def test_nothing_is_sent_to_a_follower_while_its_snapshot_is_under_way():
    network, leader, _ = one_left_behind()
    network.heal()
    network.faults = Faults(latency=5)
    network.tick_until(lambda: leader.raft.prs.progress[3].state == StateSnapshot)
    network.sent.clear()
    network.propose(1, *numbers(5))
    assert not [m for m in network.sent if m.to == 3 and m.type != pb.MsgHeartbeat]
    network.heal()
    assert len(network.agree()) == 25


def test_a_snapshot_that_is_lost_is_sent_again():
    network, _, behind = one_left_behind()
    network.dropped_types = {pb.MsgSnap}
    network.tick(5)
    lost = network.count(pb.MsgSnap)
    assert (lost > 1, behind.data) == (True, [])
    network.heal()
    network.tick(2)
    assert (network.count(pb.MsgSnap), behind.data) == (lost + 1, numbers(20))


def test_the_commands_behind_a_snapshot_follow_it():
    network, leader, behind = one_left_behind()
    network.heal()
    network.faults = Faults(latency=5)
    network.tick_until(lambda: leader.raft.prs.progress[3].state == StateSnapshot)
    network.propose(1, b"more")
    network.heal()
    assert network.agree() == [*numbers(20), b"more"]
    assert [entry.data for entry in behind.applied] == [b"more"]


def test_a_snapshot_that_comes_late_and_twice_takes_nothing_back():
    network, _, behind = one_left_behind()
    network.heal()
    network.tick(2)
    snapshot = next(m for m in network.sent if m.type == pb.MsgSnap)
    network.propose(1, b"after")
    for _ in range(2):
        behind.node.step(pb.Message.unmarshal(snapshot.marshal()))
        network.settle()
    assert behind.data == [*numbers(20), b"after"]


@pytest.mark.parametrize("seed", range(6))
def test_members_that_die_over_snapshots_catch_up_all_the_same(seed):
    """Everybody cuts the log every ten entries; who was away needs a snapshot, and may die over it."""
    network = Network(3, seed=seed, **CAREFUL)
    network.compact_every = 10
    for number in range(30):
        away = network.rand.choice(network.followers() or network.up()).id
        network.crash(away)
        network.propose(network.leader().id, *(b"%d.%d" % (number, i) for i in range(12)))
        network.faults = Faults(loss=0.2, duplicate=0.1, delay=2, crash=0.02)
        for _ in range(10):
            network.restart()
            network.tick(2)
        network.heal()
        network.restart()
    assert network.agree() == network.invariants.history
    assert len(network.invariants.history) == 30 * 12
    assert network.count(pb.MsgSnap) > 5


def test_a_group_starts_again_from_snapshots_alone():
    network = Network(3)
    network.propose(network.leader().id, *numbers(50))
    network.agree()
    for member in network.members.values():
        member.compact()
        assert len(member.storage.ents) == 1, "no log is left"
    network.crash(1, 2, 3)
    network.restart()
    assert [member.data for member in network.up()] == [numbers(50)] * 3
    network.propose(network.leader().id, b"more")
    assert network.agree() == [*numbers(50), b"more"]


def test_a_group_starts_again_from_a_snapshot_and_what_follows_it():
    network = Network(3)
    network.propose(network.leader().id, *numbers(30))
    network.agree()
    for member in network.members.values():
        member.compact(keep=5)
    network.propose(network.leader().id, b"a", b"b")
    network.crash(1, 2, 3)
    network.restart()
    assert network.agree() == [*numbers(30), b"a", b"b"]
    assert [entry.data for entry in network[1].applied if entry.data] == [b"a", b"b"]


def test_the_members_are_those_of_the_snapshot_after_a_restart():
    network = Network(3, learners=1)
    leader = network.elect(1)
    network.change(1, "v4 l3")
    network.propose(1, *numbers(5))
    for member in network.members.values():
        member.compact()
    network.crash(1, 2, 3, 4)
    network.restart()
    expected = pb.ConfState(voters=(1, 2, 4), learners=(3,))
    assert [m.raft.prs.conf_state() for m in network.up()] == [expected] * 4
    assert network.agree() == numbers(5)
    assert leader.id in expected.voters
