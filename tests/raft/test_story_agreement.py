"""What is proposed is agreed on: at what cost, and past whose failures."""

from collections import Counter

import pytest

from minietcd.raft import raftpb as pb
from tests.raft.raft_network import Faults, Network


def numbers(count, start=0):
    return [b"%d" % number for number in range(start, start + count)]


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_everybody_applies_what_is_proposed_in_the_order_it_was(size):
    network = Network(size)
    network.propose(network.leader().id, *numbers(20))
    assert network.agree() == numbers(20)


def test_each_command_is_sent_to_each_peer_once():
    """Also those that are proposed while others are under way: nothing is sent again that was not lost."""
    network = Network(3)
    leader = network.leader()
    network.faults = Faults(latency=2)
    proposed = [b"%d" % number * 1000 for number in range(10)]
    network.sent.clear()
    for data in proposed:
        leader.node.propose(data)
        network.tick()
    assert network.agree() == proposed
    copies = Counter((m.to, entry.data) for m in network.sent for entry in m.entries)
    assert copies == {(member.id, data): 1 for member in network.followers() for data in proposed}
    payload = sum(map(len, proposed))
    total = sum(len(message.marshal()) for message in network.sent)
    assert 2 * payload < total < 2 * payload + 100 * len(network.sent)


@pytest.mark.parametrize("size", [3, 5])
def test_a_command_takes_four_messages_a_follower_and_silence_two_a_heartbeat(size):
    network = Network(size)
    leader = network.leader()
    network.tick(5)
    network.sent.clear()
    network.propose(leader.id, *numbers(1))
    # Once with the command, and once, empty, to say that it is committed; both are acknowledged.
    assert network.count(pb.MsgApp) == network.count(pb.MsgAppResp) == 2 * (size - 1)
    network.sent.clear()
    network.tick(10)
    assert network.count(pb.MsgHeartbeat) == network.count(pb.MsgHeartbeatResp) == 10 * (size - 1)
    assert len(network.sent) == 20 * (size - 1)


def test_many_commands_at_once_share_what_says_that_they_are_committed():
    network = Network(3)
    leader = network.leader()
    network.sent.clear()
    for data in numbers(50):
        leader.node.propose(data)
    network.settle()
    # One append each to both followers, and their answers; a commit index goes with what is sent anyway,
    # or alone. Fewer than the four a follower that each would take alone.
    assert network.agree() == numbers(50)
    assert 2 * 2 * 50 < len(network.sent) <= 2 * 4 * 50


def test_followers_fail_one_after_the_other():
    network = Network(3)
    leader = network.leader()
    one, other = (member.id for member in network.followers())
    network.propose(leader.id, b"all")
    network.isolated = {one}
    network.propose(leader.id, b"two of three")
    assert leader.data == [b"all", b"two of three"]
    network.isolated = {one, other}
    network.propose(leader.id, b"one of three")
    network.tick(50)
    assert leader.data == [b"all", b"two of three"]
    network.heal()
    assert network.agree()[:2] == [b"all", b"two of three"]


def test_leaders_fail_one_after_the_other():
    network = Network(5)
    for number in range(2):
        network.propose(network.leader().id, b"%d" % number)
        network.crash(network.leader().id)
    network.propose(network.leader().id, b"2")
    network.crash(network.leader().id)
    network.tick(100)
    assert network.leaders() == [], "two of five"
    network.restart()
    assert network.agree() == [b"0", b"1", b"2"]


def test_a_stale_leader_rejoins_and_gives_up_what_it_had_alone():
    network = Network(3)
    first = network.leader()
    network.propose(first.id, b"both know")
    network.isolated = {first.id}
    for data in (b"lost 1", b"lost 2", b"lost 3"):
        first.node.propose(data)
    second = network.tick_until(lambda: [id for id in network.leaders() if id != first.id])[0]
    network.propose(second, b"kept 1")
    network.isolated = {second}
    network[second].node.propose(b"lost 4")
    third = network.tick_until(lambda: [id for id in network.leaders() if id not in (first.id, second)])[0]
    network.propose(third, b"kept 2")
    network.heal()
    assert network.agree() == [b"both know", b"kept 1", b"kept 2"]


WRONG = 40


def with_wrong_entries(wrong, right):
    """A follower with ``wrong`` entries nobody agreed on, before a new leader that has ``right`` others."""
    network = Network(5)
    first = network.elect(1)
    network.propose(1, b"common")
    network.partition({1, 2}, {3, 4, 5})
    for number in range(wrong):
        first.node.propose(b"wrong %d" % number)
    network.settle()
    network.elect(3)
    network.propose(3, *(b"right %d" % number for number in range(right)))
    network.elect(4)
    network.partition({2, 3, 4, 5})
    network.sent.clear()
    return network


def refusals(network, id):
    return sum(m.from_ == id and m.type == pb.MsgAppResp and m.reject for m in network.sent)


def test_backing_up_over_wrong_entries_takes_one_refusal_each_and_no_time():
    """A follower of etcd 3.4 refuses with its last index only. What it lacks is skipped at one go, but over
    entries that differ the leader goes back one by one. (Later versions add the term there, which skips a
    whole term at a time.) Each refusal is answered with the next try: that costs round trips, no heartbeat.
    """
    network = with_wrong_entries(WRONG, right=WRONG)
    network.tick()
    assert network[2].storage.last_index() == network[3].storage.last_index()
    assert WRONG <= refusals(network, 2) <= WRONG + 2
    network.heal()
    assert network.agree() == [b"common", *(b"right %d" % number for number in range(WRONG))]


def test_going_back_to_the_end_of_a_short_log_takes_one_refusal():
    network = Network(3)
    leader = network.elect(1)
    network.isolated = {3}
    network.propose(1, *numbers(200))
    network.elect(2)
    network.heal()
    network.sent.clear()
    network.tick(2)
    assert refusals(network, 3) == 1
    assert network[3].data == leader.data == numbers(200)


def test_wrong_entries_on_both_sides_in_turn_are_all_given_up():
    """The same as above many times over, each time with other entries that nobody needs."""
    network = Network(5, seed=2)
    network.propose(network.leader().id, b"first")
    for _ in range(6):
        leader = network.leader()
        others = [member.id for member in network.followers()]
        network.partition({leader.id, others[0]}, set(others[1:]))
        for number in range(20):
            leader.node.propose(b"lost %d" % number)
        network.settle()
        network.tick_until(lambda cut=leader.id: set(network.leaders()) - {cut})
        network.heal()
        assert network.agree() == [b"first"]
