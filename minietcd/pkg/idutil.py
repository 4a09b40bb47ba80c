"""Request ids that no two members and no two lives of a member share.

Go: pkg/idutil/id.go
"""

from __future__ import annotations

_TIMESTAMP_BITS = 5 * 8
_COUNTER_BITS = 8
_SUFFIX_BITS = _TIMESTAMP_BITS + _COUNTER_BITS


class Generator:
    """Ids of 64 bits: 2 bytes of the member's id, 5 of the start time in ms, 1 of a counter.

    The counter spills into the time, which goes on faster than ids are drawn: 256 a millisecond.

    Go: pkg/idutil/id.go#Generator
    """

    def __init__(self, member_id: int, now: float) -> None:
        """For the member with this id; ``now`` is its start, in seconds since 1970.

        Go: pkg/idutil/id.go#NewGenerator
        """
        self._prefix = (member_id & 0xFFFF) << _SUFFIX_BITS
        self._suffix = _lowbit(int(now * 1000), _TIMESTAMP_BITS) << _COUNTER_BITS

    def next(self) -> int:
        """An id that was not drawn before. Go: pkg/idutil/id.go#Generator.Next"""
        self._suffix += 1
        return self._prefix | _lowbit(self._suffix, _SUFFIX_BITS)


def _lowbit(x: int, n: int) -> int:
    return x & ((1 << n) - 1)
