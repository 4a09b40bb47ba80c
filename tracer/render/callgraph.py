"""A story as a Graphviz graph: a box for each member, a lane in it for each task, arrows for the hand-offs.

The picture is meant to stand inside a page: every node and edge has an id that is the same from run to run,
and colours come from CSS variables, so that it follows the page's palette, light or dark.
"""

from __future__ import annotations

import html
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise

import graphviz

from tracer.fold import Section
from tracer.model import CLIENT, Span, Trace
from tracer.render.json import numbered
from tracer.render.page import Say
from tracer.render.terminal import channel

_FONT = "Helvetica,Arial,sans-serif"
HEAD = f"""digraph trace {{
  graph [fontname="{_FONT}", fontsize=11, bgcolor=transparent, ranksep=0.35, nodesep=0.25, newrank=true]
  node [shape=box, style="rounded,filled", fillcolor=white, fontname="{_FONT}", fontsize=10, height=0.3]
  edge [fontname="{_FONT}", fontsize=9, arrowsize=0.7]
"""
_STYLE = """<style>
.trace { --m: var(--trace-text, #1b1f24); --p: var(--trace-paper, #fff); --l: var(--trace-line, #8a939d);
  --a: var(--trace-accent, #b3261e) }
@media (prefers-color-scheme: dark) {
  .trace { --m: var(--trace-text, #e6e8eb); --p: var(--trace-paper, #1d2126);
    --a: var(--trace-accent, #ff8a80) }
}
.trace text { fill: var(--m) }
.trace .node :is(path, polygon) { fill: var(--p); stroke: var(--l) }
.trace .cluster :is(path, polygon) { fill: none; stroke: var(--l) }
.trace .edge path { stroke: var(--l) }
.trace .edge polygon { fill: var(--l); stroke: var(--l) }
.trace .critical path { stroke: var(--a); stroke-width: 2 }
.trace .critical polygon { fill: var(--a); stroke: var(--a) }
.trace .lost path { stroke-dasharray: 4 3 }
.trace .later { opacity: .65 }
</style>"""


_ENDS = re.compile(r'(<g id="[^"]*" class="edge[^"]*")>\n<title>(\w+)&#45;&gt;(\w+)</title>')
_NAME = re.compile(r"<title>\w+</title>\n")
_LINK = re.compile(r'<a (?:xlink:href="([^"]*)" )?xlink:title="([^"]*)">')
"""How Graphviz writes an arrow's ends, a node's name and a link: for us they are no titles that pop up."""

type Address = Callable[[Span], str]


def dot(trace: Trace, sections: list[Section], address: Address | None = None, say: Say = str.format) -> str:
    """The graph in Graphviz' own language; ``address`` is where a click on a call leads."""
    return HEAD + "".join(f"{line}\n" for line in _Graph(trace, sections, address, say).lines()) + "}\n"


def svg(source: str, title: str, scenario: str = "") -> str:
    """The picture of ``dot``, for a page. Raises graphviz.ExecutableNotFound without the program.

    ``title`` is for who does not see it; ``scenario`` what is to be played where a call is clicked.
    """
    text: str = graphviz.Source(source).pipe(format="svg", encoding="utf-8")
    text = text[text.index("<svg") :]
    head = f'<svg class="trace" role="group" aria-label="{html.escape(title)}"'
    head += f' data-scenario="{scenario}"' * bool(scenario)
    width = int(text.partition('width="')[2].partition("pt")[0]) * 4 // 3  # points to pixels
    text = re.sub(r'<svg width="\d+pt" height="\d+pt"', f'{head} style="--w: {width}px"', text, count=1)
    text = _LINK.sub(_link, _ENDS.sub(r'\1 data-from="\2" data-to="\3">', text))
    return re.sub(r"(<svg[^>]*>)", lambda match: match[1] + _STYLE, _NAME.sub("", text), count=1)


def _link(match: re.Match[str]) -> str:
    """An ``a`` that leads nowhere is none: it only holds the words that pop up."""
    link = f' xlink:href="{match[1]}" role="link"' * bool(match[1])
    return f"<a{link}><title>{match[2]}</title>"


