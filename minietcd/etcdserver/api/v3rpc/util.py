"""The one place that knows which exception is which status.

Go: etcdserver/api/v3rpc/util.go
"""

from __future__ import annotations

import logging
from typing import Any

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from minietcd.auth import errors as auth
from minietcd.etcdserver import errors as etcdserver
from minietcd.etcdserver.api.membership import errors as membership
from minietcd.etcdserver.api.v3rpc.rpctypes import error as rpctypes
from minietcd.lease import errors as lease
from minietcd.mvcc import errors as mvcc
from minietcd.proto.etcdserverpb.rpc_pb2 import RangeRequest, StatusRequest
from minietcd.raft.errors import RaftError

log = logging.getLogger("etcdserver/api/v3rpc")

to_grpc_error_map: dict[type[Exception], rpctypes.Sentinel] = {
    membership.IDRemovedError: rpctypes.ErrGRPCMemberNotFound,
    membership.IDNotFoundError: rpctypes.ErrGRPCMemberNotFound,
    membership.IDExistsError: rpctypes.ErrGRPCMemberExist,
    membership.PeerURLExistsError: rpctypes.ErrGRPCPeerURLExist,
    membership.MemberNotLearnerError: rpctypes.ErrGRPCMemberNotLearner,
    membership.TooManyLearnersError: rpctypes.ErrGRPCTooManyLearners,
    etcdserver.NotEnoughStartedMembersError: rpctypes.ErrGRPCMemberNotEnoughStarted,
    etcdserver.LearnerNotReadyError: rpctypes.ErrGRPCLearnerNotReady,
    mvcc.CompactedError: rpctypes.ErrGRPCCompacted,
    mvcc.FutureRevError: rpctypes.ErrGRPCFutureRev,
    etcdserver.RequestTooLargeError: rpctypes.ErrGRPCRequestTooLarge,
    etcdserver.NoSpaceError: rpctypes.ErrGRPCNoSpace,
    etcdserver.TooManyRequestsError: rpctypes.ErrGRPCRequestTooManyRequests,
    etcdserver.NoLeaderError: rpctypes.ErrGRPCNoLeader,
    etcdserver.NotLeaderError: rpctypes.ErrGRPCNotLeader,
    etcdserver.LeaderChangedError: rpctypes.ErrGRPCLeaderChanged,
    etcdserver.StoppedError: rpctypes.ErrGRPCStopped,
    etcdserver.TimeoutError: rpctypes.ErrGRPCTimeout,
    etcdserver.TimeoutDueToLeaderFailError: rpctypes.ErrGRPCTimeoutDueToLeaderFail,
    etcdserver.TimeoutDueToConnectionLostError: rpctypes.ErrGRPCTimeoutDueToConnectionLost,
    etcdserver.TimeoutWaitAppliedIndexError: rpctypes.ErrGRPCTimeoutWaitAppliedIndex,
    etcdserver.UnhealthyError: rpctypes.ErrGRPCUnhealthy,
    etcdserver.KeyNotFoundError: rpctypes.ErrGRPCKeyNotFound,
    etcdserver.CorruptError: rpctypes.ErrGRPCCorrupt,
    etcdserver.BadLeaderTransfereeError: rpctypes.ErrGRPCBadLeaderTransferee,
    lease.LeaseNotFoundError: rpctypes.ErrGRPCLeaseNotFound,
    lease.LeaseExistsError: rpctypes.ErrGRPCLeaseExist,
    lease.LeaseTTLTooLargeError: rpctypes.ErrGRPCLeaseTTLTooLarge,
    auth.UserEmptyError: rpctypes.ErrGRPCUserEmpty,
    auth.PermissionDeniedError: rpctypes.ErrGRPCPermissionDenied,
    auth.InvalidAuthTokenError: rpctypes.ErrGRPCInvalidAuthToken,
}


def to_grpc_error(err: Exception) -> GRPCError:
    """The status that ``err`` is for a client; a failure nobody thought of is told in the log too.

    Go: etcdserver/api/v3rpc/util.go#togRPCError
    """
    if isinstance(err, GRPCError):
        return err
    if sentinel := to_grpc_error_map.get(type(err)):
        return sentinel.err()
    if isinstance(err, TimeoutError):
        return GRPCError(Status.DEADLINE_EXCEEDED, "context deadline exceeded")
    if not isinstance(err, RaftError):
        log.error("unexpected error in a call: %r", err, exc_info=err)
    return GRPCError(Status.UNKNOWN, str(err))


def is_rpc_supported_for_learner(req: Any) -> bool:
    """A learner may be behind, so it serves only what need not be fresh.

    Go: etcdserver/api/v3rpc/util.go#isRPCSupportedForLearner
    """
    return isinstance(req, StatusRequest) or (isinstance(req, RangeRequest) and req.serializable)
