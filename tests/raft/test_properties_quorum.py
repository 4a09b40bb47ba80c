"""Quorums beside their definition: all subsets of the voters are tried."""

from itertools import chain, combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minietcd.raft.quorum.joint import JointConfig
from minietcd.raft.quorum.majority import MajorityConfig
from minietcd.raft.quorum.quorum import MAX_INDEX, VoteLost, VotePending, VoteWon

IDS = st.integers(1, 7)
MAJORITIES = st.sets(IDS, max_size=7).map(MajorityConfig)
JOINTS = st.builds(JointConfig, MAJORITIES, st.just(MajorityConfig()) | MAJORITIES)
ACKS = st.dictionaries(IDS, st.integers(1, 12))
VOTES = st.dictionaries(IDS, st.booleans())


def halves(config):
    return config if isinstance(config, JointConfig) else (config,)


def quorums(config):
    """Every set of voters that has more than half of each half that is not empty."""
    voters = set().union(*halves(config))
    subsets = chain.from_iterable(combinations(voters, size) for size in range(len(voters) + 1))
    return [
        s for s in map(set, subsets) if all(2 * len(s & half) > len(half) for half in halves(config) if half)
    ]


@given(MAJORITIES | JOINTS, ACKS)
def test_committed_is_the_highest_index_that_a_whole_quorum_has_acknowledged(config, acks):
    held = [min((acks.get(id, 0) for id in quorum), default=MAX_INDEX) for quorum in quorums(config)]
    assert config.committed_index(acks.get) == max(held)


@given(MAJORITIES | JOINTS, VOTES)
def test_a_vote_is_won_by_a_quorum_and_lost_when_none_can_form(config, votes):
    if any(all(votes.get(id) for id in quorum) for quorum in quorums(config)):
        expected = VoteWon
    elif any(all(votes.get(id, True) for id in quorum) for quorum in quorums(config)):
        expected = VotePending
    else:
        expected = VoteLost
    assert config.vote_result(votes) == expected


@given(MAJORITIES | JOINTS, ACKS, IDS, st.integers(1, 12))
def test_what_is_committed_never_sinks_when_somebody_acknowledges_more(config, acks, id, more):
    later = acks | {id: acks.get(id, 0) + more}
    assert config.committed_index(later.get) >= config.committed_index(acks.get)


@given(MAJORITIES | JOINTS, VOTES, IDS, st.booleans())
def test_a_vote_once_decided_stays_decided(config, votes, id, vote):
    before = config.vote_result(votes)
    assert before in (VotePending, config.vote_result({id: vote} | votes))


# Each of these is one slip of the pen away.


def lower_median(self, acked_index):
    acked = sorted([acked_index(id) or 0 for id in self])
    return acked[len(acked) // 2] if acked else MAX_INDEX


def half_is_enough(self, votes):
    yes, open_ = (sum(votes.get(id) is answer for id in self) for answer in (True, None))
    if 2 * yes >= len(self):
        return VoteWon
    return VotePending if 2 * (yes + open_) >= len(self) else VoteLost


def only_who_answered(self, acked_index):
    acked = sorted(index for half in self for id in half if (index := acked_index(id)))
    return acked[(len(acked) - 1) // 2] if acked else 0


def incoming_only(self, acked_index):
    return self.incoming.committed_index(acked_index)


def incoming_votes_only(self, votes):
    return self.incoming.vote_result(votes)


def forgets_the_open_votes(self, votes):
    yes = sum(votes.get(id, False) for id in self)
    return VoteWon if yes > len(self) // 2 or not self else VoteLost


@pytest.mark.parametrize(
    ("owner", "method", "mutant", "property_"),
    [
        (MajorityConfig, "committed_index", lower_median, "committed_is"),
        (JointConfig, "committed_index", incoming_only, "committed_is"),
        (JointConfig, "committed_index", only_who_answered, "never_sinks"),
        (MajorityConfig, "vote_result", half_is_enough, "a_vote_is"),
        (JointConfig, "vote_result", incoming_votes_only, "a_vote_is"),
        (MajorityConfig, "vote_result", forgets_the_open_votes, "stays_decided"),
    ],
)
def test_a_wrong_quorum_is_noticed(monkeypatch, owner, method, mutant, property_):
    monkeypatch.setattr(owner, method, mutant)
    [property_test] = [
        test for name, test in globals().items() if property_ in name and "noticed" not in name
    ]
    with pytest.raises(AssertionError):
        property_test()
