"""The rules of Raft, each as a test: of the paper (Ongaro and Ousterhout, "In Search of an Understandable
Consensus Algorithm", extended version) and, where etcd follows it, of the thesis ("Consensus: Bridging Theory
and Practice").

A rule is shown on the one member it is about; what follows from all of them together is in the stories.
"""

import pytest

from minietcd.raft import (
    ProposalDroppedError,
    ReadOnlyLeaseBased,
    StateCandidate,
    StateFollower,
    StateLeader,
    StatePreCandidate,
)
from minietcd.raft import raftpb as pb
from tests.raft.raft_network import Member, Network

TERM = 1
"""Of the snapshot at index 2 that everybody starts with."""
ROLES = pytest.mark.parametrize("role", [StateFollower, StateCandidate, StateLeader], ids=str)


def member(role=StateFollower, size=3, term=0, **options):
    """Member 1 in ``role``, after ``term``."""
    one = Member(1, range(1, size + 1), **options)
    if term:
        one.storage.set_hard_state(pb.HardState(term, 0, 2))
        one.restart()
    if role != StateFollower:
        one.node.campaign()
        work(one)
    if role == StateLeader:
        for id in range(2, size // 2 + 2):
            one.node.step(vote_granted(one, id))
        work(one)
    assert one.raft.state == role
    return one


def work(one):
    """Everything it has to do; returns what it sends."""
    sent = []
    while one.node.has_ready():
        sent += one.handle_ready()
    return sent


def vote_granted(one, from_):
    return pb.Message(pb.MsgVoteResp, to=1, from_=from_, term=one.raft.term)


def append(term, *entries, from_=2, index=2, log_term=TERM, commit=0):
    ents = tuple(pb.Entry(term=t, index=index + i, data=b"x") for i, t in enumerate(entries, start=1))
    return pb.Message(pb.MsgApp, 1, from_, term, log_term, index, ents, commit)


def request(term, from_=2, index=2, log_term=TERM, **more):
    return pb.Message(pb.MsgVote, to=1, from_=from_, term=term, index=index, log_term=log_term, **more)


def answers(one, message):
    one.node.step(message)
    return work(one)


def log_of(one):
    return [entry.term for entry in one.raft.raft_log.all_entries()]


# §5.1 Raft basics


@ROLES
def test_if_a_term_is_larger_than_ones_own_one_takes_it(role):
    """§5.1: whoever sees a larger term updates its own to it."""
    one = member(role)
    answers(one, append(5))
    assert one.raft.term == 5


@pytest.mark.parametrize("role", [StateCandidate, StateLeader], ids=str)
def test_if_a_candidate_or_leader_discovers_that_its_term_is_out_of_date_it_reverts_to_follower(role):
    """§5.1"""
    one = member(role)
    answers(one, request(5))
    assert one.raft.state == StateFollower


@ROLES
def test_a_request_with_a_stale_term_changes_nothing(role):
    """§5.1: such a request is rejected. (etcd does not even answer it, unless who asks could be stuck.)"""
    one = member(role, term=6)
    before = one.raft.hard_state(), one.raft.state, log_of(one)
    stale = one.raft.term - 1
    sent = answers(one, append(stale, stale)) + answers(one, request(stale))
    assert ((one.raft.hard_state(), one.raft.state, log_of(one)), sent) == (before, [])


# §5.2 Leader election


def test_when_members_start_up_they_begin_as_followers():
    """§5.2"""
    assert Member(1, (1, 2, 3)).raft.state == StateFollower


def test_a_leader_sends_heartbeats_to_all_followers_periodically():
    """§5.2"""
    leader = member(StateLeader, heartbeat_tick=3)
    beats = []
    for _ in range(9):
        leader.node.tick()
        beats.append(sorted(m.to for m in work(leader) if m.type == pb.MsgHeartbeat))
    assert beats == [[], [], [2, 3]] * 3


@pytest.mark.parametrize("role", [StateFollower, StateCandidate], ids=str)
def test_who_hears_nothing_over_an_election_timeout_begins_an_election(role):
    """§5.2: it increments its term, becomes a candidate, votes for itself and asks all others."""
    one = member(role)
    term = one.raft.term
    for _ in range(one.raft.randomized_election_timeout):
        one.node.tick()
    assert (one.raft.state, one.raft.term, one.raft.vote) == (StateCandidate, term + 1, 1)
    assert [(m.type, m.to, m.term) for m in work(one)] == [(pb.MsgVote, id, term + 1) for id in (2, 3)]


@pytest.mark.parametrize(
    ("size", "grants", "refusals", "expected"),
    [
        (1, [], [], StateLeader),
        (3, [2], [], StateLeader),
        (3, [2, 3], [], StateLeader),
        (5, [2, 3], [], StateLeader),
        (5, [2], [], StateCandidate),
        (3, [], [], StateCandidate),
        (3, [], [2], StateCandidate),
        (3, [], [2, 3], StateFollower),
        (5, [2], [3, 4, 5], StateFollower),
        (5, [2, 2], [], StateCandidate),
    ],
)
def test_a_candidate_wins_with_the_votes_of_a_majority(size, grants, refusals, expected):
    """§5.2. (That it gives up as soon as it cannot win is etcd's own.)"""
    one = Member(1, range(1, size + 1))
    one.node.campaign()
    for id in grants:
        answers(one, vote_granted(one, id))
    for id in refusals:
        answers(one, pb.Message(pb.MsgVoteResp, to=1, from_=id, term=one.raft.term, reject=True))
    assert one.raft.state == expected


@pytest.mark.parametrize(("voted", "candidate", "granted"), [(2, 2, True), (2, 3, False), (3, 3, True)])
def test_each_member_votes_for_at_most_one_candidate_in_a_term_first_come_first_served(
    voted, candidate, granted
):
    """§5.2"""
    one = member()
    answers(one, request(1, from_=voted))
    [answer] = answers(one, request(1, from_=candidate))
    assert (answer.to, answer.reject) == (candidate, not granted)


def test_a_new_term_brings_a_new_vote():
    """§5.1, figure 2: the vote is that of the current term."""
    one = member()
    answers(one, request(1, from_=2))
    [answer] = answers(one, request(2, from_=3))
    assert (answer.reject, one.raft.vote) == (False, 3)


@pytest.mark.parametrize("ahead", [0, 1])
def test_a_candidate_that_hears_a_leader_of_its_term_or_later_follows_it(ahead):
    """§5.2"""
    one = member(StateCandidate)
    term = one.raft.term + ahead
    answers(one, append(term))
    assert (one.raft.state, one.raft.term, one.raft.lead) == (StateFollower, term, 2)


def test_election_timeouts_are_randomized_so_that_split_votes_are_rare():
    """§5.2: of many members that start together few share a timeout, and all are within the interval."""
    timeouts = [Member(id, (1, 2, 3)).raft.randomized_election_timeout for id in range(1, 200)]
    assert set(timeouts) == set(range(10, 20))
    assert max(map(timeouts.count, timeouts)) < 50


# §5.3 Log replication


def test_a_leader_appends_a_command_and_sends_it_to_everybody_in_parallel():
    """§5.3"""
    leader = member(StateLeader)
    for id in (2, 3):
        answers(leader, pb.Message(pb.MsgAppResp, to=1, from_=id, term=1, index=3))
    leader.node.propose(b"command")
    sent = [(m.to, m.index, [e.data for e in m.entries]) for m in work(leader) if m.entries]
    assert sent == [(2, 3, [b"command"]), (3, 3, [b"command"])]
    assert leader.raft.raft_log.last_index() == 4


@pytest.mark.parametrize(
    ("size", "acknowledging", "committed"),
    [
        (1, [], True),
        (3, [], False),
        (3, [2], True),
        (5, [2], False),
        (5, [2, 3], True),
        (5, [2, 3, 4, 5], True),
    ],
)
def test_an_entry_is_committed_once_a_majority_has_replicated_it(size, acknowledging, committed):
    """§5.3"""
    leader = member(StateLeader, size)
    leader.node.propose(b"command")
    work(leader)
    for id in acknowledging:
        answers(leader, pb.Message(pb.MsgAppResp, to=1, from_=id, term=1, index=4))
    assert leader.data == ([b"command"] if committed else [])


def test_committing_an_entry_commits_all_before_it_also_of_earlier_leaders():
    """§5.3"""
    one = member()
    answers(one, append(1, 1, 1))
    one.node.campaign()
    answers(one, vote_granted(one, 2))
    assert one.raft.raft_log.committed == 2
    answers(one, pb.Message(pb.MsgAppResp, to=1, from_=2, term=2, index=5))
    assert (one.raft.raft_log.committed, one.data) == (5, [b"x", b"x"])


def test_a_follower_applies_what_it_learns_to_be_committed_in_order():
    """§5.3"""
    one = member()
    answers(one, append(1, 1, 1))
    assert one.applied == []
    answers(one, append(1, index=4, log_term=1, commit=4))
    assert [entry.index for entry in one.applied] == [3, 4]


@pytest.mark.parametrize(
    ("index", "log_term", "refused"), [(2, 1, False), (4, 2, False), (4, 1, True), (9, 2, True)]
)
def test_a_follower_refuses_entries_if_it_lacks_the_one_before_them(index, log_term, refused):
    """§5.3: an entry of the same index and term; that is the consistency check."""
    one = member()
    answers(one, append(2, 2, 2))
    [answer] = answers(one, append(2, 2, index=index, log_term=log_term))
    assert answer.reject == refused


@pytest.mark.parametrize(
    ("index", "log_term", "entries", "expected"),
    [
        (2, 1, [3], [3]),
        (3, 2, [3], [2, 3]),
        (4, 2, [3], [2, 2, 3]),
        (2, 1, [2], [2, 2]),
        (2, 1, [2, 2, 3], [2, 2, 3]),
        (3, 2, [], [2, 2]),
    ],
)
def test_entries_that_conflict_with_the_leaders_are_replaced_and_others_kept(
    index, log_term, entries, expected
):
    """§5.3: conflicting are entries of the same index and another term, and all that follow them."""
    one = member()
    answers(one, append(2, 2, 2))
    answers(one, append(3, *entries, index=index, log_term=log_term))
    assert log_of(one) == expected


def test_after_a_refusal_the_leader_tries_an_earlier_index_until_the_logs_match():
    """§5.3"""
    one = member()
    answers(one, append(1, 1, 1, 1, 1))
    one.node.campaign()
    tried = [m.index for m in answers(one, vote_granted(one, 2)) if m.type == pb.MsgApp and m.to == 3]
    for _ in range(3):
        index = tried[-1]
        refusal = pb.Message(pb.MsgAppResp, 1, 3, 2, index=index, reject=True, reject_hint=index)
        tried += [m.index for m in answers(one, refusal)]
    assert tried == [6, 5, 4, 3]


def test_a_leader_never_overwrites_or_deletes_entries_of_its_own_log():
    """§5.3, leader append-only."""
    leader = member(StateLeader)
    leader.node.propose(b"mine")
    work(leader)
    before = leader.raft.raft_log.all_entries()
    answers(leader, append(1, 1))
    assert leader.raft.raft_log.all_entries() == before


# §5.4 Safety


@pytest.mark.parametrize(
    ("mine", "index", "log_term", "granted"),
    [
        ([1], 3, 1, True),
        ([1], 3, 2, True),
        ([1], 2, 2, True),
        ([1, 1], 4, 1, True),
        ([1, 1], 3, 1, False),
        ([2], 9, 1, False),
        ([2], 3, 2, True),
        ([1, 2], 3, 2, False),
    ],
)
def test_a_vote_is_denied_if_the_voters_own_log_is_more_up_to_date(mine, index, log_term, granted):
    """§5.4.1: by the later last term, and with equal terms by the longer log."""
    one = member()
    answers(one, append(max(mine), *mine))
    [answer] = answers(one, request(9, from_=3, index=index, log_term=log_term))
    assert answer.reject != granted


def test_only_entries_of_the_leaders_own_term_are_committed_by_counting():
    """§5.4.2"""
    one = member()
    answers(one, append(1, 1))
    one.node.campaign()
    answers(one, vote_granted(one, 2))
    answers(one, pb.Message(pb.MsgAppResp, to=1, from_=2, term=2, index=3))
    assert one.raft.raft_log.committed == 2, "a majority has entry 3, of term 1"
    answers(one, pb.Message(pb.MsgAppResp, to=1, from_=2, term=2, index=4))
    assert one.raft.raft_log.committed == 4


# Figure 2: what must be on disk before an answer


def test_term_and_vote_are_on_disk_before_the_vote_is_sent():
    """Figure 2: updated on stable storage before responding. That is the order of a Ready."""
    one = member()
    one.node.step(request(4))
    rd = one.node.ready()
    assert rd.hard_state == pb.HardState(4, 2, 2)
    assert (rd.must_sync, [m.type for m in rd.messages]) == (True, [pb.MsgVoteResp])


def test_entries_are_on_disk_before_they_are_acknowledged():
    """Figure 2, likewise."""
    one = member()
    one.node.step(append(1, 1, 1))
    rd = one.node.ready()
    assert ([e.index for e in rd.entries], rd.must_sync) == ([3, 4], True)
    assert [(m.type, m.index) for m in rd.messages] == [(pb.MsgAppResp, 4)]


# §6 Cluster membership changes


def test_new_members_join_without_a_vote_until_they_have_caught_up():
    """§6: a non-voting member gets the log and counts for no majority. In etcd: a learner."""
    network = Network(1, learners=1)
    network.elect(1)
    network.isolated = {2}
    network.propose(1, b"alone")
    assert network[1].data == [b"alone"]


def test_in_joint_consensus_agreement_needs_majorities_of_both_configurations():
    """§6"""
    leader = member(StateLeader)
    leader.node.apply_conf_change(pb.ConfChangeV2(changes=pb.conf_changes_from_string("v4 v5 r2 r3")))
    last = leader.raft.raft_log.last_index()
    for id, committed in ((4, False), (5, False), (2, True)):
        answers(leader, pb.Message(pb.MsgAppResp, to=1, from_=id, term=1, index=last))
        assert (leader.raft.raft_log.committed == last) == committed


def test_a_leader_that_is_not_in_the_new_configuration_does_not_count_itself():
    """§6"""
    leader = member(StateLeader)
    leader.node.apply_conf_change(pb.ConfChangeV2(changes=pb.conf_changes_from_string("r1")))
    last = leader.raft.raft_log.last_index()
    for id, committed in ((2, False), (3, True)):
        answers(leader, pb.Message(pb.MsgAppResp, to=1, from_=id, term=1, index=last))
        assert (leader.raft.raft_log.committed == last) == committed


def test_a_vote_request_is_ignored_while_a_leader_is_believed_to_exist():
    """§6 (thesis, 4.2.3): within an election timeout of hearing from it. etcd: with check quorum."""
    one = member(check_quorum=True)
    answers(one, append(1))
    assert answers(one, request(9, from_=3)) == []
    assert one.raft.term == 1
    for _ in range(one.raft.election_timeout):
        one.raft.election_elapsed += 1
    [answer] = answers(one, request(9, from_=3))
    assert (answer.reject, one.raft.term) == (False, 9)


def test_a_transfer_of_leadership_is_exempt_from_that():
    """Thesis, 3.10 and 4.2.3: it was the leader itself that asked for the election."""
    one = member(check_quorum=True)
    answers(one, append(1))
    [answer] = answers(one, request(2, from_=3, context=b"CampaignTransfer"))
    assert not answer.reject


# §8 Client interaction


def test_a_leader_commits_an_empty_entry_at_the_start_of_its_term():
    """§8: so that it knows what is committed."""
    leader = member(StateLeader)
    [entry] = leader.raft.raft_log.all_entries()
    assert (entry.term, entry.data) == (leader.raft.term, b"")


def test_a_read_waits_for_that_entry():
    """§8"""
    leader = member(StateLeader, term=5)
    leader.node.read_index(b"read")
    assert (work(leader), leader.reads) == ([], [])
    sent = answers(leader, pb.Message(pb.MsgAppResp, to=1, from_=2, term=6, index=3))
    assert [m.to for m in sent if m.type == pb.MsgHeartbeat and m.context == b"read"] == [2, 3]


def test_a_read_is_answered_after_heartbeats_were_exchanged_with_a_majority():
    """§8: or the leader might have been deposed. It has the commit index of when it came."""
    leader = member(StateLeader, 5)
    for id in (2, 3):
        answers(leader, pb.Message(pb.MsgAppResp, to=1, from_=id, term=1, index=3))
    leader.node.read_index(b"read")
    work(leader)
    for id, expected in ((2, []), (3, [(3, b"read")])):
        answers(leader, pb.Message(pb.MsgHeartbeatResp, to=1, from_=id, term=1, context=b"read"))
        assert leader.reads == expected


def test_with_a_lease_a_read_is_answered_without_asking():
    """§8, thesis 6.4.1: the leader relies on timing instead; it must check its quorum for that."""
    leader = member(StateLeader, check_quorum=True, read_only_option=ReadOnlyLeaseBased)
    answers(leader, pb.Message(pb.MsgAppResp, to=1, from_=2, term=1, index=3))
    leader.node.read_index(b"read")
    assert [m for m in work(leader) if m.type == pb.MsgHeartbeat] == []
    assert leader.reads == [(3, b"read")]


# The thesis


def test_a_leader_steps_down_if_an_election_timeout_passes_without_a_majority():
    """Thesis, 6.2; the lease ends with it."""
    leader = member(StateLeader, check_quorum=True)
    for _ in range(2 * leader.raft.election_timeout):
        leader.node.tick()
        work(leader)
    assert leader.raft.state == StateFollower


def test_a_pre_vote_changes_neither_term_nor_vote_of_anybody():
    """Thesis, 9.6"""
    network = Network(3, pre_vote=True)
    network[1].node.campaign()
    sent = work(network[1])
    assert (network[1].raft.state, network[1].raft.term) == (StatePreCandidate, 0)
    [answer] = answers(network[2], sent[0])
    assert (answer.type, answer.reject, answer.term) == (pb.MsgPreVoteResp, False, 1)
    assert network[2].raft.hard_state() == pb.HardState(0, 0, 2)


def test_only_who_wins_the_pre_vote_begins_an_election():
    """Thesis, 9.6"""
    one = Member(1, (1, 2, 3), pre_vote=True)
    one.node.campaign()
    work(one)
    granted = pb.Message(pb.MsgPreVoteResp, to=1, from_=2, term=1)
    assert [m.type for m in answers(one, granted)] == [pb.MsgVote, pb.MsgVote]
    assert (one.raft.state, one.raft.term) == (StateCandidate, 1)


def test_a_leader_stops_taking_proposals_while_it_hands_over():
    """Thesis, 3.10: it brings the other up to date first, then tells it to campaign at once."""
    leader = member(StateLeader)
    leader.node.transfer_leader(2)
    with pytest.raises(ProposalDroppedError):
        leader.node.propose(b"no")
    sent = answers(leader, pb.Message(pb.MsgAppResp, to=1, from_=2, term=1, index=3))
    assert [m.to for m in sent if m.type == pb.MsgTimeoutNow] == [2]


def test_who_is_told_to_campaigns_at_once_and_without_asking_before():
    """Thesis, 3.10"""
    one = member(pre_vote=True, check_quorum=True)
    answers(one, append(1))
    sent = answers(one, pb.Message(pb.MsgTimeoutNow, to=1, from_=2, term=1))
    assert [(m.type, m.context) for m in sent] == [(pb.MsgVote, b"CampaignTransfer")] * 2
