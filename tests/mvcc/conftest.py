"""A store on a real file, and a stand-in for the raft log's index."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from minietcd.lease.lessor import Lessor
from minietcd.mvcc.backend.backend import Backend
from minietcd.mvcc.watchable_store import WatchableStore


@dataclass
class Entry:
    """The entry that is being applied."""

    index: int = 0

    def consistent_index(self) -> int:
        return self.index


@pytest.fixture
def entry() -> Entry:
    return Entry()


@pytest.fixture
async def store(tmp_path: Path, entry: Entry) -> AsyncIterator[WatchableStore]:
    backend = Backend(tmp_path / "db")
    store = WatchableStore(backend, Lessor(backend), entry, compaction_batch_limit=7)
    yield store
    await store.close()
    store.b.close()
