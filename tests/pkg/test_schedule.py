"""Jobs run one at a time in the order they were scheduled, and stop waits for those accepted."""

from __future__ import annotations

import asyncio

import pytest

from minietcd.pkg.chan import Chan, ChanClosedError
from minietcd.pkg.schedule import FIFOScheduler


async def test_jobs_run_in_order_and_one_at_a_time() -> None:
    scheduler, log = FIFOScheduler(), list[str]()

    def job(number: int) -> None:
        async def run() -> None:
            log.append(f"start {number}")
            await asyncio.sleep(0)
            log.append(f"end {number}")

        scheduler.schedule(run)

    for number in range(3):
        job(number)
    assert scheduler.pending == 3
    await scheduler.stop()
    assert log == [f"{word} {number}" for number in range(3) for word in ("start", "end")]


async def test_a_job_scheduled_while_idle_wakes_the_scheduler() -> None:
    scheduler, ran = FIFOScheduler(), Chan[int]("ran", 1)

    async def run() -> None:
        ran.try_send(1)

    await asyncio.sleep(0)
    scheduler.schedule(run)
    assert await ran.recv() == 1
    scheduler.schedule(run)
    assert await ran.recv() == 1
    await scheduler.stop()


async def test_a_stopped_scheduler_refuses() -> None:
    scheduler = FIFOScheduler()
    await scheduler.stop()

    async def run() -> None: ...

    with pytest.raises(ChanClosedError):
        scheduler.schedule(run)


async def test_who_cannot_wait_for_the_last_job_does_not_end_it() -> None:
    scheduler, gate, done = FIFOScheduler(), asyncio.Event(), []

    async def job() -> None:
        await gate.wait()
        done.append(1)

    scheduler.schedule(job)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await scheduler.stop()
    gate.set()
    await scheduler._task
    assert done
