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
_TOLD = {
    "put_command_func": "01-command",
    "KV.do": "02-client",
    "KVClient.put": "03-grpc",
    "_kv_put_handler": "03-grpc",
    "V3Server.put": "04-server",
    "Node.propose": "05-propose",
    "Node.step_with_wait_option": "05-propose",
    "Raft.step": "07-raft-step",
    "step_leader": "08-step-leader",
    "new_ready": "09-ready",
    "WAL.sync": "11-wal",
    "Peer.send": "12-peers",
    "step_follower": "13-follower",
    "Raft.maybe_commit": "14-commit",
    "EtcdServer.apply_entry_normal": "15-apply",
    "StoreTxnWrite.put_": "16-mvcc",
    "BatchTx.commit_": "16-mvcc",
    "Header.fill": "17-reply",
    "SimplePrinter.put": "17-reply",
}
"""The page beside that of the whole which tells of the function at which a station is."""


def overview(trace: Trace, title: str, scenario: str, address: Callable[[Span], str], say: Words) -> str:
    """The stations, drawn: members, tasks in them, and what passes between them."""
    source = callgraph.dot(trace, story(trace, STATIONS, station), address, say)
    return callgraph.svg(source, title, scenario)


def words(trace: Trace) -> str:
    """The same as indented text."""
    terminal = Terminal(trace, story(trace, STATIONS, station), STATIONS, width=110, times=False)
    return "".join(f"    {line.plain}\n" for line in terminal.lines())


def stations(trace: Trace, say: Words, ours: page.Link, twins: page.Link) -> str:
    """The same as a table, with links to the pages of the put, to our source and to Go's."""

    def told(function: str, title: str) -> str:
        return f"[{title}]({_TOLD[function]}.md)" if function in _TOLD else title

    return page.stations(story(trace, STATIONS, station), map(say, _HEAD), told, ours, twins)


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
