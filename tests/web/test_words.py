"""What the site says in Chinese besides its prose: the player, and where a page is not in Chinese."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

STATION = "put/05-propose/"
HERE = "document.querySelector('trace-player')"
SAID = f"""() => [...{HERE}.shadowRoot.querySelectorAll("button, [aria-label], h2, dialog td, dialog p")]
  .flatMap((each) => [each.ariaLabel, each.title, each.matches("h2, td, p") && each.innerText])
  .filter((text) => text).map((text) => text.replace("put foo bar", ""))"""


def opened(page: Page, address: str) -> Page:
    page.goto(address)
    page.locator("trace-player").first.scroll_into_view_if_needed()
    page.wait_for_function(f"Boolean({HERE}?.lanes)")
    return page


def test_the_player_speaks_the_language_of_its_page(browser: Browser, url: str) -> None:
    page = opened(browser.new_page(), f"{url}zh/{STATION}")
    expect(page.locator("trace-player [data-do=next]").first).to_have_attribute("aria-label", "下一步")
    page.locator("trace-player [data-do=help]").first.click()
    expect(page.locator("trace-player dialog").first).to_contain_text("快捷键")
    said = page.evaluate(SAID)
    assert len(said) > 60
    assert [text for text in said if re.search("[a-z]{3} [a-z]{2,}", text)] == [], "English is left"
    page.close()


def test_the_player_speaks_english_where_the_page_does(browser: Browser, url: str) -> None:
    page = opened(browser.new_page(), url + STATION)
    expect(page.locator("trace-player [data-do=next]").first).to_have_attribute("aria-label", "Next step")
    assert [text for text in page.evaluate(SAID) if re.search("[一-鿿]", text)] == []
    page.close()


def test_a_page_without_chinese_says_so_and_in_which_language_it_is(browser: Browser, url: str) -> None:
    page = browser.new_page()
    page.goto(f"{url}zh/decisions/001-select-in-written-order/")
    expect(page.locator(".untranslated")).to_be_visible()
    assert page.locator("article [lang=en] h1").count() == 1
    page.goto(f"{url}zh/{STATION}")
    assert page.locator(".untranslated").count() == 0
    page.close()


def test_source_stands_once_and_pages_in_each_language_lead_to_it(
    browser: Browser, site: Path, url: str
) -> None:
    assert not (site / "zh" / "source").exists()
    page = browser.new_page()
    for language in ("", "zh/"):
        page.goto(url + language + STATION)
        address = page.locator("article a[href*='source/']").first.evaluate("each => each.href")
        assert str(address).startswith(f"{url}source/")
        page.goto(address)
        assert page.locator(page.evaluate("'#' + location.hash.slice(1)")).count() == 1
    page.close()


def test_the_switch_is_relative_so_that_the_site_can_stand_anywhere(browser: Browser, url: str) -> None:
    page = browser.new_page()
    for path in ("", "zh/", STATION, f"zh/{STATION}", "source/minietcd/raft/node/"):
        page.goto(url + path)
        for link in page.locator(".md-select__link").all():
            assert not str(link.get_attribute("href")).startswith("/"), path
    page.close()
