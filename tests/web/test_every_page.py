"""Every page in a real browser: it loads alone, without an error, fits, is light, and is for everybody."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright

from tests.web.conftest import FLAGS, ROOT, chromium

AXE = ROOT / ".cache" / "npm" / "axe" / "package" / "axe.min.js"
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

    def __init__(self, page: Page, url: str) -> None:
        self.url, self.page, self.wrong = url, page, list[str]()
        self.loaded: dict[str, int] = {}
        page.on("console", lambda said: self.note(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.note(str(error)))
        page.on("response", lambda answer: self.loads(answer.url, answer.headers))

    def note(self, fault: str) -> None:
        self.wrong.append(f"{self.page.url}: {fault}")

    def loads(self, url: str, headers: dict[str, str]) -> None:
        self.loaded[url] = int(headers.get("content-length", 0))
        if not url.startswith(self.url):
            self.note(f"asks {url}")

    async def visit(self, path: str) -> None:
        self.loaded.clear()
        await self.page.goto(self.url + path)
        await self.page.evaluate(
            "for (const each of document.querySelectorAll('trace-player')) each.scrollIntoView()"
        )
        await self.page.wait_for_load_state("networkidle")
        if await self.page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            self.note("is wider than the screen")
        if (weight := sum(self.loaded.values())) > MOST_BYTES:
            self.note(f"weighs {weight:,} bytes")
        if AXE.exists():
            await self.check()

    async def check(self) -> None:
        """What axe finds, but for the player, which is looked at in each of its states elsewhere.

        And but for the buttons for copying: landmarks without names, which Material adds where code is seen.
        """
        # What is laid out only when axe comes near moves the rest away from where axe has seen it.
        await self.page.add_style_tag(content="* { content-visibility: visible !important }")
        await self.page.add_script_tag(content=AXE.read_text())
        asked = "axe.run({ exclude: ['trace-player', '.md-code__nav'] }, { resultTypes: ['violations'] })"
        for found in (await self.page.evaluate(asked))["violations"]:
            first = found["nodes"][0]
            self.note(f"{found['id']}: {first['failureSummary']} {first['html']}")


async def faults(url: str, paths: Iterator[str], **how: Any) -> list[str]:
    """What is wrong with the pages, which several visitors share among them."""

    async def walk(visitor: Visitor) -> list[str]:
        for path in paths:
            await visitor.visit(path)
        return visitor.wrong

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        visitors = [Visitor(await browser.new_page(**how), url) for _ in range(3)]
        found = await asyncio.gather(*(walk(each) for each in visitors))
        await browser.close()
    return [fault for each in found for fault in each]


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("language", "width", "scheme", "every"),
    [("en", 390, "light", 1), ("zh", 1440, "dark", 1), ("en", 1440, "dark", 5), ("zh", 390, "light", 5)],
)
def test_pages_load_alone_fit_and_are_for_all(
    site: Path, url: str, language: str, width: int, scheme: str, every: int
) -> None:
    some = itertools.islice(paths(site, language), 0, None, every)
    how = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    assert asyncio.run(faults(url, some, **how)) == []
