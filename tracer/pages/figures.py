"""What a trace says when it is asked by name: numbers, times, calls."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from tracer.model import CLIENT, Span, Trace
from tracer.pages.code import UnknownError

_ENTRIES = re.compile(r"^entr(y|ies) ")


def calls(trace: Trace, member: str, name: str) -> list[Span]:
    """The calls of ``name`` on ``member``, in their order.

    Of ``name:word`` those with an argument that has this word; of ``name=result`` those that returned that.
    Raises UnknownError if there are none.
    """
    told, _, result = name.partition("=")
    function, _, word = told.partition(":")
    own = [span for span in trace.spans.values() if trace.member(span.task) == member]
    found = [
        span
        for span in own
        if span.function.name == function
        and result in ("", str(span.result))
        and word in ("", *" ".join(map(str, span.args.values())).split())
    ]
    if not found:
        raise UnknownError(f"call on {member} in this trace:", name, [span.function.name for span in own])
    return found


def took(trace: Trace, member: str, name: str) -> str:
    """How long the first such call took."""
    span = calls(trace, member, name)[0]
    return time((span.end or span.start) - span.start)


def when(trace: Trace, member: str, name: str) -> str:
    """How long after the client's first step the first such call began."""
    return since(trace, calls(trace, member, name)[0])


def since(trace: Trace, span: Span) -> str:
    """How long after the client's first step, or the first of all, a call began."""
    return time(span.start - _began(trace))


def times(trace: Trace, member: str, name: str) -> str:
    """How many such calls there are."""
    return str(len(calls(trace, member, name)))


def got(trace: Trace, member: str, name: str, argument: str) -> str:
    """What the first such call was given as ``argument``. Raises UnknownError."""
    args = calls(trace, member, name)[0].args
    if argument not in args:
        raise UnknownError(f"argument of {name}", argument, list(args))
    return _bare(args[argument])


def gave(trace: Trace, member: str, name: str) -> str:
    """What the first such call returned."""
    return _bare(calls(trace, member, name)[0].result)


def _bare(value: object) -> str:
    """As a sentence of any language can take it in: of entries the indices."""
    return _ENTRIES.sub("", str(value))


def channel(trace: Trace, name: str) -> str:
    """``name``, if something crosses a channel called that. Raises UnknownError."""
    known = {edge.name for edge in trace.edges}
    if name not in known:
        raise UnknownError("channel", name, list(known))
    return f"`{name}`"


def figure(trace: Trace, name: str) -> str:
    """One of FIGURES. Raises UnknownError."""
    if name not in FIGURES:
        raise UnknownError("figure", name, list(FIGURES))
    return str(FIGURES[name](trace))


def time(nanoseconds: int) -> str:
    """For a reader, as in a sentence."""
    return f"{nanoseconds / 1e6:.1f} ms" if nanoseconds >= 100_000 else f"{nanoseconds / 1e3:.0f} µs"


FIGURES: Mapping[str, Callable[[Trace], object]] = {
    "calls": lambda trace: len(trace.spans),
    "functions": lambda trace: len({span.function.name for span in trace.spans.values()}),
    "tasks": lambda trace: len({span.task for span in trace.spans.values()}),
    "hand-offs": lambda trace: sum(edge.kind != "call" for edge in trace.edges),
    "members": lambda trace: len(trace.members),
    "leader": lambda trace: next(name for name, role in trace.members.items() if role == "leader"),
    "answered": lambda trace: time(_answered(trace) - _began(trace)),
}
"""What can be asked of a trace as a whole; ``answered`` is how long the client waited."""


def _clients(trace: Trace) -> Iterator[Span]:
    return (span for span in trace.spans.values() if trace.member(span.task) == CLIENT)


def _began(trace: Trace) -> int:
    """When its client began, or, where there is none, the first that happened."""
    return min(span.start for span in list(_clients(trace)) or trace.spans.values())


def _answered(trace: Trace) -> int:
    return max(span.end or 0 for span in _clients(trace))
