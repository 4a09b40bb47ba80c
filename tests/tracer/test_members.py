"""A member comes and is let vote: when each member decides by it, and how the leader counts from then on."""

from __future__ import annotations

import re
from functools import cache

import pytest

from tests.tracer.test_cli import tracer
from tests.tracer.test_unasked import visits
from tracer.model import Trace
from tracer.pages import tables
from tracer.scenarios import SCENARIOS


@cache
def record(name: str) -> Trace:
    return SCENARIOS[name].record()


def test_a_change_counts_on_each_member_from_when_that_applies_it() -> None:
    trace = record("member-add")
    switched = [change for change in trace.changes if change.name == "voters"]
    assert [(change.member, change.value) for change in switched] == [
        (name, "n1 n2 n3 (n4)") for name in ("n1", "n2", "n3")
    ]
    for name in ("n1", "n2", "n3"):
        own = [change.name for change in trace.changes if change.member == name]
        beside = {"disk", "readyc", "advancec"}
        assert [each for each in own if each not in beside] == ["log", "commit", "voters", "applied"]


def test_a_change_is_decided_by_those_who_voted_before_it() -> None:
    counted = list(tables.counted(record("member-promote"), "n1"))
    assert [row for row in counted if row[3] != "—"] == [
        ("`MsgAppResp n3→n1 has 14`", "n1 n2 n3 (n4)", "14", "**14**"),
        ("`MsgAppResp n3→n1 has 15`", "n1 n2 n3 n4", "15", "**15**"),
    ]


def test_what_is_committed_stays_so_when_more_would_have_to_agree() -> None:
    recounted = next(
        row for row in tables.counted(record("member-promote"), "n1") if row[0] == "`switch_to_config`"
    )
    assert recounted == ("`switch_to_config`", "n1 n2 n3 n4", "13", "—")


def test_a_new_member_goes_through_every_configuration_there_was() -> None:
    trace = record("member-joins")
    values = [change.value for change in trace.changes if (change.member, change.name) == ("n4", "voters")]
    assert values == ["", "n1", "n1 n2", "n1 n2 n3", "n1 n2 n3 (n4)"]


def test_nobody_is_there_yet_to_take_what_is_sent_to_a_member_that_was_added() -> None:
    lost = [edge.label for edge in record("member-add").edges if edge.lost]
    assert lost == ["MsgApp n1→n4 entry 12, commit 12"]


CHANGE = """
    etcdserver/api/v3rpc/member.go#ClusterServer.{0} etcdserver/server.go#EtcdServer.{1}
    etcdserver/server.go#EtcdServer.configure raft/node.go#node.ProposeConfChange raft/node.go#node.step
    raft/raft.go#raft.Step raft/raft.go#stepLeader raft/raft.go#raft.appendEntry raft/raft.go#raft.bcastAppend
    raft/node.go#newReady wal/wal.go#WAL.Save raft/raft.go#raft.maybeCommit
    etcdserver/server.go#EtcdServer.applyAll etcdserver/server.go#EtcdServer.apply
    etcdserver/server.go#EtcdServer.applyConfChange
    etcdserver/api/membership/cluster.go#RaftCluster.ValidateConfigurationChange
    raft/node.go#node.ApplyConfChange
    raft/raft.go#raft.applyConfChange raft/confchange/confchange.go#Changer.Simple
    raft/raft.go#raft.switchToConfig etcdserver/api/membership/cluster.go#RaftCluster.{2}
"""
"""What etcd's source says that the leader calls for a change of members, in order."""


@pytest.mark.parametrize(
    ("name", "calls"),
    [
        ("member-add", CHANGE.format("MemberAdd", "AddMember", "AddMember")),
        ("member-promote", CHANGE.format("MemberPromote", "PromoteMember", "PromoteMember")),
    ],
)
def test_the_leader_goes_the_way_that_gos_source_says(name: str, calls: str) -> None:
    ours = visits(record(name), "n1")
    missed = [go for go in calls.split() if go not in ours]
    assert not missed, f"not after what comes before it: {missed[0]}"


def test_the_command_is_followed_as_any_other() -> None:
    words = ("member", "add", "n9", "--learner", "--peer-urls=http://127.0.0.1:1")
    done = tracer(*words, "--plain", "--seed", "1")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.match(r"Member +[0-9a-f]+ added to cluster +[0-9a-f]+\n\nETCD_NAME=\"n9\"\n", done.stdout)
    told = [line.split()[1] for line in done.stdout.splitlines() if line[:5].strip().isdigit()]
    assert told[:7] == ["command", "client", "call", "handler", "server", "propose", "node.step"]
    assert told[15:20] == ["commit", "switch", "members", "answer", "reply"]
