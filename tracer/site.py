"""``make docs``: run what the pages show, and write its pieces as files that the pages include.

Nothing on the site is typed by hand that the code can show; what is written here is thrown away and made
anew at each build.
"""

from __future__ import annotations

import argparse
import ast
import io
import logging
import re
import shutil
import sys
from collections.abc import Iterable
from functools import partial
from json import dumps
from pathlib import Path

from rich.console import Console

from tracer.fold import View, story
from tracer.model import Trace
from tracer.pages import book as book_pages
from tracer.pages import manual, packages, unshown
from tracer.pages.book import Book, PageError, Recording
from tracer.pages.code import Code, go_lines
from tracer.pages.words import CHINESE, ENGLISH, Words
from tracer.render import json, page, player
from tracer.render.terminal import Terminal
from tracer.scenarios import SCENARIOS
from tracer.source import ROOT
from tracer.stations import station

DOCS = ROOT / "docs"
PICTURE = DOCS / "assets" / "one-put.svg"
_SVG = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img">
<title>@title@</title>
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px; line-height: {line_height}px; font-variant-east-asian: full-width }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" /></clipPath>{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}<g class="{unique_id}-matrix">{matrix}</g></g>
</svg>
"""
"""Rich's own form of it fetches a font from elsewhere."""


ONE_PUT = SCENARIOS["put"]


def main() -> None:
    """Write every piece, below ``--docs`` if not here; with ``--picture`` only the README's.

    Ends with one line when Graphviz is missing.
    """
    options = argparse.ArgumentParser(prog="tracer.site")
    options.add_argument("--docs", type=Path, default=DOCS)
    options.add_argument("--picture", action="store_true")
    asked = options.parse_args()
    if not shutil.which("dot"):
        sys.exit("make docs needs the program dot: install Graphviz (Debian: apt install graphviz)")
    logging.getLogger().addHandler(logging.NullHandler())
    if asked.picture:
        write_picture(ONE_PUT.record())
        return
    book = Book(Code(ROOT, go_lines()), record)
    try:
        write_all(asked.docs, book)
    except PageError as error:
        sys.exit(str(error))


def record(name: str) -> Recording:
    """The scenario of that name, with the lines that ran. Raises KeyError."""
    seen = SCENARIOS[name].watch(lines=True)
    return Recording(seen, SCENARIOS[name].served(seen))


def write_all(docs: Path, book: Book) -> None:
    """What is made anew at each build. Raises PageError."""
    pieces, sources = docs / "_generated", docs / "source"
    played, traces_of = docs / "assets" / "player", docs / "assets" / "traces"
    for directory in (pieces, sources, played, traces_of):
        shutil.rmtree(directory, ignore_errors=True)
    player.write(played)
    book_pages.write(book, docs)
    for name in sorted(book.played):
        _write(traces_of / f"{name}.json", json.dump(book.record(name).sliced))
    write_sources((each.trace for each in book.compared), book.files | set(packages.files(ROOT)), sources)
    write_decisions(docs / "decisions", pieces / "decisions.md")
    left = book.unshown(book.record(name).sliced for name in SCENARIOS)
    for name, language in (("unshown.md", ENGLISH), ("unshown.zh.md", CHINESE)):
        _write(pieces / name, unshown.markdown(left, Words(language)))
    write_packages(book, docs)


def write_packages(book: Book, docs: Path) -> None:
    """A page for each package. Raises PageError."""
    shutil.rmtree(docs / packages.DIRECTORY, ignore_errors=True)

    def filled(path: str) -> str:
        return book.page(packages.DIRECTORY / f"{path}.md", packages.TABLES[path])

    go = partial(page.go_link, lines=book.code.symbols)
    packages.write(packages.Writer(book.names, go, filled), docs)


def write_picture(trace: Trace, path: Path = PICTURE) -> None:
    """What the terminal shows, as a picture for the README."""
    console = Console(
        record=True, width=110, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    view = View(1)
    for line in Terminal(trace, story(trace, view, station), view, width=110).lines():
        console.print(line, soft_wrap=True)
    title = f"tracer {' '.join(trace.command)}"
    _write(
        path, console.export_svg(title=title, code_format=_SVG.replace("@title@", title), unique_id="one-put")
    )


def write_sources(traces: Iterable[Trace], linked: set[str], directory: Path) -> None:
    """A page for every file that a trace passes through or a page links, so that links lead somewhere."""
    files = {span.function.file for trace in traces for span in trace.spans.values()}
    for name in sorted(files | linked):
        text = (ROOT / name).read_text(encoding="utf-8")
        about = manual.plain(manual.summary(ast.get_docstring(ast.parse(text)) or "")) or name
        description = dumps(about, ensure_ascii=False)
        head = f"---\ndescription: {description}\nsearch:\n  exclude: true\nhide: [toc]\n---\n"
        body = f"# `{name}`\n\n~~~~ {{ .python linenums=1 }}\n{text}~~~~\n"
        _write(directory / name.replace(".py", ".md"), head + body)


def write_decisions(directory: Path, path: Path) -> None:
    """The decisions by number, and of each the first two sentences of what was decided."""
    _write(path, "\n".join(_decision(page) for page in sorted(directory.glob("[0-9]*.md"))))


def _decision(page: Path) -> str:
    text = page.read_text(encoding="utf-8")
    number, _, title = text.partition("\n")[0].removeprefix("# ").partition(". ")
    decided = text.partition("**Decision.** ")[2].partition("\n\n")[0]
    first = " ".join(re.split(r"(?<=\.)\s+", decided)[:2])
    return f"[{number} · {title}]({page.name})\n:   {' '.join(first.split()).rstrip(':.')}.\n"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
