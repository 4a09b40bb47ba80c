"""What no client asked for: an election, a transfer, a follower that catches up; the order of Go's calls."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from runpy import run_path

import pytest

from tracer.cluster import Cluster
from tracer.fold import Section, View, story
from tracer.model import Trace
from tracer.scenarios import SCENARIOS, Scenario
from tracer.stations import station

EXAMPLES = Path(__file__).parents[2] / "examples"


async def nothing(_: Cluster) -> None:
    pass


@cache
def record(name: str, pre_vote: bool = False) -> Trace:
    script = run_path(str(EXAMPLES / f"{name}.py"))
    fields = {"pre_vote": pre_vote, **script.get("CONFIG", {})}
    before = script.get("before", nothing)
    return Scenario(name, name, (name,), script["story"], before=before, fields=fields).record()


def told(trace: Trace, *, awaited: bool = True) -> list[tuple[str, str]]:
    """Member and title of each station on the way to the end (or beside it)."""
    sections: list[Section] = story(trace, View(1), station)
    found = [s for s in sections if s.later is not awaited]
    return [(" ".join(section.members), row.title) for section in found for row in section.rows]


def visits(trace: Trace, member: str) -> Iterator[str]:
    """The Go names of what ``member`` called, in order."""
    spans = sorted(trace.spans.values(), key=lambda span: (span.start, span.id))
    return (go for span in spans if trace.member(span.task) == member for go in span.function.go)


def test_an_election_is_told_from_the_tick_to_the_first_entry_of_the_term() -> None:
    assert told(record("election")) == [
        *[("n2", title) for title in ("timer", "tick", "raft.Step", "campaign", "become", "count", "Ready")],
        *[("n2", "WAL"), ("n2", "peers")],
        *[("n3", "become"), ("n3", "vote"), ("n3", "WAL"), ("n3", "peers")],
        *[("n2", "count"), ("n2", "become"), ("n2", "progress"), ("n2", "append"), ("n2", "WAL")],
        *[("n3", "role"), ("n3", "WAL"), ("n2", "progress"), ("n2", "commit"), ("n2", "apply")],
    ]


def test_of_two_who_ask_at_once_in_a_cold_cluster_one_is_elected_and_the_other_follows() -> None:
    trace = SCENARIOS["cold-start"].record()
    roles = [(change.member, change.value) for change in trace.changes if change.name == "role"]
    assert [each for each in roles if each[1] != "follower"] == [
        ("n3", "candidate"),
        ("n2", "candidate"),
        ("n2", "leader"),
    ]
    assert roles[-1] == ("n3", "follower")


def test_what_a_leader_did_before_it_died_is_told_before_what_came_of_it() -> None:
    sections = story(SCENARIOS["leader-dies"].record(), View(1), station)
    first = next(n for n, section in enumerate(sections) if section.members == ["n1"])
    assert first < next(n for n, section in enumerate(sections) if section.rows[0].title == "timer")
    assert not any(section.members == ["n1"] for section in sections if section.later)


def test_a_pre_vote_comes_first_and_is_not_saved() -> None:
    stations = told(record("election", pre_vote=True))
    n3 = [title for member, title in stations if member == "n3"]
    assert n3[:6] == ["vote", "peers", "become", "vote", "WAL", "role"]
    assert [title for _, title in stations].count("campaign") == 2


@pytest.mark.parametrize("name", ["election", "catch_up_by_entries", "catch_up_by_snapshot"])
def test_what_nobody_asked_for_begins_with_a_timer_and_is_one_chain_to_the_end(name: str) -> None:
    trace = record(name)
    critical = sorted((edge for edge in trace.edges if edge.critical), key=lambda edge: (edge.at, edge.after))
    assert (critical[0].kind, critical[0].target.turn > 0) == ("timer", True)
    turns = {(edge.target.task, edge.target.turn) for edge in critical}
    assert all((edge.source.task, edge.source.turn) in turns for edge in critical[1:])


def test_what_was_sent_to_a_dead_member_is_lost_and_ends_there() -> None:
    lost = [edge for edge in record("election").edges if edge.lost]
    assert [edge.label.partition(",")[0] for edge in lost] == ["MsgVote n2→n1", "MsgApp n2→n1 entry 9"]
    assert all(edge.target == edge.source and edge.kind == "wire" for edge in lost)
    assert not any(edge.lost for edge in record("transfer").edges)


def test_a_vote_is_on_disk_before_it_is_answered() -> None:
    calls = list(visits(record("election"), "n3"))
    sync, answer = "wal/wal.go#WAL.sync", "etcdserver/api/rafthttp/peer.go#peer.send"
    assert calls.index(sync) < calls.index(answer)


CAMPAIGN = """
    raft/raft.go#raft.campaign raft/raft.go#raft.becomeCandidate raft/raft.go#raft.reset
    raft/raft.go#raft.poll raft/tracker/tracker.go#ProgressTracker.RecordVote
    raft/tracker/tracker.go#ProgressTracker.TallyVotes raft/raft.go#raft.send raft/node.go#newReady
    wal/wal.go#WAL.Save wal/wal.go#WAL.sync raft/storage.go#MemoryStorage.Append
    etcdserver/raft.go#raftNode.processMessages etcdserver/api/rafthttp/transport.go#Transport.Send
    etcdserver/api/rafthttp/peer.go#peer.send etcdserver/api/rafthttp/peer.go#peer.pick
    raft/node.go#node.Advance raft/raft.go#stepCandidate raft/raft.go#raft.poll
    raft/raft.go#raft.becomeLeader raft/raft.go#raft.reset raft/tracker/progress.go#Progress.BecomeReplicate
    raft/raft.go#raft.appendEntry raft/raft.go#raft.maybeCommit raft/raft.go#raft.bcastAppend
    raft/raft.go#raft.sendAppend raft/raft.go#raft.maybeSendAppend raft/raft.go#raft.send
    raft/raft.go#stepLeader raft/tracker/progress.go#Progress.MaybeUpdate
    raft/tracker/progress.go#Progress.BecomeReplicate raft/raft.go#raft.maybeCommit
    raft/raft.go#raft.bcastAppend etcdserver/server.go#EtcdServer.applyAll
    etcdserver/server.go#EtcdServer.applyEntryNormal
