"""Networks that lose, duplicate, delay and reorder, and members that come and go all the time."""

import pytest

from minietcd.raft.log import RaftLog
from minietcd.raft.quorum.majority import MajorityConfig
from minietcd.raft.quorum.quorum import MAX_INDEX, VoteLost, VoteWon
from tests.raft.invariants import BrokenPromiseError
from tests.raft.raft_network import Faults, Member, Network

CAREFUL = {"pre_vote": True, "check_quorum": True}
WAYS = pytest.mark.parametrize("options", [{}, CAREFUL], ids=["plain", "careful"])
BAD = Faults(loss=0.1, duplicate=0.1, delay=3)


@WAYS
@pytest.mark.parametrize("seed", range(3))
def test_what_is_proposed_again_until_it_is_applied_is_agreed_on(seed, options):
    network = Network(5, seed=seed, **options)
    network.faults = BAD
    for number in range(40):
        data = b"%d" % number
        while not any(data in member.data for member in network.up()):
            network.try_to_propose(data)
            network.tick(5)
    network.heal()
    agreed = network.agree()
    assert list(dict.fromkeys(agreed)) == [b"%d" % number for number in range(40)]


def churn(network, ticks=600, crash=0.01):
    """Everything goes wrong all the time; then nothing more, and all must agree.

    Returns the commands agreed on.
    """
    rand, ids = network.rand, set(network.members)
    for number in range(ticks):
        network.faults = Faults(loss=0.1, duplicate=0.1, delay=3, crash=crash)
        network.try_to_propose(b"%d" % number)
        if rand.random() < 0.2:
            network.restart()
        if rand.random() < 0.02:
            some = set(rand.sample(sorted(ids), rand.randint(1, len(ids) - 1)))
            network.partition(some, ids - some)
        if rand.random() < 0.02:
            network.cut = {(rand.choice(sorted(ids)), rand.choice(sorted(ids)))}
        if rand.random() < 0.03:
            network.cut = set()
        if rand.random() < 0.02 and network.leaders():
            network[network.leaders()[0]].node.transfer_leader(rand.choice(sorted(ids)))
        network.tick()
    network.heal()
    network.restart()
    return network.agree()


@WAYS
@pytest.mark.parametrize("compact_every", [0, 20], ids=["whole log", "snapshots"])
@pytest.mark.parametrize("seed", range(4))
def test_under_churn_nothing_that_was_applied_is_ever_lost(seed, compact_every, options):
    network = Network(3 if seed % 2 else 5, seed=seed, **options)
    network.compact_every = compact_every
    agreed = churn(network)
    assert agreed == network.invariants.history
    assert len(agreed) > 50, "something went on meanwhile"
    assert len(network.invariants.leaders) > 3


def test_the_same_seed_tells_the_same_story():
    stories = []
    for _ in range(2):
        network = Network(5, seed=7, **CAREFUL)
        agreed = churn(network, ticks=200)
        stories.append((agreed, [message.marshal() for message in network.sent]))
    assert stories[0] == stories[1]
    other = Network(5, seed=8, **CAREFUL)
    assert churn(other, ticks=200) != stories[0][0]


# Churn finds what it is there for: each of these breaks one promise, and some seed of a few shows it.


def half_is_enough(self, votes):
    yes = sum(votes.get(id) is True for id in self)
    return VoteWon if 2 * yes >= len(self) else VoteLost


def one_other_is_enough(self, acked_index):
    return sorted([acked_index(id) or 0 for id in self])[-2] if self else MAX_INDEX


def keep_what_is_there(self, ents):
    return next((entry.index for entry in ents if entry.index > self.last_index()), 0)


class ForgetsItsVote(Member):
    def save(self, rd):
        super().save(rd)
        saved = self.storage.hard_state
        self.storage.set_hard_state(type(saved)(saved.term, 0, saved.commit))


class ForgetsItsTerm(Member):
    def save(self, rd):
        super().save(rd)
        self.storage.set_hard_state(type(rd.hard_state)(0, 0, self.storage.hard_state.commit))


class AppliesTwice(Member):
    def apply(self, rd):
        super().apply(rd)
        if self.options["rand"].random() < 0.02 and self.data:
            self.data.append(self.data[-1])


@pytest.mark.parametrize(
    ("size", "owner", "method", "mutant", "promise"),
    [
        (4, MajorityConfig, "vote_result", half_is_enough, "one leader a term|leaders are complete"),
        (5, MajorityConfig, "committed_index", one_other_is_enough, "leaders are complete"),
        (3, RaftLog, "find_conflict", keep_what_is_there, "logs match|applied by all alike"),
        (3, RaftLog, "is_up_to_date", lambda *_: True, "leaders are complete"),
    ],
)
def test_churn_notices_a_raft_that_is_wrong(monkeypatch, size, owner, method, mutant, promise):
    monkeypatch.setattr(owner, method, mutant)
    with pytest.raises(BrokenPromiseError, match=promise):
        for seed in range(20):
            churn(Network(size, seed=seed, pre_vote=seed % 2))


@pytest.mark.parametrize(
    ("member", "promise"),
    [
        (ForgetsItsVote, "hard states go forward|one vote a term"),
        (ForgetsItsTerm, "hard states go forward"),
        (AppliesTwice, "the same state"),
    ],
)
def test_churn_notices_a_member_that_is_wrong(member, promise):
    with pytest.raises(BrokenPromiseError, match=promise):
        for seed in range(20):
            churn(Network(3, seed=seed, member=member), crash=0.05)
