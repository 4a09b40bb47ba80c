"""The built site in a real browser: every page loads alone, without an error, and fits the screen."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

PAGES = ("", "one-put/", "fidelity/", "benchmarks/", "decisions/", "source/minietcd/raft/node/")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("page_path", PAGES)
def test_a_page_loads_alone_without_an_error_and_fits(
    browser: Browser, url: str, page_path: str, width: int, scheme: str
) -> None:
    wrong: list[str] = []
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith(url) else wrong.append(request.url))
    response = page.goto(url + page_path)
    page.wait_for_load_state("networkidle")
    assert response is not None and response.ok
    assert not wrong
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


def test_the_graph_is_drawn_whole_and_follows_the_palette(browser: Browser, url: str) -> None:
    colours = set()
    for scheme in ("light", "dark"):
        page = browser.new_page(color_scheme=scheme)
        page.goto(f"{url}one-put/")
        assert 15 <= page.locator("svg.trace g.node").count() <= 40
        assert page.locator("svg.trace g.critical").count() >= 8
        colours.add(page.evaluate("getComputedStyle(document.querySelector('svg.trace g.node text')).fill"))
        page.close()
    assert len(colours) == 2, "light and dark look the same"


def test_a_station_leads_to_the_line_of_our_source(browser: Browser, url: str) -> None:
    page = browser.new_page()
    page.goto(f"{url}one-put/")
    page.locator("table a", has_text="put_command_func").first.click()
    page.wait_for_url("**/source/minietcd/etcdctl/ctlv3/command/put_command/#*")
    line = page.locator(page.evaluate("'#' + location.hash.slice(1)"))
    assert line.count() == 1
    page.close()
