"""What a request can meet in a member: one class for each of etcd's sentinels, with etcd's own words.

    EtcdServerError
    ├── UnknownMethodError
    ├── StoppedError
    ├── TimeoutError
    ├── TimeoutDueToLeaderFailError
    ├── TimeoutDueToConnectionLostError
    ├── TimeoutWaitAppliedIndexError
    ├── TimeoutLeaderTransferError
    ├── LeaderChangedError
    ├── NotEnoughStartedMembersError
    ├── LearnerNotReadyError
    ├── NoLeaderError
    ├── NotLeaderError
    ├── RequestTooLargeError
    ├── NoSpaceError
    ├── TooManyRequestsError
    ├── UnhealthyError
    ├── KeyNotFoundError
    ├── CorruptError
    ├── BadLeaderTransfereeError
    └── FatalError

Go: etcdserver/errors.go
"""

from __future__ import annotations


class EtcdServerError(Exception):
    """A request failed for one of the reasons below."""

    message = ""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.message)


class UnknownMethodError(EtcdServerError):
    """A v2 request with a method nobody knows. Go: etcdserver/errors.go#ErrUnknownMethod"""

    message = "etcdserver: unknown method"


class StoppedError(EtcdServerError):
    """The member has stopped or is about to. Go: etcdserver/errors.go#ErrStopped"""

    message = "etcdserver: server stopped"


class TimeoutError(EtcdServerError):
    """No answer in time, for no reason that is known here. Go: etcdserver/errors.go#ErrTimeout"""

    message = "etcdserver: request timed out"


class TimeoutDueToLeaderFailError(EtcdServerError):
    """No answer in time: the leader of that moment was lost with the proposal.

    Go: etcdserver/errors.go#ErrTimeoutDueToLeaderFail
    """

    message = "etcdserver: request timed out, possibly due to previous leader failure"


class TimeoutDueToConnectionLostError(EtcdServerError):
    """No answer in time: this member could not reach the leader, or the leader a quorum.

    Go: etcdserver/errors.go#ErrTimeoutDueToConnectionLost
    """

    message = "etcdserver: request timed out, possibly due to connection lost"


class TimeoutWaitAppliedIndexError(EtcdServerError):
    """This member did not catch up with what it has to have applied first.

    Go: etcdserver/errors.go#ErrTimeoutWaitAppliedIndex
    """

    message = "etcdserver: request timed out, waiting for the applied index took too long"


class TimeoutLeaderTransferError(EtcdServerError):
    """The member chosen did not become leader in time. Go: etcdserver/errors.go#ErrTimeoutLeaderTransfer"""

    message = "etcdserver: request timed out, leader transfer took too long"


class LeaderChangedError(EtcdServerError):
    """A read was given up because the leader changed; it may be tried again.

    Go: etcdserver/errors.go#ErrLeaderChanged
    """

    message = "etcdserver: leader changed"


class NotEnoughStartedMembersError(EtcdServerError):
    """The change of members would leave too few that have ever started.

    Go: etcdserver/errors.go#ErrNotEnoughStartedMembers
    """

    message = "etcdserver: re-configuration failed due to not enough started members"


class LearnerNotReadyError(EtcdServerError):
    """The learner is too far behind to vote. Go: etcdserver/errors.go#ErrLearnerNotReady"""

    message = "etcdserver: can only promote a learner member which is in sync with leader"


class NoLeaderError(EtcdServerError):
    """Nobody leads. Go: etcdserver/errors.go#ErrNoLeader"""

    message = "etcdserver: no leader"


class NotLeaderError(EtcdServerError):
    """Only the leader can do that. Go: etcdserver/errors.go#ErrNotLeader"""

    message = "etcdserver: not leader"


class RequestTooLargeError(EtcdServerError):
    """The request has more bytes than one entry may have. Go: etcdserver/errors.go#ErrRequestTooLarge"""

    message = "etcdserver: request is too large"


class NoSpaceError(EtcdServerError):
    """The backend has reached its quota. Go: etcdserver/errors.go#ErrNoSpace"""

    message = "etcdserver: no space"


class TooManyRequestsError(EtcdServerError):
    """Applying is too far behind committing to take on more. Go: etcdserver/errors.go#ErrTooManyRequests"""

    message = "etcdserver: too many requests"


class UnhealthyError(EtcdServerError):
    """Too few members are connected to change who is one. Go: etcdserver/errors.go#ErrUnhealthy"""

    message = "etcdserver: unhealthy cluster"


class KeyNotFoundError(EtcdServerError):
    """``ignore_value`` or ``ignore_lease`` needs a key that is there.

    Go: etcdserver/errors.go#ErrKeyNotFound
    """

    message = "etcdserver: key not found"


class CorruptError(EtcdServerError):
    """This member's data differs from the others'. Go: etcdserver/errors.go#ErrCorrupt"""

    message = "etcdserver: corrupt cluster"


class BadLeaderTransfereeError(EtcdServerError):
    """The member chosen does not vote or is none. Go: etcdserver/errors.go#ErrBadLeaderTransferee"""

    message = "etcdserver: bad leader transferee"


class FatalError(EtcdServerError):
    """The disk failed under the raft loop: this member must end, as what it promised may not be kept."""
