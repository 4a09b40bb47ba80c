"""Every status that etcd answers with, and the way back from a status to an error of the client.

The text is the identity: a client knows an error by its words alone, so they are etcd's to the letter.

Go: etcdserver/api/v3rpc/rpctypes/error.go
"""

from __future__ import annotations

from typing import Final, NamedTuple

from grpclib.const import Status
from grpclib.exceptions import GRPCError


class Sentinel(NamedTuple):
    """A code and a text that belong together: ``raise ErrGRPCEmptyKey.err()``."""

    code: Status
    desc: str

    def err(self) -> GRPCError:
        """A fresh exception, since one raised twice would grow its traceback each time."""
        return GRPCError(self.code, self.desc)


ErrGRPCEmptyKey = Sentinel(Status.INVALID_ARGUMENT, "etcdserver: key is not provided")
ErrGRPCKeyNotFound = Sentinel(Status.INVALID_ARGUMENT, "etcdserver: key not found")
ErrGRPCValueProvided = Sentinel(Status.INVALID_ARGUMENT, "etcdserver: value is provided")
ErrGRPCLeaseProvided = Sentinel(Status.INVALID_ARGUMENT, "etcdserver: lease is provided")
ErrGRPCTooManyOps = Sentinel(Status.INVALID_ARGUMENT, "etcdserver: too many operations in txn request")
ErrGRPCDuplicateKey = Sentinel(Status.INVALID_ARGUMENT, "etcdserver: duplicate key given in txn request")
ErrGRPCCompacted = Sentinel(Status.OUT_OF_RANGE, "etcdserver: mvcc: required revision has been compacted")
ErrGRPCFutureRev = Sentinel(Status.OUT_OF_RANGE, "etcdserver: mvcc: required revision is a future revision")
ErrGRPCNoSpace = Sentinel(Status.RESOURCE_EXHAUSTED, "etcdserver: mvcc: database space exceeded")

ErrGRPCLeaseNotFound = Sentinel(Status.NOT_FOUND, "etcdserver: requested lease not found")
ErrGRPCLeaseExist = Sentinel(Status.FAILED_PRECONDITION, "etcdserver: lease already exists")
ErrGRPCLeaseTTLTooLarge = Sentinel(Status.OUT_OF_RANGE, "etcdserver: too large lease TTL")

ErrGRPCWatchCanceled = Sentinel(Status.CANCELLED, "etcdserver: watch canceled")

ErrGRPCMemberExist = Sentinel(Status.FAILED_PRECONDITION, "etcdserver: member ID already exist")
ErrGRPCPeerURLExist = Sentinel(Status.FAILED_PRECONDITION, "etcdserver: Peer URLs already exists")
ErrGRPCMemberNotEnoughStarted = Sentinel(
    Status.FAILED_PRECONDITION, "etcdserver: re-configuration failed due to not enough started members"
)
ErrGRPCMemberBadURLs = Sentinel(Status.INVALID_ARGUMENT, "etcdserver: given member URLs are invalid")
ErrGRPCMemberNotFound = Sentinel(Status.NOT_FOUND, "etcdserver: member not found")
ErrGRPCMemberNotLearner = Sentinel(
    Status.FAILED_PRECONDITION, "etcdserver: can only promote a learner member"
)
ErrGRPCLearnerNotReady = Sentinel(
    Status.FAILED_PRECONDITION, "etcdserver: can only promote a learner member which is in sync with leader"
)
ErrGRPCTooManyLearners = Sentinel(
    Status.FAILED_PRECONDITION, "etcdserver: too many learner members in cluster"
)

ErrGRPCRequestTooLarge = Sentinel(Status.INVALID_ARGUMENT, "etcdserver: request is too large")
ErrGRPCRequestTooManyRequests = Sentinel(Status.RESOURCE_EXHAUSTED, "etcdserver: too many requests")

