"""A trace as JSON, schema 1, and back: what the player, ``tracer show`` and other programs read.

Times are microseconds since the trace began; where many things have the same, ``order`` says how many of the
spans had begun. Tasks of the same name on one member are told apart by ``#2``, ``#3`` … in the order they
appear. Beside what was recorded stands what a reader needs with it: which spans are stations, what was so of
each member at first and what changed when, and the text of each function once, by ``file:line``.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from itertools import count
from typing import Any

from tracer.model import (
    CLIENT,
    SCHEMA,
    UPSTREAM,
    Change,
    Edge,
    Function,
    Key,
    Keys,
    Point,
    Span,
    Task,
    Trace,
)
from tracer.source import text_of


class FormatError(Exception):
    """The text is not a trace, or of a schema that is not known here."""


def dump(trace: Trace) -> str:
    """``trace`` as one JSON document, a line for each span and edge."""
    head = {"schema": SCHEMA, "etcd": UPSTREAM, "command": list(trace.command), "members": _members(trace)}
    names = task_names(trace)
    numbers = numbered(trace)
    parts = [f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in head.items()]
    spans = [_span(trace, span, names, numbers) for span in trace.spans.values()]
    began = [(span.start, span.id) for span in trace.spans.values()]
    edges = [_edge(trace, edge, names, numbers, began) for edge in trace.edges]
    stations = [{"span": numbers[i], "title": title} for i, title in trace.stations.items() if i in numbers]
    changes = [_change(change, numbers, began) for change in trace.changes]
    lists = {"spans": spans, "edges": edges, "stations": stations, "changes": changes}
    for key, values in lists.items():
        lines = ",\n  ".join(json.dumps(value, ensure_ascii=False) for value in values)
        parts.append(f'"{key}": [\n  {lines}\n ]' if lines else f'"{key}": []')
    for key, each in (("states", trace.states), ("functions", _texts(trace))):
        parts.append(f'"{key}": {json.dumps(each, ensure_ascii=False)}')
    return "{" + ",\n ".join(parts) + "}\n"


def numbered(trace: Trace) -> dict[int, int]:
    """What each span, by its id, is called in JSON: their order is also that of the player's calls."""
    return dict(zip(trace.spans, count(1)))


def load(text: str) -> Trace:
    """The trace that was dumped as ``text``. Raises FormatError if it is none."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"not a trace: no JSON: {error}") from error
    if not isinstance(data, dict) or "schema" not in data:
        raise FormatError("not a trace: --json writes one that names its schema first")
    if data["schema"] != SCHEMA:
        raise FormatError(f"schema {data['schema']} is not known here, {SCHEMA} is")
    try:
        return _Loader().load(data)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FormatError(f"not a whole trace: {type(error).__name__}: {error}") from error


def task_names(trace: Trace) -> dict[int, str]:
    """Each task's name, made unique on its member."""
    seen: dict[tuple[str, str], int] = {}
    names = {}
    ends = [p.task for e in trace.edges for p in (e.source, e.target)]
    for number in dict.fromkeys([*(span.task for span in trace.spans.values()), *ends, *trace.tasks]):
        task = trace.tasks[number]
        n = seen[task.member, task.name] = seen.get((task.member, task.name), 0) + 1
        names[number] = task.name if n == 1 else f"{task.name} #{n}"
    return names


def key_text(key: Key) -> str:
    """A key in one word, as ``req:7d2`` or ``entry:10``."""
    kind, number, request = key
    text = f"{number:x}" if kind in ("req", "read") else str(number)
    return f"{kind}:{text}" + (f"/{request:x}" if request else "")


def _members(trace: Trace) -> dict[str, dict[str, str]]:
    return {name: {"role": role} for name, role in trace.members.items()}


def _span(trace: Trace, span: Span, names: dict[int, str], numbers: dict[int, int]) -> dict[str, Any]:
    return {
        "id": numbers[span.id],
        "parent": numbers.get(span.parent),
        "member": trace.member(span.task),
        "task": names[span.task],
        "turn": span.turn,
        "func": span.function.name,
        "go": list(span.function.go),
        "file": span.function.file,
        "line": span.function.line,
        "start": span.start / 1000,
        "end": None if span.end is None else span.end / 1000,
        "args": span.args,
        "result": span.result,
        "error": span.error or None,
        "keys": _keys(span.keys),
        "shared": span.shared,
        "lines": [{"line": line, "values": values} for line, values in span.lines],
    }


