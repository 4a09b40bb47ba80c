"""What is remembered of header blocks never differs from what a library without a memory makes of them."""

from __future__ import annotations

import hpack
from hypothesis import given, settings
from hypothesis import strategies as st

from minietcd.etcdserver.api.v3rpc.hpack import Decoder, Encoder

names = st.sampled_from([b":status", b":path", b"grpc-status", b"grpc-timeout", b"x"])
values = st.sampled_from([b"", b"0", b"200", b"v" * 40, b"w" * 70])
fields = st.one_of(
    st.builds(hpack.HeaderTuple, names, values), st.builds(hpack.NeverIndexedHeaderTuple, names, values)
)
blocks = st.lists(fields, max_size=4)
sizes = st.sampled_from([0, 64, 128, 200, 4096])
type Step = list[hpack.HeaderTuple] | int

conversation = st.lists(st.one_of(blocks, sizes), max_size=60)


def exchange(encoder: hpack.Encoder, decoder: hpack.Decoder, steps: list[Step]) -> None:
    for step in steps:
        if isinstance(step, int):
            if step != encoder.header_table_size:  # the library forgets a change that is said twice
                encoder.header_table_size = step
        else:
            assert list(decoder.decode(encoder.encode(step), raw=True)) == step


@settings(deadline=None)
@given(conversation)
def test_headers_come_out_as_they_went_in(steps: list[Step]) -> None:
    exchange(hpack.Encoder(), Decoder(), steps)
    exchange(Encoder(), hpack.Decoder(), steps)


def test_a_block_that_came_before_is_known_again_until_the_table_changes() -> None:
    encoder, decoder = hpack.Encoder(), Decoder()
    header = hpack.HeaderTuple(b"x", b"1")
    decoder.decode(encoder.encode([header]), raw=True)
    block = encoder.encode([header])
    known = decoder.decode(block, raw=True)
    assert decoder.decode(block, raw=True) is known
    decoder.decode(encoder.encode([hpack.HeaderTuple(b"y", b"2")]), raw=True)
    assert list(decoder.decode(block, raw=True)) == [hpack.HeaderTuple(b"y", b"2")]


def test_a_client_that_never_repeats_itself_fills_no_memory() -> None:
    decoder = Decoder()
    for number in range(10_000):
        secret = hpack.NeverIndexedHeaderTuple(b"token", b"%d" % number)
        decoder.decode(hpack.Encoder().encode([secret]), raw=True)
    assert len(decoder._known) <= 256
