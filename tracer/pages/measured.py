"""What was measured once and is kept beside the prose, for pages in every language to show."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tracer.pages.code import UnknownError

DIRECTORY = Path("docs", "prose", "reference")
_UNIT = re.compile(r" (?=/s|m?s\b)")
"""A space between a number and its unit, where no line should end."""


def figures(root: Path, name: str) -> dict[str, str | list[str]]:
    """All that was measured under that name: by what it is, a figure or the figures of a row.

    Raises UnknownError.
    """
    path = root / DIRECTORY / f"{name}.json"
    if not path.is_file():
        known = [each.stem for each in (root / DIRECTORY).glob("*.json")]
        raise UnknownError("measurement", name, known)
    found: dict[str, str | list[str]] = json.loads(path.read_text(encoding="utf-8"))
    return found


def figure(root: Path, name: str, what: str) -> str:
    """One of them; of a row, its cells. Raises UnknownError."""
    found = figures(root, name)
    if what not in found:
        raise UnknownError(f"measurement among the {name}:", what, list(found))
    value = found[what]
    return _UNIT.sub("&nbsp;", value if isinstance(value, str) else " | ".join(value))


def text(found: dict[str, str | list[str]]) -> str:
    """As it is kept, a line each, so that a new measurement can be compared with the one before."""
    lines = (
        f"  {json.dumps(what, ensure_ascii=False)}: {json.dumps(value, ensure_ascii=False)}"
        for what, value in found.items()
    )
    return "{\n" + ",\n".join(lines) + "\n}\n"
