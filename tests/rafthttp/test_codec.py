"""Both codecs: what goes in comes out, however it is cut, and in etcd's bytes."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minietcd.etcdserver.api.rafthttp.coder import LINK_HEARTBEAT_MESSAGE, Decoder, Encoder, Link
from minietcd.etcdserver.api.rafthttp.errors import ExceedSizeLimitError, MalformedMessageError
from minietcd.etcdserver.api.rafthttp.msg_codec import MessageDecoder, MessageEncoder
from minietcd.etcdserver.api.rafthttp.msgappv2_codec import MsgAppV2Decoder, MsgAppV2Encoder
from minietcd.raft.raftpb import Entry, Index, Message, MessageType, MsgApp, MsgAppResp, NodeID, Term

LINK = Link("test", "w:1", "r:2")
ME, PEER = NodeID(1), NodeID(2)

ids = st.integers(0, 2**64 - 1)
entries = st.builds(Entry, term=ids.map(Term), index=ids.map(Index), data=st.binary(max_size=40))
messages = st.builds(
    Message,
    type=st.sampled_from(MessageType),
    to=ids.map(NodeID),
    from_=ids.map(NodeID),
    term=ids.map(Term),
    log_term=ids.map(Term),
    index=ids.map(Index),
    entries=st.lists(entries, max_size=3).map(tuple),
    commit=ids.map(Index),
    reject=st.booleans(),
    context=st.binary(max_size=20),
)


@st.composite
def appends(draw: st.DrawFn) -> list[Message]:
    """A leader's MsgApps to one follower: mostly in sequence, with heartbeats, jumps and new terms."""
    sent, term, index = [], 1, draw(st.integers(0, 5))
    for step in draw(st.lists(st.sampled_from("aaaaehjt"), max_size=12)):
        if step == "h":
            sent.append(LINK_HEARTBEAT_MESSAGE)
            continue
        term += step == "t"
        index += draw(st.integers(1, 9)) if step == "j" else 0
        count = draw(st.integers(1, 3)) if step == "a" else 0
        new = tuple(Entry(term=Term(term), index=Index(index + 1 + i), data=b"x" * i) for i in range(count))
        log_term = Term(term - (step == "t"))
        sent.append(Message(MsgApp, ME, PEER, Term(term), log_term, Index(index), new, Index(index)))
        index += count
    return sent


def cut(data: bytes, at: list[int]) -> list[bytes]:
    ends = sorted({i % (len(data) + 1) for i in at} | {0, len(data)})
    return [data[a:b] for a, b in pairwise(ends)]


def through(w: bytearray, enc: Encoder, dec: Decoder, sent: list[Message], at: list[int]) -> list[Message]:
    for m in sent:
        enc.encode(m)
    received: list[Message] = []
    for piece in cut(bytes(w), at):
        dec.feed(piece)
        received.extend(iter(dec.decode, None))
    assert not dec.buf
    return received


@given(st.lists(messages, max_size=4), st.lists(st.integers(0, 10**6), max_size=6))
def test_any_message_comes_out_as_it_went_in(sent: list[Message], at: list[int]) -> None:
    w = bytearray()
    assert through(w, MessageEncoder(w, LINK), MessageDecoder(LINK), sent, at) == sent


@given(appends(), st.lists(st.integers(0, 10**6), max_size=6))
def test_appends_come_out_as_they_went_in(sent: list[Message], at: list[int]) -> None:
    w = bytearray()
    assert through(w, MsgAppV2Encoder(w, LINK), MsgAppV2Decoder(LINK, ME, PEER), sent, at) == sent


def append(index: int, data: bytes = b"") -> Message:
    new = (Entry(term=Term(1), index=Index(index + 1), data=data),) if data else ()
    return Message(MsgApp, ME, PEER, Term(1), Term(1), Index(index), new, Index(index))


def test_an_append_that_follows_leaves_out_what_is_known() -> None:
    w = bytearray()
    enc = MsgAppV2Encoder(w, LINK)
    enc.encode(append(5, b"a"))
    whole = append(5, b"a").marshal()
    assert bytes(w) == b"\x02" + len(whole).to_bytes(8) + whole
    w.clear()
    enc.encode(append(6, b"bc"))
    entry = bytes.fromhex("0800 1001 1807 2202") + b"bc"
    assert bytes(w) == b"\x01" + (1).to_bytes(8) + (10).to_bytes(8) + entry + (6).to_bytes(8)
    w.clear()
    enc.encode(LINK_HEARTBEAT_MESSAGE)
    assert bytes(w) == b"\x00"


def test_a_message_is_its_length_and_its_bytes() -> None:
    w = bytearray()
    MessageEncoder(w, LINK).encode(Message(MsgAppResp, ME, PEER, Term(3), index=Index(7)))
    scalars, snapshot = "08 04 10 01 18 02 20 03 28 00 30 07 40 00", "4a 0a 12 08 0a 02 28 00 10 00 18 00"
    assert bytes(w) == (30).to_bytes(8) + bytes.fromhex(scalars + snapshot + "50 00 58 00")


def test_what_waits_for_more_is_not_looked_at_again() -> None:
    w = bytearray()
    MsgAppV2Encoder(w, LINK).encode(append(1, b"x" * 1000))
    dec = MsgAppV2Decoder(LINK, ME, PEER)
    dec.feed(bytes(w[:20]))
    assert dec.decode() is None
    assert dec.needed == len(w)


@pytest.mark.parametrize("dec", [MessageDecoder(LINK), MsgAppV2Decoder(LINK, ME, PEER)])
def test_a_length_beyond_reason_is_refused(dec: Decoder) -> None:
    dec.feed(b"\x02" * 17)
    with pytest.raises(ExceedSizeLimitError):
        dec.decode()


@pytest.mark.parametrize(
    ("dec", "data"),
    [
        (MessageDecoder(LINK), (1).to_bytes(8) + b"\xff"),
        (MsgAppV2Decoder(LINK, ME, PEER), b"\x07"),
        (MsgAppV2Decoder(LINK, ME, PEER), b"\x02" + (1).to_bytes(8) + b"\xff"),
        (MsgAppV2Decoder(LINK, ME, PEER), b"\x01" + (1).to_bytes(8) * 2 + b"\xff" + bytes(8)),
    ],
)
def test_what_is_no_message_is_refused(dec: Decoder, data: bytes) -> None:
    dec.feed(data)
    with pytest.raises(MalformedMessageError):
        dec.decode()
