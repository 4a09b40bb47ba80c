"""A log whose lines carry fields, as zap's do.

Go: pkg/logutil/zap.go
"""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any

_NO_FIELDS = ("exc_info", "stack_info", "stacklevel")


class Logger(logging.LoggerAdapter[logging.Logger]):
    """Takes fields by name: ``log.info("purged", path=name)``.

    The underscores of a field's name are hyphens in the log, and one at its end is none. A float is a number
    of seconds. How all that looks is for the handler's formatter to say (embed/config_logging.py).
    """

    def __init__(self, logger: logging.Logger, fields: dict[str, Any]) -> None:
        super().__init__(logger)
        self.fields = fields

    def with_(self, **fields: Any) -> Logger:
        """A logger of the same name that puts ``fields`` before those of each line."""
        return Logger(self.logger, {**self.fields, **_named(fields)})

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """What ``logging`` is given to say."""
        given = {name: kwargs.pop(name) for name in _NO_FIELDS if name in kwargs}
        return msg, {**given, "extra": {"fields": {**self.fields, **_named(kwargs)}}}


def get_logger(name: str) -> Logger:
    """The log of the package that etcd calls ``name`` in its own."""
    return Logger(logging.getLogger(name), {})


def _named(fields: MutableMapping[str, Any]) -> dict[str, Any]:
    return {name.removesuffix("_").replace("_", "-"): value for name, value in fields.items()}
