"""How Go reads and writes numbers, durations, quoted text and JSON, where others see the difference.

The ValueErrors carry Go's own words, since they end up in the messages of commands.
"""

from __future__ import annotations

import json
import re
from typing import Final

_BOOLS: Final = dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True) | dict.fromkeys(
    ("0", "f", "F", "FALSE", "false", "False"), False
)
_UNITS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_HTML: Final = str.maketrans({char: f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"})
_ESCAPES: Final = {'"': '\\"', "\\": "\\\\"} | dict(
    zip("\a\b\f\n\r\t\v", (f"\\{c}" for c in "abfnrtv"), strict=True)
)


def parse_bool(text: str) -> bool:
    """``true``, ``0``, ``T`` … Raises ValueError."""
    if text not in _BOOLS:
        raise ValueError(f"strconv.ParseBool: parsing {quote(text)}: invalid syntax")
    return _BOOLS[text]


def parse_int(text: str, base: int) -> int:
    """A signed number of 64 bits. Base 0 takes the base from the prefix: ``0x``, ``0b``, ``0o`` or ``0``."""
    return _parse_number("ParseInt", text, base, "[+-]?", range(-(2**63), 2**63))


def parse_uint(text: str, base: int = 10) -> int:
    """An unsigned number of 64 bits."""
    return _parse_number("ParseUint", text, base, "", range(2**64))


def _parse_number(name: str, text: str, base: int, sign: str, possible: range) -> int:
    digits = rf"({sign})\d\w*" if base == 0 else rf"({sign})[0-9a-zA-Z]+"
    try:
        if not re.fullmatch(digits, text, re.ASCII) or (base == 16 and "x" in text.lower()):
            raise ValueError
        value = int(re.sub(r"^([+-]?)0(\d)", r"\g<1>0o\2", text) if base == 0 else text, base)
    except ValueError:
        raise ValueError(f"strconv.{name}: parsing {quote(text)}: invalid syntax") from None
    if value not in possible:
        raise ValueError(f"strconv.{name}: parsing {quote(text)}: value out of range")
    return value


def parse_duration(text: str) -> float:
    """Seconds in ``1h2m``, ``1.5s``, ``300ms`` … Raises ValueError."""
    sign, rest = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    if rest == "0":
        return 0.0
    total = 0.0
    while True:
        number = re.match(r"(\d+\.?\d*|\.\d+)([^\d.]*)", rest, re.ASCII)
        if number is None:
            raise ValueError(f"time: invalid duration {quote(text)}")
        value, unit = number.groups()
        if unit not in _UNITS:
            reason = f"unknown unit {quote(unit)}" if unit else "missing unit"
            raise ValueError(f"time: {reason} in duration {quote(text)}")
        total += float(value) * _UNITS[unit]
        rest = rest[number.end() :]
        if not rest:
            return sign * total


def format_duration(seconds: float) -> str:
    """``2s``, ``1m30s``, ``1h0m0s``, ``300ms``: as Go prints a time.Duration."""
    if abs(seconds) < 1:
        nanoseconds = round(seconds * 1e9)
        for unit, size in (("ms", 1_000_000), ("µs", 1_000), ("ns", 1)):
            if abs(nanoseconds) >= size:
                return f"{nanoseconds / size:.9g}{unit}"
        return "0s"
    minutes, rest = divmod(abs(seconds), 60)
    hours, minutes = divmod(int(minutes), 60)
    text = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return f"{'-' if seconds < 0 else ''}{text}{rest:.9g}s"


def go_json(value: object) -> str:
    """JSON with the bytes of Go's ``json.Marshal``: no spaces, and nothing that HTML could mistake."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).translate(_HTML)


def quote(text: str | bytes) -> str:
    """``text`` as a literal of Go. Bytes that are not UTF-8 (in str: surrogate escapes) become ``\\xff``."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "surrogateescape")
    return f'"{"".join(map(_quoted, text))}"'


def _quoted(char: str) -> str:
    code = ord(char)
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable():
        return char
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
