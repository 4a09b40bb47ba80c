"""A story in the terminal: who, what, by which hand-off, how long; wide or narrow, coloured or plain.

Plain text says nothing that differs between two runs of the same code: no times.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from tracer import source
from tracer.fold import Row, Section, View
from tracer.model import CLIENT, Edge, Trace
from tracer.render.json import task_names

_COLOURS = ("cyan", "green", "magenta", "blue", "yellow", "red")
_WIDE = 100
_TITLE = 10
_LEGENDS = (
    ("what led to the end", "what did not lead to the end"),
    ("what the answer waited for", "what the answer did not wait for"),
    ("what an answer waited for", "what no answer waited for"),
)
"""What ⇓ means, and what comes after that; where no client asked, one did, or several."""


@dataclass(slots=True)
class Terminal:
    """Writes ``sections`` of ``trace`` for a terminal ``width`` columns wide."""

    trace: Trace
    sections: list[Section]
    view: View
    width: int = 80
    times: bool = True
    twins: bool = True
    """Whether to name the Go twins."""
    names: dict[int, str] = field(init=False)
    legend: tuple[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.names = task_names(self.trace)
        clients = sum(task.member == CLIENT for task in self.trace.tasks.values())
        self.legend = _LEGENDS[min(clients, 2)]

    def lines(self) -> Iterator[Text]:
        """The whole story."""
        yield self._headline()
        number = 0
        awaited = True
        for section in self.sections:
            if awaited and section.later:
                awaited = False
                yield Text()
                yield Text(self.legend[1], style="italic dim")
            yield Text()
            yield from self._head(section)
            for row in section.rows:
                number += 1
                yield from self._row(section, row, number)
            for edge in section.leaving:
                if edge.lost or (self.view.depth > 1 and edge.kind != "call"):
                    yield self._leaving(edge)
        if any(section.via for section in self.sections):
            yield Text()
            yield Text(f"⇓ {self.legend[0]}   ↓ what else came of it", style="dim")

    def _headline(self) -> Text:
        members = self.trace.members
        leader = next((name for name, role in members.items() if role == "leader"), "nobody")
        count = f"{len(members)} member" + "s" * (len(members) != 1)
        rest = f"   {count}, {leader} leads" if members else "   the client's half"
        if self.times and self._answered():
            rest += f" · {_time(self._answered() - self._began())}"
        command = Text(" ".join(self.trace.command) or "trace", style="bold")
        return Text.assemble(self._cut(command, cell_len(rest)), (rest, "dim"))

    def _began(self) -> int:
        return min((s.start for s in self.trace.spans.values()), default=0)

    def _answered(self) -> int:
        """When the last client had its answer."""
        return max(
            (s.end or 0 for s in self.trace.spans.values() if self.trace.member(s.task) == CLIENT), default=0
        )

    def _head(self, section: Section) -> Iterator[Text]:
        if section.via:
            way = " → ".join(channel(edge) for edge in section.via if edge.kind != "call") or "goes on"
            carried = section.via[-1].label if self.view.depth > 1 else ""
            text = Text(f"  {_arrow(section.critical)} {way}", "dim")
            yield self._cut(text.append(f"  {carried}".rstrip(), "italic"))
        head = Text(", ".join(section.members), style=f"bold {self._colour(section.members[0])}")
        head.append(f"  {self._lane(section)}", style="default not bold")
        if len(section.members) > 1:
            head.append("  each of them", style="dim")
        began = f"+{_time(section.start - self._began())}" if self.times else ""
        yield self._right(self._cut(head, 10 * bool(began)), began)

    def _lane(self, section: Section) -> str:
        """The task's name; of several handlers, or commands of the client, which one."""
        number = section.turn[0]
        one_of = section.task == "gRPC handler" or section.members == [CLIENT]
        return self.names[number] if one_of else section.task

    def _row(self, section: Section, row: Row, number: int) -> Iterator[Text]:
        left = Text("  ")
        if self.view.depth == 1:
            left.append(f"{number:>2} ", style="dim")
            left.append(f"{row.title:<{_TITLE}} ", style=f"{self._colour(section.members[0])}")
        else:
            left.append("  " * row.depth)
        span = row.span
        left.append(span.function.name, style="bold")
        left.append(f" ×{row.times}" * (row.times > 1), style="dim")
        left.append(f" shared by {span.shared}" * (span.shared > 1), style="bold yellow")
        left.append(_arguments(span.args), style="default")
        left.append(_outcome(span.result, span.error), style="red" if span.error else "green")
        duration = (span.end or span.start) - span.start
        took = _time(duration) if self.times and duration else ""
        indent = 5 + _TITLE if self.view.depth == 1 else 6 + 2 * row.depth
        yield from self._columns(left, span.function.go[0] if span.function.go else "", took, indent)
        if self.view.depth > 2:
            yield from (self._line(row, line, values) for line, values in span.lines)

    def _columns(self, left: Text, twin: str, took: str, indent: int) -> Iterator[Text]:
        if not self.twins:
            yield self._right(self._cut(left, 9 * bool(took)), took)
        elif self.width >= _WIDE:
            column = self.width // 2
            left.truncate(column - 2, overflow="ellipsis", pad=True)
            left.append("  ")
            left.append(_tail(twin, self.width - column - 9), style="dim")
            yield self._right(left, took)
        else:
            yield self._right(self._cut(left, 9 * bool(took)), took)
            yield Text(" " * indent + _tail(twin, self.width - indent - 1), style="dim")

    def _leaving(self, edge: Edge) -> Text:
        target = self.trace.tasks[edge.target.task]
        what = f"  {edge.label}" if edge.label else ""
        way = f"{_arrow(edge.critical)} {channel(edge)} → {target.member} {target.name}{what}"
        if edge.lost:
            way = f"✗ {channel(edge)}{what}, never read"
        return self._cut(Text(f"    {way}", style="red" if edge.lost else "dim"))

    def _line(self, row: Row, line: int, values: dict[str, Any]) -> Text:
        text = source.line_of(row.span.function, line)
        changed = "  ".join(f"{name}={value}" for name, value in values.items())
        left = Text("  " * (row.depth + 2))
        return self._cut(
            left.append(f"{line:>4} ", "dim").append(text).append(f"   {changed}", "italic cyan")
        )

    def _right(self, text: Text, right: str) -> Text:
        text.append(" " * max(1, self.width - text.cell_len - cell_len(right)))
        text.append(right, style="dim")
        text.rstrip()
        return text

    def _cut(self, text: Text, spare: int = 0) -> Text:
        text.truncate(self.width - spare, overflow="ellipsis")
        return text

    def _colour(self, member: str) -> str:
        if member == CLIENT:
            return "default"
        names = sorted(self.trace.members)
        return _COLOURS[names.index(member) % len(_COLOURS)] if member in names else "default"


def channel(edge: Edge) -> str:
    """What a reader should call the hand-off."""
    if edge.name.startswith("wait ch"):
        return "wait"
    return {"wire": "TCP stream", "timer": "timer"}.get(edge.kind, edge.name)


def _arrow(critical: bool) -> str:
    return "⇓" if critical else "↓"


def _arguments(args: dict[str, Any]) -> str:
    return "".join(f" {value}" for value in args.values() if value not in ("", None))


def _outcome(result: Any, error: str) -> str:
    if error:
        return f" ✗ {error}"
    return "" if result in (None, "") else f" → {result}"


def _tail(text: str, width: int) -> str:
    """The end of ``text``, which for a path and a symbol is the part that matters."""
    return text if cell_len(text) <= width else "…" + set_cell_size(text[-width + 1 :], width - 1)


def _time(nanoseconds: int) -> str:
    return f"{nanoseconds / 1e6:.1f} ms" if nanoseconds >= 100_000 else f"{nanoseconds / 1e3:.0f} µs"
