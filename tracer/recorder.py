"""Writes down what happens while it is entered: plain tuples, and nothing of the program kept alive.

A span is one call, told from others by its frame; its parent is the nearest traced frame up ``f_back``, which
is exact through awaits and generators, because while a coroutine runs its callers are on the stack. What it
takes to know the program (which functions, which doors, what a value is about) is the ``Subject``.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
import time
import weakref
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from enum import Enum, auto
from itertools import count
from types import CodeType, FrameType
from typing import Any, Self

from tracer.journal import Journal
from tracer.model import CLIENT, Function, Keys
from tracer.monitor import Listener, Monitor

MEMBER: ContextVar[str] = ContextVar("member", default=CLIENT)
"""Whose code runs: set while a member is started, and inherited by every task it starts."""


_RECENT = 128
_current_task = asyncio.current_task
_SMALL = 1 << 40


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
    stamps: Mapping[type, Callable[[Any], Any]]
    """The types that have keys: what may change of a value while it goes from hand to hand."""
    task_name: Callable[[asyncio.Task[Any]], str] = asyncio.Task.get_name
    message: Callable[[Any, Any], tuple[str, str]] = lambda coder, message: ("", str(message))
    """The stream a wire message travels on, and what it looks like on both ends."""


@dataclass(slots=True)
class _Lane:
    """A task that was seen, and how many of its calls are open: while none is, none need be looked for."""

    number: int
    open: int = 0


class Recorder:
    """Records ``subject`` between ``start`` and ``stop``; ``lines`` adds each line that runs."""

    def __init__(self, subject: Subject, *, lines: bool = False) -> None:
        self.journal = Journal(list(subject.functions.values()))
        self._subject = subject
        self._recent: dict[int, tuple[Any, Any, Any, Keys]] = {}
        self._describe = self._make_describe()
        self._write = self.journal.events.append
        self._now = time.perf_counter_ns
        self._spans = count(1)
        self._open: dict[int, tuple[int, _Lane]] = {}
        self._locals: dict[int, dict[str, Any]] = {}
        self._tasks: dict[int, tuple[Callable[[], Any], _Lane]] = {}
        self._numbers = count(1)
        self._off_task: dict[str, _Lane] = {}
        # By identity: the hash of a code object reads all of its instructions.
        self._functions = {id(c): (n, f.params) for n, (c, f) in enumerate(subject.functions.items())}
        self._lines = lines
        self._base: set[int] = set()
        every, leaving = self._make_doors(), {c for c, door in subject.doors.items() if door in _LEAVING}
        self._leaving = {id(code): every.pop(id(code)) for code in leaving}
        self._entering = every
        ear = Listener(self._on_start(), self._on_return(), self._on_unwind, self._on_line)
        self._monitor = Monitor(
            ear, [*subject.functions, *(subject.doors.keys() - leaving)], [*subject.functions, *leaving]
        )

    def start(self) -> None:
        """Begin to record. Raises RuntimeError if another tool holds the interpreter's every slot."""
        self._find_base()
        self._monitor.start(self._subject.functions if self._lines else ())

    def stop(self) -> None:
        """Record no more; what was registered with the interpreter is gone."""
        self._monitor.stop()
        self._open.clear()
        self._recent.clear()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def call(self, call: str, leg: int, label: str) -> None:
        """A remote call passes here: see the journal's letter C."""
        span, lane = self._where(sys._getframe(1))
        self._write(("C", self._now(), span, lane.number, call, leg, label))

    def _find_base(self) -> None:
        """What runs the event loop stands under every task: no traced call is to be looked for there."""
        frame = sys._getframe()
        while frame.f_back is not None:
            frame = frame.f_back
            is_coroutine = frame.f_code.co_flags & inspect.CO_COROUTINE
            self._base = set() if is_coroutine else self._base | {id(frame.f_code)}
        self._base.add(id(asyncio.Handle._run.__code__))

    def _on_start(self) -> Callable[[CodeType, int], None]:
        """A chosen function begins. This and ``_on_return`` are closures because every nanosecond counts."""
        open_, write, now, getframe = self._open, self._write, self._now, sys._getframe
        number, describe, where = self._spans.__next__, self._describe, self._where
        functions = self._functions
        plain = (int, bool)
        doors = self._entering

        def on_start(code: CodeType, _offset: int) -> None:
            frame = getframe(1)
            known = functions.get(id(code))
            if known is not None:
                function, params = known
                parent, lane = open_.get(id(frame.f_back)) or where(frame.f_back)
                span = number()
                open_[id(frame)] = (span, lane)
                lane.open += 1
                args, keys = None, None
                if params:
                    args, values = {}, frame.f_locals
                    for name in params:
                        value = values[name]
                        if type(value) in plain and value < _SMALL:
                            args[name] = value
                            continue
                        text, about = describe(value)
                        if text is not None:
                            args[name] = text
                        if about is not None:
                            keys = about if keys is None else keys + about
                write(("S", now(), span, parent, lane.number, function, args, keys))
            door = doors.get(id(code))
            if door is not None:
                door(frame, None)

        return on_start

    def _on_return(self) -> Callable[[CodeType, int, Any], None]:
        """A chosen function returns."""
        close, write, now, getframe = self._open.pop, self._write, self._now, sys._getframe
        describe = self._describe
        doors = self._leaving

        def on_return(code: CodeType, _offset: int, result: Any) -> None:
            frame = getframe(1)
            door = doors.get(id(code))
            if door is not None:
                door(frame, result)
            closed = close(id(frame), None)
            if closed is not None:
                span, lane = closed
                lane.open -= 1
                shown = result if result is None or type(result) is bool else describe(result)[0]
                write(("R", now(), span, shown))

        return on_return

    def _on_unwind(self, code: CodeType, _offset: int, error: BaseException) -> None:
        """An exception leaves some function of the process, perhaps a chosen one."""
        if id(code) in self._functions:
            closed = self._open.pop(id(sys._getframe(1)), None)
            if closed is not None:
                span, lane = closed
                lane.open -= 1
                self._write(("U", self._now(), span, f"{type(error).__name__}: {error!s:.80}".rstrip(": ")))

    def _on_line(self, _code: CodeType, line: int) -> None:
        """A line of a chosen function is about to run."""
        frame = sys._getframe(1)
        if id(frame) not in self._open:
            return
        span = self._open[id(frame)][0]
        now = {k: text for k, v in list(frame.f_locals.items()) if (text := self._describe(v)[0]) is not None}
        before = self._locals.get(span, {})
        self._write(("L", self._now(), span, line, {k: v for k, v in now.items() if before.get(k) != v}))
        self._locals[span] = now

    def _make_doors(self) -> dict[int, Callable[[FrameType, Any], None]]:
        """What to write down at each door, by the identity of its code."""
        write, now, describe, where, message = (
            self._write,
            self._now,
            self._describe,
            self._where,
            self._subject.message,
        )

        def put(frame: FrameType, parcel: Any) -> None:
            span, lane = where(frame)
            text, keys = describe(parcel.item)
            write((">", now(), span, lane.number, id(parcel), frame.f_locals["self"].name, keys, text))

        def take(frame: FrameType, _: Any) -> None:
            span, lane = where(frame)
            values = frame.f_locals
            write(("<", now(), span, lane.number, id(values["parcel"]), values["self"].name))

        def go(frame: FrameType, task: Any) -> None:
            span, lane = where(frame)
            write(("G", now(), span, lane.number, self._task(task).number))

        def encode(frame: FrameType, _: Any) -> None:
            span, lane = where(frame)
            values = frame.f_locals
            stream, seen = message(values.get("self"), values["m"])
            text, keys = describe(values["m"])
            write(("E", now(), span, lane.number, stream, seen, keys, text))

        def decode(frame: FrameType, result: Any) -> None:
            if result is not None:
                span, lane = where(frame)
                stream, seen = message(frame.f_locals.get("self"), result)
                write(("D", now(), span, lane.number, stream, seen))

        doors = {Door.PUT: put, Door.TAKE: take, Door.GO: go, Door.ENCODE: encode, Door.DECODE: decode}
        return {id(code): doors[door] for code, door in self._subject.doors.items()}

    def _make_describe(self) -> Callable[[Any], tuple[Any, Keys]]:
        """What to show of a value, and what it is about; a value that cannot be read disturbs nobody.

        A message passes through many functions: what was read of the last few is remembered, as long as what
        may change of it has not.
        """
        brief, keys_of, stamps = self._subject.brief, self._subject.keys_of, self._subject.stamps
        recent: dict[int, tuple[Any, Any, Any, Keys]] = self._recent

        def describe(value: Any) -> tuple[Any, Keys]:
            try:
                stamp = stamps.get(type(value))
                if stamp is None:
                    return brief(value), None
                known = recent.get(id(value))
                now = stamp(value)
                if known is not None and known[0] is value and known[1] == now:
                    return known[2], known[3]
                text, keys = brief(value), keys_of(value)
                if len(recent) >= _RECENT:
                    recent.clear()
                recent[id(value)] = (value, now, text, keys)
                return text, keys
            except Exception as error:
                return f"<{type(error).__name__}>", None

        return describe

    def _where(self, frame: FrameType | None) -> tuple[int, _Lane]:
        """The innermost traced call at ``frame`` or above it (0 if there is none), and the lane."""
        lane = self._lane()
        if lane.open:
            open_, base = self._open, self._base
            while frame is not None and id(frame.f_code) not in base:
                found = open_.get(id(frame))
                if found is not None:
                    return found
                frame = frame.f_back
        return 0, lane

    def _lane(self) -> _Lane:
        try:
            task = _current_task()
        except RuntimeError:
            task = None
        if task is None:
            return self._no_task()
        known = self._tasks.get(id(task))
        return known[1] if known is not None and known[0]() is task else self._task(task)

    def _task(self, task: asyncio.Task[Any]) -> _Lane:
        known = self._tasks.get(id(task))
        if known is not None and known[0]() is task:
            return known[1]
        lane = _Lane(next(self._numbers))
        self._tasks[id(task)] = (weakref.ref(task), lane)
        member = task.get_context().get(MEMBER, CLIENT)
        self._write(("T", lane.number, member, self._subject.task_name(task)))
        return lane

    def _no_task(self) -> _Lane:
        member = MEMBER.get()
        if member not in self._off_task:
            lane = self._off_task[member] = _Lane(-1 - len(self._off_task))
            self._write(("T", lane.number, member, "timers"))
        return self._off_task[member]
