"""Whether what should happen regularly happens in time.

Go: pkg/contention/contention.go
"""

from __future__ import annotations


class TimeoutDetector:
    """Remembers when each event was last seen. Go: pkg/contention/contention.go#TimeoutDetector"""

    def __init__(self, max_duration: float) -> None:
        """Events are late after ``max_duration`` seconds.

        Go: pkg/contention/contention.go#NewTimeoutDetector
        """
        self._max_duration = max_duration
        self._records: dict[int, float] = {}

    def reset(self) -> None:
        """Forget all events. Go: pkg/contention/contention.go#TimeoutDetector.Reset"""
        self._records.clear()

    def observe(self, which: int, now: float) -> float:
        """Seconds by which event ``which`` is late at ``now``; not positive if it is in time.

        Go: pkg/contention/contention.go#TimeoutDetector.Observe
        """
        exceed = now - self._records.get(which, now) - self._max_duration
        self._records[which] = now
        return exceed
