"""A built site and a browser.

Playwright brings an event loop of its own; nothing here starts a task in another.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.web.serve import serve

ROOT = Path(__file__).parents[2]
FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-gpu"]
"""Debian's Chromium needs its sandbox switched off to run as root."""

type Built = Future[Path]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Who comes first waits until the site is built."""
    for item in items:
        if Path(__file__).parent in item.path.parents and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(400))


@pytest.fixture(autouse=True)
def no_task_crashes() -> None:
    """Takes the place of the one that watches asyncio's tasks."""


@pytest.fixture(scope="session")
def builds(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[list[Built]]:
    """The docs as ``make docs`` builds them, in copies so that nothing is left behind.

    The second comes while the first does, if it is wanted: there are two cores.
    """
    if not shutil.which("dot"):
        missing("dot (Debian: graphviz)")
    twice = any("again" in getattr(item, "fixturenames", ()) for item in request.session.items)
    with ThreadPoolExecutor() as together:
        yield [
            together.submit(build, tmp_path_factory.mktemp(f"site-{seed}"), seed)
            for seed in (("1", "7") if twice else ("1",))
        ]


def build(copy: Path, seed: str) -> Path:
    """What ``make docs`` does, in ``copy``, where sets and dicts of strings are ordered by ``seed``."""
    made = shutil.ignore_patterns("_generated", "source", "packages", "player", "traces")
    shutil.copytree(ROOT / "docs", copy / "docs", ignore=made)
    shutil.copy(ROOT / "mkdocs.yml", copy)
    run(copy, "tracer.site", "--docs", str(copy / "docs"), PYTHONHASHSEED=seed)
    run(copy, "mkdocs", "build", "--strict", PYTHONHASHSEED=seed)
    return copy


@pytest.fixture(scope="session")
def docs(builds: list[Built]) -> Path:
    return builds[0].result()


@pytest.fixture(scope="session")
def site(docs: Path) -> Path:
    return docs / "site"


@pytest.fixture(scope="session")
def again(builds: list[Built]) -> Path:
    return builds[1].result() / "site"


@pytest.fixture(scope="session")
def served() -> Iterator[Callable[[Path], str]]:
    """Serves a directory on a free port; returns its address."""
    with ExitStack() as servers:
        yield lambda directory: servers.enter_context(serve(directory))


@pytest.fixture(scope="session")
def url(site: Path, served: Callable[[Path], str]) -> str:
    return served(site)


@pytest.fixture(scope="session")
def instant(site: Path, served: Callable[[Path], str]) -> str:
    """The same site with Material's instant navigation: pages change without being loaded.

    Its script asks the page whether to, and the sitemap where.
    """
    copy = site.with_name("instant")
    shutil.copytree(site, copy)
    url = served(copy)
    places = []
    for page in copy.rglob("index.html"):
        asked = page.read_text()
        page.write_text(asked.replace('"features": [', '"features": ["navigation.instant", ', 1))
        places.append(f"<url><loc>{url}{page.parent.relative_to(copy).as_posix()}/</loc></url>")
    (copy / "sitemap.xml").write_text(f"<urlset>{''.join(places)}</urlset>")
    return url


def chromium() -> str:
    """Where the browser is."""
    return shutil.which("chromium") or shutil.which("google-chrome") or missing("chromium (Debian: chromium)")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Its loop would be in the way of tests that have their own, so it ends with the module."""
    with sync_playwright() as playwright:
        yield (launched := playwright.chromium.launch(executable_path=chromium(), args=FLAGS))
        launched.close()


def run(directory: Path, *words: str, **environ: str) -> None:
    result = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(ROOT), "NO_MKDOCS_2_WARNING": "1", **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def missing(what: str) -> NoReturn:
    (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{what} is not installed")
