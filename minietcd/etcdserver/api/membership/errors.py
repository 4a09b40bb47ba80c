"""Why a change of membership is refused.

MembershipError
├── IDRemovedError          the id was removed, and ids are never used again
├── IDExistsError           there is such a member already
├── IDNotFoundError         there is no such member
├── PeerURLExistsError      another member has that peer URL
├── MemberNotLearnerError   only learners are promoted
├── TooManyLearnersError    one learner at a time
├── ClusterMismatchError    what was configured is not the cluster that is there
└── InvalidDowngradeError   the cluster has moved on to a later version than this one

Go: etcdserver/api/membership/errors.go
"""

from __future__ import annotations

from minietcd.etcdserver.api.v2error.error import Ecode, V2Error


class MembershipError(Exception):
    """Something about who is a member; ``text`` is what etcd says, unless the raiser says more."""

    text = "membership"

    def __init__(self, text: str | None = None) -> None:
        super().__init__(text or self.text)


class IDRemovedError(MembershipError):
    """The id was removed, and ids are never used again."""

    text = "membership: ID removed"


class IDExistsError(MembershipError):
    """There is such a member already."""

    text = "membership: ID exists"


class IDNotFoundError(MembershipError):
    """There is no such member."""

    text = "membership: ID not found"


class PeerURLExistsError(MembershipError):
    """Another member has that peer URL."""

    text = "membership: peerURL exists"


class MemberNotLearnerError(MembershipError):
    """Only learners are promoted."""

    text = "membership: can only promote a learner member"


class TooManyLearnersError(MembershipError):
    """One learner at a time."""

    text = "membership: too many learner members in cluster"


class ClusterMismatchError(MembershipError):
    """The members configured are not those that the cluster has."""


class InvalidDowngradeError(MembershipError):
    """This version is too old for its cluster; a member that starts so must stop at once."""


def is_key_not_found(error: V2Error) -> bool:
    """Whether the v2 tree has no such node. Go: etcdserver/api/membership/errors.go#isKeyNotFound"""
    return error.error_code == Ecode.KeyNotFound
