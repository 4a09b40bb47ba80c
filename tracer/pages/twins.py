"""Tells mkdocstrings how our docstrings are written: an extension of Griffe, which reads the code for it."""

from __future__ import annotations

from functools import partial
from typing import Any

from griffe import Extension, Object

from tracer.pages import manual
from tracer.pages.code import go_lines
from tracer.pages.packages import Names, Writer
from tracer.render import page
from tracer.source import ROOT


class Twins(Extension):
    """Docstrings as Markdown, each with links to the source and to the Go twins that it names."""

    def __init__(self) -> None:
        self.writer = Writer(Names(ROOT), partial(page.go_link, lines=go_lines()))

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Griffe has read ``obj``."""
        if obj.docstring and not obj.is_package:
            text = obj.docstring.value
            source = "" if obj.is_attribute else f"[source]({_source(obj)}) "
            told = manual.markdown(text, self.writer.link(obj.path))
            obj.docstring.value = f"{told}\n{source}{self.writer.twins(text)}"


def _source(obj: Object) -> str:
    file = obj.relative_package_filepath.with_suffix(".md")
    return f"../../source/{file}#__codelineno-0-{obj.lineno or 1}"
