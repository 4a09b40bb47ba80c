"""Who called whom, also where an exception is thrown into a task that waits."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Awaitable, Callable
from types import FunctionType

import pytest

from tracer.build import build
from tracer.model import Function
from tracer.recorder import Recorder
from tracer.subject import Subject


async def outer(untold: Callable[[], Awaitable[None]]) -> None:
    await untold()
    leaf("outer")


async def inner(*, patient: bool) -> None:
    try:
        await asyncio.get_running_loop().create_future()
    except asyncio.CancelledError:
        leaf("inner")
        if not patient:
            raise
        await asyncio.sleep(0)
        leaf("inner")


def leaf(caller: str) -> None:
    """Says who calls it, for comparison."""


async def catching() -> None:
    try:
        await inner(patient=False)
    except asyncio.CancelledError:
        leaf("outer")


async def waiting() -> None:
    await inner(patient=True)


def recorder() -> Recorder:
    watched = [each for each in (outer, inner, leaf) if isinstance(each, FunctionType)]
    functions = {
        each.__code__: Function(each.__name__, params=("caller",) * (each is leaf)) for each in watched
    }
    return Recorder(Subject(functions, {}, lambda _: None, lambda value: value))


def callers(recorded: Recorder) -> list[tuple[str, str]]:
    """Whom each leaf names as its caller, and whom the recording does."""
    spans = build(recorded.journal).spans
    names = {0: "nobody"} | {number: span.function.name for number, span in spans.items()}
    return [(s.args["caller"], names[s.parent]) for s in spans.values() if s.function.name == "leaf"]


@pytest.mark.parametrize("untold", [catching, waiting])
@pytest.mark.parametrize("late", [False, True])
async def test_a_cancelled_call_keeps_its_caller(untold: Callable[[], Awaitable[None]], late: bool) -> None:
    """``late``: the calls had begun before the recording did, and have no span."""
    recorded = recorder()
    task = asyncio.create_task(outer(untold))
    if late:
        await asyncio.sleep(0)
    with recorded:
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
        stranger = asyncio.create_task(alone())
        await asyncio.wait([task, stranger])
    expected = [(said, "nobody" if late else said) for said, _ in callers(recorded) if said != "nobody"]
    assert len(expected) == 3
    assert [pair for pair in callers(recorded) if pair[0] != "nobody"] == expected
    assert ("nobody", "nobody") in callers(recorded)


async def alone() -> None:
    leaf("nobody")


class Transaction:
    """Something that stays open as long as anybody holds on to it."""


def begin(after: Transaction | None) -> tuple[Transaction, int]:
    return Transaction(), id(after)


async def transact() -> weakref.ref[Transaction]:
    transaction, _ = begin(Transaction())
    return weakref.ref(transaction)


async def test_what_will_not_be_shown_is_let_go_of_while_it_is_recorded() -> None:
    assert isinstance(begin, FunctionType)
    functions = {begin.__code__: Function("begin", params=("after",))}
    subject = Subject(functions, {}, lambda _: None, repr, lambda kind: kind is not Transaction)
    with Recorder(subject) as recorded:
        task = asyncio.create_task(transact())
        transaction, done = await task, weakref.ref(task)
        del task
        await asyncio.create_task(transact())
        assert transaction() is None
        assert done() is None
    shown = [event[6] for event in recorded.journal.events if event[0] == "S"]
    assert shown == [{"after": "None"}] * 2
    assert len({event[1] for event in recorded.journal.events if event[0] == "T"}) == 2
