"""From all that was seen to what served one request: control flow where it can tell, keys where it cannot.

A turn serves a request if the item that caused it is about the request, or is about nothing in particular and
was let go of in a turn that serves it. What is about *others* is not followed, whoever handed it on: that is
how a batch is split. A turn that began for another reason may still have worked on the request, or sent off
what is about it (the loop that gathers work while it is busy); of such a turn the neutral steps are kept.

Not all that happens was asked for by a client. An election is known by its term, a member's catching up by
entries that are sent again, or by a snapshot. Of these it is also told what led up to them: a timer's tick.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain

from tracer.model import CLIENT, Edge, Key, Keys, Point, Span, Trace

type Turn = tuple[int, int]

_UP_TO = {"ack", "commit"}
"""Keys that mean every entry up to an index."""


@dataclass(slots=True, frozen=True)
class Rules:
    """What the graph alone does not know: causes that wait in memory rather than in a channel."""

    completes: Mapping[str, str] = field(default_factory=dict)
    """Go name of the step that completes a quorum (unless its result is false), and what to call the wait."""
    counts: frozenset[str] = frozenset()
    """Go names of the steps that count towards it."""
    later: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Task that finishes work on a timer: Go name of the step it finishes, and of the one that does it."""
    makes: str = ""
    """Go name of the step that makes a message."""
    ends: frozenset[str] = frozenset()
    """Go names of the steps with which what no client asked for has come to its end."""

    def names(self) -> set[str]:
        """Every Go name in these rules."""
        later = chain.from_iterable(self.later.values())
        return {*filter(None, [self.makes]), *self.completes, *self.counts, *self.ends, *later}


def requests(trace: Trace) -> dict[int, str]:
    """The client's tasks that called the cluster (or, without calls, every one), by number and name."""
    clients = {number: task.name for number, task in trace.tasks.items() if task.member == CLIENT}
    calling = {edge.source.task for edge in trace.edges if edge.kind == "rpc"}
    found = {n: name for n, name in clients.items() if n in calling}
    return found if found or unasked(trace) else clients


def unasked(trace: Trace) -> list[Key]:
    """What happened without a client's asking: elections, and what was sent to a member that missed it."""
    old = max((state.get("log", 0) for state in trace.states.values()), default=0)
    found: dict[Key, None] = {}
    for edge in trace.edges:
        for key in edge.keys or ():
            kind, number, _ = key
            again = edge.kind == "wire" and kind == "entry" and number <= old
            if again or kind == "snap" or (kind == "req" and number < 0):
                found[key] = None
    return list(found)


def slice(trace: Trace, wanted: Iterable[int], rules: Rules | None = None, keys: Iterable[Key] = ()) -> Trace:
    """The part of ``trace`` that served the requests of the client tasks ``wanted``, or is about ``keys``."""
    return _Slicer(trace, set(wanted), rules or Rules(), frozenset(keys)).run()


