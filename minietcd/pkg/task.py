"""``go``: the one way to start a task; ``turns``: to let others go first."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

_running: set[asyncio.Task[Any]] = set()


def go[T](coro: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
    """Run ``coro`` as a task called ``name`` and keep it alive until it ends.

    As a goroutine's panic, an exception that escapes is nobody's to catch: it goes to the loop's exception
    handler, which the server's main makes fatal.
    """
    task = asyncio.create_task(coro, name=name)
    _running.add(task)
    task.add_done_callback(_ended)
    return task


async def turns(n: int) -> None:
    """Let everything that is ready run, ``n`` times over, with what comes in meanwhile."""
    for _ in range(n):
        await asyncio.sleep(0)


def _ended(task: asyncio.Task[Any]) -> None:
    _running.discard(task)
    if task.cancelled():
        return
    if error := task.exception():
        task.get_loop().call_exception_handler(
            {"message": f"task {task.get_name()!r} crashed", "exception": error, "task": task}
        )
