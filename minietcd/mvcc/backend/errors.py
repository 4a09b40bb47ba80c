"""What can go wrong with the file.

BackendError             it cannot be opened, read or written
└─ BackendLockedError    another process has it open
"""

from __future__ import annotations

from pathlib import Path


class BackendError(Exception):
    """The database file at ``path`` failed; ``reason`` says how, and what to do about it."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"database {path}: {reason}")
        self.path = path
        self.reason = reason


class BackendLockedError(BackendError):
    """Another process has the file open."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "another etcd process is using it and holds the file lock")
