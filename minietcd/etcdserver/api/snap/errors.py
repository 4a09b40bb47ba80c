"""What can be wrong with snapshots.

SnapError                   a file that is no snapshot
├── EmptySnapshotError
├── CRCMismatchError
├── NoSnapshotError         there is none
└── NoDBSnapshotError       the database that came with a snapshot is not there

Go: etcdserver/api/snap/snapshotter.go
"""

from __future__ import annotations

from pathlib import Path


class SnapError(Exception):
    """Nothing can be had from ``path``."""

    message = "not a snapshot file"

    def __init__(self, path: Path) -> None:
        super().__init__(f"snap: {self.message}: {path}")
        self.path = path


class EmptySnapshotError(SnapError):
    """A file that was not written to its end."""

    message = "empty snapshot"


class CRCMismatchError(SnapError):
    """What was written is not what is there."""

    message = "crc mismatch"


class NoSnapshotError(SnapError):
    """No file can be read that matches."""

    message = "no available snapshot"


class NoDBSnapshotError(SnapError):
    """The database that a snapshot needs has not come, or is in use already.

    Go: etcdserver/api/snap/db.go#ErrNoDBSnapshot
    """

    message = "snapshot file doesn't exist"
