"""A log line carries the fields that it was given by name, after those of its logger."""

from __future__ import annotations

import logging

import pytest

from minietcd.pkg import logutil


def fields(caplog: pytest.LogCaptureFixture) -> dict[str, object]:
    return caplog.records[-1].__dict__["fields"]


def test_underscores_are_hyphens_and_one_at_the_end_is_none(caplog: pytest.LogCaptureFixture) -> None:
    logutil.get_logger("here").warning("moved", from_="a", to="b", remote_peer_id="c")
    assert list(fields(caplog).items()) == [("from", "a"), ("to", "b"), ("remote-peer-id", "c")]
    assert (caplog.records[-1].name, caplog.records[-1].message) == ("here", "moved")


def test_the_fields_of_a_logger_stand_before_those_of_the_line(caplog: pytest.LogCaptureFixture) -> None:
    log = logutil.get_logger("here")
    log.with_(peer_id="a").with_(path="p").warning("%s went", "he", error=ValueError("no"))
    assert caplog.records[-1].message == "he went"
    assert [*map(str, fields(caplog).values())] == ["a", "p", "no"]
    log.warning("alone")
    assert fields(caplog) == {}


def test_the_caller_is_who_logged_and_a_trace_is_no_field(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise ValueError("no")
    except ValueError as err:
        logutil.get_logger("here").error("failed", exc_info=err, path="p")
    record = caplog.records[-1]
    assert record.pathname == __file__
    assert record.exc_info and fields(caplog) == {"path": "p"}
    assert record.levelno == logging.ERROR
