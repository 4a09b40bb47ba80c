"""``make audit``: what Lighthouse says of the built site, as a phone on a slow network would see it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.web.serve import serve

ROOT = Path(__file__).parents[2]
LIGHTHOUSE = ROOT / ".cache" / "npm" / "lighthouse" / "node_modules" / ".bin" / "lighthouse"
PAGES = {"home": "", "a station": "put/09-ready/", "the whole put": "put/18-whole/"}
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
WANTED = 95


@dataclass(frozen=True, slots=True)
class Audit:
    """The scores of a page, of 100 each, and what cost points."""

    scores: dict[str, int]
    faults: list[str]


def audit(url: str, *categories: str) -> Audit:
    """Lighthouse's verdict of a page, without its performance where that is not asked for."""
    asked = categories or CATEGORIES
    chrome = shutil.which("chromium") or shutil.which("google-chrome") or ""
    flags = "--chrome-flags=--headless=new --no-sandbox --disable-gpu --disable-background-networking"
    command = [LIGHTHOUSE, url, "--quiet", "--output=json", flags, f"--only-categories={','.join(asked)}"]
    environ = {**os.environ, "CHROME_PATH": chrome}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        raise RuntimeError(f"Lighthouse failed on {url}: {done.stderr.strip()[-2000:]}")
    told = json.loads(done.stdout)
    scores = {name: round(100 * told["categories"][name]["score"]) for name in asked}
    return Audit(scores, list(_faults(told)))


def _faults(told: dict[str, Any]) -> Iterator[str]:
    for category in told["categories"].values():
        for part in category["auditRefs"]:
            found = told["audits"][part["id"]]
            if part["weight"] and found["score"] is not None and found["score"] < 0.9:
                items = found.get("details", {}).get("items", [])
                first = items[0].get("node", {}).get("snippet", "") if items else ""
                yield f"{category['id']}: {found['title']} {found.get('displayValue', '')} {first}".strip()


def main() -> int:
    """A table; 1 if a score is below what is wanted."""
    console = Console(highlight=False)
    if not LIGHTHOUSE.exists():
        console.print("make audit needs Lighthouse; scripts/setup lighthouse gets it where there is npm")
        return 1
    table, missed = Table("page", *CATEGORIES, box=None), 0
    with serve(ROOT / "site") as url:
        for name, page in PAGES.items():
            found = audit(url + page)
            table.add_row(name, *(str(found.scores[category]) for category in CATEGORIES))
            missed += min(found.scores.values()) < WANTED
            for fault in found.faults:
                console.print(f"{name}: {fault}", markup=False)
    console.print(table)
    return min(missed, 1)


if __name__ == "__main__":
    sys.exit(main())
