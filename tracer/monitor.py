"""The one module that touches ``sys.monitoring``: callbacks on chosen code objects, and none anywhere else.

Starts, returns, waits and lines are *local* events: they cost nothing outside the chosen code. Throwing and
unwinding exist only as *global* events, so their callbacks look whether the code is one of the chosen; they
must never answer DISABLE, which for a global event would drop the callback for good.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import CodeType
from typing import Any

_EVENTS = sys.monitoring.events
_WAITS = inspect.CO_COROUTINE | inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR


@dataclass(slots=True, frozen=True)
class Listener:
    """What is to be called: with the code and an offset (or line), the result or the exception."""

    on_start: Callable[[CodeType, int], None]
    on_return: Callable[[CodeType, int, Any], None]
    on_yield: Callable[[CodeType, int, Any], None]
    on_resume: Callable[[CodeType, int], None]
    on_throw: Callable[[CodeType, int, BaseException], None]
    on_unwind: Callable[[CodeType, int, BaseException], None]
    on_line: Callable[[CodeType, int], None]


class Monitor:
    """Tells ``listener`` of all calls of ``codes``, the starts of ``starts``, the returns of ``returns``."""

    def __init__(
        self,
        listener: Listener,
        codes: Iterable[CodeType],
        starts: Iterable[CodeType],
        returns: Iterable[CodeType],
    ) -> None:
        self._listener = listener
        self._local: dict[CodeType, int] = {}
        self._tool: int | None = None
        for code in codes:
            waits = _EVENTS.PY_YIELD | _EVENTS.PY_RESUME if code.co_flags & _WAITS else 0
            self._local[code] = _EVENTS.PY_START | _EVENTS.PY_RETURN | waits
        for code in starts:
            self._local[code] = self._local.get(code, 0) | _EVENTS.PY_START
        for code in returns:
            self._local[code] = self._local.get(code, 0) | _EVENTS.PY_RETURN

    def start(self, lines: Iterable[CodeType] = ()) -> None:
        """Begin to listen, to each line of ``lines`` too. Raises RuntimeError if no tool id is free."""
        tool = self._tool = _free_tool()
        sys.monitoring.use_tool_id(tool, "tracer")
        for event, callback in self._callbacks().items():
            sys.monitoring.register_callback(tool, event, callback)
        for code in lines:
            self._local[code] = self._local.get(code, 0) | _EVENTS.LINE
        for code, events in self._local.items():
            sys.monitoring.set_local_events(tool, code, events)
        sys.monitoring.set_events(tool, _EVENTS.PY_THROW | _EVENTS.PY_UNWIND)

    def stop(self) -> None:
        """Leave the interpreter as it was."""
        if self._tool is None:
            return
        sys.monitoring.set_events(self._tool, 0)
        for code in self._local:
            sys.monitoring.set_local_events(self._tool, code, 0)
        for event in self._callbacks():
            sys.monitoring.register_callback(self._tool, event, None)
        sys.monitoring.free_tool_id(self._tool)
        self._tool = None

    def _callbacks(self) -> dict[int, Callable[..., Any]]:
        heard = self._listener
        return {
            _EVENTS.PY_START: heard.on_start,
            _EVENTS.PY_RETURN: heard.on_return,
            _EVENTS.PY_YIELD: heard.on_yield,
            _EVENTS.PY_RESUME: heard.on_resume,
            _EVENTS.PY_THROW: heard.on_throw,
            _EVENTS.PY_UNWIND: heard.on_unwind,
            _EVENTS.LINE: heard.on_line,
        }


def _free_tool() -> int:
    for tool in (4, 3, 5, 2, 1, 0):
        if sys.monitoring.get_tool(tool) is None:
            return tool
    raise RuntimeError("every tool id of sys.monitoring is taken: is a debugger or profiler running?")
