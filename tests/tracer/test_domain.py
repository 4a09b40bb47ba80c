"""What the tracer takes for granted about minietcd and the libraries under it."""

from __future__ import annotations

import asyncio
import inspect
import sys
from pathlib import Path

import aiohttp.web_protocol
import grpclib.server
import uvloop

from minietcd.etcdserver.api.rafthttp.coder import Link
from minietcd.mvcc.backend.batch_tx import BatchTxBuffered
from minietcd.mvcc.backend.read_tx import Committed, ConcurrentReadTx, ReadTx
from minietcd.pkg.chan import Chan
from minietcd.proto.etcdserverpb.raft_internal_pb2 import InternalRaftRequest
from minietcd.proto.etcdserverpb.rpc_pb2 import PutRequest
from minietcd.raft.raftpb import Entry, EntryNormal, Message, MsgApp, MsgAppResp, MsgHeartbeat, MsgReadIndex
from tracer import domain
from tracer.cluster import Cluster
from tracer.model import Trace
from tracer.stations import RULES, is_station
from tracer.subject import Door

ROOT = Path(__file__).parents[2]


def proposal(id: int, index: int = 0) -> Entry:
    request = InternalRaftRequest(put=PutRequest(key=b"k"))
    request.header.ID = id
    return Entry(EntryNormal, 2 if index else 0, index, request.SerializeToString())


def test_the_doors_have_the_parameters_that_are_read_there() -> None:
    for code, door in domain.DOORS.items():
        assert door is not Door.ENCODE or "m" in code.co_varnames[: code.co_argcount]


def test_a_parcel_says_what_it_carries_and_where() -> None:
    chan = Chan[str]("name")
    parcel = chan._put("item")
    assert (parcel.chan, parcel.item, chan._take(parcel)) == ("name", "item", parcel)


def test_the_tasks_of_the_libraries_are_still_called_so() -> None:
    http = aiohttp.web_protocol.RequestHandler
    functions = (grpclib.server.request_handler, http.start, http._handle_request)
    assert all(map(inspect.iscoroutinefunction, functions))
    assert {function.__qualname__ for function in functions} == set(domain._TASKS)


def test_the_task_that_commits_later_is_still_called_so() -> None:
    source = "".join(path.read_text() for path in (ROOT / "minietcd" / "mvcc").rglob("*.py"))
    assert all(f'"{name}"' in source for name in RULES.later)


def test_every_station_is_a_function_of_ours() -> None:
    ours = {go for function in domain.subject().functions.values() for go in function.go}
    assert {go for go in ours if is_station(go)} >= {*RULES.completes, *RULES.counts}


def test_keys_say_what_a_message_is_about() -> None:
    entries = (proposal(7, 10), proposal(8, 11))
    assert domain.keys_of(proposal(7)) == (("req", 7, 0),)
    assert domain.keys_of(entries) == (("entry", 10, 7), ("entry", 11, 8))
    append = Message(type=MsgApp, entries=entries, commit=9)
    assert domain.keys_of(append) == (("entry", 10, 7), ("entry", 11, 8), ("commit", 9, 0))
    assert domain.keys_of(Message(type=MsgAppResp, index=10)) == (("ack", 10, 0),)
    assert domain.keys_of(Message(type=MsgAppResp, index=10, reject=True)) == ()
    assert domain.keys_of(Message(type=MsgHeartbeat, commit=9)) == ()
    assert domain.keys_of(Message(type=MsgHeartbeat, context=b"\1")) == (("read", 1, 0),)
    assert domain.keys_of(Message(type=MsgReadIndex, entries=(Entry(data=b"\1"),))) == (("read", 1, 0),)
    assert domain.keys_of(()) is None
    assert domain.keys_of("text") is None


def test_a_message_looks_the_same_at_both_ends_of_its_connection() -> None:
    class Coder:
        conn = Link("msgapp", "a:1", "b:2")

    sent = Message(MsgApp, 1, 2, 3, 3, 9, (proposal(7, 10),), 9)
    link = domain.stream(Coder())
    assert domain.message(link, sent) == domain.message(link, Message.unmarshal(sent.marshal()))


def test_what_is_shown_is_short_whatever_it_is() -> None:
    assert domain.brief(b"\xff" * 1000) is not None
    assert len(str(domain.brief(PutRequest(key=b"k" * 10**6, value=b"v" * 10**6)))) < 100
    assert domain.brief(object()) is None
    assert (domain.brief(True), domain.brief(5), domain.brief(1 << 60)) == (True, 5, f"@{1 << 60:x}")


def test_no_recording_holds_on_to_what_stays_open_as_long_as_it_is_held() -> None:
    """The database has room for 126 readers: a recording that kept them would end the server."""
    assert not any(
        map(domain.shows, (Committed, ReadTx, ConcurrentReadTx, BatchTxBuffered, Chan, asyncio.Task))
    )
    assert all(map(domain.shows, (Message, type(MsgApp), PutRequest, bytes, str, bool, int, tuple)))


async def record_put() -> Trace:
    async with Cluster(3) as cluster:
        return await cluster.record(cluster.ctl("put", "foo", "bar", to="follower"))


def test_each_task_is_known_to_belong_to_its_member_on_either_event_loop() -> None:
    for factory in (asyncio.new_event_loop, uvloop.new_event_loop):
        with asyncio.Runner(loop_factory=factory) as runner:
            trace = runner.run(record_put())
        lanes = {(task.member, task.name) for task in trace.tasks.values()}
        assert lanes >= {("client", "main"), ("n2", "gRPC handler")}
        assert lanes >= {(f"n{n}", "rafthttp streamReader.decodeLoop") for n in (1, 2, 3)}
        servers = {name for member, name in lanes if member != "client"} - {"timers"}
        assert not servers & {name for member, name in lanes if member == "client"}
    assert all(sys.monitoring.get_tool(number) != "tracer" for number in range(6))