def _edge(
    trace: Trace, edge: Edge, names: dict[int, str], numbers: dict[int, int], began: list[tuple[int, int]]
) -> dict[str, Any]:
    def point(at: Point) -> dict[str, Any]:
        where = {"member": trace.member(at.task), "task": names[at.task], "turn": at.turn}
        return {"span": numbers.get(at.span), **where}

    return {
        "kind": edge.kind,
        "name": edge.name,
        "from": point(edge.source),
        "to": point(edge.target),
        "label": edge.label,
        "keys": _keys(edge.keys),
        "critical": edge.critical,
        **({"lost": True} if edge.lost else {}),
        "at": edge.at / 1000,
        "order": bisect_right(began, (edge.at, edge.after)),
    }


def _change(change: Change, numbers: dict[int, int], began: list[tuple[int, int]]) -> dict[str, Any]:
    return {
        "at": change.at / 1000,
        "order": bisect_right(began, (change.at, change.after)),
        "span": numbers.get(change.span),
        "member": change.member,
        "name": change.name,
        "value": change.value,
    }


def _texts(trace: Trace) -> dict[str, str]:
    functions = dict.fromkeys(span.function for span in trace.spans.values())
    texts = {(each.file, each.line): each for each in functions}
    found = {place: trace.texts.get(place) or text_of(each) for place, each in texts.items()}
    return {f"{file}:{line}": text for (file, line), text in found.items() if text}


def _keys(keys: Keys) -> list[str]:
    return [key_text(key) for key in dict.fromkeys(keys or ())]


class _Loader:
    def __init__(self) -> None:
        self.tasks: dict[tuple[str, str], int] = {}

    def load(self, data: dict[str, Any]) -> Trace:
        spans = {each["id"]: self.span(each) for each in data["spans"]}
        edges = [self.edge(each, number) for number, each in enumerate(data["edges"])]
        tasks = {n: Task(n, member, name.partition(" #")[0]) for (member, name), n in self.tasks.items()}
        members = {str(name): str(of["role"]) for name, of in data["members"].items()}
        trace = Trace(spans, edges, tasks, tuple(data["command"]), members, data.get("states", {}))
        trace.changes = [self.change(each) for each in data.get("changes", ())]
        trace.stations = {each["span"]: each["title"] for each in data.get("stations", ())}
        trace.texts = {self.place(at): text for at, text in data.get("functions", {}).items()}
        return trace

    def task(self, at: dict[str, Any]) -> int:
        return self.tasks.setdefault((str(at.get("member", CLIENT)), str(at["task"])), len(self.tasks) + 1)

    def span(self, each: dict[str, Any]) -> Span:
        function = Function(each["func"], tuple(each["go"]), each["file"], each["line"])
        span = Span(each["id"], each["parent"] or 0, self.task(each), each["turn"], function, 0)
        span.start = round(each["start"] * 1000)
        span.end = None if each["end"] is None else round(each["end"] * 1000)
        span.args, span.result, span.error = each["args"], each["result"], each["error"] or ""
        span.keys, span.shared = self.keys(each["keys"]), each["shared"]
        span.lines = [(line["line"], line["values"]) for line in each["lines"]]
        return span

    def edge(self, each: dict[str, Any], number: int) -> Edge:
        source, target = (Point(p["span"] or 0, self.task(p), p["turn"]) for p in (each["from"], each["to"]))
        at = round(each["at"] * 1000) if "at" in each else number
        edge = Edge(each["kind"], each["name"], source, target, at, each["label"])
        edge.keys, edge.critical = self.keys(each["keys"]), each["critical"]
        edge.lost = each.get("lost", False)
        edge.later, edge.after = edge.name == "batch interval", each.get("order", 0)
        return edge

    def change(self, each: dict[str, Any]) -> Change:
        return Change(
            round(each["at"] * 1000),
            each["order"],
            each["span"] or 0,
            each["member"],
            each["name"],
            each["value"],
        )

    def place(self, at: str) -> tuple[str, int]:
        file, _, line = at.rpartition(":")
        return file, int(line)

    def keys(self, texts: list[str]) -> Keys:
        return tuple(self.key(text) for text in texts) or None

    def key(self, text: str) -> Key:
        kind, _, rest = text.partition(":")
        number, _, request = rest.partition("/")
        return kind, int(number, 16 if kind in ("req", "read") else 10), int(request or "0", 16)
