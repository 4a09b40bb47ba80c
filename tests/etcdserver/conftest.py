"""The members that tests start, stopped again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.members import Members


@pytest_asyncio.fixture
async def members(tmp_path: Path) -> AsyncIterator[Members]:
    found = Members(tmp_path)
    yield found
    for name in list(found.servers):
        await found.stop(name, hard=True)
    for listener in found.sockets.values():
        listener.close()
