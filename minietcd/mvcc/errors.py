"""What the store refuses; texts as etcd's.

    MVCCError
    ├─ CompactedError             that far back is nothing any more
    ├─ FutureRevError             that revision is not there yet
    ├─ RevisionNotFoundError      the key has no such revision
    ├─ WatcherNotExistError       nothing to cancel
    ├─ EmptyWatcherRangeError     the range holds no key, or the stream is closed
    └─ WatcherDuplicateIDError    the stream has a watcher of this id

Go: mvcc/kvstore.go
"""

from __future__ import annotations


class MVCCError(Exception):
    """Base of what the store refuses."""

    text = ""

    def __init__(self) -> None:
        super().__init__(self.text)


class CompactedError(MVCCError):
    """etcd's ``ErrCompacted``."""

    text = "mvcc: required revision has been compacted"


class FutureRevError(MVCCError):
    """etcd's ``ErrFutureRev``."""

    text = "mvcc: required revision is a future revision"


class RevisionNotFoundError(MVCCError):
    """etcd's ``ErrRevisionNotFound``."""

    text = "mvcc: revision not found"


class WatcherNotExistError(MVCCError):
    """etcd's ``ErrWatcherNotExist``."""

    text = "mvcc: watcher does not exist"


class EmptyWatcherRangeError(MVCCError):
    """etcd's ``ErrEmptyWatcherRange``."""

    text = "mvcc: watcher range is empty"


class WatcherDuplicateIDError(MVCCError):
    """etcd's ``ErrWatcherDuplicateID``."""

    text = "mvcc: duplicate watch ID provided on the WatchStream"
