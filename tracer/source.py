"""The source text of a traced function."""

from __future__ import annotations

import inspect
import linecache
from pathlib import Path

from tracer.model import Function

ROOT = Path(__file__).resolve().parent.parent
"""What the files of a trace are relative to: the directory that holds the packages."""

EXAMPLES = next(path for path in (ROOT / "examples", ROOT / "tracer" / "examples") if path.is_dir())
"""The scripts with the stories that have a name: beside the packages, or, once installed, within one."""


def line_of(function: Function, line: int) -> str:
    """Line ``line`` of the file ``function`` stands in, without its indentation, if it is there."""
    return linecache.getline(str(ROOT / function.file), line).strip()


def text_of(function: Function) -> str:
    """The text of ``function``, with its decorators and as indented as it stands; "" if it is not there."""
    return "".join(inspect.getblock(linecache.getlines(str(ROOT / function.file))[function.line - 1 :]))
