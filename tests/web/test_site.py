"""The built site in a real browser: every page loads alone, without an error, fits, and is for everybody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.web import audit
from tests.web.conftest import run, written

AXE = audit.ROOT / ".cache" / "npm" / "axe" / "package" / "axe.min.js"
MOST_BYTES = 500_000
"""Of a page with all that it loads, over the wire."""


def paths(site: Path, language: str) -> Iterator[str]:
    """Every page in that language but those of packages; of those that show source, all alike, one."""
    alike = ("source/", "reference/packages/")
    for path in sorted(page.parent.relative_to(site).as_posix() for page in site.rglob("index.html")):
        if path.startswith("zh") == (language == "zh") and not path.removeprefix("zh/").startswith(alike):
            yield "" if path == "." else f"{path}/"
    yield "source/minietcd/raft/node/"


class Visitor:
    """Opens pages and notes what is wrong with them."""

    def __init__(self, browser: Browser, url: str, **how: Any) -> None:
        self.url, self.page, self.wrong = url, browser.new_page(**how), list[str]()
        self.loaded: dict[str, int] = {}
        self.page.on("console", lambda said: self.note(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.note(str(error)))
        self.page.on("response", lambda answer: self.loads(answer.url, answer.headers))

    def note(self, fault: str) -> None:
        self.wrong.append(f"{self.page.url}: {fault}")

    def loads(self, url: str, headers: dict[str, str]) -> None:
        self.loaded[url] = int(headers.get("content-length", 0))
        if not url.startswith(self.url):
            self.note(f"asks {url}")

    def visit(self, path: str) -> None:
        self.loaded.clear()
        self.page.goto(self.url + path)
        self.page.evaluate(
            "for (const each of document.querySelectorAll('trace-player')) each.scrollIntoView()"
        )
        self.page.wait_for_load_state("networkidle")
        if self.page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            self.note("is wider than the screen")
        if (weight := sum(self.loaded.values())) > MOST_BYTES:
            self.note(f"weighs {weight:,} bytes")


def check(page: Page, note: Any) -> None:
    """What axe finds, but for the player, which is looked at in each of its states elsewhere.

    And but for the buttons for copying: landmarks without names, which Material adds where code is seen.
    """
    page.add_script_tag(content=AXE.read_text())
    asked = "axe.run({ exclude: ['trace-player', '.md-code__nav'] }, { resultTypes: ['violations'] })"
    for found in page.evaluate(asked)["violations"]:
        first = found["nodes"][0]
        note(f"{found['id']}: {first['failureSummary']} {first['html']}")


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("language", "width", "scheme", "every"),
    [("en", 390, "light", 4), ("zh", 1440, "dark", 5), ("en", 1440, "dark", 9), ("zh", 390, "light", 11)],
)
def test_pages_load_alone_fit_and_are_for_all(
    browser: Browser, site: Path, url: str, language: str, width: int, scheme: str, every: int
) -> None:
    """Every so many of them: each takes seconds, most of them axe's."""
    how = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    visitor = Visitor(browser, url, **how)
    for path in list(paths(site, language))[::every]:
        visitor.visit(path)
        if AXE.exists():
            check(visitor.page, visitor.note)
    visitor.page.close()
    assert visitor.wrong == []


def test_two_builds_are_the_same_file_by_file(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    again = written(tmp_path)
    run(again, "mkdocs", "build", "--strict")
    one, other = files(site), files(again / "site")
    assert one.keys() == other.keys()
    dated = {Path("sitemap.xml"), Path("sitemap.xml.gz")}
    assert {name for name in one if one[name].read_bytes() != other[name].read_bytes()} <= dated


def test_every_traced_function_is_shown_or_there_is_a_reason_why_not(docs: Path) -> None:
    report = (docs / "docs" / "_generated" / "unshown.md").read_text()
    assert "connected: dials" in report
    assert "without a reason" not in report


def files(top: Path) -> dict[Path, Path]:
    return {path.relative_to(top): path for path in top.rglob("*") if path.is_file()}


@pytest.mark.timeout(600)
@pytest.mark.skipif(not audit.LIGHTHOUSE.exists(), reason="no Lighthouse: scripts/setup web gets it")
@pytest.mark.parametrize("path", audit.PAGES.values(), ids=lambda path: path or "home")
def test_lighthouse_finds_pages_accessible_sound_and_easy_to_find(url: str, path: str) -> None:
    found = audit.audit(url + path, "accessibility", "best-practices", "seo")
    assert min(found.scores.values()) >= audit.WANTED, found


def test_the_graph_is_drawn_whole_and_follows_the_palette(browser: Browser, url: str) -> None:
    colours = set()
    for scheme in ("light", "dark"):
        page = browser.new_page(color_scheme=scheme)
        page.goto(f"{url}put/18-whole/")
        assert 15 <= page.locator("svg.trace g.node").count() <= 40
        assert page.locator("svg.trace g.critical").count() >= 8
        colours.add(page.evaluate("getComputedStyle(document.querySelector('svg.trace g.node text')).fill"))
        page.close()
    assert len(colours) == 2, "light and dark look the same"


def test_a_station_leads_to_the_line_of_our_source(browser: Browser, url: str) -> None:
    page = browser.new_page()
    page.goto(f"{url}put/18-whole/")
    page.locator("table a", has_text="put_command_func").first.click()
    page.wait_for_url("**/source/minietcd/etcdctl/ctlv3/command/put_command/#*")
    line = page.locator(page.evaluate("'#' + location.hash.slice(1)"))
    assert line.count() == 1
    page.close()
