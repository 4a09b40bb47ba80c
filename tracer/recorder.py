"""Writes down what happens while it is entered: plain tuples, and nothing of the program kept alive.

A span is one call, told from others by its frame; its parent is the nearest traced frame up ``f_back``, which
is exact through awaits and generators, because while a coroutine runs its callers are on the stack. What it
takes to know the program (which functions, which doors, what a value is about) is the ``Subject``.
"""

from __future__ import annotations

import asyncio
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
from tracer.monitor import Monitor

MEMBER: ContextVar[str] = ContextVar("member", default=CLIENT)
"""Whose code runs: set while a member is started, and inherited by every task it starts."""

_STOP_AT = {asyncio.Handle._run.__code__}


class Door(Enum):
    """A function through which something passes from one task to another."""

    PUT = auto()
    TAKE = auto()
    GO = auto()
    ENCODE = auto()
    DECODE = auto()


@dataclass(slots=True)
class Subject:
    """The program that is watched."""

    functions: Mapping[CodeType, Function]
    doors: Mapping[CodeType, Door]
    keys_of: Callable[[Any], Keys]
    brief: Callable[[Any], Any]
    """A value as a number or bounded text; None if it is not worth showing."""
    task_name: Callable[[asyncio.Task[Any]], str] = asyncio.Task.get_name
    message: Callable[[Any, Any], tuple[str, str]] = lambda coder, message: ("", str(message))
    """The stream a wire message travels on, and what it looks like on both ends."""


class Recorder:
    """Records ``subject`` between ``start`` and ``stop``; ``lines`` adds each line that runs."""

    def __init__(self, subject: Subject, *, lines: bool = False) -> None:
        self.journal = Journal(list(subject.functions.values()))
        self._subject = subject
        self._write = self.journal.events.append
        self._now = time.perf_counter_ns
        self._spans = count(1)
        self._open: dict[int, int] = {}
        self._locals: dict[int, dict[str, Any]] = {}
        self._tasks: dict[int, tuple[Callable[[], Any], int]] = {}
        self._numbers = count(1)
        self._off_task: dict[str, int] = {}
        self._functions = {code: (n, f.params) for n, (code, f) in enumerate(subject.functions.items())}
        starts = {Door.TAKE, Door.ENCODE}
        self._at_start = {code: door for code, door in subject.doors.items() if door in starts}
        self._at_return = {code: door for code, door in subject.doors.items() if door not in starts}
        self._lines = lines
        self._monitor = Monitor(
            self, [*self._functions, *self._at_start], [*self._functions, *self._at_return]
        )

    def start(self) -> None:
        """Begin to record. Raises RuntimeError if another tool holds the interpreter's every slot."""
        self._monitor.start(self._functions if self._lines else ())

    def stop(self) -> None:
        """Record no more; what was registered with the interpreter is gone."""
        self._monitor.stop()
        self._open.clear()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def call(self, call: str, leg: int, label: str) -> None:
        """A remote call passes here: see the journal's letter C."""
        span, task = self._where(sys._getframe(1))
        self._write(("C", self._now(), span, task, call, leg, label))

    def on_start(self, code: CodeType, _offset: int) -> None:
        """A chosen function begins."""
        frame = sys._getframe(1)
        known = self._functions.get(code)
        if known is not None:
            self._begin(frame, *known)
        if code in self._at_start:
            self._door_at_start(self._at_start[code], frame)

    def on_return(self, code: CodeType, _offset: int, result: object) -> None:
        """It returns."""
        frame = sys._getframe(1)
        if code in self._at_return:
            self._door_at_return(self._at_return[code], frame, result)
        span = self._open.pop(id(frame), None)
        if span is not None:
            self._write(("R", self._now(), span, self._describe(result)[0]))

    def on_unwind(self, code: CodeType, _offset: int, error: BaseException) -> None:
        """An exception leaves some function of the process, perhaps a chosen one."""
        if code in self._functions:
            span = self._open.pop(id(sys._getframe(1)), None)
            if span is not None:
                self._write(("U", self._now(), span, f"{type(error).__name__}: {error!s:.80}".rstrip(": ")))

    def on_line(self, _code: CodeType, line: int) -> None:
        """A line of a chosen function is about to run."""
        frame = sys._getframe(1)
        span = self._open.get(id(frame))
        if span is None:
            return
        now = {k: text for k, v in list(frame.f_locals.items()) if (text := self._describe(v)[0]) is not None}
        before = self._locals.get(span, {})
        self._write(("L", self._now(), span, line, {k: v for k, v in now.items() if before.get(k) != v}))
        self._locals[span] = now

    def _begin(self, frame: FrameType, number: int, params: tuple[str, ...]) -> None:
        parent, task = self._where(frame.f_back)
        span = self._open[id(frame)] = next(self._spans)
        args: dict[str, Any] = {}
        keys: Keys = None
        if params:
            values = frame.f_locals
            for name in params:
                text, about = self._describe(values.get(name))
                if text is not None:
                    args[name] = text
                if about is not None:
                    keys = about if keys is None else keys + about
        self._write(("S", self._now(), span, parent, task, number, args, keys))

    def _door_at_start(self, door: Door, frame: FrameType) -> None:
        span, task = self._where(frame)
        values = frame.f_locals
        if door is Door.TAKE:
            self._write(("<", self._now(), span, task, id(values["parcel"]), values["self"].name))
        else:
            message = values["m"]
            lane, text = self._subject.message(values.get("self"), message)
            label, keys = self._describe(message)
            self._write(("E", self._now(), span, task, lane, text, keys, label))

    def _door_at_return(self, door: Door, frame: FrameType, result: Any) -> None:
        span, task = self._where(frame)
        if door is Door.PUT:
            name = frame.f_locals["self"].name
            label, keys = self._describe(result.item)
            self._write((">", self._now(), span, task, id(result), name, keys, label))
        elif door is Door.GO:
            self._write(("G", self._now(), span, task, self._task(result)))
        elif result is not None:
            lane, text = self._subject.message(frame.f_locals.get("self"), result)
            self._write(("D", self._now(), span, task, lane, text))

    def _describe(self, value: Any) -> tuple[Any, Keys]:
        """What to show of ``value``, and what it is about; a value that cannot be read disturbs nobody."""
        try:
            return self._subject.brief(value), self._subject.keys_of(value)
        except Exception as error:
            return f"<{type(error).__name__}>", None

    def _where(self, frame: FrameType | None) -> tuple[int, int]:
        """The innermost traced call at ``frame`` or above it; if there is none, the task."""
        functions, open_ = self._functions, self._open
        while frame is not None and frame.f_code not in _STOP_AT:
            if frame.f_code in functions and (span := open_.get(id(frame))) is not None:
                return span, 0
            frame = frame.f_back
        try:
            task = asyncio.current_task()
        except RuntimeError:
            task = None
        return 0, self._no_task() if task is None else self._task(task)

    def _task(self, task: asyncio.Task[Any]) -> int:
        known = self._tasks.get(id(task))
        if known is not None and known[0]() is task:
            return known[1]
        number = next(self._numbers)
        self._tasks[id(task)] = (weakref.ref(task), number)
        self._write(("T", number, task.get_context().get(MEMBER, CLIENT), self._subject.task_name(task)))
        return number

    def _no_task(self) -> int:
        member = MEMBER.get()
        if member not in self._off_task:
            number = self._off_task[member] = -1 - len(self._off_task)
            self._write(("T", number, member, "timers"))
        return self._off_task[member]
