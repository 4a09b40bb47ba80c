"""What a recording has to know of the program that it watches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import Enum, auto
from types import CodeType
from typing import Any

from tracer.model import CLIENT, Function, Keys

MEMBER: ContextVar[str] = ContextVar("member", default=CLIENT)
"""Whose code runs: set while a member is started, and inherited by every task it starts."""


class Door(Enum):
    """A function through which something passes from one task to another."""

    PUT = auto()
    TAKE = auto()
    GO = auto()
    ENCODE = auto()
    DECODE = auto()


def _everything(_: type) -> bool:
    return True


@dataclass(slots=True)
class Subject:
    """The program that is watched."""

    functions: Mapping[CodeType, Function]
    doors: Mapping[CodeType, Door]
    keys_of: Callable[[Any], Keys]
    brief: Callable[[Any], Any]
    """A value as a number or bounded text; None if it is not worth showing."""
    shows: Callable[[type], bool] = _everything
    """Whether values of a type are worth showing, or about something: all others are not held on to."""
    task_name: Callable[[asyncio.Task[Any]], str] = asyncio.Task.get_name
    stream: Callable[[Any], Any] = lambda _: None
    """What to remember of the object that reads or writes a stream."""
    message: Callable[[Any, Any], tuple[str, str]] = lambda _, message: ("", str(message))
    """From that and a message: the stream it travels on, and what it looks like on both ends."""
    helpers: Mapping[CodeType, Function] = field(default_factory=dict)
    """What is no step of a trace, but may be shown with the lines of it that ran."""
