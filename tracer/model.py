"""What a trace is made of: spans, the turns they belong to, and the edges by which one turn causes another.

A *span* is one call of one function. A *task* is a lane; its life is cut into *turns*, one at each receive:
it is the turn, never the whole loop, that has a cause. An *edge* is a hand-off. A *key* names what a step is
about (a request, a log entry, an index acknowledged), so that a batch can be told apart into requests.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

SCHEMA = 1
UPSTREAM = "v3.4.23"
DIED = "the member died here"
"""The error of a call that its member never came back to."""
CLIENT = "client"

type Key = tuple[str, int, int]
"""``(kind, number, request)``, the request 0 where it is not known: "req" (its id), "entry" (its index),
"ack" and "commit" (every entry up to an index), "read" (the id of a read-index round), "snap" (a snapshot, by
its index). An election is nobody's request: its number is its term, negative."""

type Keys = tuple[Key, ...] | None
"""None: of a type that carries no keys (control flow decides); empty: could carry keys and has none."""

type Kind = Literal["call", "spawn", "chan", "wire", "rpc", "wait", "timer"]


def printable(text: str) -> str:
    """``text`` on one line: what cannot be printed as an escape, as are bytes that are no UTF-8."""
    return text if text.isprintable() else "".join(map(_escape, text))


def _escape(char: str) -> str:
    if "\udc80" <= char <= "\udcff":
        return f"\\x{ord(char) - 0xDC00:02x}"
    return char if char.isprintable() else char.encode("unicode_escape").decode()


@dataclass(slots=True, frozen=True)
class Function:
    """A traced function: our name, where it stands, the parameters worth showing, and its Go twins."""

    name: str
    go: tuple[str, ...] = ()
    file: str = ""
    line: int = 0
    params: tuple[str, ...] = ()


@dataclass(slots=True)
class Task:
    """A lane: a task of one member, or (number 0 and below) what runs in no task, as timers do."""

    number: int
    member: str
    name: str


class Point(NamedTuple):
    """Where an edge ends: the innermost span there (0: directly in the loop), the task and its turn."""

    span: int
    task: int
    turn: int


@dataclass(slots=True)
class Span:
    """One call. Times are in nanoseconds since the trace began; ``end`` is None while it has not returned."""

    id: int
    parent: int
    task: int
    turn: int
    function: Function
    start: int
    end: int | None = None
    args: dict[str, Any] = field(default_factory=dict)
    result: Any = None
    error: str = ""
    keys: Keys = None
    lines: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    shared: int = 1
    last: int = 0
    """The newest call when it returned, for where time stands still; 0 while it has not."""


@dataclass(slots=True)
class Edge:
    """A hand-off from one turn to another, received at time ``at``, once the call ``after`` had begun."""

    kind: Kind
    name: str
    source: Point
    target: Point
    at: int
    label: str = ""
    keys: Keys = None
    critical: bool = False
    later: bool = False
    lost: bool = False
    """Nobody received it: it ends where it began."""
    after: int = 0


class Change(NamedTuple):
    """At ``at``, once ``after`` had begun, ``span`` made ``value`` what ``name`` of ``member`` is."""

    at: int
    after: int
    span: int
    member: str
    name: str
    value: Any


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one member left: the last segment of its log, and its database before and after the story.

    ``streams``: for each member that reads its MsgApp stream, all that was written there, HTTP and all.
    """

    wal: bytes = b""
    before: bytes = b""
    database: bytes = b""
    streams: dict[str, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class Trace:
    """All that was seen, or the part that served one request. Spans stand in the order they opened."""

    spans: dict[int, Span] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    tasks: dict[int, Task] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    members: dict[str, str] = field(default_factory=dict)
    """Member to role."""
    states: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What was so of each member when the recording began."""
    changes: list[Change] = field(default_factory=list)
    stations: dict[int, str] = field(default_factory=dict)
    """The spans that a reader should see first, and what to call them."""
    ran: dict[tuple[str, Function], set[int]] = field(default_factory=dict)
    """The lines that ran, by member and function, also of loops that had begun and of helpers."""
    left: dict[str, Evidence] = field(default_factory=dict)
    """The bytes that each member left behind, where they can be read."""
    texts: dict[tuple[str, int], str] = field(default_factory=dict)
    """Source of functions by file and line, where it is not to be read from the file."""

    def member(self, task: int) -> str:
        """The member that ``task`` belongs to."""
        return self.tasks[task].member

    def by_turn(self) -> dict[tuple[int, int], list[Span]]:
        """The spans opened in each turn."""
        turns: dict[tuple[int, int], list[Span]] = defaultdict(list)
        for span in self.spans.values():
            turns[span.task, span.turn].append(span)
        return turns
