"""Time as a parameter: the wall clock, and a ticker on the event loop's own clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Self

from minietcd.pkg.chan import Chan

type WallClock = Callable[[], float]
"""Tells the seconds since 1970."""

wall_clock: WallClock = time.time


class Ticker:
    """Puts the loop's time into ``c`` every ``interval`` seconds; a tick nobody took in time is dropped.

    As Go's ``time.Ticker``. The event loop's clock decides, so virtual time works.
    """

    def __init__(self, interval: float, name: str = "ticker.C") -> None:
        self.c: Chan[float] = Chan(name, 1)
        self._interval = interval
        self._loop = asyncio.get_running_loop()
        self._next = self._loop.time() + interval
        self._handle = self._loop.call_at(self._next, self._tick)

    def stop(self) -> None:
        """No more ticks."""
        self._handle.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _tick(self) -> None:
        now = max(self._loop.time(), self._next)  # uvloop counts in ms, and may call a little early
        self.c.try_send(now)
        while self._next <= now:
            self._next += self._interval
        self._handle = self._loop.call_at(self._next, self._tick)
