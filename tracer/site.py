"""``make docs``: run what the pages show, and write its pieces as files that the pages include.

Nothing on the site is typed by hand that the code can show; what is written here is thrown away and made
anew at each build.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import logging
import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from tracer import fidelity
from tracer.cluster import Cluster
from tracer.fold import Section, View, story
from tracer.model import Trace
from tracer.render import callgraph, json, page, player
from tracer.render.terminal import Terminal
from tracer.slice import requests, slice
from tracer.source import ROOT
from tracer.stations import RULES, mark, station

DOCS = ROOT / "docs"
UPSTREAM = ROOT / "tests" / "testdata" / "upstream"
PICTURE = DOCS / "assets" / "one-put.svg"
_SVG = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img">
<title>@title@</title>
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px; line-height: {line_height}px; font-variant-east-asian: full-width }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" /></clipPath>{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}<g class="{unique_id}-matrix">{matrix}</g></g>
</svg>
"""
"""Rich's own form of it fetches a font from elsewhere."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A command on a cluster, and the recording of the real etcd that it is compared with."""

    recording: str
    title: str
    members: int
    to: str
    words: tuple[str, ...]


SCENARIOS = (
    Scenario("put_single", "put, one member", 1, "leader", ("put", "foo", "bar")),
    Scenario("put_leader_3node", "put to the leader of three", 3, "leader", ("put", "foo", "bar")),
    Scenario("put_follower_3node", "put to a follower of three", 3, "follower", ("put", "foo", "bar")),
    Scenario("get_linearizable_3node", "linearizable get from three", 3, "leader", ("get", "foo")),
)
ONE_PUT = SCENARIOS[1]


async def record(scenario: Scenario) -> Trace:
    """The slice of one request, on a cluster that has served one before: connections are warm."""
    async with Cluster(scenario.members, lines=scenario is ONE_PUT) as cluster:
        await cluster.ctl("put", "foo", "before")
        await cluster.settle()
        seen = await cluster.record(cluster.ctl(*scenario.words, to=scenario.to))
    trace = mark(slice(seen, requests(seen), RULES))
    trace.command = scenario.words
    return trace


def main() -> None:
    """Write every piece, below ``--docs`` if not here; with ``--picture`` only the README's.

    Ends with one line when Graphviz is missing.
    """
    options = argparse.ArgumentParser(prog="tracer.site")
    options.add_argument("--docs", type=Path, default=DOCS)
    options.add_argument("--picture", action="store_true")
    asked = options.parse_args()
    if not shutil.which("dot"):
        sys.exit("make docs needs the program dot: install Graphviz (Debian: apt install graphviz)")
    logging.getLogger().addHandler(logging.NullHandler())
    if asked.picture:
        write_picture(asyncio.run(record(ONE_PUT)))
        return
    pieces, sources = asked.docs / "_generated", asked.docs / "source"
    played, traces_of = asked.docs / "assets" / "player", asked.docs / "assets" / "traces"
    for directory in (pieces, sources, played, traces_of):
        shutil.rmtree(directory, ignore_errors=True)
    player.write(played)
    traces = {scenario: asyncio.run(record(scenario)) for scenario in SCENARIOS}
    write_one_put(traces[ONE_PUT], pieces / "one_put")
    _write(traces_of / "one-put.json", json.dump(traces[ONE_PUT]))
    write_fidelity(traces, pieces / "fidelity.md")
    write_sources(traces.values(), sources)
    write_decisions(asked.docs / "decisions", pieces / "decisions.md")


def write_one_put(trace: Trace, directory: Path) -> None:
    """The graph, the stations, the tree, and a picture for whoever has no site."""
    stations = story(trace, View(1), station)
    with (UPSTREAM / "symbols-v3.4.23.txt").open() as symbols:
        lines = page.go_lines(symbols)
    pieces = {
        "graph.svg": callgraph.svg(callgraph.dot(trace, stations)),
        "graph.txt": _plain(trace, stations, View(1)),
        "stations.md": page.stations(trace, stations, lines),
        "facts.md": _facts(trace),
        "tree.html": page.terminal(
            Terminal(trace, story(trace, View(2), station), View(2), width=150).lines()
        ),
    }
    for name, text in pieces.items():
        _write(directory / name, text)


