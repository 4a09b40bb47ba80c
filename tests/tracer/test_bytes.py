"""Pages take apart the bytes that a run left, by the code's own decoders; LMDB says what a database holds."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

import lmdb
import pytest

from minietcd.etcdserver.api.rafthttp.coder import Link
from minietcd.etcdserver.api.rafthttp.msgappv2_codec import MsgAppV2Encoder
from minietcd.raft.raftpb import Entry, Index, Message, MsgApp, NodeID, Term
from minietcd.wal.errors import CorruptRecordError
from tracer.model import Evidence, Trace
from tracer.pages import anatomy, database
from tracer.pages.anatomy import Part
from tracer.pages.book import Book, Recording
from tracer.pages.code import Code, UnknownError
from tracer.scenarios import SCENARIOS
from tracer.site import go_lines
from tracer.source import ROOT
from tracer.wire import Conversation


@pytest.fixture(scope="module")
def recording() -> Recording:
    seen = SCENARIOS["put"].watch()
    return Recording(seen, SCENARIOS["put"].served(seen))


@pytest.fixture
def whole(recording: Recording) -> Trace:
    return recording.whole


@pytest.fixture
def left(whole: Trace) -> Evidence:
    return whole.left["n1"]


@pytest.fixture
def index(recording: Recording) -> int:
    return anatomy.entry(recording.sliced)


def says(part: Part) -> dict[str, str]:
    """What each part says, by its name, the last of a name."""
    return {part.name: part.says} | {name: said for each in part.parts for name, said in says(each).items()}


def test_the_record_of_a_put_is_taken_apart_to_the_last_byte(left: Evidence, index: int) -> None:
    record = anatomy.record(left.wal, index)
    frame = next(
        each.frame for each in anatomy.records(left.wal) if f"entry {index}," in anatomy.says(each.record)
    )
    assert record.whole() == frame
    assert len(frame) % 8 == 0
    told = says(record)
    assert (told["key"], told["value"], told["type"]) == ("'foo'", "'bar'", "2 = entry")


def test_the_entry_was_written_and_the_commit_of_it_still_waits(left: Evidence, index: int) -> None:
    *_, before, last = anatomy.records(left.wal)
    assert anatomy.says(before.record).endswith(f"commit {index - 1}")
    assert anatomy.says(last.record).startswith(f"entry {index},")


def test_the_id_of_a_request_is_its_members_end_its_start_and_a_counter(left: Evidence, index: int) -> None:
    shown = anatomy.request_id(left.wal, index)
    member, time, counter = shown.parts
    assert shown.name == f"0x{shown.whole().hex()}"
    assert [len(part.data) for part in shown.parts] == [2, 5, 1]
    assert member.says.endswith(member.data.hex())
    assert int(time.says.split()[0]) < 1 << 40
    assert int(counter.says) > 0
    assert says(anatomy.record(left.wal, index))["ID"] == shown.name
    with pytest.raises(UnknownError, match="there is no entry in the log at 999"):
        anatomy.request_id(left.wal, 999)


def test_a_call_is_drawn_frame_by_frame_to_the_last_byte() -> None:
    frames = list(Conversation(SCENARIOS["put"].overhear()).call("client"))
    drawn = anatomy.call(frames)
    assert len(drawn.whole()) == sum(frame.size for frame in frames)
    assert [part.name.partition(" ")[0] for part in drawn.parts] == ["HEADERS", "DATA"]
    assert [part.name for part in drawn.parts[1].parts] == [
        "frame head · 9 B",
        "gRPC · 5 B",
        "protobuf · 10 B",
    ]


def test_a_log_with_one_flipped_bit_is_not_shown(left: Evidence) -> None:
    damaged = bytearray(left.wal)
    damaged[100] ^= 1
    with pytest.raises(CorruptRecordError):
        list(anatomy.records(bytes(damaged)))


def test_the_message_on_the_stream_is_what_the_encoder_makes_in_one_chunk(left: Evidence, index: int) -> None:
    shown = anatomy.message(left.streams["n2"], index)
    size, app, end = (part.whole() for part in shown.parts)
    assert (int(size, 16), end) == (len(app), b"\r\n")
    entry = next(
        each.record for each in anatomy.records(left.wal) if anatomy.says(each.record)[6:8] == str(index)
    )
    sent = Entry.unmarshal(entry.data)
    encoder = MsgAppV2Encoder(bytearray(), Link("", "", ""))
    encoder.term, encoder.index = sent.term, Index(index - 1)
    before, commit = Index(index - 1), Index(int(says(shown)["commit"]))
    encoder.encode(Message(MsgApp, NodeID(2), NodeID(1), sent.term, sent.term, before, (sent,), commit))
    assert app == bytes(encoder.w)


def test_a_message_that_names_its_term_is_taken_apart_too() -> None:
    encoder = MsgAppV2Encoder(bytearray(), Link("", "", ""))
    entry = Entry(term=Term(2), index=Index(7), data=b"")
    encoder.encode(Message(MsgApp, NodeID(2), NodeID(1), Term(2), Term(1), Index(6), (entry,), Index(6)))
    body = bytes(encoder.w)
    answer = b"HTTP/1.1 200 OK\r\n\r\n" + f"{len(body):x}\r\n".encode() + body + b"\r\n"
    shown = anatomy.message(answer, 7)
    assert shown.parts[1].whole() == body
    assert says(shown)["kind"] == "2 = app"
    with pytest.raises(UnknownError):
        anatomy.message(answer, 8)


def test_the_pairs_of_a_database_are_those_that_lmdb_reads(left: Evidence, tmp_path: Path) -> None:
    file = tmp_path / "db"
    file.write_bytes(left.database)
    pairs = {}
    with lmdb.open(str(file), subdir=False, readonly=True, lock=False, max_dbs=32) as env, env.begin() as tx:
        for name in list(tx.cursor().iternext(values=False)):
            with tx.cursor(env.open_db(name, tx, create=False)) as cursor:
                pairs |= {(name, key): value for key, value in cursor}
    assert database.read(left.database).pairs == pairs


def test_large_values_and_many_pages_are_read_as_lmdb_wrote_them(tmp_path: Path) -> None:
    file = tmp_path / "db"
    pairs = {
        (b"key", number.to_bytes(4)): bytes([number % 251]) * (9000 if number % 50 == 0 else 90)
        for number in range(500)
    }
    with lmdb.open(str(file), subdir=False, max_dbs=4, map_size=1 << 24) as env:
        bucket = env.open_db(b"key")
        with env.begin(write=True) as tx:
            for (_, key), value in pairs.items():
                tx.put(key, value, db=bucket)
            stat = tx.stat(bucket)
    found = database.read(file.read_bytes())
    assert found.pairs == pairs
    kinds = [page.kind for page in found.pages.values() if page.owner == "key"]
    assert (kinds.count("branch"), kinds.count("leaf"), kinds.count("overflow")) == (
        stat["branch_pages"],
        stat["leaf_pages"],
        stat["overflow_pages"],
    )


def test_a_commit_overwrites_no_page_that_was_in_use_but_the_older_meta(left: Evidence) -> None:
    overwritten = [each for each in database.written(left.before, left.database) if each.new and each.was]
    assert [each.was.owner for each in overwritten if each.was] == ["older"]


def test_a_put_changes_one_revision_and_the_consistent_index(left: Evidence, index: int) -> None:
    (bucket, key, was, now), index_row = database.changes(left.before, left.database)
    assert (bucket, was) == ("key", "")
    assert now.startswith("foo=bar, ")
    assert f"mod {key.partition('_')[0]}," in now
    assert index_row == ("meta", "consistent_index", str(index - 1), str(index))


def test_all_of_it_is_shown_in_both_languages_and_each_byte_in_hex(
    recording: Recording, left: Evidence, index: int
) -> None:
    book = Book(Code(ROOT, go_lines()), {"put": recording}.__getitem__)
    words = (
        "{{bytes wal put n1}} {{bytes stream put n1 n2}} {{pages put n1}} {{records put n1}} {{sent put n1}}"
    )
    english, chinese = (book.page(PurePosixPath(f"put/page{end}.md"), words) for end in ("", ".zh"))
    dump = re.sub("<[^>]+>", "", english.partition("</p>")[0]).split()
    assert bytes.fromhex("".join(dump)) == anatomy.record(left.wal, index).whole()
    assert "its place in the log" in english
    assert "在日志里的位置" in chinese
    assert english.count("<li") == chinese.count("<li")
    assert "`streamMsgAppV2`" in english
