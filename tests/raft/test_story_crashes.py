"""What survives: members die, alone, in turn and all at once, and what was agreed on is still there."""

import pytest

from minietcd.raft import raftpb as pb
from minietcd.raft.log import RaftLog
from tests.raft.invariants import BrokenPromiseError
from tests.raft.raft_network import Faults, Network

CAREFUL = {"pre_vote": True, "check_quorum": True}


@pytest.mark.parametrize("size", [1, 3, 5])
def test_what_was_agreed_on_survives_the_death_of_all(size):
    network = Network(size)
    for number in range(5):
        network.propose(network.leader().id, b"%d" % number)
        network.crash(*network.members)
        network.restart()
    assert network.agree() == [b"%d" % number for number in range(5)]


@pytest.mark.parametrize("seed", range(3))
def test_members_die_in_turn_and_the_group_goes_on(seed):
    """Nobody lives long, a majority always does: each command is agreed on while somebody is away."""
    network = Network(5, seed=seed, **CAREFUL)
    expected = []
    for number in range(60):
        away = network.rand.sample(range(1, 6), 2)
        network.crash(*away)
        network.propose(network.leader().id, b"%d" % number)
        expected.append(b"%d" % number)
        network.restart(*away)
    assert network.agree() == expected


def test_a_leader_that_dies_over_a_command_may_keep_it_or_lose_it_but_all_agree():
    """It sends while it writes: what died with its disk may live on with those who had it."""
    outcomes = set()
    for seed in range(40):
        network = Network(3, seed=seed)
        leader = network.leader()
        network.propose(leader.id, b"before")
        network.faults = Faults(crash=1, loss=0.5)
        leader.node.propose(b"maybe")
        network.settle()
        network.heal()
        network.restart()
        outcomes.add(tuple(network.agree()))
    assert outcomes == {(b"before",), (b"before", b"maybe")}


class Figure8:
    """The paper's figure 8. Messages carry one entry each, so that an old one can arrive and a new one not.

    What the figure leaves out: a leader here begins with an empty entry of its own term. So its second index
    is our fourth, and S1, leading again, has a new entry unasked. That would go along to S2, who has the old
    one; so S1 hears of nothing that S2 has, and it takes S4 to make a majority.
    """

    def __init__(self, **options):
        self.network = Network(5, max_size_per_msg=0, **options)

    def a_s1_leads_and_only_s2_has_its_entry(self):
        self.network.elect(1)
        self.network.partition({1, 2})
        self.network.propose(1, b"two")

    def b_s5_leads_with_the_votes_of_s3_and_s4_and_has_an_entry_nobody_else_has(self):
        self.network.crash(1)
        self.network.partition({3, 4, 5})
        self.network.dropped_types = {pb.MsgApp}
        self.network.elect(5)
        self.network.propose(5, b"three")
        self.network.crash(5)

    def c_s1_leads_again_and_its_old_entry_reaches_s3_and_s4(self):
        self.network.restart(1)
        self.network.partition({1, 2, 3, 4})
        network, leader = self.network, self.network[1]
        while not leader.leads:  # S3 has voted in a later term
            leader.node.campaign()
            network.settle()
        network.dropped_types = set()
        network.keep = self._is_refused_or_old
        network.tick(3)
        network.keep = None
        assert [network[id].storage.last_index() for id in (2, 3, 4)] == [OLD_ENTRY] * 3
        assert leader.raft.raft_log.term(OLD_ENTRY) < leader.raft.term

    def _is_refused_or_old(self, m):
        """Appends that the receiver refuses, or that bring no more than the old entry."""
        last = self.network[m.to].raft.raft_log.last_index()
        return m.type != pb.MsgApp or m.index > last or not m.entries or m.entries[-1].index <= OLD_ENTRY

    def d_s5_leads_and_replaces_it(self):
        self.network.crash(1)
        self.network.restart(5)
        self.network.partition({2, 3, 4, 5})
        while not self.network[5].leads:
            self.network[5].node.campaign()
            self.network.settle()
        self.network.tick(3)

    def e_s1_gets_an_entry_of_its_own_term_to_the_majority_first(self):
        self.network.tick(3)
        self.network.crash(1)
        self.network.restart(5)
        self.network.partition({2, 3, 4, 5})
        for _ in range(5):
            self.network[5].node.campaign()
            self.network.settle()
        assert not self.network[5].leads, "whoever voted has the newer entry"

    def everybody_returns(self):
        self.network.heal()
        self.network.restart()
        return self.network.agree()


OLD_ENTRY = 4


def begin_figure_8(**options):
    story = Figure8(**options)
    story.a_s1_leads_and_only_s2_has_its_entry()
    story.b_s5_leads_with_the_votes_of_s3_and_s4_and_has_an_entry_nobody_else_has()
    story.c_s1_leads_again_and_its_old_entry_reaches_s3_and_s4()
    return story


def test_figure_8_an_old_entry_that_a_majority_has_is_not_committed_and_may_be_replaced():
    story = begin_figure_8()
    assert story.network[1].data == [], "all but one have it, and it is not committed"
    story.d_s5_leads_and_replaces_it()
    assert story.everybody_returns() == [b"three"]


def test_figure_8_an_entry_of_the_new_term_commits_the_old_one_with_it():
    story = begin_figure_8()
    story.e_s1_gets_an_entry_of_its_own_term_to_the_majority_first()
    assert story.everybody_returns() == [b"two"]


def test_figure_8_goes_wrong_if_old_entries_are_committed_by_counting(monkeypatch):
    def by_counting(self, max_index, term):
        if max_index > self.committed:
            self.commit_to(max_index)
            return True
        return False

    monkeypatch.setattr(RaftLog, "maybe_commit", by_counting)
    story = begin_figure_8()
    assert story.network[1].data == [b"two"], "a client was told"
    with pytest.raises(BrokenPromiseError, match="leaders are complete"):
        story.d_s5_leads_and_replaces_it()


@pytest.mark.parametrize("loss", [0, 0.1], ids=["reliable", "unreliable"])
@pytest.mark.parametrize("seed", range(3))
def test_leaders_that_die_with_half_sent_entries_never_disagree(seed, loss):
    """Figure 8 at random: leaders die at any moment, now and then so many that nothing goes on."""
    network = Network(5, seed=seed)
    for number in range(600):
        network.faults = Faults(loss=loss, delay=2 if loss else 0)
        for leader in network.leaders():
            network[leader].node.propose(b"%d" % number)
        if network.rand.random() < 0.1:
            network.tick(network.rand.randint(1, 10))
        else:
            network.tick()
        for leader in network.leaders():
            if network.rand.random() < 0.3:
                network.crash(leader)
        away = [id for id, member in network.members.items() if not member.node]
        if len(away) > 2:
            network.restart(network.rand.choice(away))
    network.heal()
    network.restart()
    assert network.agree() == network.invariants.history
    assert len(network.invariants.leaders) > 10
