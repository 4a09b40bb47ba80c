"""The pure parts of the player's JavaScript, tested in the browser: nothing but Chromium is needed.

Where there is node, ``node --test tests/web/unit`` runs the same files.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tracer.render.player import WEB

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


def test_the_player_has_words_for_all_it_says_and_says_all_it_has_words_for() -> None:
    """In Chinese, that is: English is what stands in the code."""
    texts = {path.stem: path.read_text(encoding="utf-8") for path in WEB.glob("*.js")}
    words = texts.pop("words")
    known = {
        quoted or bare for quoted, bare in re.findall(r'^    (?:"([^"\n]+)"|(\w+)):', words, re.MULTILINE)
    }
    code = "".join(texts.values())
    said = set(re.findall(r'\bsay\(\s*"([^"]+)"', code))
    assert len(said) > 50
    assert sorted(said - known) == [], "not in Chinese"
    assert sorted(each for each in known if each not in code) == [], "said nowhere"


def test_the_linter_is_content_with_the_scripts() -> None:
    if not BIOME.exists():
        pytest.skip("biome is not there: scripts/setup web unpacks it where there is npm")
    result = subprocess.run(
        [BIOME, "check", "--error-on-warnings"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
