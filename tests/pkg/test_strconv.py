"""Numbers, durations and quotes as Go has them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minietcd.pkg.strconv import format_duration, parse_bool, parse_duration, parse_int, quote


@pytest.mark.parametrize(
    ("text", "base", "value"),
    [
        ("10", 0, 10),
        ("0x10", 0, 16),
        ("010", 0, 8),
        ("0b11", 0, 3),
        ("-7", 0, -7),
        ("ff", 16, 255),
        ("-A", 16, -10),
    ],
)
def test_a_number_is_read_in_its_base(text: str, base: int, value: int) -> None:
    assert parse_int(text, base) == value


@pytest.mark.parametrize("text", ["", "x", "0x", " 1", "1 ", "1.0", "--1", "०"])
def test_what_is_no_number_is_refused_in_gos_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"^strconv.ParseInt: parsing .*: invalid syntax$"):
        parse_int(text, 0)


def test_a_number_has_64_bits_and_hexadecimal_no_prefix() -> None:
    assert parse_int("7fffffffffffffff", 16) == 2**63 - 1
    with pytest.raises(ValueError, match="value out of range"):
        parse_int("8000000000000000", 16)
    with pytest.raises(ValueError, match="invalid syntax"):
        parse_int("0x12", 16)


def test_a_switch_is_one_of_gos_twelve_words() -> None:
    assert [parse_bool(text) for text in ("1", "T", "true", "0", "f", "FALSE")] == [True] * 3 + [False] * 3
    with pytest.raises(ValueError, match=r'^strconv.ParseBool: parsing "yes": invalid syntax$'):
        parse_bool("yes")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2s", 2),
        ("1m30s", 90),
        ("1.5h", 5400),
        ("300ms", 0.3),
        ("-1s", -1),
        ("0", 0),
        (".5s", 0.5),
        ("1us", 1e-6),
    ],
)
def test_a_duration_is_a_sum_of_units(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)
    assert isinstance(parse_duration(text), float)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("5", 'time: missing unit in duration "5"'),
        ("1s5", 'time: missing unit in duration "1s5"'),
        ("1q", 'time: unknown unit "q" in duration "1q"'),
        ("-", 'time: invalid duration "-"'),
        ("", 'time: invalid duration ""'),
    ],
)
def test_what_is_no_duration_is_refused_in_gos_words(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=f"^{complaint}$"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (2, "2s"),
        (0.00012345678901, "123.457µs"),
        (-1e-9, "-1ns"),
        (1e-10, "0s"),
        (90, "1m30s"),
        (3600, "1h0m0s"),
        (0.3, "300ms"),
        (1.5, "1.5s"),
        (0, "0s"),
        (-60, "-1m0s"),
    ],
)
def test_a_duration_is_shown_as_go_shows_it(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@given(st.integers(-(10**9), 10**9))
def test_a_duration_that_was_shown_reads_back(milliseconds: int) -> None:
    assert parse_duration(format_duration(milliseconds / 1000)) == pytest.approx(milliseconds / 1000)


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        (b'b"\n\x01\xff \xc3\xa9', r'"b\"\n\x01\xff é"'),
        ("tab\t\\ \x7f", r'"tab\t\\ \x7f"'),
        ("\u200b\U000e0001", r'"\u200b\U000e0001"'),
        ("", '""'),
    ],
)
def test_text_is_quoted_as_a_literal_of_go(text: str | bytes, quoted: str) -> None:
    assert quote(text) == quoted
