"""The reference pages say in each language what was measured and decided, all of it."""

from __future__ import annotations

import re

import pytest

from tests.sim.mutants import MUTANTS
from tracer.pages import measured
from tracer.pages.book import Book, PageError
from tracer.pages.code import Code
from tracer.source import ROOT

REFERENCE = ROOT / measured.DIRECTORY
DECISIONS = ROOT / "docs" / "decisions"


@pytest.mark.parametrize("language", ["", ".zh"])
@pytest.mark.parametrize("name", ["benchmarks", "simulator"])
def test_a_page_shows_all_that_was_measured(name: str, language: str) -> None:
    text = (REFERENCE / f"{name}{language}.md").read_text(encoding="utf-8")
    shown = re.findall(rf"\{{\{{measured {name} ([^}}]+)\}}\}}", text)
    assert sorted(shown) == sorted(measured.figures(ROOT, name))


def test_what_was_never_measured_ends_the_build() -> None:
    book = Book(Code(ROOT, {}), {}.__getitem__)
    for words in ("measured simulator no-fsink", "measured simulation no-fsync"):
        with pytest.raises(PageError, match=r"there is no measurement .* \(is it"):
            book.page(measured.DIRECTORY / "page.md", f"{{{{{words}}}}}")


def test_a_mutant_is_allowed_on_its_page_as_many_seeds_as_in_its_test() -> None:
    allowed = {name: row[1] for name, row in measured.figures(ROOT, "simulator").items()}
    assert allowed == {name: str(mutant.seeds) for name, mutant in MUTANTS.items()}


def test_the_chinese_list_of_decisions_has_each_of_them() -> None:
    text = (DECISIONS / "index.zh.md").read_text(encoding="utf-8")
    told = re.findall(r"^\[(\d+) · .+\]\((\S+)\)\n:   \S", text, re.MULTILINE)
    pages = sorted(page.name for page in DECISIONS.glob("[0-9]*.md"))
    assert told == [(str(int(page[:3])), page) for page in pages]
