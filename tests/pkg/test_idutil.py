"""Request ids differ between members, between lives of a member, and within one."""

from __future__ import annotations

from minietcd.pkg.idutil import Generator


def test_an_id_is_member_then_time_then_count() -> None:
    generator = Generator(0x1234, 0x567890 / 1000)
    assert [f"{generator.next():016x}" for _ in range(2)] == ["1234000056789001", "1234000056789002"]


def test_only_two_bytes_of_the_member_count() -> None:
    assert Generator(0xFF1234, 0).next() >> 48 == 0x1234


def test_the_count_spills_into_the_time() -> None:
    generator = Generator(1, 0.001)
    ids = [generator.next() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert ids == sorted(ids)


def test_a_later_life_starts_above_an_earlier_one() -> None:
    assert Generator(1, 2.0).next() > Generator(1, 1.0).next() + 200 * 1000
