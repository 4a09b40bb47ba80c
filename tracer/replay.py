"""From notes to a journal: whose call it was, in which task, and what the values say.

A span is one call; its parent is the call that is on top of a stack of those that run. Calls push themselves
when they start or resume and go when they return, fail or yield, so that the stack holds the chosen calls on
the interpreter's own stack, and nothing of a task that waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import batched, chain, count
from types import CodeType
from typing import Any

from tracer.journal import Event, Journal
from tracer.model import Keys
from tracer.subject import Subject

type _Call = tuple[int, int, bool, int]
"""A call on the stack: span, lane, whether it began while recording, and its frame once it has waited.

Of one that began before there is no span: the one around it is told, or 0. Lane 0 is the running task's.
"""

_NOBODY: _Call = (0, 0, False, 0)


def replay(notes: Iterable[Any], subject: Subject, journal: Journal) -> None:
    """Tell ``journal`` what the recorder noted about ``subject``."""
    steps = _Replay(subject, journal.events.append)
    for what, at, value in batched(notes, 3):
        if type(what) is CodeType:
            steps.start(what, at, value)
        else:
            steps.by_letter[what](at, value)


class _Replay:
    def __init__(self, subject: Subject, write: Callable[[Event], None]) -> None:
        self._subject = subject
        self._write = write
        functions = enumerate((*subject.functions.items(), *subject.helpers.items()))
        self._functions = {id(code): (number, each.params) for number, (code, each) in functions}
        self._spans = count(1)
        self._lane = 0
        self._stack: list[_Call] = [_NOBODY]
        self._waiting: dict[int, _Call] = {}
        self._passed: list[_Call] = []
        self._known: dict[int, tuple[Any, Keys]] = {}
        self._lines: dict[int, tuple[int, int, dict[str, Any]]] = {}
        self.by_letter: dict[str, Callable[[int, Any], None]] = {
            "b": lambda _, calls: self._stack.extend([_NOBODY] * calls),
            "T": lambda _, task: self._write(("T", *task)),
            "t": self._run,
            "R": self._end,
            "U": self._end_by_error,
            "y": self._wait,
            "r": self._go_on,
            "x": self._throw,
            ">": self._put,
            "<": lambda at, passed: self._write(("<", at, *self._here(), *passed)),
            "G": lambda at, task: self._write(("G", at, *self._here(), task)),
            "E": self._encode,
            "D": lambda at, read: self._write(("D", at, *self._here(), *self._subject.message(*read))),
            "C": lambda at, call: self._write(("C", at, *self._here(), *call)),
            "L": self._line,
            "l": lambda at, ran: self._tell_line(at, *ran),
        }

    def start(self, code: CodeType, at: int, value: Any) -> None:
        """A call begins."""
        function, names = self._functions[id(code)]
        parent, lane = self._here()
        span = next(self._spans)
        self._stack.append((span, lane, True, 0))
        if not names:
            self._write(("S", at, span, parent, lane, function, None, None))
            return
        shown = [self._describe(each) for each in (value if len(names) > 1 else (value,))]
        args = {name: text for name, (text, _) in zip(names, shown, strict=True) if text is not None}
        about = [keys for _, keys in shown if keys is not None]
        keys = tuple(chain.from_iterable(about)) if about else None
        self._write(("S", at, span, parent, lane, function, args, keys))

    def _here(self) -> tuple[int, int]:
        """The innermost call that runs (0 if there is none), and its lane."""
        span, lane, _, _ = self._stack[-1]
        return span, lane or self._lane

    def _run(self, _: int, lane: int) -> None:
        self._lane = lane

    def _left(self) -> _Call:
        """The call that ends now; nobody if it was not known to run."""
        if len(self._stack) == 1:
            return _NOBODY
        call = self._stack.pop()
        self._waiting.pop(call[3], None)
        return call

    def _end(self, at: int, result: Any) -> None:
        span, _, begun, _ = self._left()
        if begun:
            self._write(("R", at, span, self._describe(result)[0]))

    def _end_by_error(self, at: int, error: str) -> None:
        span, _, begun, _ = self._left()
        if begun:
            self._write(("U", at, span, error))

    def _wait(self, _: int, frame: int) -> None:
        """A call waits, and all that await it do."""
        if len(self._stack) == 1:
            return
        span, lane, begun, _ = self._stack.pop()
        self._waiting[frame] = (span, lane, begun, frame)
        while self._passed:
            self._stack.remove(self._passed.pop())

    def _go_on(self, _: int, frame: int) -> None:
        call = self._waiting.get(frame)
        if call is None:
            span, lane, _, _ = self._stack[-1]
            call = (span, lane, False, frame)
        if call in self._passed:
            self._passed.remove(call)
        else:
            self._stack.append(call)

    def _throw(self, _: int, thrown: tuple[bool, list[int]]) -> None:
        """An exception goes straight to the innermost call that waits: of ``frames`` the first.

        Those that await it run again without being resumed. Each hears of the exception when it comes to it,
        or, if it is caught before, waits again and hears nothing.
        """
        chosen, frames = thrown
        above: list[_Call] = []
        for frame in frames:
            call = self._waiting.get(frame)
            if call in self._stack:
                break
            if call is not None:
                above.append(call)
        self._stack += reversed(above)
        self._passed += above
        if chosen:
            call = self._waiting.get(frames[0])
            if call is None:
                span, lane, _, _ = self._stack[-1]
                self._stack.append((span, lane, False, frames[0]))
            elif call in self._passed:
                self._passed.remove(call)

    def _put(self, at: int, passed: tuple[int, str, Any]) -> None:
        parcel, chan, item = passed
        text, keys = self._describe(item)
        self._write((">", at, *self._here(), parcel, chan, keys, text))

    def _encode(self, at: int, written: tuple[Any, Any]) -> None:
        text, keys = self._describe(written[1])
        self._write(("E", at, *self._here(), *self._subject.message(*written), keys, text))

    def _line(self, at: int, found: tuple[int, int, dict[str, Any]]) -> None:
        """A line runs; what is told are the values that changed.

        How often the interpreter comes to a line that has several parts depends on its version.
        """
        span, _, begun, _ = self._stack[-1]
        code, line, values = found
        if not begun:
            self._tell_line(at, code, line)
        elif found != self._lines.get(span):
            before = self._lines[span][2] if span in self._lines else {}
            self._write(("L", at, span, line, {k: v for k, v in values.items() if before.get(k) != v}))
            self._lines[span] = found

    def _tell_line(self, at: int, code: int, line: int) -> None:
        """A line runs of what is no call in the trace."""
        self._write(("l", at, self._here()[1], self._functions[code][0], line))

    def _describe(self, value: Any) -> tuple[Any, Keys]:
        """What to show of a value, and what it is about; each is read once, as all are kept until the end."""
        known = self._known.get(id(value))
        if known is None:
            known = self._known[id(value)] = self._read(value)
        return known

    def _read(self, value: Any) -> tuple[Any, Keys]:
        """A value that cannot be read disturbs nobody."""
        try:
            return self._subject.brief(value), self._subject.keys_of(value)
        except Exception as error:
            return f"<{type(error).__name__}>", None
