"""What the search is made from: prose, its Chinese cut into words without a noise."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import jieba
from mkdocs.config.defaults import MkDocsConfig

_LEFT_OUT = re.compile(r'<(?:div(?= class="(?:listing highlight|trace-scroll))|details(?= class="trace-))')
"""Listings, graphs and trees: most of all words, and the words of others."""


def on_config(config: MkDocsConfig) -> None:
    """What jieba keeps for the next time it keeps here, and says nothing of it."""
    jieba.setLogLevel(logging.WARNING)
    cache = Path(config.config_file_path).parent / ".cache"
    cache.mkdir(exist_ok=True)
    jieba.dt.tmp_dir = str(cache)


def on_page_content(html: str, **_: Any) -> str:
    """What is left out of it says so to the plugin that makes the index."""
    return _LEFT_OUT.sub(r"\g<0> data-search-exclude", html)
