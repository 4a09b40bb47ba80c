"""The bytes are etcd's; the hexadecimal strings were read from, or computed as, what etcd writes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minietcd.raft import raftpb as pb

U64 = st.integers(0, 2**64 - 1)
ENTRIES = st.builds(pb.Entry, st.sampled_from(pb.EntryType), U64, U64, st.binary(max_size=300))
IDS = st.lists(U64, max_size=4).map(tuple)
CONF_STATES = st.builds(pb.ConfState, IDS, IDS, IDS, IDS, st.booleans())
SNAPSHOTS = st.builds(pb.Snapshot, st.binary(), st.builds(pb.SnapshotMetadata, CONF_STATES, U64, U64))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (pb.Entry(), "080010001800"),
        (pb.Entry(pb.EntryNormal, 2, 5, b"hi"), "08001002180522026869"),
        (pb.Entry(pb.EntryConfChange, 1, 300, b""), "0801100118ac02"),
        (pb.HardState(2, 13668033151171901709, 5), "08021" + "08df2f48ec1f7a6d7bd011805"),
        (pb.HardState(), "080010001800"),
        (pb.Snapshot(), "12080a0228001000" + "1800"),
        (
            pb.Snapshot(metadata=pb.SnapshotMetadata(pb.ConfState(voters=(1, 300)))),
            "120d0a07" + "080108ac022800" + "10001800",
        ),
        (pb.Message(), "08001000180020002800300040004a0a12080a022800100018005000" + "5800"),
        (pb.ConfChange(type=pb.ConfChangeAddNode, node_id=1), "080010001801"),
        (pb.ConfChangeV2(), "0800"),
        (pb.ConfChangeV2(changes=(pb.ConfChangeSingle(pb.ConfChangeRemoveNode, 3),)), "0800120408011003"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_zero_fields_are_written_and_empty_bytes_are_not(value, expected):
    assert value.marshal().hex() == expected


@given(ENTRIES)
def test_an_entry_survives_its_bytes_and_knows_their_number(entry):
    data = entry.marshal()
    assert pb.Entry.unmarshal(data) == entry
    assert entry.size() == len(data)


@given(SNAPSHOTS)
def test_a_snapshot_survives_its_bytes(snapshot):
    assert pb.Snapshot.unmarshal(snapshot.marshal()) == snapshot


@given(st.builds(pb.HardState, U64, U64, U64))
def test_a_hard_state_survives_its_bytes(state):
    assert pb.HardState.unmarshal(state.marshal()) == state


@given(st.lists(ENTRIES, max_size=3).map(tuple), U64, U64, st.booleans(), st.binary())
def test_a_message_survives_its_bytes(entries, to, index, reject, context):
    message = pb.Message(
        pb.MsgApp, to, 2, 3, 4, index, entries, commit=5, reject=reject, reject_hint=6, context=context
    )
    assert pb.Message.unmarshal(message.marshal()) == message


@given(SNAPSHOTS)
def test_a_snapshot_message_carries_its_snapshot(snapshot):
    message = pb.Message(pb.MsgSnap, snapshot=snapshot)
    assert pb.Message.unmarshal(message.marshal()) == message


def test_changes_survive_their_bytes():
    change = pb.ConfChange(7, pb.ConfChangeUpdateNode, 3, b"context")
    assert pb.ConfChange.unmarshal(change.marshal()) == change
    changes = pb.ConfChangeV2(
        pb.ConfChangeTransitionJointExplicit, pb.conf_changes_from_string("v1 l2 r3 u4"), b"context"
    )
    assert pb.ConfChangeV2.unmarshal(changes.marshal()) == changes
    assert pb.conf_changes_to_string(changes.changes) == "v1 l2 r3 u4"


@pytest.mark.parametrize(
    ("transition", "changes", "expected"),
    [
        (pb.ConfChangeTransitionAuto, "v1", (False, False)),
        (pb.ConfChangeTransitionAuto, "v1 v2", (True, True)),
        (pb.ConfChangeTransitionJointImplicit, "v1", (True, True)),
        (pb.ConfChangeTransitionJointExplicit, "v1", (False, True)),
    ],
)
def test_a_change_is_joint_when_it_is_large_or_told_to_be(transition, changes, expected):
    change = pb.ConfChangeV2(transition, pb.conf_changes_from_string(changes))
    assert change.enter_joint() == expected
    assert not change.leave_joint()


def test_a_change_of_nothing_leaves_the_joint_configuration():
    assert pb.ConfChangeV2(context=b"why not").leave_joint()


def test_configurations_are_equivalent_in_any_order():
    assert pb.ConfState((1, 2), (3,)).equivalent(pb.ConfState((2, 1), (3,)))
    assert not pb.ConfState((1, 2)).equivalent(pb.ConfState((1,), (2,)))


def test_changes_are_logged_as_go_prints_them():
    assert str(pb.ConfChange(9, pb.ConfChangeAddNode, 2, b"ab")) == "{ConfChangeAddNode 2 [97 98] 9 []}"
    v2 = pb.ConfChangeV2(changes=pb.conf_changes_from_string("l3 v4"))
    expected = "{ConfChangeTransitionAuto [{ConfChangeAddLearnerNode 3 []} {ConfChangeAddNode 4 []}] [] []}"
    assert str(v2) == expected
