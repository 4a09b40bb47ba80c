"""Writes down what happens while it is entered: plain tuples, and what they refer to until it is left.

A span is one call; its parent is the call that is on top of a stack of those that run. Calls push themselves
when they start or resume and go when they return, fail or yield, so that the stack holds the chosen calls on
the interpreter's own stack, and nothing of a task that waits. What it takes to know the program (which
functions, which doors, what a value is about) is the ``Subject``.

Values are described when the recording ends: to describe one takes longer than the call it was passed to.
What changes while it is in use is copied; what is completed, as raft signs a message, is shown complete.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import chain, count
from operator import itemgetter
from types import CodeType, FrameType
from typing import Any, Self

from tracer.journal import Event, Journal
from tracer.model import CLIENT, Function, Keys
from tracer.monitor import Listener, Monitor

MEMBER: ContextVar[str] = ContextVar("member", default=CLIENT)
"""Whose code runs: set while a member is started, and inherited by every task it starts."""


_current_task = asyncio.current_task


class Door(Enum):
    """A function through which something passes from one task to another."""

    PUT = auto()
    TAKE = auto()
    GO = auto()
    ENCODE = auto()
    DECODE = auto()


_LEAVING = (Door.PUT, Door.GO, Door.DECODE)
"""Doors of which the result tells what passed."""


@dataclass(slots=True)
class Subject:
    """The program that is watched."""

    functions: Mapping[CodeType, Function]
    doors: Mapping[CodeType, Door]
    keys_of: Callable[[Any], Keys]
    brief: Callable[[Any], Any]
    """A value as a number or bounded text; None if it is not worth showing."""
    copies: Mapping[type, Callable[[Any], Any]] = field(default_factory=dict)
    """How to copy the values that change while they are in use: all others can be looked at later."""
    task_name: Callable[[asyncio.Task[Any]], str] = asyncio.Task.get_name
    message: Callable[[Any, Any], tuple[str, str]] = lambda coder, message: ("", str(message))
    """The stream a wire message travels on, and what it looks like on both ends."""


type _Call = tuple[int, int, bool, int]
"""A call on the stack: span, lane, whether it began while recording, and its frame once it has waited.

