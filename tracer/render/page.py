"""A trace as pieces of a page: a table of its stations, its tree in colours that follow the page's palette.

Links go to our own source, shown on the site, and to the Go twin at the pinned tag.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Mapping

from rich.console import Console
from rich.style import Style
from rich.text import Text

from tracer.fold import Section
from tracer.model import UPSTREAM

GO_SOURCE = f"https://github.com/etcd-io/etcd/blob/{UPSTREAM}"


type Link = Callable[[str], str]
type Say = Callable[..., str]
"""Says an English text in some language, with what goes into its braces; ``str.format``: in English."""


def stations(
    sections: Iterable[Section],
    head: Iterable[str],
    told: Callable[[str, str], str],
    ours: Link,
    twins: Link,
) -> str:
    """A Markdown table with a row for each station, in the order in which they were reached.

    ``head`` are five words; ``told`` leads from a function's name and a station's title to what tells of it,
    ``ours`` and ``twins`` link what a function's name and a Go symbol stand for.
    """
    rows = [f"| {' | '.join(head)} |", "|--:|---|---|---|---|"]
    number = 0
    for section in sections:
        who = f"{', '.join(section.members)} · {section.task}"
        for row in section.rows:
            number += 1
            function = row.span.function
            others = "<br>".join(twins(go) for go in function.go)
            title = told(function.name, row.title)
            rows.append(f"| {number} | {title} | {who} | {ours(function.name)} | {others} |")
    return "\n".join(rows) + "\n"


def go_link(go: str, lines: Mapping[str, int]) -> str:
    """A link to ``path#symbol``, at its line where that is known."""
    path, _, symbol = go.partition("#")
    line = f"#L{lines[go]}" if go in lines else ""
    return f"[`{symbol or path}`]({GO_SOURCE}/{path}{line})"


def go_lines(symbols: Iterable[str]) -> dict[str, int]:
    """The line of each Go symbol, from lines of the form ``path#symbol line``."""
    return {name: int(line) for name, _, line in (each.strip().rpartition(" ") for each in symbols) if name}


def terminal(lines: Iterable[Text]) -> str:
    """What the terminal shows, as HTML whose classes are the names of Rich's attributes and colours."""
    console = Console(width=200)
    text = "\n".join("".join(_spans(line, console)) for line in lines)
    return f'<pre class="trace-tree"><code>{text}</code></pre>\n'


def _spans(line: Text, console: Console) -> Iterable[str]:
    for segment in line.render(console):
        classes = _classes(segment.style)
        text = html.escape(segment.text)
        yield f'<span class="{classes}">{text}</span>' if classes else text


def _classes(style: Style | None) -> str:
    if style is None:
        return ""
    attributes = [name for name in ("bold", "dim", "italic") if getattr(style, name)]
    colour = style.color.name if style.color and style.color.name != "default" else ""
    return " ".join([*attributes, *([colour] if colour else [])])
