"""What can go wrong in raft, and is a caller's to handle.

RaftError
├── ProposalDroppedError                no leader, a full log, or a transfer under way
├── StoppedError                        the node was stopped
├── StepLocalMsgError                   a message that never travels came from outside
├── StepPeerNotFoundError               an answer from somebody who is no member
├── ConfChangeError                     a change of members that the configuration does not allow
├── BootstrapError                      the first members were given to a log that is not empty
└── StorageError
    ├── CompactedError                  the index lies before what the log still has
    ├── SnapOutOfDateError              there is a newer snapshot
    ├── UnavailableError                the index lies after what the log has
    └── SnapshotTemporarilyUnavailableError
"""

from __future__ import annotations


class RaftError(Exception):
    """The root of them all."""

    message = ""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or self.message)


class ProposalDroppedError(RaftError):
    """Go: raft/raft.go"""

    message = "raft proposal dropped"


class StoppedError(RaftError):
    """Go: raft/node.go"""

    message = "raft: stopped"


class StepLocalMsgError(RaftError):
    """Go: raft/rawnode.go"""

    message = "raft: cannot step raft local message"


class StepPeerNotFoundError(RaftError):
    """Go: raft/rawnode.go"""

    message = "raft: cannot step as peer not found"


class ConfChangeError(RaftError):
    """Go: raft/confchange/confchange.go"""


class BootstrapError(RaftError):
    """Go: raft/bootstrap.go"""


class StorageError(RaftError):
    """Go: raft/storage.go"""


class CompactedError(StorageError):
    """Go: raft/storage.go"""

    message = "requested index is unavailable due to compaction"


class SnapOutOfDateError(StorageError):
    """Go: raft/storage.go"""

    message = "requested index is older than the existing snapshot"


class UnavailableError(StorageError):
    """Go: raft/storage.go"""

    message = "requested entry at index is unavailable"


class SnapshotTemporarilyUnavailableError(StorageError):
    """Go: raft/storage.go"""

    message = "snapshot is temporarily unavailable"
