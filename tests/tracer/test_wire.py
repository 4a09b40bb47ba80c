"""What a client and a member wrote to each other, read again byte by byte."""

from __future__ import annotations

import pytest

from minietcd.proto.etcdserverpb.rpc_pb2 import PutRequest, PutResponse
from tracer.scenarios import SCENARIOS
from tracer.wire import Conversation, Piece, Said


def pieces(talk: Conversation, source: str) -> list[Piece]:
    return [piece for frame in talk.call(source) for piece in frame.pieces]


@pytest.fixture(scope="module")
def said() -> list[Said]:
    return SCENARIOS["put"].overhear()


@pytest.fixture(scope="module")
def talk(said: list[Said]) -> Conversation:
    return Conversation(said)


def _message(pieces: list[Piece]) -> bytes:
    return b"".join(piece.data for piece in pieces if piece.layer.startswith("protobuf"))


def test_no_byte_that_was_written_is_left_out(said: list[Said], talk: Conversation) -> None:
    for who in ("client", "n1"):
        written = sum(len(each.data) for each in said if each.source == who)
        assert sum(frame.size for frame in talk.frames if frame.source == who) == written


def test_a_call_is_told_to_the_last_byte(said: list[Said], talk: Conversation) -> None:
    for who in ("client", "n1"):
        written = b"".join(each.data for each in said if each.source == who)
        assert b"".join(piece.data for piece in pieces(talk, who)) in written


def test_the_fields_are_those_of_the_messages(talk: Conversation) -> None:
    request, reply = (_message(pieces(talk, who)) for who in ("client", "n1"))
    assert PutRequest.FromString(request) == PutRequest(key=b"foo", value=b"bar")
    told = {piece.name: piece.value for piece in pieces(talk, "n1")}
    header = PutResponse.FromString(reply).header
    assert told["ResponseHeader.revision"] == str(header.revision)
    assert told["ResponseHeader.member_id"] == str(header.member_id)


def test_a_put_is_headers_and_one_message_and_its_answer_ends_with_a_status(talk: Conversation) -> None:
    told = {piece.name: piece.value for piece in pieces(talk, "client")}
    assert told[":path"] == "/etcdserverpb.KV/Put"
    assert pieces(talk, "n1")[-1][2:] == ("grpc-status", "0")


def test_frames_are_read_however_they_were_cut(said: list[Said], talk: Conversation) -> None:
    cut = [Said(s.source, s.target, s.data[i : i + 1]) for s in said for i in range(len(s.data))]
    assert Conversation(cut).frames == talk.frames
