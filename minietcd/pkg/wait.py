"""Who waits for what: a request for its result, a read for the applied index.

Go: pkg/wait/wait.go
"""

from __future__ import annotations

from typing import Any

from sortedcontainers import SortedDict

from minietcd.pkg.chan import Chan


class Wait:
    """Request ids and the channels their results come on.

    Go: pkg/wait/wait.go#list
    """

    def __init__(self) -> None:
        self._channels: dict[int, Chan[Any]] = {}

    def register(self, id: int) -> Chan[Any]:
        """The channel on which the result of request ``id`` will come. Raises ValueError if it is taken.

        Go: pkg/wait/wait.go#list.Register
        """
        if id in self._channels:
            raise ValueError(f"dup id {id:x}")
        channel: Chan[Any] = Chan("wait ch (w.Register/w.Trigger)", 1)
        self._channels[id] = channel
        return channel

    def trigger(self, id: int, result: Any) -> None:
        """Hand ``result`` to whoever registered ``id``, if anybody here did.

        Go: pkg/wait/wait.go#list.Trigger
        """
        if channel := self._channels.pop(id, None):
            channel.try_send(result)
            channel.close()

    def is_registered(self, id: int) -> bool:
        """Whether a request of this id waits here. Go: pkg/wait/wait.go#list.IsRegistered"""
        return id in self._channels


class WaitTime:
    """Deadlines on a logical clock (an applied index), and the channels closed once it has passed them.

    Go: pkg/wait/wait_time.go#timeList
    """

    def __init__(self) -> None:
        self._last_triggered = 0
        self._channels: SortedDict[int, Chan[None]] = SortedDict()

    def wait(self, deadline: int) -> Chan[None]:
        """A channel that is closed when ``deadline`` is reached; at once if it was.

        Go: pkg/wait/wait_time.go#timeList.Wait
        """
        if deadline <= self._last_triggered:
            passed: Chan[None] = Chan("applyWait")
            passed.close()
            return passed
        if deadline not in self._channels:
            self._channels[deadline] = Chan("applyWait")
        channel: Chan[None] = self._channels[deadline]
        return channel

    def trigger(self, deadline: int) -> None:
        """Close every channel whose deadline is at most ``deadline``.

        Go: pkg/wait/wait_time.go#timeList.Trigger
        """
        self._last_triggered = deadline
        while self._channels and self._channels.peekitem(0)[0] <= deadline:
            self._channels.popitem(0)[1].close()
