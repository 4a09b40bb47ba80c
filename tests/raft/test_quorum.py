"""Majorities, one and two at a time, beside the plainest definition of each."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minietcd.raft.quorum.joint import JointConfig
from minietcd.raft.quorum.majority import MajorityConfig
from minietcd.raft.quorum.quorum import MAX_INDEX, VoteLost, VotePending, VoteWon, index_string

IDS = st.integers(1, 9)
CONFIGS = st.sets(IDS, max_size=7).map(MajorityConfig)
ACKS = st.dictionaries(IDS, st.integers(1, 12))
VOTES = st.dictionaries(IDS, st.booleans())


def quorums(config):
    return [set(chosen) for chosen in combinations(config, len(config) // 2 + 1)]


@given(CONFIGS, ACKS)
def test_committed_is_what_some_majority_has_acknowledged(config, acks):
    committed = config.committed_index(acks.get)
    if not config:
        assert committed == MAX_INDEX
    else:
        assert committed == max(min(acks.get(id, 0) for id in quorum) for quorum in quorums(config))


@given(CONFIGS, CONFIGS, ACKS)
def test_a_joint_configuration_commits_what_both_halves_commit(one, other, acks):
    committed = JointConfig(one, other).committed_index(acks.get)
    assert committed == JointConfig(other, one).committed_index(acks.get)
    assert committed == min(one.committed_index(acks.get), other.committed_index(acks.get))
    assert JointConfig(one, MajorityConfig()).committed_index(acks.get) == one.committed_index(acks.get)


@given(CONFIGS, VOTES)
def test_a_vote_is_won_by_a_majority_and_lost_when_none_can_form(config, votes):
    result = config.vote_result(votes)
    if not config or any(all(votes.get(id) for id in quorum) for quorum in quorums(config)):
        assert result == VoteWon
    elif any(all(votes.get(id) is not False for id in quorum) for quorum in quorums(config)):
        assert result == VotePending
    else:
        assert result == VoteLost


@given(CONFIGS, CONFIGS, VOTES)
def test_a_joint_vote_needs_both_halves(one, other, votes):
    halves = {one.vote_result(votes), other.vote_result(votes)}
    expected = VoteLost if VoteLost in halves else VotePending if VotePending in halves else VoteWon
    assert JointConfig(one, other).vote_result(votes) == expected


def test_a_configuration_is_printed_in_ascending_order():
    assert str(MajorityConfig({3, 1, 2})) == "(1 2 3)"
    assert str(JointConfig(MajorityConfig({1, 2}), MajorityConfig())) == "(1 2)"
    assert str(JointConfig(MajorityConfig({1, 2}), MajorityConfig({3}))) == "(1 2)&&(3)"


@pytest.mark.parametrize(("index", "expected"), [(7, "7"), (MAX_INDEX, "∞")])
def test_the_index_of_an_empty_configuration_is_infinite(index, expected):
    assert index_string(index) == expected


def test_acknowledged_indexes_are_described_as_bars():
    expected = """\
       idx
x>     101    (id=1)
?        0    (id=2)
xx>    103    (id=3)
"""
    assert MajorityConfig({1, 2, 3}).describe({1: 101, 3: 103}.get) == expected
    assert MajorityConfig().describe({}.get) == "<empty majority quorum>"
