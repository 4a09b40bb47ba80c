"""From a slice to a story: the turns in order, each with the calls worth telling, and what set it off.

At depth 1 only the stations are told, and a turn says by which channels it was reached from the last one
that was told; at depth 2 every traced call is; depth 3 is depth 2 with the lines that ran. Members that do
the same for the same reason are told once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum, auto

from tracer.model import CLIENT, DIED, Edge, Span, Trace
from tracer.slice import Turn


class Often(Enum):
    """How many times a station is worth telling."""

    EACH = auto()
    MEMBER = auto()
    STORY = auto()


type Title = Callable[[Span], tuple[str, Often]]


@dataclass(slots=True)
class Row:
    """One call in the story; ``times`` if it stands for several in a row."""

    span: Span
    depth: int
    title: str = ""
    times: int = 1


@dataclass(slots=True)
class Section:
    """A turn: whose it is, what set it off (the way from the last turn that was told), and its calls."""

    turn: Turn
    members: list[str]
    task: str
    start: int
    rows: list[Row] = field(default_factory=list)
    via: list[Edge] = field(default_factory=list)
    leaving: list[Edge] = field(default_factory=list)
    critical: bool = False
    later: bool = False


@dataclass(slots=True, frozen=True)
class View:
    """What to tell: how deep, whose, and of which files."""

    depth: int = 1
    member: str = ""
    module: str = ""


def story(trace: Trace, view: View, title: Title) -> list[Section]:
    """The sections of ``trace`` in the order they began, followers that do the same folded into one."""
    wanted = [span for span in trace.spans.values() if _wanted(trace, span, view)]
    rows = _stations(trace, wanted, title) if view.depth == 1 else _all(trace, wanted)
    sections = _sections(trace, rows)
    _connect(trace, sections)
    return _merge(_join(sections), trace)


def stations(trace: Trace, title: Title) -> dict[int, str]:
    """The spans that are stations, each with its title, as often as it is worth telling."""
    return {row.span.id: row.title for row in _stations(trace, trace.spans.values(), title)}


def _wanted(trace: Trace, span: Span, view: View) -> bool:
    module = f".{span.function.file.removesuffix('.py').replace('/', '.')}."
    named = not view.module or f".{view.module}." in module
    return view.member in ("", trace.member(span.task)) and named


def _stations(trace: Trace, spans: Iterable[Span], title: Title) -> list[Row]:
    """The first call of each station: in each turn, in each member or in the story, as it says."""
    seen: set[tuple[object, ...]] = set()
    rows = []
    for span in spans:
        name, often = title(span)
        places = {Often.EACH: (span.task, span.turn), Often.MEMBER: trace.member(span.task), Often.STORY: ""}
        place = places[often]
        if name and (name, place) not in seen:
            seen.add((name, place))
            rows.append(Row(span, 0, name))
    return rows


def _all(trace: Trace, spans: Iterable[Span]) -> list[Row]:
    """Every call, as deep as it stands in its turn; a call repeated, without calls of its own, once."""
    rows: list[Row] = []
    depths: dict[int, int] = {}
    parents = {span.parent for span in trace.spans.values()}
    for span in spans:
        parent = trace.spans.get(span.parent)
        inside = parent is not None and parent.id in depths and parent.turn == span.turn
        depth = depths[span.id] = depths[span.parent] + 1 if inside else 0
        last = rows[-1] if rows else None
        if last and span.id not in parents and _same(last, span, depth):
            last.times += 1
        else:
            rows.append(Row(span, depth))
    return rows


def _same(row: Row, span: Span, depth: int) -> bool:
    same = (row.span.function, row.span.task, row.span.turn, row.span.parent)
    return row.depth == depth and same == (span.function, span.task, span.turn, span.parent)


def _sections(trace: Trace, rows: Iterable[Row]) -> list[Section]:
    sections: dict[Turn, Section] = {}
    for row in rows:
        turn = (row.span.task, row.span.turn)
        if turn not in sections:
            task = trace.tasks[turn[0]]
            sections[turn] = Section(turn, [task.member], task.name, row.span.start)
        sections[turn].rows.append(row)
    return sorted(sections.values(), key=lambda section: section.start)


def _connect(trace: Trace, sections: list[Section]) -> None:
    """Tell each section by which way the last told one reached it, and what it lets go of."""
    told = {section.turn for section in sections}
    into: dict[Turn, Edge] = {}
    for edge in trace.edges:
        target = (edge.target.task, edge.target.turn)
        is_cause = edge.source.task != edge.target.task or edge.kind == "call"
        if is_cause and not (target in into and edge.later):
            into.setdefault(target, edge)
    awaited = _awaited(trace)
    for section in sections:
        section.via = _way(into, told, section.turn)
        section.critical = bool(section.via) and section.via[-1].critical
        section.later = section.turn not in awaited or any(edge.later for edge in section.via)
        section.leaving = [e for e in trace.edges if (e.source.task, e.source.turn) == section.turn]


def _awaited(trace: Trace) -> set[Turn]:
    """The turns without which there would be no answer, or no such end: what leads to a client's turn.

    Where something happened that no client asked for, also what leads to the end of that.
    """
    sources: dict[Turn, list[Turn]] = {}
    for edge in trace.edges:
        source = (edge.source.task, edge.source.turn)
        sources.setdefault((edge.target.task, edge.target.turn), []).append(source)
    found: set[Turn] = set()
    ahead = [turn for turn in trace.by_turn() if trace.member(turn[0]) == CLIENT]
    # Who died cannot say what its work led to: what had been done by then is what the others went on from.
    died = max((span.end or 0 for span in trace.spans.values() if span.error == DIED), default=0)
    ahead += [(span.task, span.turn) for span in trace.spans.values() if span.start < died]
    ahead += [(edge.target.task, edge.target.turn) for edge in trace.edges if edge.critical]
    while ahead:
        turn = ahead.pop()
        if turn not in found:
            found.add(turn)
            ahead += sources.get(turn, [])
    return found


def _way(into: dict[Turn, Edge], told: set[Turn], turn: Turn) -> list[Edge]:
    way: list[Edge] = []
    seen = {turn}
    while edge := into.get(turn):
        way.insert(0, edge)
        turn = (edge.source.task, edge.source.turn)
        if turn in told or turn in seen:
            return way
        seen.add(turn)
    return way


def _join(sections: list[Section]) -> list[Section]:
    """A turn that began for another reason only goes on with what the last one of its task left to do."""
    joined: list[Section] = []
    for section in sections:
        before = next((s for s in reversed(joined) if s.turn[0] == section.turn[0]), None)
        if before is not None and all(edge.kind == "call" for edge in section.via):
            before.rows += section.rows
            before.leaving += section.leaving
        else:
            joined.append(section)
    return joined


def _kinds(span: Span) -> list[str]:
    """Of each argument the first word: which message it is, but not from whom to whom."""
    return [value.split(" ")[0] for value in span.args.values() if isinstance(value, str)]


def _merge(sections: list[Section], trace: Trace) -> list[Section]:
    """Members of one role that do the same are told once, where the first did it."""
    merged: dict[tuple[object, ...], Section] = {}
    for section in sections:
        member = section.members[0]
        role = trace.members.get(member, member) if member != CLIENT else CLIENT
        steps = tuple((row.span.function.name, row.depth, *_kinds(row.span)) for row in section.rows)
        signature = (role, section.task, steps)
        first = merged.get(signature)
        if first is not None and member not in first.members and role != "leader":
            if member < min(first.members):
                first.rows = section.rows
            first.via = max(first.via, section.via, key=len)
            first.members.append(member)
            first.critical = first.critical or section.critical
            first.later = first.later and section.later
        else:
            merged[(*signature, member) if first is not None else signature] = section
    for section in merged.values():
        section.members.sort()
    return sorted(merged.values(), key=_place)


def _place(section: Section) -> tuple[bool, bool, list[str]]:
    """What led to the answer as it came; then what did not, as it follows from it, whoever was quicker."""
    by_timer = section.later and bool(section.via) and section.via[-1].kind == "timer"
    return (section.later, by_timer, section.members * section.later)