@dataclass(slots=True)
class _Slicer:
    trace: Trace
    wanted: set[int]
    rules: Rules
    roots: frozenset[Key]
    keys: set[Key] = field(default_factory=set)
    reached: set[Turn] = field(default_factory=set)
    emitting: set[Turn] = field(default_factory=set)
    sources: dict[int, int] = field(default_factory=dict)
    """For an edge that led up to a root: the turn it comes from, if not the one in which it was handed on."""
    leading: set[Turn] = field(default_factory=set)
    """The turns that led up to the roots, and are about nothing in particular."""
    taken: set[int] = field(default_factory=set)
    extra: list[Edge] = field(default_factory=list)
    by_turn: dict[Turn, list[Span]] = field(default_factory=dict)
    news: dict[int, tuple[int, int]] = field(default_factory=dict)
    """For an edge that says "up to": what its lane had said before, and what it says now."""
    foreign: set[int] = field(default_factory=set)
    born: dict[Key, Turn] = field(default_factory=dict)

    def run(self) -> Trace:
        self.by_turn = self.trace.by_turn()
        self.foreign = self._foreign_tasks()
        self._read_lanes()
        self._find_births()
        turns = {(e.source.task, e.source.turn) for e in self.trace.edges} | set(self.by_turn)
        turns |= {(e.target.task, e.target.turn) for e in self.trace.edges}
        self.reached = {turn for turn in turns if turn[0] in self.wanted}
        self.keys |= self.roots
        while self._grow():
            pass
        self._lead_up()
        self._add_later()
        return self._result()

    def _grow(self) -> bool:
        before = (len(self.keys), len(self.reached), len(self.taken))
        for key, turn in self.born.items():
            known = turn in self.reached or ("req", key[2], 0) in self.roots
            if known and key[0] not in _UP_TO:
                self._learn(key)
        for span in self.trace.spans.values():
            if any(key[0] not in _UP_TO and self._matches(key) for key in span.keys or ()):
                self.emitting.add((span.task, span.turn))
        for number, edge in enumerate(self.trace.edges):
            if number not in self.taken and self._follows(number, edge):
                self._take(number, edge)
        return before != (len(self.keys), len(self.reached), len(self.taken))

    def _lead_up(self) -> None:
        """Walk back from the first message about each root to what no message led to."""
        causes = {(e.target.task, e.target.turn): n for n, e in enumerate(self.trace.edges)}
        first: dict[Key, int] = {}
        for number in sorted(self.taken):
            edge = self.trace.edges[number]
            for key in self._named(edge.keys) & self.roots if edge.kind == "wire" else ():
                first.setdefault(key, number)
        for number in dict.fromkeys(first.values()):
            self._walk_up(causes, number)

    def _walk_up(self, causes: dict[Turn, int], number: int | None) -> None:
        """A message may have waited until the turn that hands it on: it comes from where it was made."""
        message, seen = "", set[int]()
        while number is not None and number not in seen:
            seen.add(number)
            self.taken.add(number)
            edge = self.trace.edges[number]
            message = edge.label if edge.kind == "wire" else message
            turn = (edge.source.task, self._made(edge.source, message))
            if turn[1] != edge.source.turn:
                self.sources[number] = turn[1]
            if turn not in self.reached:
                self.reached.add(turn)
                self.leading.add(turn)
            number = causes.get(turn)

    def _made(self, at: Point, message: str) -> int:
        for turn in range(at.turn, -1, -1):
            for span in self.by_turn.get((at.task, turn), ()):
                if self._is(span, self.rules.makes) and message in span.args.values():
                    return turn
        return at.turn

    def _named(self, keys: Keys) -> set[Key]:
        """These, and what the entries among them belong to."""
        return {*(keys or ()), *(("req", request, 0) for kind, _, request in keys or () if kind == "entry")}

    def _learn(self, key: Key) -> None:
        """An entry belongs to the request it names; one that names none was nobody's."""
        kind, number, request = key
        if kind == "entry" and ("req", request, 0) not in self.keys:
            return
        self.keys.add((kind, number, request))

    def _follows(self, number: int, edge: Edge) -> bool:
        if edge.target.task in self.foreign:
            return False
        if edge.keys is None:
            source = (edge.source.task, edge.source.turn)
            return source in self.reached and not self._about_others(edge.source.span)
        return any(self._matches(key, number) for key in edge.keys)

    def _take(self, number: int, edge: Edge) -> None:
        self.taken.add(number)
        self.reached.add((edge.target.task, edge.target.turn))
        source = (edge.source.task, edge.source.turn)
        if source not in self.reached:
            self.emitting.add(source)

    def _matches(self, key: Key, edge: int | None = None) -> bool:
        """Whether ``key`` is about the request; "up to" counts only where it says so for the first time."""
        kind, number, request = key
        if kind in _UP_TO:
            low, high = self.news.get(edge, (0, 0)) if edge is not None else (0, number)
            return any(low < index <= high for index in self._indexes())
        return key in self.keys or (kind == "entry" and ("req", request, 0) in self.keys)

    def _indexes(self) -> list[int]:
        return [number for kind, number, _ in self.keys if kind in ("entry", "snap")]

    def _about_others(self, span: int) -> bool:
        """Whether the call, or one it was made from, is about other requests alone."""
        while span in self.trace.spans:
            call = self.trace.spans[span]
            keys = (call.keys or None) if (call.task, call.turn) in self.leading else call.keys
            if keys is not None and not any(self._matches(key) for key in keys):
                return True
            span = call.parent
        return False

    def _foreign_tasks(self) -> set[int]:
        """Other clients, and the handlers that answer only them."""
        others = {n for n, task in self.trace.tasks.items() if task.member == CLIENT} - self.wanted
        served = defaultdict(set)
        for edge in self.trace.edges:
            if edge.kind == "rpc" and edge.source.task not in served:
                served[edge.target.task].add(edge.source.task)
        return others | {task for task, clients in served.items() if clients <= others}

    def _read_lanes(self) -> None:
        """For each "up to" on its way from one task to another: how far the last one on that way had gone."""
        so_far: dict[tuple[str, int, int, str], int] = {}
        for number, edge in enumerate(self.trace.edges):
            for kind, index, _ in edge.keys or ():
                if kind in _UP_TO:
                    lane = (edge.name, edge.source.task, edge.target.task, kind)
                    known = so_far.get(lane, self._known_before(kind, edge))
                    low, high = self.news.get(number, (known, index))
                    self.news[number] = (min(low, known), max(high, index))
                    so_far[lane] = max(known, index)

    def _known_before(self, kind: str, edge: Edge) -> int:
        """How far a member had gone, and so had told or been told, when the recording began."""
        member = self.trace.member(edge.source.task if kind == "ack" else edge.target.task)
        known: int = self.trace.states.get(member, {}).get("log" if kind == "ack" else "commit", 0)
        return known

    def _find_births(self) -> None:
        """The turn in which each key is first seen."""
        for span in self.trace.spans.values():
            for key in span.keys or ():
                self.born.setdefault(key, (span.task, span.turn))
        for edge in self.trace.edges:
            for kind, _, request in edge.keys or ():
                if kind == "entry" and request:
                    self.born.setdefault(("req", request, 0), (edge.source.task, edge.source.turn))
        for kind, number, request in list(self.born):
            if kind == "entry" and ("req", request, 0) in self.born:
                self.born[kind, number, request] = self.born["req", request, 0]

    def _add_later(self) -> None:
        """What a timer finishes after the answer: the first run of it after each step it finishes."""
        for name, (step, finish) in self.rules.later.items():
            for member in self.trace.members or {task.member for task in self.trace.tasks.values()}:
                done = [s for s in self._kept() if self._is(s, step) and self.trace.member(s.task) == member]
                if done:
                    self._add_finish(done[-1], name, finish, member)

    def _add_finish(self, done: Span, name: str, finish: str, member: str) -> None:
        lane = (member, name)
        for span in self.trace.spans.values():
            task = self.trace.tasks[span.task]
            if (task.member, task.name) == lane and span.start > (done.end or 0) and self._is(span, finish):
                source, target = (Point(s.id, s.task, s.turn) for s in (done, span))
                self.extra.append(Edge("timer", "batch interval", source, target, span.start, later=True))
                self.reached.add((span.task, span.turn))
                return

    def _is(self, span: Span, go: str) -> bool:
        return go in span.function.go

    def _kept(self) -> list[Span]:
        turns = self.reached | self.emitting
        spans = self.trace.spans.values()
        return [s for s in spans if (s.task, s.turn) in turns and not self._about_others(s.id)]

    def _result(self) -> Trace:
        edges = [self._decided(number) for number in sorted(self.taken)]
        spans = {span.id: replace(span) for span in self._kept()}
        self._count_shared(spans)
        result = replace(self.trace, spans=spans, edges=edges + self.extra + self._go_on())
        result.edges += self._quorums(result)
        result.edges.sort(key=lambda edge: edge.at)
        self._mark_critical(result)
        used = {s.task for s in spans.values()} | {p.task for e in result.edges for p in (e.source, e.target)}
        result.tasks = {number: task for number, task in self.trace.tasks.items() if number in used}
        return result

    def _count_shared(self, spans: dict[int, Span]) -> None:
        """A call serves as many requests as its own keys name, or its caller's, or its turn's cause.

        An election is nobody's request; and where no client asked for anything, nothing is shared.
        """
        cause = self._causes()
        for span in spans.values() if self.wanted else ():
            parent = spans.get(span.parent)
            if served := self._served(span.keys):
                span.shared = served
            elif parent is not None and parent.turn == span.turn:
                span.shared = parent.shared
            elif (span.task, span.turn) in cause:
                number = cause[span.task, span.turn]
                span.shared = sum(each > 0 for each in self._about(number)) or 1

    def _served(self, keys: Keys) -> int:
        about = {request or number for kind, number, request in keys or () if kind in ("req", "entry")}
        return sum(each > 0 for each in about)

    def _about(self, edge: int) -> set[int]:
        """The requests (or reads) that an edge is about, in numbers."""
        low, high = self.news.get(edge, (0, 0))
        keys = self.trace.edges[edge].keys or ()
        found = {request or number for kind, number, request in keys if kind not in _UP_TO}
        return found | {r for k, index, r in self.born if k == "entry" and r and low < index <= high}

    def _quorums(self, result: Trace) -> list[Edge]:
        """The other causes of a decision: the votes that were counted in earlier turns of the same task."""
        edges: list[Edge] = []
        for span in result.spans.values():
            for go, name in self.rules.completes.items():
                if self._is(span, go) and self._completes(span):
                    edges += self._votes(result, span, name)
        return edges

    def _votes(self, result: Trace, last: Span, name: str) -> list[Edge]:
        earlier = {}
        for span in result.spans.values():
            if span.task == last.task and span.turn < last.turn and self.rules.counts & set(span.function.go):
                earlier[span.turn] = Point(span.id, span.task, span.turn)
        target = Point(last.id, last.task, last.turn)
        return [Edge("wait", name, source, target, last.start) for source in earlier.values()]

    def _completes(self, span: Span) -> bool:
        return span.result is not False and bool(self.rules.completes.keys() & set(span.function.go))

    def _decided(self, number: int) -> Edge:
        """What a loop lets go of may have been due since an earlier turn: then it comes from there."""
        edge = self.trace.edges[number]
        task, turn = edge.source.task, edge.source.turn
        if number in self.sources:
            turn = self.sources[number]
        elif (task, turn) in self.reached:
            turn = self._due(task, turn, self._about(number)) or turn
        return replace(edge, source=Point(edge.source.span, task, turn))

    def _go_on(self) -> list[Edge]:
        """A turn also goes on with what earlier ones of its task had left: it was begun for others alone."""
        mine = {number for kind, number, _ in self.keys if kind in ("req", "read")}
        cause = self._causes()
        edges = []
        for task, turn in sorted(self.emitting | self.reached):
            left = mine
            if (task, turn) in self.reached:
                begun = self._about(cause[task, turn]) if (task, turn) in cause else set()
                left = mine & self._worked_on((task, turn)) - begun if begun else set()
            due = self._due(task, turn - 1, left)
            if due is not None:
                began = [s.start for s in self.by_turn.get((task, turn), ())]
                sent = [e.at for e in self.trace.edges if (e.source.task, e.source.turn) == (task, turn)]
                ends = Point(0, task, due), Point(0, task, turn)
                edges.append(Edge("call", "goes on", *ends, min(began + sent)))
        return edges

    def _due(self, task: int, until: int, mine: set[int]) -> int | None:
        """The last turn of ``task`` that brought something about ``mine``.

        Once a quorum is complete, a further vote brings nothing.
        """
        due, settled = None, set[int]()
        for turn, about in sorted(self._begun(task, until).items()):
            completes = any(self._completes(span) for span in self.by_turn.get((task, turn), ()))
            if about & mine - settled or (completes and about & mine):
                due = turn
            if completes:
                settled |= about
        return due

    def _begun(self, task: int, until: int) -> dict[int, set[int]]:
        """The requests that each turn of ``task`` was begun for, or worked on."""
        found: dict[int, set[int]] = defaultdict(set)
        for number in self.taken:
            target = self.trace.edges[number].target
            if target.task == task and target.turn <= until:
                found[target.turn] |= self._about(number)
        for at, turn in self.emitting - self.reached:
            if at == task and turn <= until:
                found[turn] |= self._worked_on((at, turn))
        return {turn: about for turn, about in found.items() if about}

    def _worked_on(self, turn: Turn) -> set[int]:
        """The requests that the calls of ``turn`` name."""
        keys = [key for span in self.by_turn.get(turn, ()) for key in span.keys or ()]
        return {request or number for kind, number, request in keys if kind not in _UP_TO}

    def _causes(self) -> dict[Turn, int]:
        """What each turn was begun by, as a number of an edge."""
        edges = self.trace.edges
        return {(edges[n].target.task, edges[n].target.turn): n for n in sorted(self.taken)}

    def _mark_critical(self, result: Trace) -> None:
        """Walk back from the last answer: each turn's cause, or, if that was another's, the turn before."""
        ends = [edge for edge in result.edges if edge.target.task in self.wanted]
        for end in {edge.target.task: edge for edge in ends}.values():
            self._walk_back(result, (end.target.task, end.target.turn))
        if self.roots and (done := self._end(result)):
            self._walk_back(result, done)

    def _end(self, result: Trace) -> Turn | None:
        """Where it came to its end: on the member that knew of the quorum, or else the first to get there."""
        spans = result.spans.values()
        done = [span for span in spans if self.rules.ends & set(span.function.go)]
        deciders = {self.trace.member(span.task) for span in spans if self._completes(span)}
        there = [span for span in done if self.trace.member(span.task) in deciders] or done
        last = [span for span in there if span.task == there[0].task]
        return (last[-1].task, last[-1].turn) if last else None

    def _walk_back(self, result: Trace, turn: Turn) -> None:
        into: dict[Turn, Edge] = {}
        for edge in result.edges:
            if not edge.later and (edge.source.task != edge.target.task or edge.kind == "call"):
                into.setdefault((edge.target.task, edge.target.turn), edge)
        kept = sorted({(s.task, s.turn) for s in result.spans.values()} | set(into))
        seen: set[Turn] = set()
        while turn not in seen:
            seen.add(turn)
            if cause := into.get(turn):
                cause.critical = True
                turn = (cause.source.task, cause.source.turn)
            else:
                turn = max((t for t in kept if t[0] == turn[0] and t[1] < turn[1]), default=turn)
