"""What can be wrong with a log. Each error names the file and where in it.

WALError
├── WALFileNotFoundError                    no segment holds what was asked for
├── MetadataConflictError                   segments of different members
├── SnapshotMismatchError                   another term at the snapshot's index
├── SnapshotNotFoundError                   the snapshot was never recorded here
├── UnexpectedEOFError                      the tail is torn: the one thing ``repair`` mends
└── CorruptRecordError                      damage; nothing is changed
    ├── CRCMismatchError
    ├── SliceOutOfRangeError                entries are missing in between
    └── MaxWALEntrySizeLimitExceededError

Go: wal/wal.go
"""

from __future__ import annotations

from pathlib import Path


class WALError(Exception):
    """The log cannot be used as it is; ``path`` and ``offset`` tell where reading stopped."""

    message = "cannot be used"

    def __init__(self, path: Path, offset: int | None = None) -> None:
        where = "" if offset is None else f" at offset {offset}"
        super().__init__(f"wal: {self.message}: {path}{where}")
        self.path = path
        self.offset = offset


class WALFileNotFoundError(WALError):
    """No segment, or none from the index asked for on, or not all of them."""

    message = "file not found"


class MetadataConflictError(WALError):
    """Two segments say that they are of different members."""

    message = "conflicting metadata found"


class SnapshotMismatchError(WALError):
    """The snapshot recorded at the index asked for is of another term."""

    message = "snapshot mismatch"


class SnapshotNotFoundError(WALError):
    """The snapshot to start from is not recorded in the log."""

    message = "snapshot not found"


class UnexpectedEOFError(WALError):
    """The last record was not written in full: what a crash in the middle of a write leaves behind."""

    message = "unexpected EOF"


class CorruptRecordError(WALError):
    """What was written and synced is not what is there."""

    message = "damaged record"


class CRCMismatchError(CorruptRecordError):
    """The data is not that of which the checksum was taken."""

    message = "crc mismatch"


class SliceOutOfRangeError(CorruptRecordError):
    """An entry that does not follow the ones before it."""

    message = "slice bounds out of range"


class MaxWALEntrySizeLimitExceededError(CorruptRecordError):
    """A length that no entry has."""

    message = "max entry size limit exceeded"
