"""A queue of jobs that run one after another, in the order they came.

Go: pkg/schedule/schedule.go
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable

from minietcd.pkg.chan import Chan, ChanClosedError, Closed
from minietcd.pkg.task import go

type Job = Callable[[], Awaitable[None]]


class FIFOScheduler:
    """Runs scheduled jobs in a task of its own, so that whoever schedules them never waits.

    Go: pkg/schedule/schedule.go#fifo
    """

    def __init__(self, name: str = "fifo.run") -> None:
        """Go: pkg/schedule/schedule.go#NewFIFOScheduler"""
        self._pendings: Chan[Job] = Chan("fifo.pendings", sys.maxsize)
        self._resume: Chan[None] = Chan("fifo.resume", 1)
        self._task = go(self._run(), name)

    def schedule(self, job: Job) -> None:
        """Append ``job``. Raises ChanClosedError after ``stop``.

        Go: pkg/schedule/schedule.go#fifo.Schedule
        """
        if self._resume.closed:
            raise ChanClosedError("schedule: schedule to stopped scheduler")
        if not len(self._pendings):
            self._resume.try_send(None)
        self._pendings.try_send(job)

    @property
    def pending(self) -> int:
        """How many jobs have not started. Go: pkg/schedule/schedule.go#fifo.Pending"""
        return len(self._pendings)

    async def stop(self) -> None:
        """Take no more jobs, and wait until those already scheduled have run: also if we cannot wait.

        Go: pkg/schedule/schedule.go#fifo.Stop
        """
        self._resume.close()
        await asyncio.shield(self._task)

    async def _run(self) -> None:
        while True:
            job = self._pendings.try_recv()
            if job is None or isinstance(job, Closed):
                try:
                    await self._resume.recv()
                except ChanClosedError:
                    return
            else:
                await job()
