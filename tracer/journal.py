"""What the recorder writes down: plain tuples, in the order things happened, and their file.

Each tuple starts with a letter (``span`` 0 stands for "directly in the task"):

    T task member name                            a task seen for the first time
    S time span parent task function args keys    a call begins
    R time span result                            it returns
    U time span error                             it ends by an exception
    > time span task parcel channel keys label    an item is offered to a channel
    < time span task parcel channel               and taken from it
    G time span task new                          a task is started
    E time span task lane message keys label      a message is written to a stream
    D time span task lane message                 and read from it
    C time span task call leg label               a remote call: 0 sent, 1 arrived, 2 answered, 3 answer here
    L time span line values                       a line runs; the values that changed since the last
    l time task function line                     a line runs of what is no call: it had begun, or it helps
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tracer.model import SCHEMA, Function

type Event = tuple[Any, ...]


class JournalError(Exception):
    """The file is not a journal, or of a schema that is not known here."""


@dataclass(slots=True)
class Journal:
    """The events of one run, and the functions they refer to by number."""

    functions: list[Function] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def write(self, path: Path) -> None:
        """One JSON value a line: the schema and the functions, then the events."""
        head = {"schema": SCHEMA, "functions": [asdict(function) for function in self.functions]}
        path.write_text("".join(json.dumps(line) + "\n" for line in (head, *self.events)))


def read(lines: Iterable[str]) -> Journal:
    """The journal that was written as ``lines``. Raises JournalError if it is none."""
    try:
        head, *events = (json.loads(line) for line in lines)
        if head["schema"] != SCHEMA:
            raise JournalError(f"schema {head['schema']} is not known here, {SCHEMA} is")
        functions = [_function(each) for each in head["functions"]]
    except (ValueError, KeyError, TypeError) as error:
        raise JournalError(f"not a journal: {error}") from error
    return Journal(functions, [_frozen(event) for event in events])


def _function(fields: dict[str, Any]) -> Function:
    fields |= {name: tuple(fields[name]) for name in ("go", "params")}
    return Function(**fields)


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value