class _Graph:
    def __init__(self, trace: Trace, sections: list[Section], address: Address | None, say: Say) -> None:
        self.trace, self.sections, self.address, self.say = trace, sections, address, say
        self.numbers = numbered(trace)
        self.ids: dict[tuple[int, int], str] = {}
        self.by_turn = {section.turn: section for section in sections}
        for section in sections:
            self.ids[section.turn] = f"t{len(self.ids) + 1}"

    def lines(self) -> Iterator[str]:
        members: dict[str, dict[str, list[Section]]] = defaultdict(lambda: defaultdict(list))
        for section in self.sections:
            members[", ".join(section.members)][section.task].append(section)
        for number, (member, tasks) in enumerate(members.items(), 1):
            yield f"  subgraph cluster_{number} {{ {attributes(label=self._title(member))}; style=rounded"
            for lane, (task, sections) in enumerate(tasks.items(), 1):
                yield f"    subgraph cluster_{number}_{lane} {{ {attributes(label=task)}; style=dashed"
                yield from (line for section in sections for line in self._nodes(section))
                yield from self._order(sections)
                yield "    }"
            yield "  }"
        yield from (line for section in self.sections for line in self._edges(section))

    def _title(self, member: str) -> str:
        names = member.split(", ")
        role = self.trace.members.get(names[0], "")
        told = self.say("{} ({}s)" if len(names) > 1 else "{} ({})", member, role)
        return member if member == CLIENT else told

    def _nodes(self, section: Section) -> Iterator[str]:
        """The calls of one turn, each under the one before."""
        later = " later" * section.later
        for number, row in enumerate(section.rows, 1):
            name = f"{self.ids[section.turn]}_{number}"
            label = f"{row.title}\\n" * bool(row.title) + row.span.function.name
            label += f"\\n{self.say('shared by {}', row.span.shared)}" * (row.span.shared > 1)
            tip = " ".join(row.span.function.go)
            link = {"URL": self.address(row.span)} if self.address else {}
            kinds = f"call call-{self.numbers[row.span.id]}{later}"
            yield f"      {name} [{attributes(id=name, label=label, tooltip=tip, class_=kinds, **link)}]"
            if number > 1:
                yield f"      {self.ids[section.turn]}_{number - 1} -> {name} [style=dotted, arrowhead=none]"

    def _order(self, sections: list[Section]) -> Iterator[str]:
        """A lane is read from top to bottom, also where one turn did not cause the next."""
        for before, after in pairwise(sorted(sections, key=lambda section: section.rows[0].span.id)):
            last = f"{self.ids[before.turn]}_{len(before.rows)}"
            yield f"      {last} -> {self.ids[after.turn]}_1 [style=invis]"

    def _edges(self, section: Section) -> Iterator[str]:
        """The way by which this turn was reached, and what was lost that it sent."""
        for number, edge in enumerate((edge for edge in section.leaving if edge.lost), 1):
            end = f"{self.ids[section.turn]}_lost_{number}"
            looks = {"label": "✗", "tooltip": edge.label, "shape": "plaintext", "style": ""}
            yield f"  {end} [{attributes(id=end, **looks)}]"
            source = f"{self.ids[section.turn]}_{self._row(section, edge.source.span)}"
            yield f"  {source} -> {end} [{attributes(label=channel(edge), class_='handoff lost')}]"
        if not section.via:
            return
        first = section.via[0].source
        origin = self.by_turn.get((first.task, first.turn)) or self._twin_of(first.task, first.turn)
        if origin is None:
            return
        source, target = (
            f"{self.ids[origin.turn]}_{self._row(origin, first.span)}",
            f"{self.ids[section.turn]}_1",
        )
        label = "\\n".join(channel(edge) for edge in section.via if edge.kind != "call")
        kinds = "handoff" + " critical" * section.critical + " later" * section.later
        name = f"{source}-{target}"
        yield f"  {source} -> {target} [{attributes(id=name, label=label, class_=kinds)}]"

    def _twin_of(self, task: int, turn: int) -> Section | None:
        """The section that tells what this turn did too: members that do the same are told once."""
        member, name = self.trace.tasks[task].member, self.trace.tasks[task].name
        told = [s for s in self.sections if s.task == name and member in s.members]
        return told[-1] if told else None

    def _row(self, section: Section, span: int) -> int:
        """Where in its turn the hand-off happened: at the last call told that was made by then."""
        before = [n for n, row in enumerate(section.rows, 1) if row.span.id <= span]
        return before[-1] if before else len(section.rows)


def attributes(**values: str) -> str:
    """What stands in brackets behind a node or an arrow."""
    return ", ".join(f'{name.rstrip("_")}="{_escape(value)}"' for name, value in values.items())


def _escape(text: str) -> str:
    return text.replace('"', '\\"')
