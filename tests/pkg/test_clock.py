"""A ticker ticks by the loop's clock, and drops what nobody took."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from minietcd.pkg.clock import Ticker


async def test_ticks_come_at_the_interval() -> None:
    loop = asyncio.get_running_loop()
    start = loop.time()
    with Ticker(0.01) as ticker:
        ticks = [await ticker.c.recv() for _ in range(3)]
    assert ticks == sorted(ticks)
    assert ticks[-1] - start >= 0.03 - 0.001


async def test_a_tick_nobody_took_is_dropped_and_a_stopped_ticker_is_silent() -> None:
    ticker = Ticker(0.001)
    first = await ticker.c.recv()
    with Ticker(0.02) as longer:
        await longer.c.recv()
    assert len(ticker.c) == 1
    ticker.stop()
    second = ticker.c.try_recv()
    assert isinstance(second, float) and second > first
    assert ticker.c.try_recv() is None


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
