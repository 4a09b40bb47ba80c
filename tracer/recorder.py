"""Notes what happens while it is entered, and leaves all thought about it to ``replay``.

A note is three things in one flat list: what happened, when, and a value. The list is flat because tuples
that are kept would keep the garbage collector busy. Of the program only values of types that will be shown
are kept: whoever holds on to a transaction keeps it open. They are described when the recording ends, as to
describe a value takes longer than the call it was passed to. A list is copied, for it may grow.

What can happen: a chosen function begins (noted is its code), and as the letters of the journal have it; but
``t`` says that another task runs now, ``y`` that a call waits, ``r`` that it goes on, ``x`` that an exception
was thrown into one, and ``b`` how many calls had begun before.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time
import weakref
from collections.abc import Callable
from itertools import count
from operator import itemgetter
from types import CodeType, FrameType
from typing import Any, Self

from tracer.journal import Journal
from tracer.model import CLIENT, DIED, Function, printable
from tracer.monitor import Listener, Monitor
from tracer.replay import replay
from tracer.subject import MEMBER, Door, Subject

_PASSING = re.compile(r"\S*/tmp\w{8}/")
"""What a path begins with that is of one run only."""
_LEAVING = (Door.PUT, Door.TAKE, Door.GO, Door.DECODE)
"""Doors of which the result tells what passed."""

type _Door = Callable[[Any], None]
"""Notes what passes, if it is the result; else finds it among the variables."""

type _Start = tuple[bool, Callable[[Any], Any] | None, bool, _Door | None]
"""Whether a chosen function begins; how to read the parameters to show, and if they are several; the door."""

_NO_FUNCTION: _Start = (False, None, False, None)


class Recorder:
    """Records ``subject`` between ``start`` and ``stop``; ``lines`` adds each line that runs.

    ``now`` tells the time in nanoseconds.
    """

    def __init__(
        self, subject: Subject, *, lines: bool = False, now: Callable[[], int] = time.perf_counter_ns
    ) -> None:
        self.journal = Journal([*subject.functions.values(), *subject.helpers.values()])
        self._subject = subject
        self._notes: list[Any] = []
        self._note = self._notes.extend
        self._now = now
        self._plain: set[type] = {type(None)}
        self._kept = self._keeper()
        self._numbers = count(1)
        self._tasks: dict[int, tuple[int, weakref.ref[asyncio.Task[Any]]]] = {}
        self._off_task: dict[str, int] = {}
        self._running: list[object] = [self]
        self._lines = lines
        # By identity: the hash of a code object reads all of its instructions.
        self._functions = set(map(id, subject.functions))
        leaving = {code for code, door in subject.doors.items() if door in _LEAVING}
        doors = self._make_doors()
        self._leaving = {id(code): doors.pop(code) for code in leaving}
        starts = {code: _reader(each) for code, each in subject.functions.items()}
        starts |= {code: (*starts.get(code, _NO_FUNCTION)[:3], door) for code, door in doors.items()}
        self._starts = {id(code): start for code, start in starts.items()}
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
        self._note(("b", 0, sum(id(frame.f_code) in self._functions for frame in _frames(1))))
        self._monitor.start((*self._subject.functions, *self._subject.helpers) if self._lines else ())

    def stop(self) -> None:
        """Record no more, and put into the journal what was; nothing of the program is kept any longer."""
        self._monitor.stop()
        replay(self._notes, self._subject, self.journal)
        self._notes.clear()
        self._tasks.clear()
        self._running[0] = self

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def call(self, call: str, leg: int, label: str) -> None:
        """A remote call passes here: see the journal's letter C."""
        self._switch()
        self._note(("C", self._now(), (call, leg, label)))

    def _on_start(self) -> Callable[[CodeType, int], None]:
        """A chosen function begins. This and ``_on_return`` are closures because every nanosecond counts."""
        note, now, getframe, current_task = self._note, self._now, sys._getframe, asyncio.current_task
        running, switch = self._running, self._switch
        starts, plain, kept = self._starts, self._plain, self._kept

        def on_start(code: CodeType, _offset: int) -> None:
            try:
                if current_task() is not running[0]:
                    switch()
            except RuntimeError:
                switch()
            chosen, read, many, door = starts[id(code)]
            if read is not None:
                value = read(getframe(1).f_locals)
                if many:
                    if not plain.issuperset(map(type, value)):
                        value = tuple(map(kept, value))
                elif type(value) not in plain:
                    value = kept(value)
                note((code, now(), value))
            elif chosen:
                note((code, now(), None))
            if door is not None:
                door(None)

        return on_start

    def _on_return(self) -> Callable[[CodeType, int, Any], None]:
        """A chosen function returns."""
        note, now, plain, kept = self._note, self._now, self._plain, self._kept
        doors, functions = self._leaving, self._functions
        current_task, running, switch = asyncio.current_task, self._running, self._switch
        # To look for the name first is four times as quick: the hash of a string is known.
        names = {code.co_name for code in self._subject.doors}

        def on_return(code: CodeType, _offset: int, result: Any) -> None:
            if code.co_name in names and id(code) in doors:
                try:
                    if current_task() is not running[0]:
                        switch()
                except RuntimeError:
                    switch()
                doors[id(code)](result)
                if id(code) not in functions:
                    return
            note(("R", now(), result if type(result) in plain else kept(result)))

        return on_return

    def _on_yield(self, _code: CodeType, _offset: int, _value: Any) -> None:
        """A chosen function waits, and all that await it do."""
        self._note(("y", 0, id(sys._getframe(1))))

    def _on_resume(self, _code: CodeType, _offset: int) -> None:
        """A chosen function goes on."""
        self._note(("r", 0, id(sys._getframe(1))))

    def _on_throw(self, code: CodeType, _offset: int, _error: BaseException) -> None:
        """An exception is thrown into some function of the process that waits, perhaps a chosen one."""
        self._note(("x", 0, (id(code) in self._functions, [id(frame) for frame in _frames(2)])))

    def _on_unwind(self, code: CodeType, _offset: int, error: BaseException) -> None:
        """An exception leaves some function of the process, perhaps a chosen one."""
        if id(code) in self._functions:
            self._note(("U", self._now(), _told(error)))

    def _on_line(self, code: CodeType, line: int) -> None:
        """A line of a chosen function, or of a helper, is about to run."""
        if id(code) not in self._functions:
            self._switch()
            self._note(("l", 0, (id(code), line)))
            return
        found = {name: self._brief(value) for name, value in list(sys._getframe(1).f_locals.items())}
        values = {name: text for name, text in found.items() if text is not None}
        self._note(("L", self._now(), (id(code), line, values)))

    def _brief(self, value: Any) -> Any:
        try:
            return self._subject.brief(value)
        except Exception as error:
            return f"<{type(error).__name__}>"

    def _make_doors(self) -> dict[CodeType, _Door]:
        """What to note at each door.

        A parcel is known by its identity as long as it is on its way; it need not be kept.
        """
        note, now, plain, kept, stream = self._note, self._now, self._plain, self._kept, self._subject.stream

        def put(parcel: Any) -> None:
            item = parcel.item
            note((">", now(), (id(parcel), parcel.chan, item if type(item) in plain else kept(item))))

        def take(parcel: Any) -> None:
            note(("<", now(), (id(parcel), parcel.chan)))

        def go(task: Any) -> None:
            note(("G", now(), self._number(task)))

        def encode(_: Any) -> None:
            values = sys._getframe(2).f_locals
            note(("E", now(), (stream(values.get("self")), values["m"])))

        def decode(result: Any) -> None:
            if result is not None:
                note(("D", now(), (stream(sys._getframe(2).f_locals.get("self")), result)))

        doors = {Door.PUT: put, Door.TAKE: take, Door.GO: go, Door.ENCODE: encode, Door.DECODE: decode}
        return {code: doors[door] for code, door in self._subject.doors.items()}

    def _keeper(self) -> Callable[[Any], Any]:
        """How to keep a value so that it can be looked at later; None if it will not be."""
        plain, hidden, shows = self._plain, set[type](), self._subject.shows

        def kept(value: Any) -> Any:
            kind = type(value)
            if kind in plain:
                return value
            if kind in hidden:
                return None
            if kind is list or kind is tuple:
                return tuple(value) if plain.issuperset(map(type, value)) else tuple(map(kept, value))
            (plain if shows(kind) else hidden).add(kind)
            return kept(value)

        return kept

    def _switch(self) -> None:
        """Note which task runs, if it is another; what runs in none is told apart by its member."""
        try:
            task = asyncio.current_task()
        except RuntimeError:
            task = None
        if task is self._running[0]:
            return
        # Never None, so that what runs in no task always comes here.
        self._running[0] = task or self
        self._note(("t", 0, self._off_task_number() if task is None else self._number(task)))

    def _off_task_number(self) -> int:
        member = MEMBER.get()
        if member not in self._off_task:
            self._off_task[member] = -1 - len(self._off_task)
            self._note(("T", 0, (self._off_task[member], member, "timers")))
        return self._off_task[member]

    def _number(self, task: asyncio.Task[Any]) -> int:
        """The number of ``task``, which is named when it is first seen; it is not kept alive."""
        key, tasks = id(task), self._tasks
        if known := tasks.get(key):
            return known[0]
        number = next(self._numbers)
        member = task.get_context().get(MEMBER, CLIENT)
        self._note(("T", 0, (number, member, self._subject.task_name(task))))
        tasks[key] = number, weakref.ref(task, lambda _: tasks.pop(key, None))
        return number


def _reader(function: Function) -> _Start:
    names = function.params
    return True, itemgetter(*names) if names else None, len(names) > 1, None


def _frames(depth: int) -> list[FrameType]:
    """The frames that run, from the one ``depth`` above this down to the first."""
    found: list[FrameType] = []
    frame: FrameType | None = sys._getframe(depth)
    while frame is not None:
        found.append(frame)
        frame = frame.f_back
    return found


def _told(error: BaseException) -> str:
    if isinstance(error, GeneratorExit):
        return DIED  # nobody ends a task so but who kills a member
    return printable(f"{type(error).__name__}: {_PASSING.sub('', str(error)):.80}".rstrip(": "))
