"""A state machine as a Graphviz graph: what it can be, and why it becomes something else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from rich.cells import cell_len

from tracer.render.callgraph import HEAD, attributes

type Machine = Mapping[str, Mapping[str, str]]
"""For each state those that it can become, and why."""

_WIDTH = 24
"""Of a line, in columns."""
_WORD = re.compile(r" ?（?(?:[!-~]+|[^ ])[，。）]?")
"""What no line is broken in: an English word, or a Chinese character, with what belongs to it."""


def dot(machine: Machine) -> str:
    """The graph in Graphviz' own language; the first state is the one that it begins in."""
    return HEAD + "".join(f"  {line}\n" for line in _lines(machine)) + "}\n"


def words(machine: Machine) -> str:
    """The same as a Markdown list."""
    steps = ((here, there, why) for here, to in machine.items() for there, why in to.items())
    return "\n".join(f"- `{here}` → `{there}`: {why}" for here, there, why in steps)


def _lines(machine: Machine) -> Iterator[str]:
    yield 'begin [shape=point, width=0.12, label="", id="begin"]'
    yield f"begin -> {next(iter(machine))}"
    for here in machine:
        yield f"{here} [{attributes(id=here, label=here.removeprefix('State'), class_='state')}]"
    loops = {state: place for place, state in enumerate(machine) if state in machine[state]}
    for place, (here, to) in enumerate(machine.items()):
        for there, why in to.items():
            label = "\\n".join(_wrapped(why))
            crosses = place - loops.get(there, place) > 1
            below = {"headport": "se"} if crosses else {}  # the loop there is above that
            yield f"{here} -> {there} [{attributes(id=f'{here}-{there}', label=label, **below)}]"


def _wrapped(text: str) -> list[str]:
    lines = [""]
    for word in _WORD.findall(text):
        if cell_len(lines[-1] + word) > _WIDTH:
            lines.append("")
        lines[-1] += word if lines[-1] else word.lstrip()
    return lines
