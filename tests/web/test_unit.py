"""The pure parts of the player's JavaScript, tested in the browser: nothing but Chromium is needed.

Where there is node, ``node --test tests/web/unit`` runs the same files.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "tests" / "web" / "unit"
BIOME = ROOT / ".cache" / "npm" / "biome" / "package" / "biome"
RUN = """async (file) => {
  await import(new URL(file, location));
  return (await import(new URL("shim.js", location))).outcomes();
}"""


@pytest.mark.parametrize("file", sorted(UNIT.glob("*.test.js")), ids=lambda path: path.stem)
def test_the_pure_parts_do_what_they_say(browser: Browser, served: Callable[[Path], str], file: Path) -> None:
    page = browser.new_page()
    page.goto(f"{served(ROOT)}tests/web/unit/index.html")
    outcomes = page.evaluate(RUN, file.name)
    page.close()
    assert len(outcomes) >= 5
    assert [f"{name}: {wrong}" for name, wrong in outcomes if wrong] == []


def test_the_linter_is_content_with_the_scripts() -> None:
    if not BIOME.exists():
        pytest.skip("biome is not there: scripts/setup web unpacks it where there is npm")
    result = subprocess.run(
        [BIOME, "check", "--error-on-warnings"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
