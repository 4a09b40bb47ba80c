"""The rules of the raft loop, one by one: what waits for the disk, what is not sent, who is left."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from google.protobuf.message import DecodeError

from minietcd.etcdserver.raft import (
    Apply,
    RaftNode,
    create_config_change_ents,
    get_ids,
    should_wait_wal_sync,
    update_committed_index,
)
from minietcd.etcdserver.v2_server import new_request
from minietcd.pkg.chan import Chan
from minietcd.proto.etcdserverpb.raft_internal_pb2 import InternalRaftRequest
from minietcd.raft import raftpb
from minietcd.raft.raftpb import (
    ConfChange,
    ConfState,
    Entry,
    Index,
    Message,
    NodeID,
    Snapshot,
    SnapshotMetadata,
    Term,
)
from minietcd.raft.ready import Ready


def entries(*positions: tuple[int, int]) -> list[Entry]:
    return [Entry(term=Term(term), index=Index(index)) for term, index in positions]


@pytest.mark.parametrize(
    ("committed", "unstable", "waits"),
    [
        ([], [], False),
        ([], [(1, 5)], False),
        ([(1, 5)], [], False),
        ([(1, 4)], [(1, 5)], False),
        ([(1, 4), (1, 5)], [(1, 5)], True),
        ([(1, 5)], [(1, 4), (1, 5)], True),
        ([(2, 5)], [(1, 6)], True),
        ([(1, 5)], [(2, 5)], False),
    ],
)
def test_only_what_is_committed_and_not_yet_saved_waits_for_the_disk(
    committed: Any, unstable: Any, waits: bool
) -> None:
    rd = Ready(entries=entries(*unstable), committed_entries=entries(*committed))
    assert should_wait_wal_sync(rd) is waits


@pytest.fixture
async def node() -> Any:
    parts: Any = None
    node = RaftNode(parts, parts, parts, 0.1, lambda id: id == 9, parts)
    yield node
    node.ticker.stop()


def message(type: raftpb.MessageType, to: int, **more: Any) -> Message:
    return Message(type=type, to=NodeID(to), **more)


async def test_of_several_acknowledgements_only_the_last_is_sent(node: RaftNode) -> None:
    acks = [message(raftpb.MsgAppResp, 2, index=Index(index)) for index in (1, 2, 3)]
    assert [(m.to, m.index) for m in node.process_messages(acks)] == [(0, 1), (0, 2), (2, 3)]


async def test_a_removed_member_is_sent_nothing(node: RaftNode) -> None:
    sent = node.process_messages([message(raftpb.MsgApp, 9), message(raftpb.MsgApp, 2)])
    assert [m.to for m in sent] == [0, 2]


async def test_a_snapshot_goes_through_the_applying_loop(node: RaftNode) -> None:
    (sent,) = node.process_messages([message(raftpb.MsgSnap, 2)])
    assert sent.to == 0
    waiting = node.msg_snap_c.try_recv()
    assert isinstance(waiting, Message) and waiting.to == 2


async def test_a_late_heartbeat_is_told(node: RaftNode, caplog: pytest.LogCaptureFixture) -> None:
    for now in (0.0, 0.15, 0.5):
        node.td.observe(2, now)
    node.process_messages([message(raftpb.MsgHeartbeat, 2)])
    assert "leader failed to send out heartbeat on time" in caplog.text


@pytest.mark.parametrize(
    ("ents", "snapshot_index", "expected"),
    [([], 0, []), ([(1, 7)], 0, [7]), ([], 9, [9]), ([(1, 10)], 9, [10])],
)
async def test_the_committed_index_is_that_of_the_last_entry_or_snapshot(
    ents: Any, snapshot_index: int, expected: list[int]
) -> None:
    told: list[int] = []
    handler: Any = SimpleNamespace(update_committed_index=told.append)
    snapshot = Snapshot(metadata=SnapshotMetadata(index=Index(snapshot_index)))
    update_committed_index(Apply(entries(*ents), snapshot, Chan("notifyc", 1)), handler)
    assert told == expected


def change(type: raftpb.ConfChangeType, id: int) -> Entry:
    return Entry(raftpb.EntryConfChange, data=ConfChange(type=type, node_id=NodeID(id)).marshal())


def test_members_are_those_of_the_snapshot_and_the_changes_since() -> None:
    snapshot = Snapshot(metadata=SnapshotMetadata(ConfState(voters=(NodeID(1), NodeID(2)))))
    changes = [
        change(raftpb.ConfChangeAddNode, 4),
        change(raftpb.ConfChangeRemoveNode, 1),
        change(raftpb.ConfChangeAddLearnerNode, 3),
        change(raftpb.ConfChangeUpdateNode, 2),
        Entry(data=b"a request"),
    ]
    assert get_ids(snapshot, changes) == [2, 3, 4]
    assert get_ids(None, changes[:1]) == [4]


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ([1], []),
        ([1, 2, 3], [("Remove", 2), ("Remove", 3)]),
        ([2, 3], [("AddNode", 1), ("Remove", 2), ("Remove", 3)]),
        ([], [("AddNode", 1)]),
    ],
)
def test_standing_alone_means_to_be_in_first_and_then_to_put_out_the_others(
    ids: list[int], expected: list[tuple[str, int]]
) -> None:
    ents = create_config_change_ents([NodeID(id) for id in ids], NodeID(1), Term(3), Index(10))
    changes = [ConfChange.unmarshal(ent.data) for ent in ents]
    assert [(ent.term, ent.index) for ent in ents] == [(3, 11 + n) for n in range(len(expected))]
    for cc, (kind, id) in zip(changes, expected, strict=True):
        assert kind in cc.type.name and cc.node_id == id
        if kind == "AddNode":
            assert json.loads(cc.context) == {"id": 1, "peerURLs": ["http://localhost:2380"]}


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "QGET", "SYNC"])
def test_a_v2_request_is_never_taken_for_a_v3_one(method: str) -> None:
    path = "" if method == "SYNC" else "/1/key"
    data = new_request(method, ID=2**40, Path=path, Val="value").SerializeToString()
    with pytest.raises(DecodeError):
        InternalRaftRequest.FromString(data)
