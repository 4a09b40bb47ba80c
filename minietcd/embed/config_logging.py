"""How a member's log looks: capnslog's lines, or zap's JSON.

Go: embed/config_logging.go
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from minietcd.pkg.strconv import format_duration, quote

NOTICE = 25
"""Between info and warning, as capnslog has it: worth a look, nothing wrong."""
_LEVELS = {"debug": 10, "info": 20, "warn": 30, "error": 40, "panic": 50, "fatal": 50}
_STREAMS = ("default", "stderr", "stdout")
_LETTERS = {10: "D", 20: "I", NOTICE: "N", 30: "W", 40: "E", 50: "C"}
_ZAP_LEVELS = {10: "debug", 20: "info", NOTICE: "info", 30: "warn", 40: "error", 50: "fatal"}


def check_logging(logger: str, level: str, outputs: Sequence[str]) -> None:
    """Raise ValueError with etcd's text unless there is such a logger and level, and it can write there.

    Left out: the systemd journal, which takes the lines that a service writes to stderr all the same.

    Go: embed/config_logging.go#Config.setupLogging
    """
    if logger not in ("capnslog", "zap"):
        raise ValueError(f'unknown logger option "{logger}"')
    if level not in _LEVELS:
        raise ValueError(f'unknown level "{level}"')
    if logger == "capnslog" and len(outputs) != 1:
        shown = " ".join(map(quote, outputs))
        raise ValueError(f"--logger=capnslog supports only 1 value in '--log-outputs', got [{shown}]")
    if logger == "capnslog" and outputs[0] not in _STREAMS:
        known = ", ".join(map(quote, _STREAMS))
        raise ValueError(f"unknown log-output {quote(outputs[0])} (only supports {known})")
    if len(outputs) > 1 and "default" in outputs:
        raise ValueError('multi logoutput for "default" is not supported yet')
    if "systemd/journal" in outputs:
        raise ValueError("--log-outputs=systemd/journal is not supported yet")


def setup_logging(logger: str, level: str, outputs: Iterable[str]) -> None:
    """Send this process's log to ``outputs``: stderr, stdout, or files.

    Go: embed/config_logging.go#Config.setupLogging
    """
    formatter = ZapFormatter() if logger == "zap" else CapnslogFormatter()
    handlers = [_handler(output) for output in outputs]
    for handler in handlers:
        handler.setFormatter(formatter)
    logging.basicConfig(level=_LEVELS[level], handlers=handlers, force=True)
    # What grpclib and asyncio say of single calls is no news of the member's.
    for name in ("grpclib", "asyncio", "hpack"):
        logging.getLogger(name).setLevel(max(_LEVELS[level], logging.WARNING))


class CapnslogFormatter(logging.Formatter):
    """``2026-11-22 14:00:00.000000 I | embed: name = default``, fields behind."""

    def format(self, record: logging.LogRecord) -> str:
        """``record`` as capnslog writes it."""
        when = datetime.fromtimestamp(record.created).isoformat(" ", "microseconds")
        fields = "".join(f", {name}: {_text(value)}" for name, value in _fields(record).items())
        text = f"{record.getMessage()}{fields}{_trace(record, '\n')}"
        return f"{when} {_LETTERS.get(record.levelno, 'I')} | {record.name}: {text}"


class ZapFormatter(logging.Formatter):
    """A JSON object a line, with zap's names."""

    def format(self, record: logging.LogRecord) -> str:
        """``record`` as zap writes it."""
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {
            "level": _ZAP_LEVELS.get(record.levelno, "info"),
            "ts": when.replace("+00:00", "Z"),
            "caller": f"{'/'.join(Path(record.pathname).parts[-2:])}:{record.lineno}",
            "msg": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["stacktrace"] = _trace(record, "")
        return json.dumps(line, default=str, ensure_ascii=False, separators=(",", ":"))


def _fields(record: logging.LogRecord) -> dict[str, object]:
    fields: dict[str, object] = getattr(record, "fields", {})
    return {
        name: format_duration(value) if isinstance(value, float) else value for name, value in fields.items()
    }


def _text(value: object) -> str:
    return f"[{' '.join(map(str, value))}]" if isinstance(value, tuple | list) else str(value)


def _trace(record: logging.LogRecord, before: str) -> str:
    if not record.exc_info:
        return ""
    return before + logging.Formatter().formatException(record.exc_info)


def _handler(output: str) -> logging.Handler:
    if output in _STREAMS:
        return logging.StreamHandler(sys.stdout if output == "stdout" else sys.stderr)
    try:
        return logging.StreamHandler(open(output, "a"))  # noqa: PTH123, a Path is never empty
    except OSError as err:
        reason = (err.strerror or "").lower()
        raise ValueError(f"open sink {quote(output)}: open {output}: {reason}") from err
