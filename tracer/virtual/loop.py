"""An event loop whose time passes when nothing is left to do, and processes with clocks of their own on it.

A ``Process`` is all that runs in its context: tasks, timers, what arrives from the network. Each step is
taken on its behalf, so that one place decides whether it runs now, later, because the process is busy, or
never, because it is dead.
"""

from __future__ import annotations

import asyncio
import gc
import heapq
import math
import random
import time
from asyncio import Handle, TimerHandle
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar
from itertools import count
from typing import Any

EPOCH = 1_700_000_000.0
"""The seconds since 1970 at which every world begins."""

_MOST_STEPS = 100_000
_COLLECT = 60.0
_ENDED = "cannot reuse already awaited coroutine"
"""What the task says whose coroutine was ended."""
_PROCESS: ContextVar[Process | None] = ContextVar("process", default=None)


def running() -> Process | None:
    """The process on whose behalf this runs; None outside of all."""
    return _PROCESS.get()


class StuckError(Exception):
    """The loop waits for something that can never happen, or never stops doing things at the same moment."""


class VirtualLoop(asyncio.BaseEventLoop):
    """Runs what is ready in the order it became ready; then the clock jumps to the next timer.

    ``now`` is the world's time in seconds; ``time()`` is that of the clock of whoever asks.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self._timers: list[tuple[float, int, Handle]] = []
        self._numbers = count()
        self._steps = 0
        self._next_collection = _COLLECT
        self._queue: deque[Handle] = self._ready  # type: ignore[attr-defined]

    def time(self) -> float:
        """What the clock of the process shows on whose behalf this runs."""
        process = _PROCESS.get()
        return self.now if process is None else process.time()

    def moment(self) -> float:
        """When, in the world's time, that which runs now will be done: that of a busy process is later."""
        process = _PROCESS.get()
        return self.now if process is None else process.moment()

    def call_soon[*Ts](
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> Handle:
        handle = Handle(callback, args, self, context)
        self._queue.append(handle)
        return handle

    def call_soon_threadsafe[*Ts](
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> Handle:
        """The same: there is one thread."""
        return self.call_soon(callback, *args, context=context)

    def call_at[*Ts](
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> TimerHandle:
        handle = TimerHandle(when, callback, args, self, context)
        process = _PROCESS.get()
        self._schedule(when if process is None else process.clock.moment(when), handle)
        return handle

    def call_later[*Ts](
        self, delay: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> TimerHandle:
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def at(self, moment: float, callback: Callable[..., object], *args: Any, context: Context) -> None:
        """Call at that moment of the world's time, whatever anybody's clock shows."""
        self._schedule(moment, Handle(callback, args, self, context))

    def create_task(
        self, coro: Any, *, name: Any = None, context: Context | None = None
    ) -> asyncio.Task[Any]:
        task = asyncio.Task(coro, loop=self, name=name, context=context)
        process = _PROCESS.get() if context is None else context.get(_PROCESS)
        if process is not None:
            process.adopt(task)
        return task

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """What the dead have to say, and what is said about them, is not heard."""
        process = _PROCESS.get()
        if (process is None or not process.dead) and str(context.get("exception")) != _ENDED:
            super().call_exception_handler(context)

    @contextmanager
    def pinned(self, seed: object) -> Iterator[None]:
        """Let what everybody shares come from here too: the clock of ``time``, the chance of ``random``.

        Libraries ask these for what does not matter, such as the date of an answer; it must only be the same
        each time. Garbage is collected at moments of the world's time, for it may have something to do then.
        """
        clock, monotonic, state, collecting = time.time, time.monotonic, random.getstate(), gc.isenabled()
        time.time, time.monotonic = lambda: EPOCH + self.now, lambda: self.now
        random.seed(str(seed))
        gc.freeze()
        gc.disable()
        try:
            yield
        finally:
            time.time, time.monotonic = clock, monotonic
            random.setstate(state)
            gc.unfreeze()
            if collecting:
                gc.enable()

    def withdraw(self, process: Process) -> list[Handle]:
        """What is ready to run on behalf of ``process``; who asks is to run and to cancel it."""
        ready = [handle for handle in self._queue if not handle.cancelled()]
        return [handle for handle in ready if handle._context.get(_PROCESS) is process]  # type: ignore[attr-defined]

    def _schedule(self, moment: float, handle: Handle) -> None:
        heapq.heappush(self._timers, (moment, next(self._numbers), handle))

    def _run_once(self) -> None:
        """Round after round: all that is ready now, each on behalf of its process; then go on in time."""
        timers, ready = self._timers, self._queue
        while not self._stopping:  # type: ignore[attr-defined]
            if not ready:
                self._go_on()
            while timers and timers[0][0] <= self.now:
                ready.append(heapq.heappop(timers)[2])
            self._steps += 1
            if self._steps > _MOST_STEPS:
                raise StuckError(f"{_MOST_STEPS:,} rounds, and it is still {self.now:.6f}")
            for _ in range(len(ready)):
                handle = ready.popleft()
                if handle._cancelled:
                    continue
                process = handle._context.get(_PROCESS)  # type: ignore[attr-defined]
                if process is None or not process.hindered:
                    handle._run()
                else:
                    process.take(handle)

    def _go_on(self) -> None:
        timers = self._timers
        while timers and timers[0][2]._cancelled:
            heapq.heappop(timers)
        if not timers:
            raise StuckError("nothing will ever happen again, and the story is not over")
        if timers[0][0] > self.now:
            self._steps, self.now = 0, timers[0][0]
        if self.now >= self._next_collection:
            self._next_collection = self.now + _COLLECT
            gc.collect()

    def _timer_handle_cancelled(self, handle: TimerHandle) -> None:
        """It is dropped when its time comes."""

    def _write_to_self(self) -> None:
        """Nobody is waiting in a system call."""


class Clock:
    """A clock that may be wrong: ``rate`` seconds a second, and ``skew`` seconds off the wall's time."""

    def __init__(self, loop: VirtualLoop, rate: float = 1.0, skew: float = 0.0) -> None:
        self._loop, self._rate, self.skew = loop, rate, skew
        self._set_at = self._showed = loop.now

    @property
    def rate(self) -> float:
        """Seconds it shows a second. A change does not move timers that are set already."""
        return self._rate

    @rate.setter
    def rate(self, rate: float) -> None:
        self._showed = self.shows(self._loop.now)
        self._set_at, self._rate = self._loop.now, rate

    def shows(self, moment: float) -> float:
        """What it shows at that moment of the world's time."""
        return self._showed + (moment - self._set_at) * self._rate

    def moment(self, shown: float) -> float:
        """When it shows that, and not a rounding before: who is woken then must not find it too early."""
        moment = self._set_at + (shown - self._showed) / self._rate
        while self.shows(moment) < shown:
            moment = math.nextafter(moment, math.inf)
        return moment

    def wall(self) -> float:
        """Its seconds since 1970."""
        return EPOCH + self.skew + self.shows(self._loop.now)


class Process:
    """One life of a program on the machine called ``name``, from ``go`` to ``kill``.

    It is one thread: while it is busy nothing else of it runs, and what comes meanwhile waits in its order.
    ``buried`` is done when nothing is left of it, and what is in ``afterwards`` has been called.
    """

    def __init__(self, loop: VirtualLoop, name: str, clock: Clock) -> None:
        self.loop, self.name, self.clock = loop, name, clock
        self.dead = self.hindered = False
        self.busy_until = self._cost = 0.0
        self.context = Context()
        self.context.run(_PROCESS.set, self)
        self._tasks: list[asyncio.Task[Any]] = []
        self._many = 64
        self._waiting: deque[Handle] = deque()
        self._wakes = False
        self.afterwards: list[Callable[[], object]] = []
        self.buried: asyncio.Future[None] = loop.create_future()

    def __repr__(self) -> str:
        return f"Process({self.name!r}{', dead' if self.dead else ''})"

    def time(self) -> float:
        """What its clock shows; what it was busy with has taken its time."""
        now = self.loop.now
        return self.clock.shows(now if now > self.busy_until else self.busy_until)

    def moment(self) -> float:
        """When, in the world's time, that which it does now is done."""
        return max(self.loop.now, self.busy_until)

    @property
    def cost(self) -> float:
        """Seconds that each of its steps takes; 0: none at all."""
        return self._cost

    @cost.setter
    def cost(self, cost: float) -> None:
        self._cost = cost
        self.hindered = self.hindered or cost > 0

    def spend(self, seconds: float) -> None:
        """Be busy for so long from now on: the rest of this step happens afterwards."""
        self.busy_until = self.moment() + seconds
        self.hindered = True

    def go[T](self, coro: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        """Run ``coro`` as a task of this process."""
        return self.loop.create_task(coro, name=name, context=self.context.copy())

    def adopt(self, task: asyncio.Task[Any]) -> None:
        """One task more that ends with this process."""
        self._tasks.append(task)
        if len(self._tasks) > self._many:
            self._tasks = [task for task in self._tasks if not task.done()]
            self._many = 2 * len(self._tasks) + 64

    def kill(self) -> None:
        """End between two steps, or, if one of its own is at it, after that, which nobody will hear of."""
        if not self.dead:
            self.dead = self.hindered = True
            self.loop.call_soon(self._bury, context=Context())

    def take(self, handle: Handle) -> None:
        """A step of a process that is dead, busy or slow: it waits, if only for the burial."""
        if not self.buried.done():
            self._waiting.append(handle)
            self._work()

    def _work(self) -> None:
        """Do what waits as long as there is time for it, then come back when there is."""
        while not self.dead and self._waiting and self.busy_until <= self.loop.now:
            handle = self._waiting.popleft()
            if not handle._cancelled:
                self.busy_until = self.loop.now + self._cost
                handle._run()
        if self.dead:
            return
        if not self._waiting:
            self.hindered = self._cost > 0 or self.busy_until > self.loop.now
        elif not self._wakes:
            self._wakes = True
            self.loop.at(self.busy_until, self._wake, context=Context())

    def _wake(self) -> None:
        self._wakes = False
        self._work()

    def _bury(self) -> None:
        """Let every task end where it stands, and run what this sets off, for nothing of it gets out.

        What a task does on its way out it does without time, network and disk. Nothing is left that could
        do anything later, not even for the garbage collector.
        """
        while tasks := [task for task in self._tasks if not task.done()]:
            for task in tasks:
                self._close(task)
                task.cancel()
            while steps := [*self._waiting, *self.loop.withdraw(self)]:
                self._waiting.clear()
                for step in steps:
                    if not step.cancelled():
                        step._run()
                        step.cancel()
        for task in self._tasks:
            if not task.cancelled():
                task.exception()
        self._tasks.clear()
        for callback in self.afterwards:
            callback()
        self.buried.set_result(None)

    def _close(self, task: asyncio.Task[Any]) -> None:
        coro = task.get_coro()
        assert coro is not None, task
        for _ in range(100):
            try:
                return self.context.copy().run(coro.close)
            except BaseException:
                continue  # it awaits on its way out: go on to the next thing that it does then
        raise AssertionError(f"{task} does not end")
