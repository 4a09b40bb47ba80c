"""Bytes as a figure: nested boxes of text that narrow pages can wrap, so it needs no words beside it."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import count

from tracer.pages.anatomy import Part
from tracer.pages.database import FREE, NAMES, NEWEST, OLDER, Written
from tracer.pages.words import Words

_COLOURS = 6


def figure(part: Part, say: Words) -> str:
    """All bytes in one block, and below what each of them is, a box in a box."""
    numbers = count()
    boxes = "".join(_boxes(part, say, numbers))
    return f'<div class="trace-bytes"><p aria-hidden="true">{_dump(part)}</p><ul>{boxes}</ul></div>'


def pages(found: list[Written], roots: dict[str, tuple[int, int]], say: Words) -> str:
    """A database, page by page; those that were written stand out, and say in whose place they came."""
    cells = "".join(_cell(each, roots, say) for each in found)
    return f'<ol class="trace-pages" start="0">{cells}</ol>'


def _dump(part: Part) -> str:
    leaves = [data for data in _leaves(part) if data]
    return " ".join(f'<span class="b{n % _COLOURS}">{data.hex(" ")}</span>' for n, data in enumerate(leaves))


def _leaves(part: Part) -> Iterator[bytes]:
    yield part.data
    for each in part.parts:
        yield from _leaves(each)


def _boxes(part: Part, say: Words, numbers: Iterator[int]) -> Iterator[str]:
    hexed = f'<code class="b{next(numbers) % _COLOURS}">{part.data.hex(" ")}</code> ' if part.data else ""
    told = f" {escape(part.says)}" if part.says else ""
    note = f' <span class="note">{escape(say(part.note))}</span>' if part.note else ""
    inside = "".join(text for each in part.parts for text in _boxes(each, say, numbers))
    yield f"<li>{hexed}<b>{escape(part.name)}</b>{told}{note}" + f"<ul>{inside}</ul>" * bool(inside) + "</li>"


def _cell(page: Written, roots: dict[str, tuple[int, int]], say: Words) -> str:
    kind, owner = (page.now.kind, page.now.owner) if page.now else ("", "")
    whose = f"<b>{_named(owner, say)}</b> {kind}" if page.now else say("free")
    told = ""
    if page.now and page.new:
        before = roots.get(owner, (page.number, page.number))[0]
        told = say("written, instead of {}", before) if before != page.number else say("written")
    elif page.was and not page.now:
        told = say("was {}", _named(page.was.owner, say))
    state = "new" if page.new and page.now else "kept" if page.now else "free"
    return f'<li class="{state}"><i>{page.number}</i> {whose}' + f"<span>{told}</span>" * bool(told) + "</li>"


def _named(owner: str, say: Words) -> str:
    return say(owner) if owner in (FREE, NAMES, NEWEST, OLDER) else escape(owner)
