"""The player: what ``web`` holds, put on a site as it is, or into one page with the trace it shows.

The page fetches nothing: its modules stand in it as one, and the trace as JSON. So that they can, the modules
name what they import as it is named where it comes from, and no two use a name for different things.
"""

from __future__ import annotations

import html
import re
import shutil
from pathlib import Path

from tracer.model import Trace
from tracer.render import json

WEB = Path(__file__).parent / "web"
_MODULES = ("dom", "words", "recording", "layout", "tree", "python", "lanes", "panes", "player")
"""Each after those it imports."""
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./\w+\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export ", re.MULTILINE)
_PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ margin: 0 auto; max-width: 1700px; padding: 0 8px; background: light-dark(#fff, #1e2129) }}
h1 {{ position: absolute; clip-path: inset(50%) }}
</style>
<style id="trace-player-style">
{style}</style>
<main>
<h1>{title}</h1>
<trace-player>
<script type="application/json">{trace}</script>
<noscript>This page steps through a recording, which takes JavaScript.</noscript>
</trace-player>
</main>
<script type="module">
{script}</script>
</html>
"""


def page(trace: Trace) -> str:
    """One page that needs nothing beside itself, also when it is opened as a file."""
    title = html.escape(f"{' '.join(trace.command) or 'trace'} · tracer")
    # Nothing in the trace may end the element that it stands in.
    inside = json.dump(trace).replace("<", "\\u003c")
    return _PAGE.format(title=title, style=_read("player.css"), trace=inside, script=script())


def script() -> str:
    """All modules as one."""
    texts = (_read(f"{name}.js") for name in _MODULES)
    return "".join(_EXPORT.sub("", _IMPORT.sub("", text)) for text in texts)


def write(directory: Path) -> None:
    """Put the player's files where a site can serve them."""
    directory.mkdir(parents=True, exist_ok=True)
    for file in sorted(WEB.glob("*.*")):
        shutil.copy(file, directory)


def _read(name: str) -> str:
    return (WEB / name).read_text(encoding="utf-8")
