"""The index of the entry being applied, which the backend saves in the same transaction as its effect.

Go: etcdserver/consistent_index.go
"""

from __future__ import annotations


class ConsistentIndex:
    """Shared by the applying loop, which sets it, and the store, which saves it.

    Go: etcdserver/consistent_index.go#consistentIndex
    """

    __slots__ = ("_index",)

    def __init__(self) -> None:
        self._index = 0

    def set_consistent_index(self, index: int) -> None:
        """The entry at ``index`` is being applied.

        Go: etcdserver/consistent_index.go#consistentIndex.setConsistentIndex
        """
        self._index = index

    def consistent_index(self) -> int:
        """Of the entry being applied, or applied last.

        Go: etcdserver/consistent_index.go#consistentIndex.ConsistentIndex
        """
        return self._index
