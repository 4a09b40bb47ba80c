"""What clients were told is held against the history that the log makes."""

from __future__ import annotations

import pytest

from minietcd.proto.etcdserverpb import rpc_pb2 as pb
from minietcd.proto.etcdserverpb.raft_internal_pb2 import InternalRaftRequest
from tests.sim.checks import Answer, Checks
from tests.sim.linearizability import Operation
from tests.sim.model import Item, Model


def put(value: bytes) -> pb.PutRequest:
    return pb.PutRequest(key=b"k", value=value)


def swap(expected: bytes, value: bytes) -> pb.TxnRequest:
    compare = pb.Compare(key=b"k", target=pb.Compare.VALUE, value=expected)
    return pb.TxnRequest(compare=[compare], success=[pb.RequestOp(request_put=put(value))])


HISTORY = [
    InternalRaftRequest(put=put(b"a")),
    InternalRaftRequest(txn=swap(b"x", b"y")),
    InternalRaftRequest(txn=swap(b"a", b"b")),
    InternalRaftRequest(delete_range=pb.DeleteRangeRequest(key=b"k")),
    InternalRaftRequest(delete_range=pb.DeleteRangeRequest(key=b"k")),
    InternalRaftRequest(put=put(b"c")),
]
"""Of which four write, at revisions 2 to 5."""


def model() -> Model:
    made = Model()
    for request in HISTORY:
        made.apply(request)
    return made


def op(do: str, value: bytes, outcome: object) -> Operation:
    expected = b"a" if do == "cas" else None
    return Operation(b"k", do, 1.0, 2.0, outcome, value, expected)  # type: ignore[arg-type]


def test_the_model_counts_revisions_and_versions_as_the_store_does() -> None:
    made = model()
    assert made.rev == 5
    assert made.items == {b"k": Item(b"c", 1, 5, 5)}
    assert [made.at(b"k", rev) for rev in range(1, 6)] == [None, (b"a", 1), (b"b", 2), None, (b"c", 1)]


@pytest.mark.parametrize(
    ("answer", "rule"),
    [
        (Answer(op("put", b"a", None), 2), None),
        (Answer(op("put", b"z", None), 2), "no acknowledged write lost"),
        (Answer(op("put", b"c", None), 6), "no acknowledged write lost"),
        (Answer(op("cas", b"b", True), 3), None),
        (Answer(op("cas", b"b", True), 4), "no acknowledged write lost"),
        (Answer(op("delete", b"", (b"b", 2)), 4), None),
        (Answer(op("delete", b"", (b"b", 2)), 3), "no acknowledged write lost"),
        (Answer(op("get", b"", (b"a", 1)), 2, serializable=True), None),
        (Answer(op("get", b"", (b"a", 1)), 3, serializable=True), "reads see a state that was"),
        (Answer(op("get", b"", None), 4, serializable=True), None),
        (Answer(op("get", b"", None), 9, serializable=True), "no acknowledged write lost"),
    ],
)
def test_an_answer_must_fit_the_history_at_the_revision_that_it_tells(
    answer: Answer, rule: str | None
) -> None:
    checks = Checks(lambda: 3.0, lambda occasion, it: None, str, model=model())
    everything = [answer] if answer.serializable else [answer, *_rest(answer)]
    checks.finish(everything, [], [])
    assert (checks.violation and checks.violation.rule) == rule


def _rest(answer: Answer) -> list[Answer]:
    """The other requests of the history, each in its time, so that all together are linearizable."""
    told = [
        Answer(Operation(b"k", "put", 0.0, 9.0, None, b"a"), 2),
        Answer(Operation(b"k", "cas", 0.0, 9.0, True, b"b", b"a"), 3),
        Answer(Operation(b"k", "delete", 0.0, 9.0, (b"b", 2)), 4),
        Answer(Operation(b"k", "put", 0.0, 9.0, None, b"c"), 5),
    ]
    return [each for each in told if each.revision != answer.revision]


def test_only_the_first_thing_that_does_not_hold_counts() -> None:
    checks = Checks(lambda: 3.0, lambda occasion, it: None, str)
    checks.fail("one", "first")
    checks.fail("two", "second")
    assert str(checks.violation) == "one, at 3.000: first"
