"""The site speaks English and Chinese: the same page, its search and its player."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect


def switch(page: Page, language: str) -> None:
    page.locator(".md-select button").hover()
    page.locator(f".md-select__link[hreflang={language}]").click()


def test_the_switch_leads_to_the_same_page_and_back(browser: Browser, url: str) -> None:
    page = browser.new_page()
    page.goto(f"{url}put/18-whole/")
    switch(page, "zh")
    page.wait_for_url(f"{url}zh/put/18-whole/")
    assert page.locator("html").get_attribute("lang") == "zh"
    expect(page.locator("h1")).to_contain_text("一页看完整个 put")
    page.locator("trace-player").evaluate("each => each.scrollIntoView()")
    page.wait_for_function("document.querySelector('trace-player').recording?.steps.length > 100")
    switch(page, "en")
    page.wait_for_url(f"{url}put/18-whole/")
    expect(page.locator("h1")).to_contain_text("on one page")
    page.close()


@pytest.mark.parametrize(
    ("start", "words", "found"),
    [("", "acknowledgement promise", "/put/"), ("zh/", "关键路径", "/zh/put/18-whole/")],
)
def test_the_search_finds_a_station(browser: Browser, url: str, start: str, words: str, found: str) -> None:
    page = browser.new_page()
    page.goto(url + start)
    page.locator("[data-md-component=search-query]").click()
    page.keyboard.insert_text(words)
    page.keyboard.press("End")  # it looks when a key is let go
    results = page.locator(".md-search-result__link")
    expect(results.first).to_be_visible()
    assert any(found in link for link in results.evaluate_all("all => all.map((each) => each.href)"))
    page.close()


def test_the_index_is_asked_for_once_and_by_those_who_search(browser: Browser, url: str) -> None:
    page, asked = browser.new_page(), list[str]()
    page.on("request", lambda request: asked.append(request.url) if "search_index" in request.url else None)
    page.goto(f"{url}put/01-command/", wait_until="networkidle")
    assert asked == []
    with page.expect_request("**/search_index.json"):
        page.keyboard.press("/")
    page.locator("[data-md-component=search-query]").blur()
    page.locator("[data-md-component=search-query]").focus()
    page.wait_for_load_state("networkidle")
    assert len(asked) == 1
    page.close()


def test_what_has_no_chinese_is_shown_in_english(browser: Browser, url: str) -> None:
    page = browser.new_page()
    page.goto(f"{url}zh/decisions/001-select-in-written-order/")
    expect(page.locator("h1")).to_contain_text("select")
    page.close()
