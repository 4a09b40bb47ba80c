"""One turn of a task, drawn: what set it off, what it called in which order, and what it let go of.

Turns are what a walk through a trace is made of: the calls between two receives of one task. A call stands
below the one before it and to the right of its caller, so that order and depth can be read at once, which a
graph laid out by a program does not promise.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tracer.model import Edge, Function, Span, Trace
from tracer.render.json import numbered
from tracer.render.page import Say
from tracer.render.terminal import channel

_ROW, _STEP, _LEFT, _TOP, _WIDTH = 26, 24, 16, 14, 700
_LONGEST = 38


@dataclass(slots=True)
class _Call:
    """A call that is shown: how deep, how often, and what it let go of."""

    span: Span
    depth: int
    times: int = 1
    gives: list[Edge] = field(default_factory=list)


class Turn:
    """The turn of ``trace`` in which ``span`` was called: ``depth`` calls deep, and all on the way to it.

    ``prefix`` goes before every id; ``address`` is where to read a function.
    """

    def __init__(
        self,
        trace: Trace,
        span: Span,
        depth: int,
        prefix: str,
        address: Callable[[Function], str],
        say: Say = str.format,
    ) -> None:
        self.trace, self.span, self.prefix, self.address, self.say = trace, span, prefix, address, say
        here = (span.task, span.turn)
        passed = [e for e in trace.edges if e.source.task != e.target.task and e.kind != "call"]
        self.into = [edge for edge in passed if edge.target[1:] == here]
        self.last: list[Edge] = []
        self.calls = self._chosen([s for s in trace.spans.values() if (s.task, s.turn) == here], depth)
        self._give([edge for edge in passed if edge.source[1:] == here])
        self.numbers = numbered(trace)
        self.ids = {call.span.id: f"{prefix}_{number}" for number, call in enumerate(self.calls, 1)}

    def shown(self) -> set[str]:
        """The functions that it shows."""
        return {call.span.function.name for call in self.calls}

    def svg(self, title: str, scenario: str = "") -> str:
        """The picture, for a page; ``scenario`` is what is to be played where a call is clicked."""
        lines = list(self._lines())
        height = _TOP + _ROW * (1 + len(self.into) + len(self.last) + sum(self._rows(c) for c in self.calls))
        played = f'data-scenario="{scenario}" ' * bool(scenario)
        head = (
            f'<svg class="trace turn" role="group" aria-label="{html.escape(title)}" {played}'
            f'viewBox="0 0 {_WIDTH} {height}" xmlns="http://www.w3.org/2000/svg">\n'
        )
        return head + "".join(f"{line}\n" for line in lines) + "</svg>\n"

    def who(self) -> str:
        """Whose turn it is."""
        return self._who(self.span.task)

    def words(self) -> str:
        """The same as a Markdown list."""
        return "\n".join(self._words())

    def _chosen(self, own: list[Span], depth: int) -> list[_Call]:
        """The calls to show; the same called again by the same is shown once."""
        way = self._way()
        calls: dict[int, _Call] = {}
        merged: dict[tuple[int, str], _Call] = {}
        for span in own:
            above = calls.get(span.parent)
            level = above.depth + 1 if above else 1
            again = merged.get((span.parent, span.function.name))
            if again:
                again.times += 1
            elif (above or not self._inside(span)) and (
                level <= depth or span.id in way or span.parent == self.span.id
            ):
                calls[span.id] = merged[span.parent, span.function.name] = _Call(span, level)
        return list(calls.values())

    def _inside(self, span: Span) -> bool:
        parent = self.trace.spans.get(span.parent)
        return parent is not None and (parent.task, parent.turn) == (span.task, span.turn)

    def _way(self) -> set[int]:
        """The call that it is about, and those it was made from."""
        way, span = set[int](), self.trace.spans.get(self.span.id)
        while span is not None:
            way.add(span.id)
            span = self.trace.spans.get(span.parent)
        return way

    def _give(self, out: list[Edge]) -> None:
        """Put each hand-off to the innermost call shown that made it; the same to the same counts once."""
        shown = {call.span.id: call for call in self.calls}
        seen: set[tuple[str, str]] = set()
        for edge in out:
            span = edge.source.span
            while span and span not in shown:
                above = self.trace.spans.get(span)
                span = above.parent if above else 0
            gives = shown[span].gives if span else self.last
            if (edge.name, self._who(edge.target.task)) not in seen:
                seen.add((edge.name, self._who(edge.target.task)))
                gives.append(edge)

    def _who(self, task: int) -> str:
        lane = self.trace.tasks[task]
        return f"{lane.member} · {lane.name}"

    def _rows(self, call: _Call) -> int:
        return 1 + len(call.gives)

    def _lines(self) -> Iterator[str]:
        y = _TOP
        for number, edge in enumerate(self.into, 1):
            name = f"{self.prefix}_i{number}"
            yield self._hand_off(name, (name, self.prefix), edge, _LEFT, y)
            y += _ROW
        who = html.escape(self.who())
        yield f'<text id="{self.prefix}" class="task" x="{_LEFT}" y="{y + 5}">{who}</text>'
        stems = {0: y + 10}
        for call in self.calls:
            y += _ROW
            x = _LEFT + _STEP * call.depth
            yield self._stem(x, stems[call.depth - 1], y)
            yield self._call(call, x, y)
            stems[call.depth] = y + 9
            for count, edge in enumerate(call.gives, 1):
                y += _ROW
                above = self.ids[call.span.id]
                yield self._hand_off(f"{above}_o{count}", (above, ""), edge, x + _STEP, y)
        for number, edge in enumerate(self.last, 1):
            y += _ROW
            yield self._hand_off(f"{self.prefix}_o{number}", (self.prefix, ""), edge, _LEFT + _STEP, y)

    def _stem(self, x: int, top: int, y: int) -> str:
        return f'<path class="stem" d="M{x - _STEP + 7} {top} V{y} H{x - 4}" />'

    def _call(self, call: _Call, x: int, y: int) -> str:
        span, function = call.span, call.span.function
        times = f" ×{call.times}" * (call.times > 1)
        result = f"  {_short(outcome)}" if (outcome := _outcome(span)) else ""
        kinds = f"call call-{self.numbers[span.id]}" + " this" * (span.id == self.span.id)
        above = self.ids.get(span.parent, self.prefix)
        address = html.escape(self.address(function))
        return (
            f'<a id="{self.ids[span.id]}" class="{kinds}" data-from="{above}" '
            f'xlink:href="{address}" role="link">'
            f"<title>{html.escape(' '.join(function.go))}</title>"
            f'<text x="{x}" y="{y + 5}"><tspan class="name">{html.escape(function.name)}</tspan>{times}'
            f'<tspan class="result">{html.escape(result)}</tspan></text></a>'
        )

    def _hand_off(self, name: str, ends: tuple[str, str], edge: Edge, x: int, y: int) -> str:
        """``ends`` are what it joins: the second is empty if it leads away."""
        into, critical = bool(ends[1]), " critical" * edge.critical
        who = self._who((edge.source if into else edge.target).task)
        words = self.say("{} from {}" if into else "{} to {}", channel(edge), who)
        label = f"   {_short(edge.label)}" if edge.label else ""
        to = f' data-to="{ends[1]}"' * into
        down, right = f"M{x} {y - 6} V{y + 4} m-4 -5 l4 6 l4 -6", f"M{x} {y} H{x + 16} m-6 -4 l7 4 l-7 4"
        return (
            f'<g id="{name}" class="handoff{critical}" data-from="{ends[0]}"{to}>'
            f'<path d="{down if into else right}" />'
            f'<text x="{x + 24}" y="{y + 4}">{html.escape(words)}'
            f'<tspan class="label">{html.escape(label)}</tspan></text></g>'
        )

    def _words(self) -> Iterator[str]:
        for edge in self.into:
            yield "- " + self._moved("{} brings {} from {}", edge, edge.source.task)
        for call in self.calls:
            inner = "    " * (call.depth - 1)
            yield f"{inner}- `{call.span.function.name}` {_outcome(call.span)}".rstrip()
            yield from (f"{inner}    - {self._taken(edge)}" for edge in call.gives)
        yield from (f"- {self._taken(edge)}" for edge in self.last)

    def _taken(self, edge: Edge) -> str:
        return self._moved("{} takes {} to {}", edge, edge.target.task)

    def _moved(self, how: str, edge: Edge, task: int) -> str:
        return self.say(how, channel(edge), edge.label or self.say("nothing"), self._who(task))


def _outcome(span: Span) -> str:
    """What a call returned or raised; empty if it has nothing to tell."""
    if span.error:
        return f"✗ {span.error}"
    return "" if span.result in (None, "") else f"→ {span.result}"


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
