"""The player as somebody uses it: by mouse, by keys, by its addresses; on small screens and dark ones."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tracer.render import player

ROOT = Path(__file__).parents[2]
AXE = ROOT / ".cache" / "npm" / "axe" / "package" / "axe.min.js"
Served = Callable[[Path], str]
HERE = "document.querySelector('trace-player')"
READY = f"Boolean({HERE}?.lanes)"


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    """A page on which nothing may go wrong, and nothing be fetched from elsewhere."""
    yield from pages(browser, url)


def pages(browser: Browser, url: str, **how: Any) -> Iterator[Page]:
    wrong: list[str] = []
    page = browser.new_page(**{"viewport": {"width": 1440, "height": 1000}, **how})
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "request",
        lambda request: None if request.url.startswith((url, "data:")) else wrong.append(request.url),
    )
    yield page
    page.close()
    assert not wrong


def opened(page: Page, address: str) -> Page:
    page.goto(address)
    return seen(page)


def seen(page: Page) -> Page:
    """What is out of sight loads nothing."""
    page.locator("trace-player").first.evaluate("each => each.scrollIntoView()")
    page.wait_for_function(READY)
    return page


def step(page: Page) -> int:
    return int(page.evaluate(f"{HERE}.n + 1"))


def steps(page: Page) -> int:
    return int(page.evaluate(f"{HERE}.recording.steps.length"))


def press(page: Page, name: str) -> int:
    page.locator(f"trace-player [data-do={name}]").click()
    return step(page)


def function(page: Page) -> str:
    return page.locator("trace-player .caption .call").inner_text()


def test_it_opens_at_the_command_and_walks_the_stations(page: Page, url: str) -> None:
    opened(page, f"{url}put/18-whole/")
    told = [page.locator("trace-player .caption .station").inner_text()]
    while press(page, "next") < steps(page) and len(told) < 24:
        told.append(page.locator("trace-player .caption .station").inner_text())
    walk = [
        "command",
        "client",
        "call",
        "handler",
        "server",
        "propose",
        "node.step",
        "raft.Step",
        "role",
        "Ready",
    ]
    assert told[: len(walk)] == walk
    assert {"peers", "WAL", "commit", "apply", "MVCC"} <= set(told)
    assert press(page, "previous") < press(page, "last")
    assert press(page, "first") == 1


def test_into_over_and_out_follow_the_calls(page: Page, url: str) -> None:
    opened(page, f"{url}put/18-whole/#step=Raft.step")
    assert function(page) == "Raft.step"
    press(page, "into")
    assert function(page) == "step_leader"
    press(page, "into")
    assert function(page) == "step_leader_prop"
    press(page, "into")
    assert function(page) == "Raft.append_entry"
    press(page, "over")
    assert function(page) == "Raft.bcast_append"
    press(page, "into")
    press(page, "out")
    assert function(page) == "RawNode.has_ready", "the loop goes on with what the call left to do"


def test_keys_do_what_the_list_of_keys_says(page: Page, url: str) -> None:
    opened(page, f"{url}put/18-whole/")
    page.locator("trace-player .lanes").focus()
    page.keyboard.press("ArrowRight")
    second = step(page)
    page.keyboard.press("ArrowLeft")
    assert (step(page), second > 1) == (1, True)
    for key, moved in (("i", True), ("o", True), ("u", True), ("End", True), ("Home", True)):
        before = step(page)
        page.keyboard.press(key)
        assert (step(page) != before) is moved, key
    page.keyboard.press("l")
    expect(page.locator("trace-player [data-level=hand-offs]")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("c")
    expect(page.locator("trace-player [data-do=critical]")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press(".")
    expect(page.locator("trace-player select")).to_have_value("2")
    page.keyboard.press("?")
    expect(page.locator("trace-player dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("trace-player dialog")).to_be_hidden()
    assert page.url.startswith(f"{url}put/18-whole/"), "the page's own keys were pressed too"


def test_play_goes_on_by_itself_until_it_is_paused(page: Page, url: str) -> None:
    opened(page, f"{url}put/18-whole/")
    page.locator("trace-player select").select_option("8")
    press(page, "play")
    page.wait_for_function(f"{HERE}.n > 30")
    press(page, "play")
    assert page.evaluate(f"{HERE}.playing") is False
    expect(page.locator("trace-player [data-do=play]")).to_have_attribute("aria-label", "Play")


def test_a_click_on_a_row_a_bar_or_a_value_goes_there_and_back_leads_back(page: Page, url: str) -> None:
    opened(page, f"{url}put/18-whole/#step=Raft.maybe_commit")
    page.locator("trace-player .state td button").first.click()
    of_value = step(page)
    assert page.url.endswith(f"step={of_value}")
    page.locator("trace-player .row.heading").first.click()
    of_row = step(page)
    where = page.evaluate(f"""(() => {{
      const {{ lanes, recording }} = {HERE};
      const call = lanes.drawn.calls.find((each) => each.step.span.func === "step_leader");
      const box = lanes.canvas.getBoundingClientRect();
      const x = (call.x0 + call.x1) / 2;
      return [box.left + (call.x0 + 0.5 - lanes.seen.x0) * lanes.seen.scale, box.top + call.y + call.h / 2];
    }})()""")
    page.mouse.click(*where)
    assert function(page) in ("step_leader", "Raft.step")
    for before in (of_row, of_value):
        page.go_back()
        page.wait_for_function(f"{HERE}.n + 1 === {before}")


def test_a_walk_is_one_step_back(page: Page, url: str) -> None:
    opened(page, f"{url}put/18-whole/#step=5")
    page.locator("trace-player .lanes").focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    assert step(page) > 5
    page.go_back()
    page.wait_for_function(f"{HERE}.n === 4")


def test_an_address_names_the_step_of_each_player_on_a_page(
    browser: Browser, tmp_path: Path, served: Served
) -> None:
    base = several(tmp_path, served, story(60), story(60))
    for page in pages(browser, base):
        opened(page, f"{base}#step=7&two.step=12")
        page.wait_for_function("document.querySelectorAll('trace-player')[1].lanes")
        assert page.evaluate("[...document.querySelectorAll('trace-player')].map((each) => each.n + 1)") == [
            7,
            12,
        ]
        page.locator("trace-player#two [data-do=into]").click()
        assert "#step=7&two.step=" in page.url
        page.go_back()
        page.wait_for_function("document.querySelector('#two').n === 11")


def test_why_walks_back_to_the_command(page: Page, url: str) -> None:
    opened(page, f"{url}put/18-whole/#step=commit")
    press(page, "why")
    causes = page.locator("trace-player .why li")
    expect(causes.last).to_contain_text("put_command_func")
    text = page.locator("trace-player .why").inner_text()
    assert "TCP stream" in text and "propc" in text and "also needed (quorum)" in text
    causes.last.locator("button").click()
    assert step(page) == 1


def test_the_critical_path_is_a_walk_of_its_own(page: Page, url: str) -> None:
    opened(page, f"{url}put/18-whole/")
    page.locator("trace-player [data-level=hand-offs]").click()
    everything = int(page.locator("trace-player input").get_attribute("max") or 0)
    press(page, "critical")
    critical = int(page.locator("trace-player input").get_attribute("max") or 0)
    assert 8 < critical < everything


def test_the_lines_that_ran_are_marked_and_their_values_shown(page: Page, url: str) -> None:
    opened(page, f"{url}put/18-whole/#step=RaftLog.append")
    source = page.locator("trace-player .source")
    assert source.locator(".line.ran").count() >= 3
    expect(source.locator(".value").first).to_contain_text("ents = entry")
    expect(source.locator("a.go")).to_have_attribute(
        "href", "https://github.com/etcd-io/etcd/blob/v3.4.23/raft/log.go"
    )
    source.locator("a.file").click()
    page.wait_for_url("**/source/minietcd/raft/log/#__codelineno-*")
    assert page.locator(page.evaluate("'#' + location.hash.slice(1)")).count() == 1


def test_the_state_follows_the_entry_to_every_member(page: Page, url: str) -> None:
    opened(page, f"{url}put/18-whole/")
    log = page.locator("trace-player .strip.m1 .entry").last
    expect(log).to_have_class("entry none")
    stages = {"RaftLog.append": "log", "WAL.save": "disk", "commit": "commit", "MVCC": "commit"}
    for call, stage in stages.items():
        page.evaluate(f"{HERE}.jump({HERE}.recording.find('{call}'))")
        page.evaluate(f"{HERE}.jump({HERE}.recording.over({HERE}.n))")
        expect(log).to_have_class(f"entry {stage}")
    press(page, "last")
    for member in ("m1", "m2", "m3"):
        expect(page.locator(f"trace-player .strip.{member} .entry").last).to_have_class("entry applied")


def test_hovering_a_row_marks_the_lanes(page: Page, url: str) -> None:
    opened(page, f"{url}put/18-whole/")
    row = page.locator("trace-player .row").nth(3)
    row.hover()
    assert page.evaluate(f"{HERE}.lanes.marks.hovered") == int(row.get_attribute("data-n") or -1)


def test_the_tree_is_walked_by_its_own_arrows_and_says_where_it_is(page: Page, url: str) -> None:
    opened(page, f"{url}put/18-whole/")
    tree = page.get_by_role("tree", name="Call tree")
    tree.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("trace-player .row.here")).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowDown")
    assert step(page) == 2
    expect(tree).to_have_attribute("aria-activedescendant", "row-1")
    page.keyboard.press("ArrowLeft")
    assert step(page) == 1
    expect(page.locator("trace-player [aria-live]")).to_contain_text("Step 1 of")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_it_fits_the_screen_and_reads_well(browser: Browser, url: str, width: int, scheme: str) -> None:
    for page in pages(browser, url, viewport={"width": width, "height": 900}, color_scheme=scheme):
        opened(page, f"{url}put/18-whole/#step=commit")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        panes = page.locator("trace-player .panes > section")
        assert sum(panes.nth(i).is_visible() for i in range(3)) == (1 if width == 390 else 3)
        if width == 390:
            page.locator("trace-player .tabs [data-pane=state]").click()
            expect(page.locator("trace-player .state")).to_be_visible()
        if not AXE.exists():
            pytest.skip("axe-core is not there: scripts/setup web unpacks it where there is npm")
        page.add_script_tag(content=AXE.read_text())
        for name in ("why", "critical", "help"):
            found = page.evaluate("axe.run('trace-player', { resultTypes: ['violations'] })")
            assert [violation(each) for each in found["violations"]] == []
            press(page, name)


def violation(found: dict[str, Any]) -> str:
    return f"{found['id']}: {found['nodes'][0]['failureSummary']} {found['nodes'][0]['html']}"


def test_with_reduced_motion_nothing_travels(browser: Browser, url: str) -> None:
    for page in pages(browser, url, reduced_motion="reduce"):
        opened(page, f"{url}put/18-whole/")
        page.evaluate(COUNT_FRAMES)
        page.locator("trace-player [data-level=hand-offs]").click()
        for _ in range(5):
            press(page, "next")
        assert page.evaluate("frames") == 0


COUNT_FRAMES = """() => {
  const original = requestAnimationFrame;
  globalThis.frames = 0;
  globalThis.requestAnimationFrame = (act) => {
    globalThis.frames += 1;
    return original(act);
  };
}"""


def test_the_palette_of_the_page_is_followed_when_it_changes(page: Page, url: str) -> None:
    opened(page, f"{url}put/18-whole/")
    ink = page.evaluate(f"{HERE}.lanes.ink.ink")
    page.locator("label[for=__palette_1]:visible").click()
    page.wait_for_function(f"{HERE}.lanes.ink.ink !== '{ink}'")


def test_instant_navigation_leaves_nothing_behind(browser: Browser, instant: str) -> None:
    for page in pages(browser, instant):
        opened(page, f"{instant}put/01-command/")
        page.evaluate("window.same = true")
        alive = counting(page)
        for _ in range(3):
            page.locator(".md-tabs a", has_text="Reference").click()
            page.wait_for_url("**/reference/*/")
            page.wait_for_function(f"!{HERE}")
            page.locator(".md-tabs a", has_text="One put").click()
            page.wait_for_url("**/put/01-command/")
            seen(page)
        assert page.evaluate("window.same"), "the pages were loaded, which tests nothing"
        press(page, "next")
        assert step(page) > 1
        page.locator(".md-tabs a", has_text="Reference").click()
        page.wait_for_function(f"!{HERE}")
        page.locator(".md-nav a", has_text="Benchmarks").click()  # Material holds on to the page before
        page.wait_for_url("**/reference/benchmarks/")
        assert alive() == 0


def counting(page: Page) -> Callable[[], int]:
    """How many recordings are alive, after the garbage collector has been."""
    session = page.context.new_cdp_session(page)
    prototype = session.send("Runtime.evaluate", {"expression": f"Object.getPrototypeOf({HERE}.recording)"})

    def count() -> int:
        session.send("HeapProfiler.collectGarbage")
        of = {"prototypeObjectId": prototype["result"]["objectId"]}
        found = session.send("Runtime.queryObjects", of)["objects"]["objectId"]
        ask = {"objectId": found, "functionDeclaration": "function () { return this.length; }"}
        length = session.send("Runtime.callFunctionOn", ask)["result"]["value"]
        session.send("Runtime.releaseObject", {"objectId": found})
        return int(length)

    assert count() == 1
    return count


def test_a_recording_that_is_not_there_is_told_in_the_page(
    browser: Browser, tmp_path: Path, served: Served
) -> None:
    base = several(tmp_path, served, story(20))
    (tmp_path / "trace-0.json").unlink()
    page = browser.new_page()
    page.goto(base)
    expect(page.locator("trace-player [role=alert]")).to_contain_text("cannot be shown")
    page.close()


def test_a_page_of_its_own_works_from_a_file(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "put.html"
    words = ["put", "foo", "bar", "--members", "1", "--html", path]
    subprocess.run(
        [sys.executable, "-m", "tracer", *words], cwd=ROOT, capture_output=True, check=True, timeout=60
    )
    for page in pages(browser, path.as_uri()):
        opened(page, f"{path.as_uri()}#step=Raft.step")
        assert function(page) == "Raft.step"
        press(page, "into")
        assert "#step=" in page.url
        page.go_back()
        page.wait_for_function(f"{HERE}.recording.steps[{HERE}.n].span?.func === 'Raft.step'")


def test_ten_thousand_steps_cost_no_more_than_six_hundred(
    browser: Browser, tmp_path: Path, served: Served
) -> None:
    """Ratios, each of medians: of a step, of a row of the tree, of what is marked under the pointer."""
    base = several(tmp_path, served, story(600), story(10_000))
    page = browser.new_page(viewport={"width": 1440, "height": 1000})
    page.goto(base)
    page.wait_for_function("[...document.querySelectorAll('trace-player')].every((each) => each.lanes)")
    small, large = (page.evaluate(MEASURE, number) for number in (0, 1))
    assert large["steps"] > 10_000 > 1_000 > small["steps"]
    assert large["rows"] < 80, "rows are made that nobody sees"
    for what in ("step", "scroll", "hover"):
        assert large[what] < 4 * small[what] + 4, (what, small, large)
    page.close()


MEASURE = """async (number) => {
  const player = document.querySelectorAll("trace-player")[number];
  const count = player.recording.steps.length;
  const tree = player.shadowRoot.querySelector(".tree");
  player.shadowRoot.querySelector("[data-level=calls]").click();
  player.shadowRoot.querySelector(".calls h2 button").click();
  const median = async (act) => {
    const times = [];
    for (let i = 0; i < 25; i += 1) {
      const began = performance.now();
      act(i);
      tree.getBoundingClientRect();
      times.push(performance.now() - began);
      await new Promise(requestAnimationFrame);
    }
    return times.sort((a, b) => a - b)[12];
  };
  return {
    steps: count,
    step: await median((i) => player.jump((i * 337) % count)),
    scroll: await median((i) => { tree.scrollTop = i * 300; player.list.draw(); }),
    hover: await median((i) => player.lanes.mark({ hovered: i * 7 })),
    rows: tree.querySelectorAll(".row").length,
  };
}"""


def several(directory: Path, served: Served, *traces: dict[str, Any]) -> str:
    """A page with a player for each of ``traces``, the second called "two"."""
    player.write(directory / "player")
    for number, trace in enumerate(traces):
        (directory / f"trace-{number}.json").write_text(json.dumps(trace))
    tags = "".join(
        f'<trace-player {"id=two" * (number == 1)} src="trace-{number}.json"></trace-player>'
        for number in range(len(traces))
    )
    head = '<!doctype html><link rel="icon" href="data:,"><title>players</title>'
    script = '<script type="module" src="player/player.js"></script>'
    (directory / "index.html").write_text(f"{head}{tags}{script}")
    return served(directory)


def story(calls: int) -> dict[str, Any]:
    """A recording of that many calls: turns of twenty, in ten tasks, each waking the next."""
    lanes = [
        ("client", "main"),
        *((f"n{m}", task) for m in (1, 2, 3) for task in ("node.run", "loop", "apply")),
    ]
    spans: list[dict[str, Any]] = []
    edges: list[dict[str, Any]] = []
    for turn, (member, task) in zip(range(calls // 20), itertools.cycle(lanes), strict=False):
        where = {"member": member, "task": task, "turn": turn // len(lanes)}
        if spans:
            before = {key: spans[-1][key] for key in where}
            hand_off = {
                "kind": "chan",
                "name": "c",
                "label": f"m{turn}",
                "keys": [],
                "critical": turn % 2 == 0,
            }
            at = {"from": {"span": len(spans), **before}, "to": {"span": None, **where}}
            edges.append({**hand_off, **at, "at": len(spans) * 10 + 5})
        root = len(spans) + 1
        for depth in range(20):
            parent = None if depth == 0 else len(spans) if depth < 6 else root
            start = (len(spans) + 1) * 10
            call = {"func": f"f{depth}", "go": [f"a.go#F{depth}"], "file": "x.py", "line": 1, "start": start}
            rest = {"end": start + 5, "args": {"k": depth}, "result": depth, "error": None}
            more = {"keys": [], "shared": 1, "lines": []}
            spans.append({"id": len(spans) + 1, "parent": parent, **where, **call, **rest, **more})
    members = {f"n{m}": {"role": "leader" if m == 1 else "follower"} for m in (1, 2, 3)}
    head = {"schema": 1, "etcd": "v3.4.23", "command": ["big"], "members": members}
    return {**head, "spans": spans, "edges": edges}
