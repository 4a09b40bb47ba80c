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


RAFT_SCRIPTS = ("interaction", "confchange", "quorum")
"""The folders that a directory of raft scripts may have."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("raft scripts (tests/raft/test_scripts.py)")
    group.addoption(
        "--scripts",
        action="append",
        default=[],
        metavar="DIR",
        help=f"replay the scripts of this directory too, in its folders {', '.join(RAFT_SCRIPTS)}",
    )
    group.addoption(
        "--rewrite",
        action="store_true",
        help="put what comes out into our own scripts, in place of what should; look at the difference",
    )


def pytest_configure(config: pytest.Config) -> None:
    for given in config.getoption("--scripts"):
        if not Path(given).is_dir():
            raise pytest.UsageError(f"--scripts: there is no directory {given}")
        if not any(any((Path(given) / folder).rglob("*.txt")) for folder in RAFT_SCRIPTS):
            raise pytest.UsageError(f"--scripts: {given} has no *.txt in {', '.join(RAFT_SCRIPTS)}")


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
