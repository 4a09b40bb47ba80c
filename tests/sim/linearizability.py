"""Whether what clients saw of one key could have been seen of a single register that serves them in turn.

The search is Wing and Gong's, in Lowe's form: walk through the calls and returns in the order of time, and
keep every state that the register may be in, with the calls that have taken effect but not returned. A call
takes effect no sooner than some return asks for it.

Calls that nobody heard back from would make that explode, as they may happen at any time from then on. So of
two states that differ only in what *may* have happened, the one with more left to happen stands for both;
and calls that nobody can tell apart happen, if they do, in the order in which they were made.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

type Stored = tuple[bytes, int] | None
"""A value and its version (how often the key was written since it was created); None: no such key."""

type Outcome = Stored | Literal[True]


class Unknown:
    """The outcome of a call that nobody heard back from: it may take effect at any time, or never."""

    def __repr__(self) -> str:
        return "unknown"


UNKNOWN: Final = Unknown()


@dataclass(slots=True, frozen=True)
class Operation:
    """One call, from ``start`` to ``end`` (infinite if its outcome is unknown), in seconds."""

    key: bytes
    do: Literal["get", "put", "delete", "cas"]
    """``cas`` puts ``value`` if ``expected`` is the value now (None: if there is no such key)."""
    start: float
    end: float = math.inf
    outcome: Outcome | Unknown = UNKNOWN
    """What was there before; but of a cas that succeeded, True."""
    value: bytes = b""
    expected: bytes | None = None
    client: str = ""

    def __str__(self) -> str:
        """For people."""
        args = {"put": f" {_text(self.value)}", "cas": f" {_text(self.expected)} -> {_text(self.value)}"}
        until = "?" if self.end == math.inf else f"{self.end:.3f}"
        call = f"{self.do} {_text(self.key)}{args.get(self.do, '')}"
        return f"[{self.start:.3f}, {until}] {self.client}: {call} = {self.outcome}"


def first_impossible(history: Iterable[Operation]) -> Operation | None:
    """The first return that no order of the calls explains; None if the history is linearizable.

    Calls on different keys do not meet, so each key is looked at alone.
    """
    by_key: dict[bytes, list[Operation]] = defaultdict(list)
    for op in history:
        if op.outcome is not UNKNOWN or op.do != "get":  # an unanswered read changes and tells nothing
            by_key[op.key].append(op)
    found = filter(None, (_check(ops) for ops in by_key.values()))
    return min(found, key=lambda op: op.end, default=None)


type _Config = tuple[Stored, int]
"""The register, and as bits which of the calls not yet returned have taken effect."""


def _check(ops: Sequence[Operation]) -> Operation | None:
    configs: set[_Config] = {(None, 0)}
    pending: dict[int, Operation] = {}
    before = _twins(ops)
    for bit, op, returns in _events(ops):
        if not returns:
            pending[bit] = op
            continue
        configs = _having(bit, configs, pending, before)
        if not configs:
            return op
        del pending[bit]
        configs = _least(configs, sum(b for b, p in pending.items() if p.outcome is UNKNOWN))
    return None


def _events(ops: Sequence[Operation]) -> Iterator[tuple[int, Operation, bool]]:
    """Calls and returns in order; of those at the same moment the calls first, as they may overlap."""
    events = [(op.start, False, n) for n, op in enumerate(ops)]
    events += [(op.end, True, n) for n, op in enumerate(ops) if op.outcome is not UNKNOWN]
    for _, returns, n in sorted(events):
        yield 1 << n, ops[n], returns


def _twins(ops: Sequence[Operation]) -> dict[int, int]:
    """For a call without an answer, the bit of the one before it that does the same, for all that is seen."""
    told = {op.outcome[0] for op in ops if isinstance(op.outcome, tuple)} | {op.expected for op in ops}
    last: dict[object, int] = {}
    before = {}
    for n in sorted(range(len(ops)), key=lambda n: ops[n].start):
        op = ops[n]
        if op.outcome is UNKNOWN:
            same = (op.do, op.expected, op.value if op.value in told else None)
            before[1 << n], last[same] = last.get(same, 0), 1 << n
    return before


def _having(
    bit: int, configs: set[_Config], pending: dict[int, Operation], before: dict[int, int]
) -> set[_Config]:
    """What ``configs`` can become by letting pending calls happen, the last being ``bit``."""
    todo, seen, having = list(configs), set(configs), set()
    wanted = pending[bit].outcome
    while todo:
        state, done = todo.pop()
        if done & bit:
            having.add((state, done & ~bit))
            continue
        left = {other: op for other, op in pending.items() if not done & other}
        if state and isinstance(wanted, tuple) and state[1] > wanted[1] and not _can_delete(left):
            continue
        for other, op in left.items():
            outcome, after = perform(op, state)
            config = (after, done | other)
            may = op.outcome is UNKNOWN or op.outcome == outcome
            if may and before.get(other, 0) & done == before.get(other, 0) and config not in seen:
                seen.add(config)
                todo.append(config)
    return having


def _can_delete(left: dict[int, Operation]) -> bool:
    return any(op.do == "delete" for op in left.values())


def _least(configs: set[_Config], unknown: int) -> set[_Config]:
    """Without those that differ from another one only by calls that need not have happened and did."""
    groups: dict[_Config, list[int]] = defaultdict(list)
    for state, done in sorted(configs, key=lambda config: config[1].bit_count()):
        kept = groups[state, done & ~unknown]
        if not any(fewer & done == fewer for fewer in kept):
            kept.append(done)
    return {(state, done) for (state, _), kept in groups.items() for done in kept}


def perform(op: Operation, state: Stored) -> tuple[Outcome, Stored]:
    """What ``op`` answers when the register holds ``state``, and what it holds then."""
    written = (op.value, state[1] + 1 if state else 1)
    match op.do:
        case "get":
            return state, state
        case "put":
            return state, written
        case "delete":
            return state, None
    if (state and state[0]) == op.expected:
        return True, written
    return state, state


def _text(value: bytes | None) -> str:
    return "nothing" if value is None else value.decode(errors="replace")
