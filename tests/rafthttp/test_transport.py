"""Two or three transports on real sockets: all that raft says arrives, in order, or is told to be lost."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from minietcd.etcdserver.api.rafthttp import errors, metrics, stream
from minietcd.etcdserver.api.rafthttp.errors import HTTPError
from minietcd.etcdserver.api.rafthttp.transport import Transport
from minietcd.etcdserver.api.snap import message as snap
from minietcd.etcdserver.api.snap.snapshotter import Snapshotter
from minietcd.pkg.chan import Chan
from minietcd.pkg.context import Context
from minietcd.pkg.types import URLs, id_string
from minietcd.raft.errors import ProposalDroppedError
from minietcd.raft.raftpb import (
    Entry,
    Index,
    Message,
    MessageType,
    MsgApp,
    MsgAppResp,
    MsgHeartbeat,
    MsgProp,
    MsgSnap,
    NodeID,
    Snapshot,
    SnapshotMetadata,
    Term,
)
from minietcd.raft.rawnode import SnapshotFailure, SnapshotFinish, SnapshotStatus

CLUSTER = NodeID(0xC)


@dataclass
class FakeRaft:
    """Remembers what it is told."""

    inbox: Chan[Message] = field(default_factory=lambda: Chan("inbox", 100_000))
    removed: set[NodeID] = field(default_factory=set)
    unreachable: list[NodeID] = field(default_factory=list)
    snapshots: Chan[SnapshotStatus] = field(default_factory=lambda: Chan("snapshots", 9))
    refusal: Exception | None = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def process(self, ctx: Context, m: Message) -> None:
        await self.gate.wait()
        if self.refusal:
            raise self.refusal
        self.inbox.try_send(m)

    def is_id_removed(self, id: NodeID) -> bool:
        return id in self.removed

    def report_unreachable(self, id: NodeID) -> None:
        self.unreachable.append(id)

    def report_snapshot(self, id: NodeID, status: SnapshotStatus) -> None:
        self.snapshots.try_send(status)


@dataclass
class Node:
    """A transport with its server."""

    tr: Transport
    raft: FakeRaft
    runner: web.AppRunner
    url: str

    async def stop(self) -> None:
        await self.tr.stop()
        await self.runner.cleanup()


type Start = Callable[..., Awaitable[Node]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    nodes: list[Node] = []

    async def start_(id: int, cluster: NodeID = CLUSTER, port: int = 0) -> Node:
        raft = FakeRaft()
        (directory := tmp_path / f"{id}-{len(nodes)}").mkdir()
        tr = Transport(NodeID(id), URLs(), cluster, raft, Snapshotter(directory), Chan("errorc", 1))
        tr.start()
        app = web.Application()
        app.add_routes(tr.handler())
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=2)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        url = "http://{}:{}".format(*runner.addresses[0])
        tr.urls = URLs([url])
        nodes.append(Node(tr, raft, runner, url))
        return nodes[-1]

    yield start_
    for node in nodes:
        await node.stop()
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("rafthttp")]
    gc.collect()  # a socket left open would be a ResourceWarning, which fails the test


async def until(done: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not done():  # noqa: ASYNC110 - what is waited for knows no event
            await asyncio.sleep(0.001)


async def joined(*nodes: Node) -> None:
    """All know each other, and all streams are up."""
    for node in nodes:
        for other in nodes:
            if node is not other:
                node.tr.add_peer(other.tr.id, [other.url])
    await until(lambda: all(streams_up(node) for node in nodes))


def streams_up(node: Node) -> bool:
    peers = node.tr.peers.values()
    return all(p.writer.writec()[1] and p.msg_app_v2_writer.writec()[1] for p in peers)


async def received(node: Node, count: int) -> list[Message]:
    async with asyncio.timeout(10):
        return [await node.raft.inbox.recv() for _ in range(count)]


def message(type: MessageType, index: int = 1) -> Message:
    new = (Entry(term=Term(2), index=Index(index + 1), data=b"x"),) if type in (MsgApp, MsgProp) else ()
    return Message(type, NodeID(2), NodeID(1), Term(2), Term(2), Index(index), new)


def failures(id: int) -> float:
    return float(metrics.sent_failures.labels(id_string(id))._value.get())


async def test_every_kind_of_message_arrives(start: Start) -> None:
    a, b = await start(1), await start(2)
    await joined(a, b)
    sent = [message(type) for type in MessageType if type != MsgSnap]
    a.tr.send(sent)
    got = await received(b, len(sent))
    assert sorted(got, key=lambda m: m.type) == sent


async def test_appends_arrive_in_order_and_so_does_the_rest(start: Start) -> None:
    a, b = await start(1), await start(2)
    await joined(a, b)
    sent = [message(type, index) for index in range(1, 1001) for type in (MsgApp, MsgHeartbeat)]
    a.tr.send(sent)
    got = await received(b, len(sent))
    for type in (MsgApp, MsgHeartbeat):
        assert [m for m in got if m.type == type] == [m for m in sent if m.type == type]


async def test_a_message_to_nobody_is_dropped(start: Start) -> None:
    a = await start(1)
    a.tr.send([Message(MsgApp, NodeID(0)), Message(MsgApp, NodeID(9))])
    assert a.raft.unreachable == []


async def test_before_streams_are_up_messages_are_posted(start: Start) -> None:
    a, b = await start(1), await start(2)
    a.tr.add_peer(NodeID(2), [b.url])
    a.tr.send([message(MsgAppResp)])
    assert await received(b, 1) == [message(MsgAppResp)]
    assert list(b.tr.remotes) == [1]
    b.tr.send([Message(MsgAppResp, NodeID(1), NodeID(2))])
    assert (await received(a, 1))[0].from_ == 2


async def test_a_peer_that_comes_back_is_heard_again(start: Start) -> None:
    a, b = await start(1), await start(2)
    await joined(a, b)
    await b.stop()
    await until(lambda: a.tr.active_since(NodeID(2)) is None)
    again = await start(2, port=int(b.url.rpartition(":")[2]))
    again.tr.add_peer(NodeID(1), [a.url])
    await until(lambda: streams_up(a) and streams_up(again))
    a.tr.send([message(MsgApp)])
    assert await received(again, 1) == [message(MsgApp)]
    assert a.tr.active_peers() == 1


async def test_a_new_connection_takes_the_place_of_the_old(start: Start) -> None:
    a, b = await start(1), await start(2)
    await joined(a, b)
    writer = a.tr.peers[NodeID(2)].writer
    old, reader = writer.conn, b.tr.peers[NodeID(1)].msg_app_reader
    second = await reader.dial(stream.StreamType.MESSAGE)
    await until(lambda: writer.conn is not old)
    a.tr.send([message(MsgHeartbeat)])
    await received_or_lost(b, second)


async def received_or_lost(b: Node, second: aiohttp.ClientResponse) -> None:
    """The first reader was cut off and dials again, so the message is with whoever was last."""
    async with asyncio.timeout(10):
        assert await second.content.readany() or await b.raft.inbox.recv()
    second.close()


async def test_both_ends_give_a_connection_the_same_name(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    links: list[object] = []
    new = stream.StreamReader._new_decoder

    def noted(self: stream.StreamReader, *args: object) -> object:
        decoder = new(self, *args)  # type: ignore[arg-type]
        links.append(decoder.conn)
        return decoder

    monkeypatch.setattr(stream.StreamReader, "_new_decoder", noted)
    a, b = await start(1), await start(2)
    await joined(a, b)
    peers = (a.tr.peers[NodeID(2)], b.tr.peers[NodeID(1)])
    written = {w.enc.conn for p in peers for w in (p.writer, p.msg_app_v2_writer)}
    await until(lambda: len(links) == 4)
    assert written == set(links)
    assert len(written) == 4


async def test_another_cluster_is_refused(start: Start) -> None:
    a, b = await start(1), await start(2, NodeID(0xD))
    a.tr.add_peer(NodeID(2), [b.url])
    reader = a.tr.peers[NodeID(2)].msg_app_reader
    with pytest.raises(errors.ClusterIDMismatchError):
        await reader.dial(stream.StreamType.MESSAGE)
    before = failures(2)
    a.tr.send([message(MsgAppResp)])
    await until(lambda: failures(2) > before)
    assert a.raft.unreachable == [2]


async def test_a_removed_member_is_told_so(start: Start) -> None:
    a, b = await start(1), await start(2)
    b.raft.removed.add(NodeID(1))
    b.raft.refusal = HTTPError(403, "cannot process message from removed member")
    a.tr.add_peer(NodeID(2), [b.url])
    assert a.tr.error_c
    async with asyncio.timeout(10):
        assert isinstance(await a.tr.error_c.recv(), errors.MemberRemovedError)
    with pytest.raises(errors.MemberRemovedError):
        await a.tr.peers[NodeID(2)].pipeline.post(message(MsgAppResp).marshal())


async def test_raft_may_fail_to_process_and_goes_on(start: Start) -> None:
    a, b = await start(1), await start(2)
    await joined(a, b)
    b.raft.refusal = ProposalDroppedError()
    a.tr.send([message(MsgProp)])
    with pytest.raises(errors.PeerAnswerError, match="Internal Server Error"):
        await a.tr.peers[NodeID(2)].pipeline.post(message(MsgAppResp).marshal())
    await until(lambda: not len(b.tr.peers[NodeID(1)].propc))
    b.raft.refusal = None
    a.tr.send([message(MsgProp)])
    assert await received(b, 1) == [message(MsgProp)]


async def test_waiting_proposals_hold_up_nothing_else(start: Start) -> None:
    a, b = await start(1), await start(2)
    await joined(a, b)
    process, leader = b.raft.process, asyncio.Event()

    async def waits_for_a_leader(ctx: Context, m: Message) -> None:
        if m.type == MsgProp:
            await leader.wait()
        await process(ctx, m)

    b.raft.process = waits_for_a_leader  # type: ignore[method-assign]
    a.tr.send([message(MsgProp), message(MsgHeartbeat)])
    assert (await received(b, 1))[0].type == MsgHeartbeat
    leader.set()
    assert (await received(b, 1))[0].type == MsgProp


async def test_a_full_queue_drops_counts_and_tells(start: Start) -> None:
    a = await start(1)
    a.tr.add_peer(NodeID(2), ["http://127.0.0.1:1"])
    before = failures(2)
    a.tr.send([message(MsgAppResp) for _ in range(70)])
    assert failures(2) - before == 70 - 64
    assert a.raft.unreachable == [2] * 6


async def test_what_raft_does_not_take_in_time_is_dropped_and_counted(start: Start) -> None:
    a, b = await start(1), await start(2)
    await joined(a, b)
    b.raft.gate.clear()
    dropped = metrics.recv_failures.labels(id_string(1))._value
    before = dropped.get()
    for _ in range(10):
        a.tr.send([message(MsgHeartbeat) for _ in range(1000)])
        await until(lambda: not len(a.tr.peers[NodeID(2)].writer.msgc))
    await until(lambda: dropped.get() - before == 10_000 - 4096 - 1)
    b.raft.gate.set()
    assert len(await received(b, 4097)) == 4097


async def test_a_reader_that_does_not_read_is_given_up(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "CONN_WRITE_TIMEOUT", 0.2)
    a = await start(1)
    a.tr.add_peer(NodeID(2), ["http://127.0.0.1:1"])
    _, writer = await asyncio.open_connection(*a.url.removeprefix("http://").split(":"), limit=1)
    headers = "X-Etcd-Cluster-ID: c\r\nX-Raft-To: 1\r\nX-Server-Version: 3.4.23\r\nHost: a\r\n\r\n"
    writer.write(b"GET /raft/stream/message/2 HTTP/1.1\r\n" + headers.encode())
    p = a.tr.peers[NodeID(2)]
    await until(lambda: p.writer.writec()[1])
    big = Message(MsgProp, NodeID(2), NodeID(1), entries=(Entry(data=bytes(1 << 20)),))
    for _ in range(20):
        a.tr.send([big])
        await asyncio.sleep(0)
    await until(lambda: not p.writer.writec()[1])
    assert a.raft.unreachable
    writer.close()


async def test_an_idle_stream_is_kept_alive(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "CONN_READ_TIMEOUT", 0.06)
    a, b = await start(1), await start(2)
    await joined(a, b)
    before = metrics.received_bytes.labels(id_string(1))._value.get()
    await until(lambda: metrics.received_bytes.labels(id_string(1))._value.get() - before > 200)
    assert not len(b.raft.inbox)


async def test_a_peer_is_followed_to_its_new_url(start: Start) -> None:
    a, b = await start(1), await start(2)
    a.tr.add_peer(NodeID(2), ["http://127.0.0.1:1"])
    b.tr.add_peer(NodeID(1), [a.url])
    a.tr.update_peer(NodeID(2), [b.url])
    await until(lambda: streams_up(a) and streams_up(b))


async def test_of_two_urls_the_one_that_works_is_found(start: Start) -> None:
    a, b = await start(1), await start(2)
    b.tr.add_peer(NodeID(1), [a.url])
    a.tr.add_peer(NodeID(2), ["http://127.0.0.1:1", b.url])
    await until(lambda: streams_up(a) and streams_up(b))


async def test_a_removed_peer_is_gone(start: Start) -> None:
    a, b = await start(1), await start(2)
    await joined(a, b)
    await a.tr.remove_peer(NodeID(2))
    assert a.tr.active_since(NodeID(2)) is None
    a.tr.send([message(MsgHeartbeat)])
    await a.tr.remove_all_peers()


def snapshot(data: list[bytes], size: int) -> snap.Message:
    class Database:
        def __iter__(self):  # type: ignore[no-untyped-def]
            return iter(data)

        def close(self) -> None:
            data.clear()

    metadata = SnapshotMetadata(index=Index(0x17), term=Term(2))
    m = Message(MsgSnap, NodeID(2), NodeID(1), Term(2), snapshot=Snapshot(b"v2", metadata))
    return snap.Message(m, Database(), size)


async def test_a_snapshot_arrives_with_its_database(start: Start) -> None:
    a, b = await start(1), await start(2)
    a.tr.add_peer(NodeID(2), [b.url])
    merged = snapshot([b"0123456789" * 10_000] * 10, 1_000_000)
    a.tr.send_snapshot(merged)
    async with asyncio.timeout(10):
        assert await merged.close_notify().recv() is True
        assert await a.raft.snapshots.recv() == SnapshotFinish
    assert await received(b, 1) == [merged.message]
    assert b.tr.snapshotter
    assert b.tr.snapshotter.db_file_path(0x17).read_bytes() == b"0123456789" * 100_000


async def test_a_snapshot_cut_short_is_told_to_have_failed(start: Start) -> None:
    a, b = await start(1), await start(2)
    a.tr.add_peer(NodeID(2), [b.url])
    merged = snapshot([b"half"], 8)
    a.tr.send_snapshot(merged)
    async with asyncio.timeout(10):
        assert await merged.close_notify().recv() is False
        assert await a.raft.snapshots.recv() == SnapshotFailure
    assert not len(b.raft.inbox)
    lost = snapshot([b""], 0)
    lost.message.to = NodeID(9)
    a.tr.send_snapshot(lost)
    assert await lost.close_notify().recv() is False


HEADERS = {"X-Etcd-Cluster-ID": "c", "X-Server-Version": "3.4.23", "X-Min-Cluster-Version": "3.0.0"}


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "text"),
    [
        ("GET", "/raft", HEADERS, 405, "Method Not Allowed"),
        ("POST", "/raft", {}, 412, "incompatible version"),
        ("POST", "/raft", HEADERS | {"X-Min-Cluster-Version": "3.5.0"}, 412, "incompatible version"),
        ("POST", "/raft", HEADERS | {"X-Server-Version": "x"}, 412, "incompatible version"),
        ("POST", "/raft", HEADERS | {"X-Etcd-Cluster-ID": "d"}, 412, "cluster ID mismatch"),
        ("POST", "/raft", HEADERS, 400, "error reading raft message"),
        ("POST", "/raft/snapshot", HEADERS, 400, "failed to decode raft message"),
        ("POST", "/raft/stream/message/2", HEADERS, 405, "Method Not Allowed"),
        ("GET", "/raft/stream/other/2", HEADERS, 404, "invalid path"),
        ("GET", "/raft/stream/message/x", HEADERS, 404, "invalid from"),
        ("GET", "/raft/stream/message/9", HEADERS, 404, "error sender not found"),
        ("GET", "/raft/stream/message/2", HEADERS | {"X-Raft-To": "9"}, 412, "to field mismatch"),
        ("GET", "/raft/stream/message/3", HEADERS, 410, "removed member"),
    ],
)
async def test_strangers_are_answered_as_etcd_does(
    start: Start, method: str, path: str, headers: dict[str, str], status: int, text: str
) -> None:
    a = await start(1)
    a.raft.removed.add(NodeID(3))
    a.tr.add_peer(NodeID(2), ["http://127.0.0.1:1"])
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, a.url + path, headers=headers, data=b"\xff" * 3) as resp,
    ):
        assert resp.status == status
        assert (await resp.text()).startswith(text)


async def test_probes_are_answered_with_the_time(start: Start) -> None:
    a = await start(1)
    a.tr.clock = lambda: 1795359221.5
    async with aiohttp.ClientSession() as session, session.get(f"{a.url}/raft/probing") as resp:
        assert json.loads(await resp.read()) == {"OK": True, "Now": "2026-11-22T14:53:41.500000Z"}
