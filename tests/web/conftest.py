"""A built site and a browser.

Playwright brings an event loop of its own; nothing here starts a task in another.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.web.serve import serve

ROOT = Path(__file__).parents[2]
INSTANT = """\
INHERIT: mkdocs.yml
site_dir: instant
site_url: {url}
theme: {{ features: [navigation.instant, navigation.tabs] }}
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Who comes first waits until the site is built."""
    for item in items:
        if Path(__file__).parent in item.path.parents and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(400))


@pytest.fixture(autouse=True)
def no_task_crashes() -> None:
    """Takes the place of the one that watches asyncio's tasks."""


@pytest.fixture(scope="session")
def docs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The docs as ``make docs`` writes them, in a copy so that nothing is left behind."""
    if not shutil.which("dot"):
        missing("dot (Debian: graphviz)")
    return written(tmp_path_factory.mktemp("site"))


def written(copy: Path) -> Path:
    """What ``make docs`` begins with, in ``copy``."""
    made = shutil.ignore_patterns("_generated", "source", "packages", "player", "traces")
    shutil.copytree(ROOT / "docs", copy / "docs", ignore=made)
    shutil.copy(ROOT / "mkdocs.yml", copy)
    run(copy, "tracer.site", "--docs", str(copy / "docs"))
    return copy


@pytest.fixture(scope="session")
def site(docs: Path) -> Path:
    run(docs, "mkdocs", "build", "--strict")
    return docs / "site"


@pytest.fixture(scope="session")
def served() -> Iterator[Callable[[Path], str]]:
    """Serves a directory on a free port; returns its address."""
    with ExitStack() as servers:
        yield lambda directory: servers.enter_context(serve(directory))


@pytest.fixture(scope="session")
def url(site: Path, served: Callable[[Path], str]) -> str:
    return served(site)


@pytest.fixture(scope="session")
def instant(docs: Path, served: Callable[[Path], str]) -> str:
    """The same site with Material's instant navigation: pages change without being loaded."""
    (docs / "instant").mkdir()
    url = served(docs / "instant")
    # Which links it takes over is told by the sitemap, port and all.
    (docs / "instant.yml").write_text(INSTANT.format(url=url))
    run(docs, "mkdocs", "build", "--config-file", "instant.yml")  # the plugin for languages warns of it
    return url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; it needs its sandbox switched off to run as root.

    Its loop would be in the way of the tests that come after a module.
    """
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        missing("chromium (Debian: chromium)")
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-background-networking", "--disable-gpu"]
        yield (launched := playwright.chromium.launch(executable_path=chromium, args=flags))
        launched.close()


def run(directory: Path, *words: str) -> None:
    result = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(ROOT), "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def missing(what: str) -> None:
    (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{what} is not installed")
