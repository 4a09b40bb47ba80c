"""A docstring as a page has it: its plain text with headings, tables, listings and links."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from inspect import cleandoc
from textwrap import indent

GO = re.compile(r"(?:^|\s)Go: (\S+\.go)(?:#([\w.]+))?\s*$", re.MULTILINE)
_TITLE = re.compile(r"^[A-Z][^\n]{0,60}[^.:;,\n]$")
_RULE = re.compile(r"^=+( +=+)+$")
_NAME = re.compile(r"`{1,2}([^`]+)`{1,2}")


def markdown(text: str, link: Callable[[str], str] = "`{}`".format, level: int = 0) -> str:
    """What a docstring says, without its Go twins; ``link`` has what stands for a name in backticks.

    A short line above an indented block is its heading, of that ``level``, or in bold if that is 0.
    """
    lines = GO.sub("", cleandoc(text)).splitlines()
    parts = _blocks("\n".join(_sections(lines, level)))
    return "\n".join(part if code else _prose(part, link) for code, part in parts).strip() + "\n"


def twins(text: str) -> Iterator[tuple[str, str]]:
    """The Go twins that a docstring names: path and symbol, which may be empty."""
    return ((found[1], found[2] or "") for found in GO.finditer(text))


def summary(text: str) -> str:
    """Its first paragraph, in one line."""
    return " ".join(GO.sub("", cleandoc(text)).partition("\n\n")[0].split())


def plain(text: str) -> str:
    """Without its backticks."""
    return text.replace("`", "")


def _sections(lines: list[str], level: int) -> Iterator[str]:
    """The lines, with headings where a short one stands above an indented block, which moves to the left."""
    inside = 0
    for number, line in enumerate(lines):
        after = lines[number + 1] if number + 1 < len(lines) else ""
        first = number == 0 or not lines[number - 1].strip()
        if line.strip() and not line.startswith(" "):
            inside = 0
            if first and after.startswith("    ") and _TITLE.match(line):
                inside = 4
                yield f"{'#' * level} {line}\n" if level else f"**{line}**\n"
                continue
        yield line[inside:] if line.startswith(" " * inside) else line


def _blocks(text: str) -> Iterator[tuple[bool, str]]:
    """Its pieces in turn, each with whether it is a listing: a tree, or what :: announces."""
    for piece in re.split(r"(?<=\n)\n+(?=\S)|\n\n+(?=\S)", text):
        if not piece.strip():
            continue
        if "── " in piece:
            yield True, indent(piece.strip("\n"), "    ") + "\n"
            continue
        head, _, rest = piece.partition("::\n")
        if rest and rest.lstrip("\n").startswith("    "):
            yield False, f"{head}:\n" if head.strip() else ""
            yield True, rest.strip("\n") + "\n"
        else:
            yield False, piece.strip("\n") + "\n"


def _prose(text: str, link: Callable[[str], str]) -> str:
    rows = text.splitlines()
    if rows and _RULE.match(rows[0]):
        rows = list(_table(rows))
    parts = _NAME.split("\n".join(_items(rows)) + "\n")
    return "".join(link(part) if number % 2 else _plain(part) for number, part in enumerate(parts))


def _plain(text: str) -> str:
    return text.replace("<", "&lt;").replace("__", "\\_\\_")


def _items(lines: list[str]) -> Iterator[str]:
    """A list begins after an empty line, and its items are indented by four."""
    for number, line in enumerate(lines):
        if line.startswith("- ") and number and not lines[number - 1].startswith(("- ", "  ")):
            yield ""
        yield f"  {line}" if re.match(r"  \S", line) else line


def _table(rows: list[str]) -> Iterator[str]:
    """A table without a head, from columns marked by rules."""
    marks = [found.start() for found in re.finditer("=+", rows[0])]
    columns = [slice(start, end) for start, end in zip(marks, [*marks[1:], None], strict=True)]
    yield "| " * len(columns) + "|"
    yield "|---" * len(columns) + "|"
    for row in rows[1:-1]:
        yield "| " + " | ".join(row[column].strip() for column in columns) + " |"
