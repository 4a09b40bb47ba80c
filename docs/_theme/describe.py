"""What a page is about, by its head or by how it begins, for who finds it elsewhere: MkDocs calls this."""

from __future__ import annotations

import html as entities
import re
from typing import Any

from mkdocs.structure.pages import Page
from rich.cells import cell_len

_FIRST = re.compile(r"</h1>.*?<p>(?:<strong>.*?</strong>)?(.*?)</p>", re.DOTALL)
"""The first paragraph, without a word in bold that only says what kind it is."""
_SENTENCE = re.compile(r".+?(?:[.?!](?=\s|$)|[。？！]|$)\s*")
_LITTLE, _MUCH = 60, 160
"""Columns, of which a Chinese character takes two: with less nobody knows enough, more is cut off."""


def on_page_content(html: str, page: Page, **_: Any) -> str:
    """A description is taken from the page, so that it is written once, unless its head has a better one."""
    first = _FIRST.search(html)
    if first and not page.meta.get("description"):
        page.meta["description"] = described(first[1])
    return html


def described(paragraph: str) -> str:
    """As many whole sentences from the beginning of a paragraph of HTML as there is room for."""
    text = " ".join(entities.unescape(re.sub(r"<[^>]+>", "", paragraph)).split())
    found = ""
    for sentence in _SENTENCE.findall(text):
        if cell_len(found) >= _LITTLE and cell_len(found + sentence) > _MUCH:
            break
        found += sentence
    return found.rstrip(" :：")
