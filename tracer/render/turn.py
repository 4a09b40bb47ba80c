"""One turn of a task as a Graphviz graph: what set it off, what it called, and what it let go of.

Turns are what a walk through a trace is made of: the calls between two receives of one task.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tracer.model import Edge, Function, Span, Trace
from tracer.render.callgraph import HEAD, attributes
from tracer.render.terminal import channel

_LONGEST = 34


class Turn:
    """The turn of ``trace`` in which the call ``span`` was made, ``depth`` calls deep.

    ``prefix`` goes before every id; ``address`` is where to read a function.
    """

    def __init__(
        self, trace: Trace, span: Span, depth: int, prefix: str, address: Callable[[Function], str]
    ) -> None:
        self.trace, self.span, self.prefix, self.address = trace, span, prefix, address
        self.own = [s for s in trace.spans.values() if (s.task, s.turn) == (span.task, span.turn)]
        self.names: dict[int, str] = {}
        self.times: dict[str, int] = {}
        self.nodes: list[tuple[str, str, Span]] = []
        self._place(depth)

    def shown(self) -> set[str]:
        """The functions that it shows."""
        return {span.function.name for _, _, span in self.nodes}

    def dot(self) -> str:
        """In Graphviz' own language."""
        lines = ["graph [rankdir=LR, ordering=out, nodesep=0.12]", *self._lines()]
        return HEAD + "".join(f"  {line}\n" for line in lines) + "}\n"

    def words(self) -> str:
        """The same as a Markdown list."""
        return "\n".join(self._words())

    def _place(self, depth: int) -> None:
        """Give each call a node; the same called again by the same has the same."""
        depths: dict[str, int] = {"": 0}
        merged: dict[tuple[str, str], str] = {}
        for span in self.own:
            parent = self.names.get(span.parent, "")
            node = merged.get((parent, span.function.name))
            if node is None and depths[parent] <= depth:
                node = f"{self.prefix}_{len(self.nodes) + 1}"
                depths[node] = depths[parent] + 1
                merged[parent, span.function.name] = node
                self.nodes.append((node, parent, span))
            node = node or parent
            self.names[span.id] = node
            if span.function.name == self._name_of(node):
                self.times[node] = self.times.get(node, 0) + 1

    def _name_of(self, node: str) -> str:
        return next((span.function.name for name, _, span in self.nodes if name == node), "")

    def _into(self) -> list[Edge]:
        here = (self.span.task, self.span.turn)
        edges = [e for e in self.trace.edges if (e.target.task, e.target.turn) == here]
        return [edge for edge in edges if edge.source.task != self.span.task and edge.kind != "call"]

    def _out(self) -> list[Edge]:
        """What the turn let go of; the same to the same once."""
        here = (self.span.task, self.span.turn)
        found: dict[tuple[str, str], Edge] = {}
        for edge in self.trace.edges:
            away = edge.target.task != self.span.task and edge.kind != "call"
            if (edge.source.task, edge.source.turn) == here and away:
                found.setdefault((edge.name, self._who(edge.target.task)), edge)
        return list(found.values())

    def _who(self, task: int) -> str:
        lane = self.trace.tasks[task]
        return f"{lane.member} · {lane.name}"

    def _lines(self) -> Iterator[str]:
        """What a node calls stands in its order: that is the order of the edges that leave it."""
        yield f"{self.prefix} [{attributes(id=self.prefix, label=self._who(self.span.task), class_='task')}]"
        for number, edge in enumerate(self._into(), 1):
            yield from self._hand_off(f"{self.prefix}_i{number}", edge, self.prefix, into=True)
        for node, parent, span in self.nodes:
            yield f"{node} [{self._node(node, span)}]"
            yield f"{parent or self.prefix} -> {node}"
        for number, edge in enumerate(self._out(), 1):
            giver = self.names.get(edge.source.span, self.prefix)
            yield from self._hand_off(f"{self.prefix}_o{number}", edge, giver, into=False)

    def _node(self, node: str, span: Span) -> str:
        label = span.function.name + f" ×{self.times[node]}" * (self.times[node] > 1)
        label += f"\\n→ {_short(span.result)}" if span.result is not None else ""
        this = " this" * (self.names.get(self.span.id) == node)
        tip = " ".join(span.function.go)
        return attributes(
            id=node, label=label, tooltip=tip, class_=f"call{this}", URL=self.address(span.function)
        )

    def _hand_off(self, name: str, edge: Edge, node: str, into: bool) -> Iterator[str]:
        who = self._who((edge.source if into else edge.target).task)
        yield f"{name} [{attributes(id=name, label=who, class_='other', shape='plaintext', style='')}]"
        label = channel(edge) + (f"\\n{_short(edge.label)}" if edge.label else "")
        kinds = "handoff" + " critical" * edge.critical
        ends = f"{name} -> {node}" if into else f"{node} -> {name}"
        yield f"{ends} [{attributes(id=f'{name}_e', label=label, class_=kinds)}]"

    def _words(self) -> Iterator[str]:
        for edge in self._into():
            yield f"- {channel(edge)} brings {edge.label or 'nothing'} from {self._who(edge.source.task)}"
        depths = {"": -1}
        for node, parent, span in self.nodes:
            depths[node] = depths[parent] + 1
            result = f" → {span.result}" if span.result is not None else ""
            yield f"{'    ' * depths[node]}- `{span.function.name}`{result}"
        for edge in self._out():
            yield f"- {channel(edge)} takes {edge.label or 'nothing'} to {self._who(edge.target.task)}"


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
