"""What one asks the store for, and what one gets.

Go: mvcc/kv.go
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from minietcd.proto.mvccpb.kv_pb2 import KeyValue


@dataclass(slots=True, frozen=True)
class RangeOptions:
    """At most ``limit`` keys (0: all), at revision ``rev`` (0: the newest), or only their ``count``.

    Go: mvcc/kv.go#RangeOptions
    """

    limit: int = 0
    rev: int = 0
    count: bool = False


DEFAULT_RANGE = RangeOptions()


@dataclass(slots=True)
class RangeResult:
    """The keys, the store's revision, and how many there are without the limit.

    Go: mvcc/kv.go#RangeResult
    """

    kvs: list[KeyValue]
    rev: int
    count: int


class ConsistentIndexGetter(Protocol):
    """Knows the index of the raft entry that is being applied.

    Go: mvcc/kvstore.go#ConsistentIndexGetter
    """

    def consistent_index(self) -> int:
        """The index of that entry. Go: mvcc/kvstore.go#ConsistentIndexGetter"""
