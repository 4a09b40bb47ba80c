"""A result reaches whoever registered for it, and a passed deadline wakes whoever waits for it."""

from __future__ import annotations

import asyncio

import pytest

from minietcd.pkg.chan import ChanClosedError
from minietcd.pkg.wait import Wait, WaitTime


async def test_a_result_reaches_its_waiter_and_the_channel_ends() -> None:
    wait = Wait()
    channel = wait.register(7)
    assert wait.is_registered(7)
    wait.trigger(7, "result")
    assert not wait.is_registered(7)
    assert await channel.recv() == "result"
    with pytest.raises(ChanClosedError):
        await channel.recv()


async def test_an_id_is_registered_once() -> None:
    wait = Wait()
    wait.register(7)
    with pytest.raises(ValueError, match="dup id 7"):
        wait.register(7)


async def test_a_trigger_nobody_waits_for_is_no_error() -> None:
    Wait().trigger(7, "result")


async def test_a_deadline_wakes_all_up_to_it_and_none_after() -> None:
    wait = WaitTime()
    early, same, late = wait.wait(3), wait.wait(3), wait.wait(4)
    wait.trigger(3)
    assert early is same and early.closed and not late.closed
    assert wait.wait(2).closed
    wait.trigger(9)
    assert late.closed


async def test_waiters_of_one_deadline_share_a_channel() -> None:
    wait = WaitTime()
    tasks = [asyncio.create_task(wait.wait(5).recv()) for _ in range(3)]
    await asyncio.sleep(0)
    wait.trigger(5)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, ChanClosedError) for result in results)