Of one that began before there is no span: the one around it is told, or 0. Lane 0 is the running task's.
"""

_NOBODY: _Call = (0, 0, False, 0)


class Recorder:
    """Records ``subject`` between ``start`` and ``stop``; ``lines`` adds each line that runs."""

    def __init__(self, subject: Subject, *, lines: bool = False) -> None:
        self.journal = Journal(list(subject.functions.values()))
        self._subject = subject
        self._raw: list[Event] = []
        self._write = self._raw.append
        self._now = time.perf_counter_ns
        self._spans = count(1)
        self._stack: list[_Call] = [_NOBODY]
        self._waiting: dict[int, _Call] = {}
        self._passed: list[_Call] = []
        self._locals: dict[int, dict[str, Any]] = {}
        self._tasks: dict[asyncio.Task[Any], int] = {}
        self._numbers = count(1)
        self._off_task: dict[str, int] = {}
        # By identity: the hash of a code object reads all of its instructions.
        self._functions = {id(c): (n, _reader(f)) for n, (c, f) in enumerate(subject.functions.items())}
        self._lines = lines
        every, leaving = self._make_doors(), {c for c, door in subject.doors.items() if door in _LEAVING}
        self._leaving = {id(code): every.pop(id(code)) for code in leaving}
        self._entering = every
        ear = Listener(
            on_start=self._on_start(),
            on_return=self._on_return(),
            on_yield=self._on_yield,
            on_resume=self._on_resume,
            on_throw=self._on_throw,
            on_unwind=self._on_unwind,
            on_line=self._on_line,
        )
        self._monitor = Monitor(ear, subject.functions, subject.doors.keys() - leaving, leaving)

    def start(self) -> None:
        """Begin to record. Raises RuntimeError if another tool holds the interpreter's every slot."""
        below: list[_Call] = []
        frame: FrameType | None = sys._getframe()
        while frame is not None:
            if id(frame.f_code) in self._functions:
                below.append(_NOBODY)
            frame = frame.f_back
        self._stack += below
        self._monitor.start(self._subject.functions if self._lines else ())

    def stop(self) -> None:
        """Record no more, and put into the journal what was; nothing of the program is kept any longer."""
        self._monitor.stop()
        describe = self._describe_once()
        self.journal.events += [self._finish(event, describe) for event in self._raw]
        for kept in (self._raw, self._waiting, self._passed, self._tasks):
            kept.clear()
        self._stack[:] = [_NOBODY]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def call(self, call: str, leg: int, label: str) -> None:
        """A remote call passes here: see the journal's letter C."""
        span, lane = self._here()
        self._write(("C", self._now(), span, lane, call, leg, label))

    def _on_start(self) -> Callable[[CodeType, int], None]:
        """A chosen function begins. This and ``_on_return`` are closures because every nanosecond counts."""
        stack, write, now, getframe = self._stack, self._write, self._now, sys._getframe
        push, number, lane_of, copies = stack.append, self._spans.__next__, self._lane, self._subject.copies
        functions, doors, kept = self._functions.get, self._entering, self._kept

        def on_start(code: CodeType, _offset: int) -> None:
            known = functions(id(code))
            if known is not None:
                function, read = known
                parent, lane, _, _ = stack[-1]
                span = number()
                lane = lane or lane_of()
                push((span, lane, True, 0))
                if read is None:
                    write(("S", now(), span, parent, lane, function, ()))
                else:
                    values = read(getframe(1).f_locals)
                    for value in values:
                        if type(value) in copies:
                            values = tuple(map(kept, values))
                            break
                    write(("S", now(), span, parent, lane, function, values))
            if id(code) in doors:
                doors[id(code)](getframe(1), None)

        return on_start

    def _on_return(self) -> Callable[[CodeType, int, Any], None]:
        """A chosen function returns."""
        write, now, getframe, functions = self._write, self._now, sys._getframe, self._functions
        stack, pop, copies = self._stack, self._stack.pop, self._subject.copies
        doors, forget = self._leaving, self._waiting.pop

        def on_return(code: CodeType, _offset: int, result: Any) -> None:
            if id(code) in doors:
                doors[id(code)](getframe(1), result)
            # More than nobody: whatever happens, nothing is raised into the program.
            if id(code) in functions and len(stack) > 1:
                span, _, begun, frame = pop()
                if frame:
                    forget(frame, None)
                if begun:
                    copy = copies.get(type(result))
                    write(("R", now(), span, result if copy is None else copy(result)))

        return on_return

    def _on_yield(self, _code: CodeType, _offset: int, _value: Any) -> None:
        """A chosen function waits, and all that await it do."""
        if len(self._stack) == 1:
            return
        frame = id(sys._getframe(1))
        span, lane, begun, _ = self._stack.pop()
        self._waiting[frame] = (span, lane, begun, frame)
        while self._passed:
            self._stack.remove(self._passed.pop())

    def _on_resume(self, _code: CodeType, _offset: int) -> None:
        """A chosen function goes on."""
        frame = id(sys._getframe(1))
        call = self._waiting.get(frame)
        if call is None:
            span, lane, _, _ = self._stack[-1]
            call = (span, lane, False, frame)
        if call in self._passed:
            self._passed.remove(call)
        else:
            self._stack.append(call)

    def _on_throw(self, code: CodeType, _offset: int, _error: BaseException) -> None:
        """An exception is thrown into some function of the process that waits, perhaps a chosen one.

        It goes straight to the innermost: those that await it run again without being resumed. Each hears of
        the exception when it comes to it, or, if it is caught before, waits again and hears nothing.
        """
        above: list[_Call] = []
        thrown = sys._getframe(1)
        frame: FrameType | None = thrown
        while frame is not None:
            call = self._waiting.get(id(frame))
            if call in self._stack:
                break
            if call is not None:
                above.append(call)
            frame = frame.f_back
        self._stack += reversed(above)
        self._passed += above
        if id(code) in self._functions:
            call = self._waiting.get(id(thrown))
            if call is None:
                span, lane, _, _ = self._stack[-1]
                self._stack.append((span, lane, False, id(thrown)))
            elif call in self._passed:
                self._passed.remove(call)

    def _on_unwind(self, code: CodeType, _offset: int, error: BaseException) -> None:
        """An exception leaves some function of the process, perhaps a chosen one."""
        if id(code) in self._functions and len(self._stack) > 1:
            span, _, begun, frame = self._stack.pop()
            self._waiting.pop(frame, None)
            if begun:
                self._write(("U", self._now(), span, f"{type(error).__name__}: {error!s:.80}".rstrip(": ")))

    def _on_line(self, _code: CodeType, line: int) -> None:
        """A line of a chosen function is about to run."""
        span, _, begun, _ = self._stack[-1]
        if not begun:
            return
        found = {name: self._describe(value)[0] for name, value in list(sys._getframe(1).f_locals.items())}
        now = {name: text for name, text in found.items() if text is not None}
        before = self._locals.get(span, {})
        self._write(("L", self._now(), span, line, {k: v for k, v in now.items() if before.get(k) != v}))
        self._locals[span] = now

    def _make_doors(self) -> dict[int, Callable[[FrameType, Any], None]]:
        """What to write down at each door, by the identity of its code."""
        write, now, here, kept = self._write, self._now, self._here, self._kept
        parcel_of = itemgetter("parcel", "self")

        def put(frame: FrameType, parcel: Any) -> None:
            span, lane = here()
            write((">", now(), span, lane, parcel, frame.f_locals["self"], kept(parcel.item)))

        def take(frame: FrameType, _: Any) -> None:
            span, lane = here()
            write(("<", now(), span, lane, *parcel_of(frame.f_locals)))

        def go(_: FrameType, task: Any) -> None:
            span, lane = here()
            write(("G", now(), span, lane, self._task(task)))

        def encode(frame: FrameType, _: Any) -> None:
            span, lane = here()
            values = frame.f_locals
            write(("E", now(), span, lane, values.get("self"), values["m"]))

        def decode(frame: FrameType, result: Any) -> None:
            if result is not None:
                span, lane = here()
                write(("D", now(), span, lane, frame.f_locals.get("self"), result))

        doors = {Door.PUT: put, Door.TAKE: take, Door.GO: go, Door.ENCODE: encode, Door.DECODE: decode}
        return {id(code): doors[door] for code, door in self._subject.doors.items()}

    def _finish(self, event: Event, describe: Callable[[Any], tuple[Any, Keys]]) -> Event:
        """``event`` as the journal has it, with what its values say instead of the values."""
        match event:
            case ("S", at, span, parent, lane, function, values):
                names = self.journal.functions[function].params
                shown = dict(zip(names, map(describe, values), strict=False))
                args = {name: text for name, (text, _) in shown.items() if text is not None}
                about = [keys for _, keys in shown.values() if keys is not None]
                keys = tuple(chain.from_iterable(about)) if about else None
                return ("S", at, span, parent, lane, function, args if values else None, keys)
            case ("R", at, span, result):
                return ("R", at, span, describe(result)[0])
            case (">", at, span, lane, parcel, chan, item):
                text, keys = describe(item)
                return (">", at, span, lane, id(parcel), chan.name, keys, text)
            case ("<", at, span, lane, parcel, chan):
                return ("<", at, span, lane, id(parcel), chan.name)
            case ("E", at, span, lane, coder, message):
                text, keys = describe(message)
                return ("E", at, span, lane, *self._subject.message(coder, message), keys, text)
            case ("D", at, span, lane, coder, message):
                return ("D", at, span, lane, *self._subject.message(coder, message))
        return event

    def _describe(self, value: Any) -> tuple[Any, Keys]:
        """What to show of a value, and what it is about; a value that cannot be read disturbs nobody."""
        try:
            return self._subject.brief(value), self._subject.keys_of(value)
        except Exception as error:
            return f"<{type(error).__name__}>", None

    def _describe_once(self) -> Callable[[Any], tuple[Any, Keys]]:
        """``_describe`` for values that are all kept and change no more: each is read once."""
        known: dict[int, tuple[Any, Keys]] = {}

        def describe(value: Any) -> tuple[Any, Keys]:
            found = known.get(id(value))
            if found is None:
                found = known[id(value)] = self._describe(value)
            return found

        return describe

    def _kept(self, value: Any) -> Any:
        """``value`` as it can be looked at later."""
        copy = self._subject.copies.get(type(value))
        return value if copy is None else copy(value)

    def _here(self) -> tuple[int, int]:
        """The innermost call that runs (0 if there is none), and its lane."""
        span, lane, _, _ = self._stack[-1]
        return span, lane or self._lane()

    def _lane(self) -> int:
        try:
            task = _current_task()
        except RuntimeError:
            task = None
        return self._no_task() if task is None else self._tasks.get(task) or self._task(task)

    def _task(self, task: asyncio.Task[Any]) -> int:
        if task not in self._tasks:
            lane = self._tasks[task] = next(self._numbers)
            member = task.get_context().get(MEMBER, CLIENT)
            self._write(("T", lane, member, self._subject.task_name(task)))
        return self._tasks[task]

    def _no_task(self) -> int:
        member = MEMBER.get()
        if member not in self._off_task:
            lane = self._off_task[member] = -1 - len(self._off_task)
            self._write(("T", lane, member, "timers"))
        return self._off_task[member]


def _reader(function: Function) -> Callable[[Any], tuple[Any, ...]] | None:
    """Takes the parameters worth showing out of a frame's variables, always as a tuple."""
    names = function.params
    return itemgetter(*names, *names[:1]) if names else None
