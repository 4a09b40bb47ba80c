"""A ticker ticks by the loop's clock, and drops what nobody took."""

from __future__ import annotations

import asyncio

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