ErrGRPCRootUserNotExist = Sentinel(Status.FAILED_PRECONDITION, "etcdserver: root user does not exist")
ErrGRPCRootRoleNotExist = Sentinel(
    Status.FAILED_PRECONDITION, "etcdserver: root user does not have root role"
)
ErrGRPCUserAlreadyExist = Sentinel(Status.FAILED_PRECONDITION, "etcdserver: user name already exists")
ErrGRPCUserEmpty = Sentinel(Status.INVALID_ARGUMENT, "etcdserver: user name is empty")
ErrGRPCUserNotFound = Sentinel(Status.FAILED_PRECONDITION, "etcdserver: user name not found")
ErrGRPCRoleAlreadyExist = Sentinel(Status.FAILED_PRECONDITION, "etcdserver: role name already exists")
ErrGRPCRoleNotFound = Sentinel(Status.FAILED_PRECONDITION, "etcdserver: role name not found")
ErrGRPCRoleEmpty = Sentinel(Status.INVALID_ARGUMENT, "etcdserver: role name is empty")
ErrGRPCAuthFailed = Sentinel(
    Status.INVALID_ARGUMENT, "etcdserver: authentication failed, invalid user ID or password"
)
ErrGRPCPermissionDenied = Sentinel(Status.PERMISSION_DENIED, "etcdserver: permission denied")
ErrGRPCRoleNotGranted = Sentinel(Status.FAILED_PRECONDITION, "etcdserver: role is not granted to the user")
ErrGRPCPermissionNotGranted = Sentinel(
    Status.FAILED_PRECONDITION, "etcdserver: permission is not granted to the role"
)
ErrGRPCAuthNotEnabled = Sentinel(Status.FAILED_PRECONDITION, "etcdserver: authentication is not enabled")
ErrGRPCInvalidAuthToken = Sentinel(Status.UNAUTHENTICATED, "etcdserver: invalid auth token")
ErrGRPCInvalidAuthMgmt = Sentinel(Status.INVALID_ARGUMENT, "etcdserver: invalid auth management")
ErrGRPCAuthOldRevision = Sentinel(Status.INVALID_ARGUMENT, "etcdserver: revision of auth store is old")

ErrGRPCNoLeader = Sentinel(Status.UNAVAILABLE, "etcdserver: no leader")
ErrGRPCNotLeader = Sentinel(Status.FAILED_PRECONDITION, "etcdserver: not leader")
ErrGRPCLeaderChanged = Sentinel(Status.UNAVAILABLE, "etcdserver: leader changed")
ErrGRPCNotCapable = Sentinel(Status.UNAVAILABLE, "etcdserver: not capable")
ErrGRPCStopped = Sentinel(Status.UNAVAILABLE, "etcdserver: server stopped")
ErrGRPCTimeout = Sentinel(Status.UNAVAILABLE, "etcdserver: request timed out")
ErrGRPCTimeoutDueToLeaderFail = Sentinel(
    Status.UNAVAILABLE, "etcdserver: request timed out, possibly due to previous leader failure"
)
ErrGRPCTimeoutDueToConnectionLost = Sentinel(
    Status.UNAVAILABLE, "etcdserver: request timed out, possibly due to connection lost"
)
ErrGRPCTimeoutWaitAppliedIndex = Sentinel(
    Status.UNAVAILABLE, "etcdserver: request timed out, waiting for the applied index took too long"
)
ErrGRPCUnhealthy = Sentinel(Status.UNAVAILABLE, "etcdserver: unhealthy cluster")
ErrGRPCCorrupt = Sentinel(Status.DATA_LOSS, "etcdserver: corrupt cluster")
ErrGRPCNotSupportedForLearner = Sentinel(Status.UNAVAILABLE, "etcdserver: rpc not supported for learner")
ErrGRPCBadLeaderTransferee = Sentinel(Status.FAILED_PRECONDITION, "etcdserver: bad leader transferee")

err_string_to_error: Final = {s.desc: s for s in list(globals().values()) if isinstance(s, Sentinel)}


class EtcdError(Exception):
    """What the server refused with, as a client meets it; ``str`` is the bare text.

    Go: etcdserver/api/v3rpc/rpctypes/error.go#EtcdError
    """

    def __init__(self, code: Status, desc: str) -> None:
        super().__init__(desc)
        self.code = code
        self.desc = desc

    def matches(self, sentinel: Sentinel) -> bool:
        """Whether this is that error: Go's ``err == rpctypes.ErrCompacted``."""
        return (self.code, self.desc) == sentinel


def error(err: Exception) -> Exception:
    """The EtcdError that ``err`` stands for, or ``err`` itself when the words are not etcd's.

    Go: etcdserver/api/v3rpc/rpctypes/error.go#Error
    """
    sentinel = err_string_to_error.get(error_desc(err))
    return EtcdError(*sentinel) if sentinel else err


def error_desc(err: Exception) -> str:
    """The bare text, without code. Go: etcdserver/api/v3rpc/rpctypes/error.go#ErrorDesc"""
    return err.message or "" if isinstance(err, GRPCError) else str(err)
