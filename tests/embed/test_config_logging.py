"""Both looks of the log: one line each, with durations as Go writes them."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from minietcd.embed.config_logging import CapnslogFormatter, ZapFormatter


def record(**fields: object) -> logging.LogRecord:
    made = logging.LogRecord("etcdserver", logging.WARNING, __file__, 7, "it took %s", ("long",), None)
    made.__dict__["fields"] = fields
    return made


def test_a_line_of_capnslog_has_its_fields_behind() -> None:
    line = CapnslogFormatter().format(record(took=0.0000759954, urls=("a", "b"), error=ValueError("no")))
    assert line.endswith(" W | etcdserver: it took long, took: 75.995µs, urls: [a b], error: no")


def test_a_line_of_zap_is_json_with_its_fields() -> None:
    line = json.loads(ZapFormatter().format(record(took=1.5, count=2, urls=("a", "b"), path=Path("p"))))
    assert (line["level"], line["caller"]) == ("warn", "embed/test_config_logging.py:7")
    assert [*line.items()][3:] == [
        ("msg", "it took long"),
        ("took", "1.5s"),
        ("count", 2),
        ("urls", ["a", "b"]),
        ("path", "p"),
    ]
