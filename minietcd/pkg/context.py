"""What a request carries besides its message: Go's ``context.Context`` without the cancellation.

Cancellation and deadlines are the task's own here: ``ctx.Done()`` is ``asyncio.CancelledError`` raised at the
await, ``context.WithTimeout`` is ``asyncio.timeout``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True, frozen=True)
class Context:
    """The metadata that came with a request (lower-case names) and who sent it (``host:port``)."""

    metadata: Mapping[str, Any] = field(default_factory=dict)
    peer: str = ""


BACKGROUND = Context()