def _plain(trace: Trace, sections: list[Section], view: View) -> str:
    lines = Terminal(trace, sections, view, width=110, times=False).lines()
    return "".join(f"    {line.plain}\n" for line in lines)


def _facts(trace: Trace) -> str:
    tasks = {(span.task) for span in trace.spans.values()}
    functions = {span.function.name for span in trace.spans.values()}
    handoffs = [edge for edge in trace.edges if edge.kind != "call"]
    leader = next(name for name, role in trace.members.items() if role == "leader")
    return (
        f"`{' '.join(trace.command)}` was run while this page was built: {len(trace.members)} members, "
        f"{leader} leads. What served it: **{len(trace.spans)} calls** of {len(functions)} functions in "
        f"{len(tasks)} tasks, joined by **{len(handoffs)} hand-offs**.\n"
    )


def write_picture(trace: Trace, path: Path = PICTURE) -> None:
    """What the terminal shows, as a picture for the README."""
    console = Console(
        record=True, width=110, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    view = View(1)
    for line in Terminal(trace, story(trace, view, station), view, width=110).lines():
        console.print(line, soft_wrap=True)
    title = f"tracer {' '.join(trace.command)}"
    _write(
        path, console.export_svg(title=title, code_format=_SVG.replace("@title@", title), unique_id="one-put")
    )


def write_fidelity(traces: dict[Scenario, Trace], path: Path) -> None:
    """The scores, and what is missing or too much, each with its reason."""
    scores = {}
    for scenario, trace in traces.items():
        with (UPSTREAM / f"{scenario.recording}.jsonl").open() as lines:
            scores[scenario] = fidelity.compare(trace, fidelity.read(lines))
    rows = ["| | functions | order | channels |", "|---|--:|--:|--:|"]
    for scenario, score in scores.items():
        figures = " | ".join(f"{100 * part:.1f} %" for part in (score.functions, score.order, score.channels))
        rows.append(f"| {scenario.title} | {figures} |")
    text = "\n".join(rows) + "\n\n" + "".join(_differences(scores))
    _write(path, text)


def _differences(scores: dict[Scenario, fidelity.Score]) -> Iterable[str]:
    parts: dict[str, Callable[[fidelity.Score], list[str]]] = {
        "Functions of etcd's that have no span of ours": lambda score: score.missing,
        "Channels of etcd's that have no edge of ours": lambda score: score.missing_channels,
        "Hand-offs of ours that etcd does not make": lambda score: score.extra,
    }
    for title, part in parts.items():
        yield f"### {title}\n\n"
        found: dict[str, list[str]] = {}
        for scenario, score in scores.items():
            for name in part(score):
                found.setdefault(name, []).append(scenario.title)
        for name, where in sorted(found.items()):
            scope = "all four" if len(where) == len(scores) else ", ".join(where)
            yield f"- `{name}` ({scope}): {fidelity.REASONS.get(name, 'unexplained')}\n"
        yield "\n" if found else "None.\n\n"


def write_sources(traces: Iterable[Trace], directory: Path) -> None:
    """A page for every file that a trace passes through, so that links have somewhere to go."""
    files = sorted({span.function.file for trace in traces for span in trace.spans.values()})
    for name in files:
        text = (ROOT / name).read_text(encoding="utf-8")
        head = "---\nsearch:\n  exclude: true\nhide: [toc]\n---\n"
        body = f"# `{name}`\n\n~~~~ {{ .python linenums=1 }}\n{text}~~~~\n"
        _write(directory / name.replace(".py", ".md"), head + body)


def write_decisions(directory: Path, path: Path) -> None:
    """A list of the decisions, by number."""
    pages = sorted(directory.glob("[0-9]*.md"))
    titles = [page.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ") for page in pages]
    items = (f"- [{title}]({page.name})\n" for title, page in zip(titles, pages, strict=True))
    _write(path, "".join(items))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
