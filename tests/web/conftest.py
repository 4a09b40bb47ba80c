"""Playwright brings an event loop of its own; nothing here starts a task in another."""

import pytest


@pytest.fixture(autouse=True)
def no_task_crashes() -> None:
    """Takes the place of the one that watches asyncio's tasks."""
