"""The player as a page of its own: all in one file, whatever the trace holds."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

from test_slice_toy import record

from tracer.build import build
from tracer.model import Trace
from tracer.render import json, player
from tracer.slice import requests, slice

ROOT = Path(__file__).parents[2]


async def a_trace() -> Trace:
    trace = build(await record(1))
    trace.command = ("put", "</script><b>", "<!--")
    return slice(trace, requests(trace))


async def test_a_page_holds_the_trace_whatever_is_in_it() -> None:
    trace = await a_trace()
    page = player.page(trace)
    found = re.search(r'<script type="application/json">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    assert json.dump(json.load(found[1])) == json.dump(trace)
    assert "<title>put &lt;/script&gt;&lt;b&gt; &lt;!-- · tracer</title>" in page
    assert page.count("</script>") == 2


async def test_a_page_names_nothing_that_would_be_fetched() -> None:
    page = player.page(await a_trace())
    assert not re.search(r"<(script|link|img|iframe)\b[^>]*\b(src|href)=", page)
    assert not re.search(r"@import|url\(", page)


def test_the_modules_fit_into_one() -> None:
    script = player.script()
    assert not re.search(r"^\s*(import|export)\b", script, re.MULTILINE)
    named = re.findall(r"^(?:async )?(?:const|let|function|class) (\w+)", script, re.MULTILINE)
    assert [name for name, times in Counter(named).items() if times > 1] == []
    assert {path.stem for path in player.WEB.glob("*.js")} == {*player._MODULES, "index", "graphs"}


def test_the_player_is_small_enough_to_be_read_and_sent() -> None:
    import gzip

    sent = sum(len(gzip.compress(path.read_bytes())) for path in player.WEB.glob("*.*"))
    assert sent <= 60_000


def test_open_hands_the_page_to_the_browser(tmp_path: Path) -> None:
    path = tmp_path / "put.html"
    words = ["put", "foo", "bar", "--members", "1", "--html", path, "--open"]
    command = [sys.executable, "-m", "tracer", *words]
    env = {**os.environ, "BROWSER": "echo shown %s"}
    done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=ROOT, timeout=60, check=True)
    assert done.stdout.splitlines() == ["OK", f"shown {path.as_uri()}"]
    page = path.read_text()
    assert '"func": "Raft.step"' in page
    assert re.search(r'"lines": \[\{"line": \d+', page), "the lines that ran are not in it"
