"""What tests of every package share: the real etcd to compare with, and tasks that must not fail unseen."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

ROOT = Path(__file__).parent.parent
REAL_BIN = Path(os.environ.get("MINIETCD_REAL_BIN", ROOT / ".cache/etcd/usr/bin"))


def _real(program: str) -> Path:
    path = REAL_BIN / program
    if not path.is_file():
        reason = f"no real {program} here; scripts/setup etcd unpacks it where Debian's packages can be had"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path


@pytest.fixture(scope="session")
def etcd_bin() -> Path:
    """Debian's etcd 3.4.23, unpacked, never installed."""
    return _real("etcd")


@pytest.fixture(scope="session")
def etcdctl_bin() -> Path:
    """Debian's etcdctl 3.4.23, unpacked, never installed."""
    return _real("etcdctl")


@pytest_asyncio.fixture(autouse=True)
async def no_task_crashes() -> AsyncIterator[None]:
    """A task that crashes fails the test that started it, as a goroutine's panic would."""
    crashes: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: crashes.append(context))
    yield
    for crash in crashes:
        raise AssertionError(crash["message"]) from crash.get("exception")
