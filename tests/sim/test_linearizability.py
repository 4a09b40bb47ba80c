"""Histories that are known to be right or wrong, and all small ones against trying every order."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sim.linearizability import UNKNOWN, Operation, first_impossible, perform


def put(start: float, end: float, value: str, before: object = UNKNOWN) -> Operation:
    return Operation(b"k", "put", start, end, before, value.encode())


def get(start: float, end: float, *seen: object) -> Operation:
    value = (seen[0].encode(), seen[1]) if seen else None
    return Operation(b"k", "get", start, end, value)


def cas(start: float, end: float, expected: str | None, value: str, outcome: object) -> Operation:
    return Operation(b"k", "cas", start, end, outcome, value.encode(), expected and expected.encode())


def lost(value: str, start: float) -> Operation:
    return put(start, math.inf, value)


GOOD = {
    "nothing at all": [],
    "one after the other": [put(0, 1, "a", None), get(2, 3, "a", 1), put(4, 5, "b", (b"a", 1))],
    "a read beside a write may see either": [
        put(0, 9, "a", None),
        get(1, 2),
        get(3, 4, "a", 1),
        get(5, 6, "a", 1),
    ],
    "two writes beside each other may come in either order": [
        put(0, 5, "a", (b"b", 1)),
        put(1, 6, "b", None),
        get(7, 8, "a", 2),
    ],
    "an unanswered write never happened": [lost("a", 0), get(1, 2), get(9, 10)],
    "an unanswered write happened long after": [lost("a", 0), get(1, 2), get(9, 10, "a", 1)],
    "of two unanswered writes the later one happened first": [
        lost("a", 0),
        lost("b", 1),
        get(2, 3, "b", 1),
        get(4, 5, "a", 2),
    ],
    "one swap of two wins": [
        put(0, 1, "a", None),
        cas(2, 5, "a", "b", True),
        cas(3, 4, "a", "c", (b"b", 2)),
    ],
    "a swap that expects nothing": [
        cas(0, 1, None, "a", True),
        cas(2, 3, None, "b", (b"a", 1)),
    ],
    "a delete starts the versions anew": [
        put(0, 1, "a", None),
        Operation(b"k", "delete", 2, 3, (b"a", 1)),
        put(4, 5, "b", None),
    ],
    "calls that touch at one moment overlap": [put(0, 1, "a", None), get(1, 2)],
    "keys do not meet": [put(0, 1, "a", None), replace(get(2, 3), key=b"other")],
}

BAD = {
    "a stale read": ([put(0, 1, "a", None), get(2, 3)], 1),
    "a read of what nobody wrote": ([get(0, 1, "a", 1)], 0),
    "a write seen, then not seen": ([put(0, 9, "a", None), get(1, 2, "a", 1), get(3, 4)], 2),
    "an unanswered write seen, then not seen": ([lost("a", 0), get(1, 2, "a", 1), get(3, 4)], 2),
    "a write that happened twice": ([put(0, 1, "a", None), get(2, 3, "a", 2)], 1),
    "an unanswered write that happened twice": (
        [lost("a", 0), get(1, 2, "a", 1), put(3, 4, "b", (b"a", 1)), get(5, 6, "a", 3)],
        3,
    ),
    "two swaps of one value": (
        [put(0, 1, "a", None), cas(2, 5, "a", "b", True), cas(3, 4, "a", "c", True)],
        1,
    ),
    "an acknowledged write that is gone": (
        [put(0, 1, "a", None), put(2, 3, "b", (b"a", 1)), get(4, 5, "a", 1)],
        2,
    ),
    "a read from before it was written": ([get(0, 1, "a", 1), put(2, 3, "a", None)], 0),
}


@pytest.mark.parametrize("history", GOOD.values(), ids=GOOD)
def test_a_history_with_an_explanation_is_accepted(history: list[Operation]) -> None:
    assert first_impossible(history) is None


@pytest.mark.parametrize(("history", "culprit"), BAD.values(), ids=BAD)
def test_a_history_without_one_is_refused_at_the_first_call_that_has_none(
    history: list[Operation], culprit: int
) -> None:
    assert first_impossible(history) is history[culprit]


VALUES = st.sampled_from([b"a", b"b"])
STORED = st.none() | st.tuples(VALUES, st.integers(1, 2))


@st.composite
def operations(draw: st.DrawFn) -> Operation:
    start = draw(st.integers(0, 6))
    do = draw(st.sampled_from(["get", "put", "delete", "cas"]))
    op = Operation(b"k", do, start, value=draw(VALUES), expected=draw(st.none() | VALUES))
    if draw(st.booleans()) and draw(st.booleans()):
        return op
    outcome = draw(STORED | st.just(True)) if do == "cas" else draw(STORED)
    return replace(op, end=start + draw(st.integers(0, 3)), outcome=outcome)


@st.composite
def histories(draw: st.DrawFn) -> list[Operation]:
    """Half of them made by a register that really was there, so that many are right."""
    ops = draw(st.lists(operations(), max_size=5))
    if draw(st.booleans()):
        state = None
        for n in draw(st.permutations(range(len(ops)))):
            outcome, after = perform(ops[n], state)
            if ops[n].outcome is not UNKNOWN:
                ops[n] = replace(ops[n], outcome=outcome)
                state = after
    return ops


def explained(ops: list[Operation]) -> bool:
    """By the definition: some order of all calls that returned, and of some that did not, that fits."""
    return any(
        fits(order) for size in range(len(ops) + 1) for order in permutations(ops, size) if whole(order, ops)
    )


def whole(order: tuple[Operation, ...], ops: list[Operation]) -> bool:
    return all(op.outcome is UNKNOWN or any(op is each for each in order) for op in ops)


def fits(order: tuple[Operation, ...]) -> bool:
    state = None
    for n, op in enumerate(order):
        if any(later.end < op.start for later in order[n + 1 :]):
            return False
        outcome, state = perform(op, state)
        if op.outcome is not UNKNOWN and op.outcome != outcome:
            return False
    return True


@given(histories())
@settings(max_examples=400, deadline=None)
def test_the_search_agrees_with_trying_every_order(ops: list[Operation]) -> None:
    assert (first_impossible(ops) is None) == explained(ops)


def test_a_hundred_unanswered_writes_do_not_make_the_search_explode() -> None:
    ops = [lost(f"{n}", n) for n in range(100)]
    before: tuple[bytes, int] | None = None
    for n in range(100, 200):
        ops.append(put(n, n + 0.5, f"{n}", before))
        before = (f"{n}".encode(), (before[1] if before else 0) + 1)
    assert first_impossible(ops) is None
