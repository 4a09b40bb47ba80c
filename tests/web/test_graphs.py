"""Graphs answer: they lead into the player, and mark what led to a call and what follows from it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

PLAYER = "document.querySelector('trace-player')"


@pytest.fixture
def station(browser: Browser, url: str) -> Page:
    return answering(browser, f"{url}put/09-ready/")


def answering(browser: Browser, address: str) -> Page:
    """A page whose graphs listen."""
    page = browser.new_page()
    page.goto(address)
    page.wait_for_selector("svg.trace[data-answers]", state="attached")
    return page


def at(page: Page) -> str:
    """The function at which the player stands, once it is there."""
    page.wait_for_function(f"{PLAYER}.recording")
    return str(page.evaluate(f"{PLAYER}.recording.steps[{PLAYER}.n].span?.func"))


def test_a_click_on_a_call_takes_the_player_there_and_back_takes_it_back(station: Page) -> None:
    call = station.locator("svg.turn a.call", has_text="Unstable.truncate_and_append").or_(
        station.locator("svg.turn a.call").last
    )
    name = call.last.locator(".name").inner_html()
    call.last.click()
    station.wait_for_url("**#step=call-*")
    assert at(station) == name
    expect(station.locator("trace-player")).to_be_in_viewport()
    station.go_back()
    station.wait_for_function(f"{PLAYER}.recording.steps[{PLAYER}.n].span?.func !== '{name}'")
    station.close()


def test_a_row_of_the_turns_leads_to_where_readyc_becomes_nil_and_advancec_does_not(station: Page) -> None:
    station.locator("svg.turns a.own").first.locator(".what").click()
    station.wait_for_url("**#step=call-*")
    assert at(station) == "RawNode.accept_ready"
    for channel, value in (("readyc", "nil"), ("advancec", "set")):
        row = station.locator("trace-player .state tr", has_text=channel)
        expect(row.locator("td.new")).to_have_text(value)
    station.close()


def test_a_call_is_reached_and_followed_by_keys(station: Page) -> None:
    call = station.locator("svg.turn a.call").first
    call.focus()
    expect(station.locator("svg.turn").first).to_have_class("trace turn tracing")
    call.press("Enter")
    station.wait_for_url("**#step=call-*")
    assert at(station) == call.locator(".name").inner_html()
    station.close()


def test_pointing_at_a_call_marks_what_led_there_and_what_follows(browser: Browser, url: str) -> None:
    page = answering(browser, f"{url}put/18-whole/")
    commit = page.locator("svg.trace g.node", has_text="Raft.maybe_commit")
    commit.scroll_into_view_if_needed()
    commit.hover()
    for name, side in (("put_command_func", "up"), ("SimplePrinter.put", "down"), ("Header.fill", "down")):
        assert side in str(page.locator("svg.trace g.node", has_text=name).get_attribute("class")).split()
    assert page.locator("svg.trace g.edge.critical.up").count() >= 4
    page.mouse.move(0, 0)
    expect(page.locator("svg.trace").first).to_have_class("trace")
    page.close()


def test_where_no_player_is_the_link_leads_to_one_at_that_step(browser: Browser, url: str) -> None:
    page = answering(browser, url)
    page.locator("svg.trace g.node", has_text="Raft.maybe_commit").click()
    page.wait_for_url("**/put/18-whole/#step=*")
    assert at(page) == "Raft.maybe_commit"
    page.close()


def test_without_scripts_a_call_leads_to_its_source(browser: Browser, url: str) -> None:
    page = browser.new_page(java_script_enabled=False)
    page.goto(f"{url}put/09-ready/")
    page.locator("svg.turn a.call").first.click()
    page.wait_for_url("**/source/minietcd/**")
    page.close()


def test_graphs_still_answer_on_a_page_that_came_without_being_loaded(browser: Browser, instant: str) -> None:
    page = browser.new_page()
    page.goto(f"{instant}put/08-step-leader/")
    page.locator("a", has_text="9 · Ready").last.click()
    page.wait_for_url("**/put/09-ready/")
    expect(page.locator("h1")).to_contain_text("9 · Ready")
    call = page.locator("svg.turn[data-answers] a.call").first
    call.click()
    page.wait_for_url("**#step=call-*")
    page.close()
