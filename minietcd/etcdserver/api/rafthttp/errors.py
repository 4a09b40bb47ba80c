"""What goes wrong between members.

RafthttpError
├── IncompatibleVersionError     one of the two is too old for the other
├── ClusterIDMismatchError       the other belongs to another cluster
├── MemberRemovedError           the other says that this member was removed: it must stop
├── MemberNotFoundError          there is no such peer
├── UnsupportedStreamTypeError   the other is too old for this kind of stream
├── PeerAnswerError              it answered what has no meaning here
├── MalformedMessageError        bytes that are no message
│   └── ExceedSizeLimitError     or more of them than any message has
└── HTTPError                    raised by Raft.process: refuse the message, and say so to the sender
"""

from __future__ import annotations

import aiohttp


class RafthttpError(Exception):
    """The root of them all; ``text`` goes over the wire where etcd compares texts."""

    text = ""

    def __init__(self, text: str = "") -> None:
        super().__init__(text or self.text)


class IncompatibleVersionError(RafthttpError):
    """One of the two is too old for the other."""

    text = "incompatible version"


class ClusterIDMismatchError(RafthttpError):
    """The other belongs to another cluster."""

    text = "cluster ID mismatch"


class MemberRemovedError(RafthttpError):
    """The other says that this member was removed: it must stop."""

    text = "the member has been permanently removed from the cluster"


class MemberNotFoundError(RafthttpError):
    """There is no such peer."""

    text = "member not found"


class UnsupportedStreamTypeError(RafthttpError):
    """The other is too old for this kind of stream."""

    text = "unsupported stream type"


class PeerAnswerError(RafthttpError):
    """The text tells what it answered."""


class MalformedMessageError(RafthttpError):
    """The text tells what was wrong."""


class ExceedSizeLimitError(MalformedMessageError):
    """More bytes were announced than any message has."""

    text = "rafthttp: error limit exceeded"


class HTTPError(RafthttpError):
    """Answer the sender with this status. Go: etcdserver/api/v2http/httptypes/errors.go#HTTPError"""

    def __init__(self, code: int, message: str) -> None:
        """Go: etcdserver/api/v2http/httptypes/errors.go#NewHTTPError"""
        super().__init__(message)
        self.code = code


CONNECTION_ERRORS = (RafthttpError, aiohttp.ClientError, OSError)
"""All that can end an exchange with a peer; timeouts are OSErrors."""
