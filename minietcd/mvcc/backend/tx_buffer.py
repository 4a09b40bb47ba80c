"""Writes that are not committed yet, kept where reads can find them.

Left out: etcd's sorted arrays and their ``seq`` flag, because a dict needs no order to merge; the rare range
sorts its keys.

Go: mvcc/backend/tx_buffer.go
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator


class TxBuffer:
    """Keys and values by bucket.

    Go: mvcc/backend/tx_buffer.go#txBuffer
    """

    __slots__ = ("buckets",)

    def __init__(self) -> None:
        self.buckets: defaultdict[bytes, dict[bytes, bytes]] = defaultdict(dict)


class TxWriteBuffer(TxBuffer):
    """What the current write transaction has put so far.

    Go: mvcc/backend/tx_buffer.go#txWriteBuffer
    """

    __slots__ = ()

    def put(self, bucket: bytes, key: bytes, value: bytes) -> None:
        """Remember one write; the last to a key wins.

        Go: mvcc/backend/tx_buffer.go#txWriteBuffer.put
        Go: mvcc/backend/tx_buffer.go#txWriteBuffer.putSeq
        """
        self.buckets[bucket][key] = value

    def writeback(self, txr: TxReadBuffer) -> None:
        """Let readers see it all, and be empty again.

        Go: mvcc/backend/tx_buffer.go#txWriteBuffer.writeback
        """
        for bucket, written in self.buckets.items():
            txr.buckets[bucket].update(written)
            written.clear()


class TxReadBuffer(TxBuffer):
    """What was written since the last commit, by transactions that have ended.

    Go: mvcc/backend/tx_buffer.go#txReadBuffer
    """

    __slots__ = ()

    def range(self, bucket: bytes, key: bytes, end_key: bytes) -> list[tuple[bytes, bytes]]:
        """The pairs of [key, end_key), sorted. Go: mvcc/backend/tx_buffer.go#txReadBuffer.Range"""
        return sorted(item for item in self.for_each(bucket) if key <= item[0] < end_key)

    def for_each(self, bucket: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Every pair of a bucket. Go: mvcc/backend/tx_buffer.go#txReadBuffer.ForEach"""
        yield from self.buckets.get(bucket, {}).items()

    def unsafe_copy(self) -> TxReadBuffer:
        """One that later writes do not reach. Go: mvcc/backend/tx_buffer.go#txReadBuffer.unsafeCopy"""
        copy = TxReadBuffer()
        for bucket, pairs in self.buckets.items():
            copy.buckets[bucket] = pairs.copy()
        return copy
