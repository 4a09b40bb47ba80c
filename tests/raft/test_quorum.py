"""How majorities, one and two at a time, are told; what they decide is in test_properties_quorum.py."""

import pytest

from minietcd.raft.quorum.joint import JointConfig
from minietcd.raft.quorum.majority import MajorityConfig
from minietcd.raft.quorum.quorum import MAX_INDEX, index_string


def test_a_configuration_is_printed_in_ascending_order():
    assert str(MajorityConfig({3, 1, 2})) == "(1 2 3)"
    assert str(JointConfig(MajorityConfig({1, 2}), MajorityConfig())) == "(1 2)"
    assert str(JointConfig(MajorityConfig({1, 2}), MajorityConfig({3}))) == "(1 2)&&(3)"


@pytest.mark.parametrize(("index", "expected"), [(7, "7"), (MAX_INDEX, "∞")])
def test_the_index_of_an_empty_configuration_is_infinite(index, expected):
    assert index_string(index) == expected


def test_acknowledged_indexes_are_described_as_bars():
    expected = """\
       idx
x>     101    (id=1)
?        0    (id=2)
xx>    103    (id=3)
"""
    assert MajorityConfig({1, 2, 3}).describe({1: 101, 3: 103}.get) == expected
    assert MajorityConfig().describe({}.get) == "<empty majority quorum>"
