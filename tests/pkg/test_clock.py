"""A ticker ticks once an interval, whatever its loop's timers are like."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from minietcd.pkg.clock import Ticker


class Loop:
    """Calls when it is told to, and says what time it is said to be."""

    def __init__(self) -> None:
        self.now = 0.0
        self.calls: list[float] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], None]) -> Callable[[], None]:
        self.calls.append(when)
        return callback


@pytest.mark.parametrize(
    ("called_at", "next_"),
    [(1.0, 2.0), (0.9996, 2.0), (1.5, 2.0), (3.2, 4.0)],
    ids=["on time", "early, as uvloop does", "late", "so late that ticks are left out"],
)
async def test_the_next_tick_is_an_interval_away_at_least(
    monkeypatch: pytest.MonkeyPatch, called_at: float, next_: float
) -> None:
    loop = Loop()
    with monkeypatch.context() as patch:
        patch.setattr(asyncio, "get_running_loop", lambda: loop)
        ticker = Ticker(1.0)
    loop.now = called_at
    ticker._tick()
    assert loop.calls == [1.0, next_]
    assert ticker.c.try_recv() is not None
