"""From journal to graph: which turn each call belongs to, and which hand-off caused which turn."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tracer.journal import Event, Journal
from tracer.model import Edge, Keys, Kind, Point, Span, Task, Trace

_WIRE = "TCP stream (http)"


@dataclass(slots=True)
class _Offer:
    """Something let go of, until somebody takes it."""

    source: Point
    name: str
    keys: Keys
    label: str


@dataclass(slots=True)
class _Builder:
    functions: list[Any]
    trace: Trace = field(default_factory=Trace)
    turns: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    parcels: dict[int, _Offer] = field(default_factory=dict)
    streams: dict[str, deque[tuple[str, _Offer]]] = field(default_factory=lambda: defaultdict(deque))
    calls: dict[tuple[str, int], _Offer] = field(default_factory=dict)
    readers: set[int] = field(default_factory=set)
    began: int = -1
    newest: int = 0

    def time(self, at: int) -> int:
        if self.began < 0:
            self.began = at
        return at - self.began

    def here(self, span: int, task: int) -> Point:
        """The turn that is going on there."""
        task = self.trace.spans[span].task if span else task
        return Point(span, task, self.turns[task])

    def receive(self, kind: Kind, offer: _Offer, span: int, task: int, at: int) -> Edge:
        """A new turn begins, caused by what was taken."""
        self.turns[self.here(span, task).task] += 1
        return self.edge(kind, offer, self.here(span, task), at)

    def edge(self, kind: Kind, offer: _Offer, target: Point, at: int) -> Edge:
        """What was let go of has arrived."""
        edge = Edge(kind, offer.name, offer.source, target, self.time(at), offer.label, offer.keys)
        edge.after = self.newest
        self.trace.edges.append(edge)
        return edge

    def task(self, number: int, member: str, name: str) -> None:
        self.trace.tasks[number] = Task(number, member, name)

    def begin(
        self,
        at: int,
        span: int,
        parent: int,
        task: int,
        function: int,
        args: dict[str, Any] | None,
        keys: Keys,
    ) -> None:
        here = self.here(parent, task)
        self.newest = span
        self.trace.spans[span] = Span(
            span,
            parent,
            here.task,
            here.turn,
            self.functions[function],
            self.time(at),
            args=args or {},
            keys=keys,
        )

    def end(self, at: int, span: int, result: Any) -> None:
        ended = self.trace.spans[span]
        ended.end, ended.last, ended.result = self.time(at), self.newest, result

    def fail(self, at: int, span: int, error: str) -> None:
        ended = self.trace.spans[span]
        ended.end, ended.last, ended.error = self.time(at), self.newest, error

    def put(self, at: int, span: int, task: int, parcel: int, name: str, keys: Keys, label: Any) -> None:
        self.parcels[parcel] = _Offer(self.here(span, task), name, keys, _text(label))

    def take(self, at: int, span: int, task: int, parcel: int, name: str) -> None:
        """A parcel let go of before the recording began gives a turn without a known cause."""
        offer = self.parcels.get(parcel)
        if offer is None:
            self.turns[self.here(span, task).task] += 1
        else:
            kind: Kind = "timer" if offer.source.task < 0 else "wait" if name.startswith("wait") else "chan"
            self.receive(kind, offer, span, task, at)

    def go(self, at: int, span: int, task: int, new: int) -> None:
        source, target = self.here(span, task), Point(0, new, 0)
        self.edge("spawn", _Offer(source, self.trace.tasks[new].name, None, ""), target, at)

    def encode(self, at: int, span: int, task: int, lane: str, text: str, keys: Keys, label: Any) -> None:
        self.streams[lane].append((text, _Offer(self.here(span, task), _WIRE, keys, _text(label))))

    def decode(self, at: int, span: int, task: int, lane: str, text: str) -> None:
        """Streams keep order: what was written before the message read, and not read, was lost on the way.

        The call that decodes has waited for the message since its last turn; it belongs to this one.
        """
        written = self.streams[lane]
        if text not in (each for each, _ in written):
            self.turns[self.here(span, task).task] += 1
        else:
            while written[0][0] != text:
                self.lose(written.popleft()[1])
            self.receive("wire", written.popleft()[1], span, task, at)
        reader = self.trace.spans.get(span)
        if reader is not None:
            reader.turn, reader.start = self.turns[reader.task], self.time(at)
            self.readers.add(span)

    def lose(self, offer: _Offer) -> None:
        """What was written and never read ends where it was written."""
        at = self.trace.spans[offer.source.span].start if offer.source.span in self.trace.spans else 0
        edge = Edge("wire", offer.name, offer.source, offer.source, at, offer.label, offer.keys, lost=True)
        self.trace.edges.append(edge)

    def call(self, at: int, span: int, task: int, call: str, leg: int, label: str) -> None:
        """Legs 0 and 2 leave, legs 1 and 3 arrive; a request that arrives is its handler's first cause."""
        if leg in (0, 2):
            self.calls[call, leg] = _Offer(self.here(span, task), "gRPC", None, label)
        elif offer := self.calls.get((call, leg - 1)):
            if leg == 3:
                self.receive("rpc", offer, span, task, at)
                return
            here = self.here(span, task)
            root = next((s for s in self.trace.spans.values() if (s.task, s.turn) == here[1:]), None)
            target = Point(root.id if root else 0, here.task, here.turn)
            self.edge("rpc", offer, target, at)

    def line(self, at: int, span: int, line: int, values: dict[str, Any]) -> None:
        ran = self.trace.spans[span]
        ran.lines.append((line, values))
        self.trace.ran.setdefault((self.trace.member(ran.task), ran.function), set()).add(line)

    def line_before(self, _: int, task: int, function: int, line: int) -> None:
        place = self.trace.member(task), self.functions[function]
        self.trace.ran.setdefault(place, set()).add(line)


def build(journal: Journal) -> Trace:
    """The graph of everything that ``journal`` tells."""
    builder = _Builder(journal.functions)
    steps: dict[str, Callable[..., None]] = {
        "T": builder.task,
        "S": builder.begin,
        "R": builder.end,
        "U": builder.fail,
        ">": builder.put,
        "<": builder.take,
        "G": builder.go,
        "E": builder.encode,
        "D": builder.decode,
        "C": builder.call,
        "L": builder.line,
        "l": builder.line_before,
    }
    for event in journal.events:
        _apply(steps, event)
    for written in builder.streams.values():
        for _, offer in written:
            builder.lose(offer)
    trace = builder.trace
    reading = {trace.spans[span].function for span in builder.readers}
    spans = [s for s in trace.spans.values() if s.function not in reading or s.id in builder.readers]
    trace.spans = {span.id: span for span in sorted(spans, key=lambda span: (span.start, span.id))}
    return trace


def _apply(steps: dict[str, Callable[..., None]], event: Event) -> None:
    steps[event[0]](*event[1:])


def _text(label: Any) -> str:
    return "" if label is None else str(label)
