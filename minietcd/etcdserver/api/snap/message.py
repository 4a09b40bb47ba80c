"""A snapshot on its way to another member: raft's message, and the database behind it.

Go: etcdserver/api/snap/message.go
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from minietcd.pkg.chan import Chan
from minietcd.raft.raftpb import Message as RaftMessage


class ReadCloser(Protocol):
    """Bytes to be read once, in pieces, and a thing to let go of then."""

    def __iter__(self) -> Iterator[bytes]: ...
    def close(self) -> None:
        """No more will be read."""


class ShortReadError(Exception):
    """Less came than was announced. Go: pkg/ioutil/readcloser.go#ErrShortRead"""


class ExpectEOFError(Exception):
    """More came than was announced. Go: pkg/ioutil/readcloser.go#ErrExpectEOF"""


class ExactReadCloser:
    """Passes on exactly as many bytes as were announced, or raises.

    Go: pkg/ioutil/readcloser.go#exactReadCloser
    """

    def __init__(self, rc: ReadCloser, total_bytes: int) -> None:
        """Go: pkg/ioutil/readcloser.go#NewExactReadCloser"""
        self.rc = rc
        self.total_bytes = total_bytes

    def __iter__(self) -> Iterator[bytes]:
        """Go: pkg/ioutil/readcloser.go#exactReadCloser.Read"""
        left = self.total_bytes
        for data in self.rc:
            left -= len(data)
            if left < 0:
                raise ExpectEOFError("ioutil: expect EOF")
            yield data
        if left:
            raise ShortReadError("ioutil: short read")

    def close(self) -> None:
        """Let go of what is read from. Go: pkg/ioutil/readcloser.go#exactReadCloser.Close"""
        self.rc.close()


class Message:
    """A MsgSnap and the database it stands for; whoever sends it closes it, and so tells how it went.

    Go: etcdserver/api/snap/message.go#Message
    """

    def __init__(self, message: RaftMessage, read_closer: ReadCloser, size: int) -> None:
        """``size`` is the database's, in bytes. Go: etcdserver/api/snap/message.go#NewMessage"""
        self.message = message
        self.read_closer = ExactReadCloser(read_closer, size)
        self.total_size = len(message.marshal()) + size
        self._close_c: Chan[bool] = Chan("snap.Message.closeC", 1)

    def close_notify(self) -> Chan[bool]:
        """Yields once: whether it was sent. Go: etcdserver/api/snap/message.go#Message.CloseNotify"""
        return self._close_c

    def close_with_error(self, error: BaseException | None) -> None:
        """Let go of the database; no ``error`` means sent.

        Go: etcdserver/api/snap/message.go#Message.CloseWithError
        """
        self.read_closer.close()
        self._close_c.try_send(error is None)
