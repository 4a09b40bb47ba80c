"""A recording as a whole: its overview drawn, its stations in a table, its tree, what is counted of it."""

from __future__ import annotations

from collections.abc import Callable

from tracer.fold import View, story
from tracer.model import Span, Trace
from tracer.pages import figures
from tracer.pages.words import Words
from tracer.render import callgraph, page
from tracer.render.terminal import Terminal
from tracer.stations import station

STATIONS, EVERY_CALL = View(1), View(2)
_HEAD = ("no.", "station", "who", "ours", "etcd's")


def overview(trace: Trace, title: str, scenario: str, address: Callable[[Span], str], say: Words) -> str:
    """The stations, drawn: members, tasks in them, and what passes between them."""
    source = callgraph.dot(trace, story(trace, STATIONS, station), address, say)
    return callgraph.svg(source, title, scenario)


def words(trace: Trace) -> str:
    """The same as indented text."""
    terminal = Terminal(trace, story(trace, STATIONS, station), STATIONS, width=110, times=False)
    return "".join(f"    {line.plain}\n" for line in terminal.lines())


def stations(trace: Trace, say: Words, ours: page.Link, twins: page.Link) -> str:
    """The same as a table, with links to our source and to Go's."""
    return page.stations(trace, story(trace, STATIONS, station), map(say, _HEAD), ours, twins)


def tree(trace: Trace) -> str:
    """Every call, as the terminal shows it."""
    terminal = Terminal(trace, story(trace, EVERY_CALL, station), EVERY_CALL, width=150)
    return page.terminal(terminal.lines())


def facts(trace: Trace, say: Words) -> str:
    """What was run, and how much of what served it."""
    asked = (figures.figure(trace, name) for name in ("members", "leader", "calls", "functions", "tasks"))
    return say(
        "`{}` was run while this page was built: {} members, {} leads. What served it: **{} calls** of {} "
        "functions in {} tasks, joined by **{} hand-offs**.",
        " ".join(trace.command),
        *asked,
        figures.figure(trace, "hand-offs"),
    )
