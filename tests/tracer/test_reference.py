"""The reference pages say in each language what was measured and decided, all of it."""

from __future__ import annotations

import re

import pytest

from tests.sim.mutants import MUTANTS
from tracer import fidelity
from tracer.pages import measured
from tracer.pages.book import Book, PageError, Recording
from tracer.pages.code import Code
from tracer.scenarios import SCENARIOS
from tracer.site import go_lines
from tracer.source import ROOT

REFERENCE = ROOT / measured.DIRECTORY
DECISIONS = ROOT / "docs" / "decisions"


@pytest.fixture(scope="module")
def book() -> Book:
    def record(name: str) -> Recording:
        return Recording(seen := SCENARIOS[name].watch(), SCENARIOS[name].served(seen))

    return Book(Code(ROOT, go_lines()), record)


@pytest.mark.parametrize("language", ["", ".zh"])
@pytest.mark.parametrize("name", ["benchmarks", "simulator"])
def test_a_page_shows_all_that_was_measured(name: str, language: str) -> None:
    text = (REFERENCE / f"{name}{language}.md").read_text(encoding="utf-8")
    shown = re.findall(rf"\{{\{{measured {name} ([^}}]+)\}}\}}", text)
    assert sorted(shown) == sorted(measured.figures(ROOT, name))


def test_what_was_never_measured_ends_the_build(book: Book) -> None:
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


@pytest.mark.parametrize("language", ["", ".zh"])
def test_every_request_is_compared_and_every_difference_told_in_a_whole_sentence(
    book: Book, language: str
) -> None:
    page = REFERENCE.relative_to(ROOT / "docs" / "prose") / f"fidelity{language}.md"
    text = book.page(page, (REFERENCE / page.name).read_text(encoding="utf-8"))
    assert text.count(" | 100.0 % | ") == text.count("??? note") == len(book.compared) == 4
    told = dict(re.findall(r"^`(.+)` · .+\n:   (.+)$", text, re.MULTILINE))
    assert told.keys() == {name for each in book.compared for name in each.score.extra}
    assert all(why.endswith("。" if language else ".") for why in told.values())
    assert all(why[0].isupper() and why.endswith(".") for why in fidelity.REASONS.values())


def test_each_function_of_etcds_path_stands_beside_ours(book: Book) -> None:
    rows = book.page(measured.DIRECTORY / "page.md", "{{beside put}}").splitlines()
    first = next(row for row in rows if "putCommandFunc" in row)
    assert first.strip().startswith("| client · main | [`putCommandFunc`](https://github.com/etcd-io/etcd/")
    assert "[`put_command_func`](" in first
    assert any("| n2, n3 · raft node.run |" in row for row in rows)
    assert [row for row in rows if "—" in row] == []


def test_what_etcd_was_not_recorded_on_is_not_compared(book: Book) -> None:
    for words in ("beside crash", "compared chanels"):
        with pytest.raises(PageError, match=r"no (recording of etcd's|comparison of chanels \(is it)"):
            book.page(measured.DIRECTORY / "page.md", f"{{{{{words}}}}}")
