"""The built site: the same each time, with all that was traced, and links that lead there."""

from __future__ import annotations

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.web import audit


def test_a_page_has_one_heading_a_title_of_its_own_and_says_what_it_is_about(site: Path) -> None:
    config = (site.parent / "mkdocs.yml").read_text()
    of_the_site = set(re.findall(r"^ *site_description: (.+)$", config, re.MULTILINE))
    assert len(of_the_site) == 2
    titles, wrong = Counter[tuple[str, str]](), []
    for path in site.rglob("index.html"):
        name, text = path.parent.relative_to(site).as_posix(), path.read_text()
        about = re.findall('<meta name="description" content="([^"]+)"', text)
        if len(re.findall(r"<h1[ >]", text)) != 1 or len(about) != 1 or about[0] in of_the_site:
            wrong.append(name)
        title = text.partition("<title>")[2].partition("</title>")[0]
        titles["zh" * name.startswith("zh"), title] += 1
    assert wrong == []
    assert [title for title, number in titles.items() if number > 1] == []


def test_two_builds_are_the_same_file_by_file(site: Path, again: Path) -> None:
    one, other = files(site), files(again)
    assert one.keys() == other.keys()
    assert [name for name in one if one[name].read_bytes() != other[name].read_bytes()] == []


def test_a_site_that_stands_nowhere_yet_has_no_map_of_addresses(site: Path) -> None:
    assert not list(site.glob("sitemap*"))


def test_every_traced_function_is_shown_or_there_is_a_reason_why_not(docs: Path) -> None:
    report = (docs / "docs" / "_generated" / "unshown.md").read_text()
    assert "connected: dials" in report
    assert "without a reason" not in report


def files(top: Path) -> dict[Path, Path]:
    return {path.relative_to(top): path for path in top.rglob("*") if path.is_file()}


@pytest.mark.timeout(600)
@pytest.mark.skipif(not audit.LIGHTHOUSE.exists(), reason="no Lighthouse: scripts/setup web gets it")
def test_lighthouse_finds_pages_accessible_sound_and_easy_to_find(url: str) -> None:
    with ThreadPoolExecutor() as together:
        asked = [url + path for path in audit.PAGES.values()]
        for found in together.map(lambda page: audit.audit(page, *audit.CATEGORIES[1:]), asked):
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
