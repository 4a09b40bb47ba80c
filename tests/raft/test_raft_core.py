"""Stories of a few members: who leads, what is committed, what a cut link or a crash may not undo."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minietcd.raft import (
    Config,
    MemoryStorage,
    Peer,
    ProposalDroppedError,
    RawNode,
    ReadOnlyLeaseBased,
    StateCandidate,
    StateFollower,
    StateLeader,
    StatePreCandidate,
    StepLocalMsgError,
    StepPeerNotFoundError,
    bootstrap,
)
from minietcd.raft import raftpb as pb
from minietcd.raft.errors import BootstrapError
from minietcd.raft.tracker.state import StateProbe, StateReplicate, StateSnapshot
from tests.raft.raft_network import Member, Network


def applied(network):
    return {id: member.data for id, member in network.members.items()}


# Elections


@pytest.mark.parametrize("pre_vote", [False, True])
@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_a_candidate_is_elected_and_everybody_knows(size, pre_vote):
    network = Network(size, pre_vote=pre_vote)
    network.elect(1)
    assert network.leaders() == [1]
    assert {member.raft.lead for member in network.members.values()} == {1}
    assert {member.raft.term for member in network.members.values()} == {1}


@given(st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_without_a_leader_one_comes_with_time(seed):
    network = Network(3)
    for member in network.members.values():
        member.raft.rand = Random(seed + member.id)
        member.raft.reset_randomized_election_timeout()
    network.tick(100)
    assert len(network.leaders()) == 1


def test_election_timeouts_are_spread_over_as_much_again():
    raft = Network(1)[1].raft
    seen = set()
    for _ in range(500):
        raft.reset_randomized_election_timeout()
        seen.add(raft.randomized_election_timeout)
    assert seen == set(range(10, 20))


def test_without_a_majority_nobody_is_elected():
    network = Network(3)
    network.isolated = {2, 3}
    network[1].node.campaign()
    network.settle()
    assert network[1].raft.state == StateCandidate


def test_a_member_votes_once_in_a_term():
    voter = Network(3)[2]
    for candidate in (1, 3):
        voter.node.step(pb.Message(pb.MsgVote, to=2, from_=candidate, term=1, index=2, log_term=1))
    answers = [(m.to, m.reject) for m in voter.handle_ready()]
    assert answers == [(1, False), (3, True)]


def test_a_vote_is_remembered_through_a_crash():
    voter = Network(3)[2]
    voter.node.step(pb.Message(pb.MsgVote, to=2, from_=1, term=1, index=2, log_term=1))
    voter.handle_ready()
    voter.restart()
    voter.node.step(pb.Message(pb.MsgVote, to=2, from_=3, term=1, index=2, log_term=1))
    assert [m.reject for m in voter.handle_ready()] == [True]


def test_who_lacks_what_is_committed_is_not_elected():
    network = Network(3)
    network.elect(1)
    network.isolated = {3}
    network.propose(1, b"a")
    network.isolated = {1}
    network[3].node.campaign()
    network.settle()
    assert network[3].raft.state != StateLeader
    network.elect(2)


def test_a_leader_that_was_cut_off_follows_when_it_is_back():
    network = Network(3)
    network.elect(1)
    network.isolated = {1}
    network[1].node.propose(b"lost")
    network.elect(2)
    network.propose(2, b"kept")
    network.isolated = set()
    network.tick(2)
    assert network.leaders() == [2]
    assert applied(network) == {1: [b"kept"], 2: [b"kept"], 3: [b"kept"]}


def test_a_pre_candidate_that_cannot_win_disturbs_nobody():
    network = Network(3, pre_vote=True, check_quorum=True)
    network.elect(1)
    network.isolated = {3}
    network.tick(50)
    assert network[3].raft.state == StatePreCandidate
    network.isolated = set()
    network.tick(15)
    assert network.leaders() == [1]
    assert {member.raft.term for member in network.members.values()} == {1}


def test_a_leader_without_a_quorum_steps_down_if_it_checks():
    network = Network(3, check_quorum=True)
    network.elect(1)
    network.isolated = {2, 3}
    network.tick(20)
    assert network[1].raft.state == StateFollower


def test_while_the_leader_is_heard_its_followers_ignore_candidates():
    network = Network(3, check_quorum=True)
    network.elect(1)
    network[3].raft.become_follower(5, 0)
    network[3].node.campaign()
    network.settle()
    assert network[2].raft.term == 1


def test_leadership_is_transferred_after_the_log():
    network = Network(3)
    network.elect(1)
    network.dropped_types = {pb.MsgApp}
    network.propose(1, b"a")
    network[1].node.transfer_leader(3)
    with pytest.raises(ProposalDroppedError):
        network[1].node.propose(b"not now")
    network.dropped_types = set()
    network.tick()
    assert network.leaders() == [3]
    assert network[3].data == [b"a"]


def test_a_transfer_to_somebody_who_is_gone_ends_after_a_while():
    network = Network(3)
    network.elect(1)
    network.isolated = {3}
    network[1].node.transfer_leader(3)
    network.tick(10)
    network.propose(1, b"again")
    assert network[1].data == [b"again"]


# Replication


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_what_is_proposed_to_the_leader_is_applied_by_all(size):
    network = Network(size)
    network.elect(1)
    network.propose(1, b"a", b"b")
    assert applied(network) == {id: [b"a", b"b"] for id in network.members}


def test_a_follower_passes_proposals_on():
    network = Network(3)
    network.elect(1)
    network.propose(2, b"a")
    assert applied(network) == {1: [b"a"], 2: [b"a"], 3: [b"a"]}
    assert [m.type for m in network.sent].count(pb.MsgProp) == 1


def test_proposals_are_dropped_where_they_can_go_nowhere():
    network = Network(3, disable_proposal_forwarding=True)
    with pytest.raises(ProposalDroppedError):
        network[1].node.propose(b"no leader")
    network.elect(1)
    with pytest.raises(ProposalDroppedError):
        network[2].node.propose(b"not passed on")


def test_a_leader_takes_in_only_so_much_that_is_not_committed():
    network = Network(3, max_uncommitted_entries_size=10)
    leader = network.elect(1)
    network.isolated = {2, 3}
    leader.node.propose(b"x" * 100)  # the first is let in whatever its size
    with pytest.raises(ProposalDroppedError):
        leader.node.propose(b"y")
    network.settle()
    network.isolated = set()
    network.tick(2)
    assert leader.raft.uncommitted_size == 0
    network.propose(1, b"z")
    assert [data[:1] for data in network[3].data] == [b"x", b"z"]


def test_an_entry_is_committed_by_a_majority_only():
    network = Network(5)
    network.elect(1)
    network.isolated = {3, 4, 5}
    network.propose(1, b"a")
    assert network[1].data == []
    network.isolated = {4, 5}
    network.tick(2)
    assert applied(network) == {1: [b"a"], 2: [b"a"], 3: [b"a"], 4: [], 5: []}


def test_entries_of_an_older_term_are_committed_by_one_of_the_new():
    network = Network(3)
    network.elect(1)
    network.dropped_types = {pb.MsgAppResp}
    network.propose(1, b"old")  # everybody has it, and nobody knows
    network.isolated = {1}
    network[2].node.campaign()
    network.settle()
    leader = network[2].raft
    assert leader.state == StateLeader
    leader.prs.progress[3].maybe_update(3)
    assert not leader.maybe_commit(), "a majority has it, but it is not of this term"
    network.dropped_types = set()
    network.tick(3)
    assert network[2].data == network[3].data == [b"old"]


def test_a_log_that_went_astray_is_replaced():
    network = Network(3)
    network.elect(1)
    network.isolated = {2, 3}
    network.propose(1, b"x", b"y", b"z")
    network.isolated = {1}
    network.elect(2)
    network.propose(2, b"a")
    network.isolated = set()
    network.tick(2)
    assert applied(network) == {1: [b"a"], 2: [b"a"], 3: [b"a"]}


def test_appends_are_cut_to_size():
    network = Network(2, max_size_per_msg=0)
    network.elect(1)
    network.isolated = {2}
    network.propose(1, b"a", b"b", b"c")
    network.isolated, network.sent = set(), []
    network.tick(2)
    assert network[2].data == [b"a", b"b", b"c"]
    assert max(len(m.entries) for m in network.sent) == 1


def test_a_leader_waits_when_the_window_is_full():
    network = Network(2, max_inflight_msgs=2)
    leader = network.elect(1)
    pr = leader.raft.prs.progress[2]
    for _ in range(5):
        leader.node.propose(b"x")
    sent = [m for m in leader.handle_ready() if m.entries]
    assert (len(sent), pr.is_paused()) == (2, True)
    leader.node.step(pb.Message(pb.MsgAppResp, from_=2, to=1, term=1, index=sent[0].entries[-1].index))
    assert [len(m.entries) for m in leader.handle_ready()] == [3]


def test_a_follower_that_cannot_be_reached_is_probed():
    network = Network(2)
    leader = network.elect(1)
    pr = leader.raft.prs.progress[2]
    assert pr.state == StateReplicate
    leader.node.report_unreachable(2)
    assert pr.state == StateProbe


def test_committed_entries_come_in_pieces_of_the_size_set():
    member = Member(1, (1,), max_committed_size_per_ready=1)
    member.node.campaign()
    member.handle_ready()
    for data in (b"a", b"b"):
        member.node.propose(data)
    sizes = []
    while member.node.has_ready():
        rd = member.node.ready()
        member.storage.append(rd.entries)
        sizes.append(len(rd.committed_entries))
        member.node.advance(rd)
    assert sizes == [1, 1]


# Snapshots


def test_who_is_too_far_behind_gets_a_snapshot():
    network = Network(3)
    leader = network.elect(1)
    network.isolated = {3}
    network.propose(1, b"a", b"b")
    leader.compact()
    network.isolated = set()
    network.propose(1, b"c")
    network.tick(2)
    assert network.count(pb.MsgSnap) == 1
    assert network[3].storage.snapshot() == leader.storage.snapshot()
    assert network[3].data == [b"a", b"b", b"c"]
    assert leader.raft.prs.progress[3].state == StateReplicate


@pytest.mark.parametrize(("reject", "next"), [(False, 6), (True, 1)])
def test_after_a_snapshot_the_follower_is_probed(reject, next):
    leader = Network(2).elect(1)
    pr = leader.raft.prs.progress[2]
    pr.match = 0
    pr.become_snapshot(5)
    assert pr.state == StateSnapshot
    leader.raft.step(pb.Message(pb.MsgSnapStatus, from_=2, reject=reject))
    assert (pr.state, pr.next, pr.probe_sent) == (StateProbe, next, True)


def test_who_has_not_written_its_snapshot_yet_does_not_campaign():
    member = Network(2)[1]
    at = pb.SnapshotMetadata(pb.ConfState((1, 2)), index=50, term=3)
    member.node.step(pb.Message(pb.MsgSnap, from_=2, to=1, term=3, snapshot=pb.Snapshot(b"state", at)))
    rd = member.node.ready()
    for _ in range(50):
        member.node.tick()
    member.node.step(pb.Message(pb.MsgTimeoutNow, from_=2, to=1, term=3))
    assert member.raft.state == StateFollower
    member.storage.apply_snapshot(rd.snapshot)
    member.node.advance(rd)
    for _ in range(50):
        member.node.tick()
    assert member.raft.state == StateCandidate


def test_a_snapshot_of_what_is_there_only_moves_the_commit_index():
    member = Member(1, (1, 2))
    append = pb.Message(pb.MsgApp, from_=2, to=1, term=1, index=2, log_term=1, entries=(pb.Entry(0, 1, 3),))
    member.node.step(append)
    metadata = pb.SnapshotMetadata(pb.ConfState((1, 2)), 3, 1)
    member.node.step(pb.Message(pb.MsgSnap, from_=2, to=1, term=1, snapshot=pb.Snapshot(b"", metadata)))
    assert member.raft.raft_log.committed == 3
    assert member.raft.raft_log.unstable.snapshot is None


# Reads


@pytest.mark.parametrize("asked", [1, 2])
def test_a_read_waits_for_a_quorum_to_acknowledge_the_leader(asked):
    network = Network(3)
    network.elect(1)
    network.propose(1, b"a")
    committed = network[1].raft.raft_log.committed
    network.isolated = {2, 3} - {asked}
    if asked == 1:
        network.isolated = {2, 3}
    network[asked].node.read_index(b"read")
    network.settle()
    if asked == 1:
        assert network[1].reads == []
        network.isolated = set()
        network.tick()
    assert network[asked].reads == [(committed, b"read")]


def test_a_single_member_reads_at_once():
    network = Network(1)
    network.elect(1)
    network[1].node.read_index(b"read")
    network.settle()
    assert network[1].reads == [(3, b"read")]


def test_a_leader_that_votes_no_more_does_not_answer_reads_in_place_of_the_only_one_that_does():
    network = Network(2)
    leader = network.elect(1)
    change = pb.ConfChangeSingle(pb.ConfChangeAddLearnerNode, 1)
    leader.node.propose_conf_change(pb.ConfChangeV2(changes=(change,)))
    network.settle()
    assert leader.raft.state == StateLeader
    assert leader.raft.prs.voter_nodes() == (2,)
    network.isolated = {1}
    leader.node.read_index(b"read")
    network.settle()
    assert leader.reads == []
    network.isolated = set()
    network.tick()
    assert [context for _, context in leader.reads] == [b"read"]


def test_what_a_ready_holds_does_not_change_after_it_was_taken():
    member = Network(1).elect(1)
    member.node.propose(b"a")
    rd = member.node.ready()
    member.node.propose(b"b")
    member.node.read_index(b"read")
    assert [e.data for e in rd.entries] == [e.data for e in rd.committed_entries] == [b"a"]
    assert list(rd.read_states) == []


def test_a_leader_that_trusts_its_lease_asks_nobody():
    network = Network(3, check_quorum=True, read_only_option=ReadOnlyLeaseBased)
    network.elect(1)
    network.isolated = {2, 3}
    network[1].node.read_index(b"read")
    network.settle()
    assert network[1].reads == [(3, b"read")]


def test_reads_that_come_before_the_first_commit_wait_for_it():
    network = Network(3)
    network.elect(2)
    network.dropped_types = {pb.MsgAppResp}
    network.elect(1)
    network[1].node.read_index(b"early")
    network.settle()
    assert network[1].reads == []
    network.dropped_types = set()
    network.tick(2)
    assert network[1].reads == [(4, b"early")]


# Members


def test_a_group_is_founded_by_equal_lists():
    node = RawNode(Config(id=1, election_tick=10, heartbeat_tick=1, storage=MemoryStorage(), rand=Random(1)))
    bootstrap(node, [Peer(1, b"one"), Peer(2, b"two")])
    rd = node.ready()
    assert [pb.ConfChange.unmarshal(e.data).context for e in rd.entries] == [b"one", b"two"]
    assert rd.committed_entries == rd.entries
    assert (rd.hard_state, rd.must_sync) == (pb.HardState(1, 0, 2), True)
    assert node.raft.prs.voter_nodes() == (1, 2)
    with pytest.raises(BootstrapError):
        bootstrap(node, [])


def test_a_group_is_founded_once():
    member = Member(1, (1,))
    with pytest.raises(BootstrapError):
        bootstrap(member.node, [Peer(1)])


def test_a_member_joins_and_catches_up():
    network = Network(1)
    network.elect(1)
    network.propose(1, b"a")
    leader, joining, network.isolated = network[1], network.join(2), {2}
    network.change(1, "v2")
    leader.compact()
    network.isolated = set()
    network.tick(3)
    network.propose(1, b"b")
    assert leader.raft.prs.voter_nodes() == joining.raft.prs.voter_nodes() == (1, 2)
    assert joining.storage.snapshot() == leader.storage.snapshot()
    assert joining.data == [b"a", b"b"]


@pytest.mark.parametrize(
    "change", [pb.ConfChange(node_id=3), pb.ConfChangeV2(changes=(pb.ConfChangeSingle(),))]
)
def test_who_has_a_change_of_members_to_apply_does_not_campaign(change):
    member = Network(2)[1]
    type_, data = pb.marshal_conf_change(change)
    entries = (pb.Entry(type_, 1, 3, data),)
    append = pb.Message(pb.MsgApp, to=1, from_=2, term=1, log_term=1, index=2, entries=entries, commit=3)
    member.node.step(append)
    member.node.campaign()
    assert member.raft.state == StateFollower


def test_one_change_of_members_at_a_time():
    network = Network(3)
    leader = network.elect(1)
    for id in (2, 3):
        leader.node.propose_conf_change(pb.ConfChange(type=pb.ConfChangeRemoveNode, node_id=id))
    network.settle()
    assert leader.raft.prs.voter_nodes() == (1, 3)
    assert [e.type for e in leader.applied[-2:]] == [pb.EntryConfChange, pb.EntryNormal]


def test_a_joint_change_leaves_by_itself():
    network = Network(3)
    leader = network.elect(1)
    change = pb.ConfChangeV2(changes=pb.conf_changes_from_string("r3 l2"))
    leader.node.propose_conf_change(change)
    network.settle()
    assert str(leader.raft.prs.config) == "voters=(1) learners=(2)"


def test_a_joint_configuration_is_left_once_however_often_that_is_proposed():
    network = Network(3, max_committed_size_per_ready=1)
    leader = network.elect(1)
    change = pb.ConfChangeV2(changes=pb.conf_changes_from_string("r3 l2"))
    leader.node.propose_conf_change(change)
    network.propose(1, b"a", b"b", b"c")  # each is applied by itself, and each time it is joint still
    leaves = [e for e in leader.applied if e.data == pb.ConfChangeV2().marshal()]
    assert len(leaves) > 1
    assert str(leader.raft.prs.config) == "voters=(1) learners=(2)"
    assert leader.data == [b"a", b"b", b"c"]


def test_a_leader_that_was_removed_leaves_no_joint_configuration():
    leader = Network(1).elect(1)
    leader.node.propose(b"a")
    rd = leader.node.ready()
    for words in ("v2 v3 r1", "", "v4 v5"):
        changes = pb.conf_changes_from_string(words)
        leader.node.apply_conf_change(pb.ConfChangeV2(changes=changes))
    leader.save(rd)
    last = leader.raft.raft_log.last_index()
    leader.node.advance(rd)
    assert str(leader.raft.prs.config) == "voters=(2 3 4 5)&&(2 3) autoleave"
    assert leader.raft.raft_log.last_index() == last


def test_a_learner_follows_and_never_leads():
    network = Network(2)
    leader = network.elect(1)
    leader.node.propose_conf_change(pb.ConfChange(type=pb.ConfChangeAddLearnerNode, node_id=2))
    network.settle()
    network.propose(1, b"a")
    assert network[2].data == [b"a"]
    assert network[2].raft.is_learner
    network.isolated = {1}
    network.tick(50)
    assert network[2].raft.state == StateFollower


# What comes from outside


def test_a_member_takes_no_orders_that_are_its_own_to_give():
    member = Network(2)[1]
    with pytest.raises(StepLocalMsgError):
        member.node.step(pb.Message(pb.MsgHup))
    with pytest.raises(StepPeerNotFoundError):
        member.node.step(pb.Message(pb.MsgAppResp, from_=9))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"id": 0}, "cannot use none as id"),
        ({"heartbeat_tick": 0}, "heartbeat tick"),
        ({"election_tick": 1}, "election tick"),
        ({"max_inflight_msgs": 0}, "max inflight"),
        ({"read_only_option": ReadOnlyLeaseBased}, "CheckQuorum must be enabled"),
    ],
)
def test_a_config_that_cannot_work_is_refused(options, message):
    sound = {"id": 1, "election_tick": 10, "heartbeat_tick": 1, "storage": MemoryStorage(), "rand": Random(1)}
    with pytest.raises(ValueError, match=message):
        RawNode(Config(**sound | options))


def test_a_status_tells_where_everybody_is():
    network = Network(2)
    network.elect(1)
    status = network[1].node.status()
    assert str(status) == (
        '{"id":"1","term":1,"vote":"1","commit":3,"lead":"1","raftState":"StateLeader","applied":3,"progress":'
        '{"1":{"match":3,"next":4,"state":"StateReplicate"},"2":{"match":3,"next":4,"state":"StateReplicate"}},'
        '"leadtransferee":"0"}'
    )
    assert network[2].node.status().progress == {}


# Whatever happens


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_logs_never_disagree_on_what_is_committed(data):
    """Cuts, crashes, elections and proposals as they come: no term has two leaders, no index two entries."""
    network = Network(3, pre_vote=data.draw(st.booleans()), check_quorum=data.draw(st.booleans()))
    for number in range(data.draw(st.integers(5, 40))):
        id = data.draw(st.integers(1, 3))
        match data.draw(st.sampled_from(["tick", "campaign", "cut", "heal", "crash", "propose", "compact"])):
            case "tick":
                network.tick(data.draw(st.integers(1, 25)))
            case "campaign":
                network[id].node.campaign()
            case "cut":
                network.isolated = {id}
            case "heal":
                network.isolated = set()
            case "crash":
                network[id].restart()
            case "propose" if network[id].leads:
                network[id].node.propose(b"%d" % number)
            case "compact":
                network[id].compact()
        network.settle()
    network.heal()
    network.agree()