"""
VOTER = """
    raft/raft.go#raft.Step raft/raft.go#raft.becomeFollower raft/raft.go#raft.reset
    raft/log.go#raftLog.isUpToDate raft/raft.go#raft.send raft/node.go#newReady wal/wal.go#WAL.Save
    wal/wal.go#WAL.sync etcdserver/raft.go#raftNode.processMessages
    etcdserver/api/rafthttp/peer.go#peer.send raft/raft.go#stepFollower
    raft/raft.go#raft.handleAppendEntries raft/log.go#raftLog.maybeAppend raft/raft.go#raft.send
    wal/wal.go#WAL.Save etcdserver/api/rafthttp/peer.go#peer.send
"""
GO: dict[tuple[str, str], str] = {
    ("election", "n2"): """
        etcdserver/raft.go#raftNode.tick raft/node.go#node.Tick raft/rawnode.go#RawNode.Tick
        raft/raft.go#raft.tickElection raft/raft.go#raft.pastElectionTimeout raft/raft.go#raft.Step
    """
    + CAMPAIGN,
    ("election", "n3"): VOTER,
    ("transfer", "n1"): """
        etcdserver/server.go#EtcdServer.MoveLeader raft/node.go#node.TransferLeadership
        raft/raft.go#raft.Step raft/raft.go#stepLeader raft/raft.go#raft.sendTimeoutNow
        raft/raft.go#raft.send raft/node.go#newReady etcdserver/api/rafthttp/peer.go#peer.send
    """
    + VOTER,
    ("transfer", "n2"): "raft/raft.go#stepFollower raft/raft.go#raft.promotable" + CAMPAIGN,
    ("transfer", "n3"): VOTER,
    ("catch_up_by_entries", "n1"): """
        etcdserver/raft.go#raftNode.tick raft/node.go#node.Tick raft/raft.go#raft.tickHeartbeat
        raft/raft.go#raft.Step raft/raft.go#stepLeader raft/raft.go#raft.bcastHeartbeat
        raft/raft.go#raft.sendHeartbeat raft/raft.go#raft.send etcdserver/api/rafthttp/peer.go#peer.send
        raft/raft.go#stepLeader raft/raft.go#raft.sendAppend raft/raft.go#raft.maybeSendAppend
        raft/log.go#raftLog.entries raft/raft.go#raft.send etcdserver/api/rafthttp/peer.go#peer.send
    """,
    ("catch_up_by_entries", "n3"): """
        raft/raft.go#stepFollower raft/raft.go#raft.handleHeartbeat raft/log.go#raftLog.commitTo
        raft/raft.go#raft.send etcdserver/api/rafthttp/peer.go#peer.send raft/raft.go#stepFollower
        raft/raft.go#raft.handleAppendEntries raft/log.go#raftLog.maybeAppend wal/wal.go#WAL.Save
        etcdserver/server.go#EtcdServer.applyEntryNormal
    """,
    ("catch_up_by_snapshot", "n1"): """
        raft/raft.go#raft.tickHeartbeat raft/raft.go#raft.bcastHeartbeat raft/raft.go#stepLeader
        raft/raft.go#raft.sendAppend raft/raft.go#raft.maybeSendAppend raft/log.go#raftLog.snapshot
        raft/tracker/progress.go#Progress.BecomeSnapshot raft/raft.go#raft.send raft/node.go#newReady
        etcdserver/raft.go#raftNode.processMessages
        etcdserver/snapshot_merge.go#EtcdServer.createMergedSnapshotMessage
        etcdserver/server.go#EtcdServer.sendMergedSnap
        etcdserver/api/rafthttp/transport.go#Transport.SendSnapshot
        etcdserver/api/rafthttp/snapshot_sender.go#snapshotSender.send
        etcdserver/api/rafthttp/snapshot_sender.go#createSnapBody
        etcdserver/api/rafthttp/msg_codec.go#messageEncoder.encode
        etcdserver/server.go#EtcdServer.ReportSnapshot raft/node.go#node.ReportSnapshot
        raft/raft.go#raft.Step raft/raft.go#stepLeader raft/tracker/progress.go#Progress.BecomeProbe
    """,
    ("catch_up_by_snapshot", "n3"): """
        raft/raft.go#raft.handleHeartbeat etcdserver/api/snap/db.go#Snapshotter.SaveDBFrom
        etcdserver/server.go#EtcdServer.Process raft/node.go#node.Step raft/raft.go#raft.Step
        raft/raft.go#stepFollower raft/raft.go#raft.handleSnapshot raft/raft.go#raft.restore
        raft/log.go#raftLog.restore raft/raft.go#raft.send raft/node.go#newReady
        etcdserver/storage.go#storage.SaveSnap wal/wal.go#WAL.SaveSnapshot wal/wal.go#WAL.Save
        raft/storage.go#MemoryStorage.ApplySnapshot etcdserver/server.go#EtcdServer.applySnapshot
        etcdserver/backend.go#openSnapshotBackend etcdserver/api/snap/db.go#Snapshotter.DBFilePath
    """,
}
"""What Go calls on these paths, by example and member: read in its source, as it was not recorded."""


@pytest.mark.parametrize(("name", "member"), GO)
def test_each_member_goes_the_way_that_gos_source_says(name: str, member: str) -> None:
    ours = visits(record(name), member)
    missed = [go for go in GO[name, member].split() if go not in ours]
    assert not missed, f"not after what comes before it: {missed[0]}"
