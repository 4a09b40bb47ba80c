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
    """Nobody will append the proposal: propose it again, later. Go: raft/raft.go#ErrProposalDropped"""

    message = "raft proposal dropped"


class StoppedError(RaftError):
    """The node is not running any more. Go: raft/node.go#ErrStopped"""

    message = "raft: stopped"


class StepLocalMsgError(RaftError):
    """A message that a member only sends itself came from outside. Go: raft/rawnode.go#ErrStepLocalMsg"""

    message = "raft: cannot step raft local message"


class StepPeerNotFoundError(RaftError):
    """An answer came from somebody who is no member. Go: raft/rawnode.go#ErrStepPeerNotFound"""

    message = "raft: cannot step as peer not found"


class ConfChangeError(RaftError):
    """A change of members that the configuration does not allow. Go: raft/confchange/confchange.go"""


class BootstrapError(RaftError):
    """There is nothing to found a group with, or one already. Go: raft/bootstrap.go"""


class StorageError(RaftError):
    """What a storage cannot give. Go: raft/storage.go"""


class CompactedError(StorageError):
    """The index lies before what the log still has. Go: raft/storage.go#ErrCompacted"""

    message = "requested index is unavailable due to compaction"


class SnapOutOfDateError(StorageError):
    """There is a snapshot as new as this. Go: raft/storage.go#ErrSnapOutOfDate"""

    message = "requested index is older than the existing snapshot"


class UnavailableError(StorageError):
    """The index lies after what the log has. Go: raft/storage.go#ErrUnavailable"""

    message = "requested entry at index is unavailable"


class SnapshotTemporarilyUnavailableError(StorageError):
    """A snapshot takes a while: ask again. Go: raft/storage.go#ErrSnapshotTemporarilyUnavailable"""

    message = "snapshot is temporarily unavailable"
