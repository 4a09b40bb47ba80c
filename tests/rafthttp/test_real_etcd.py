"""Our transport as the peer of a real etcd member: what it sends is understood, and what we send moves it.

The other half of a cluster of two is a follower of a few lines that votes for whoever asks and acknowledges
whatever comes, so every put that etcd answers went over our streams and back.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from minietcd.etcdserver.api.membership.cluster import new_cluster_from_urls_map
from minietcd.etcdserver.api.rafthttp.coder import Decoder
from minietcd.etcdserver.api.rafthttp.transport import Transport
from minietcd.etcdserver.api.snap.snapshotter import Snapshotter
from minietcd.pkg.chan import Chan
from minietcd.pkg.context import Context
from minietcd.pkg.types import new_urls, new_urls_map
from minietcd.raft import raftpb
from minietcd.raft.raftpb import Message, MessageType, NodeID
from minietcd.raft.rawnode import SnapshotStatus
from tests.processes import free_ports

pytestmark = pytest.mark.e2e


@dataclass
class Follower:
    """Agrees with everything."""

    tr: Transport = field(init=False)
    seen: Chan[Message] = field(default_factory=lambda: Chan("seen", 1 << 20))
    last: int = 0
    stubborn: bool = False
    """Says that its log is empty."""

    async def process(self, ctx: Context, m: Message) -> None:
        self.seen.try_send(m)
        answer = Message(MessageType(m.type + 1), m.from_, m.to, m.term, context=m.context)
        if m.type == raftpb.MsgApp:
            answer.index = m.entries[-1].index if m.entries else m.index
            self.last = answer.index
            if self.stubborn and m.index:
                answer.reject, answer.index = True, m.index
        elif m.type == raftpb.MsgSnap:
            answer.type, answer.index = raftpb.MsgAppResp, m.snapshot.metadata.index
            self.stubborn = False
        elif m.type not in (raftpb.MsgVote, raftpb.MsgHeartbeat):
            return
        self.tr.send([answer])

    def is_id_removed(self, id: NodeID) -> bool:
        return False

    def report_unreachable(self, id: NodeID) -> None:
        pass

    def report_snapshot(self, id: NodeID, status: SnapshotStatus) -> None:
        pass

    async def until(self, type: MessageType) -> Message:
        async with asyncio.timeout(30):
            while (m := await self.seen.recv()).type != type:
                pass
        return m


@dataclass
class Pair:
    """The real member, and ours."""

    client: str
    follower: Follower
    etcd_id: NodeID
    session: aiohttp.ClientSession

    async def put(self, key: str) -> None:
        """By the JSON gateway, to which keys are base64."""
        async with self.session.post(f"{self.client}/v3/kv/put", json={"key": key, "value": key}) as resp:
            assert resp.status == 200, await resp.text()


@asynccontextmanager
async def running(etcd: Path, directory: Path, flags: tuple[str, ...] = ()) -> AsyncIterator[Pair]:
    peer, client, ours = (f"http://127.0.0.1:{port}" for port in free_ports(3))
    initial = f"real={peer},ours={ours}"
    cluster = new_cluster_from_urls_map("t", new_urls_map(initial))
    real, mini = (cluster.member_by_name(name) for name in ("real", "ours"))
    assert real and mini
    (snapshots := directory / "snap").mkdir()
    follower = Follower()
    follower.tr = Transport(mini.id, new_urls([ours]), cluster.id(), follower, Snapshotter(snapshots))
    follower.tr.start()
    app = web.Application()
    app.add_routes(follower.tr.handler())
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", int(ours.rpartition(":")[2])).start()
    follower.tr.add_peer(real.id, [peer])
    flags += (*f"--name=real --data-dir={directory / 'real'} --initial-cluster-token=t".split(),)
    flags += (f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}")
    flags += (f"--listen-client-urls={client}", f"--advertise-client-urls={client}")
    with (directory / "etcd.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            etcd, *flags, f"--initial-cluster={initial}", stdout=log, stderr=log, env={}
        )
    try:
        async with aiohttp.ClientSession() as session:
            yield Pair(client, follower, real.id, session)
    finally:
        process.kill()  # asked to end, it would first look for a member that can lead
        await process.wait()
        await follower.tr.stop()
        await runner.cleanup()


async def test_a_real_etcd_leads_and_commits_over_our_streams(etcd_bin: Path, tmp_path: Path) -> None:
    async with running(etcd_bin, tmp_path) as pair:
        vote = await pair.follower.until(raftpb.MsgVote)
        assert vote.from_ == pair.etcd_id
        await pair.follower.until(raftpb.MsgHeartbeat)
        before = pair.follower.last
        for _ in range(20):
            await pair.put("Zm9v")
        assert pair.follower.last >= before + 20
        assert "established a TCP streaming connection" in (tmp_path / "etcd.log").read_text()


async def test_messages_of_a_real_etcd_are_written_again_with_the_same_bytes(
    etcd_bin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[tuple[str, bytes]] = []
    take = Decoder.take

    def noted(self: Decoder, start: int, end: int) -> bytes:
        taken.append((type(self).__name__, data := take(self, start, end)))
        return data

    monkeypatch.setattr(Decoder, "take", noted)
    async with running(etcd_bin, tmp_path) as pair:
        await pair.follower.until(raftpb.MsgHeartbeat)
        for _ in range(5):
            await pair.put("Zm9v")
            await pair.follower.until(raftpb.MsgHeartbeat)
    whole = [data for name, data in taken if len(data) > 8]
    assert len(whole) > 3
    assert [Message.unmarshal(data).marshal() for data in whole] == whole


@pytest.mark.slow
async def test_a_real_etcd_sends_its_database_when_we_lag(etcd_bin: Path, tmp_path: Path) -> None:
    async with running(etcd_bin, tmp_path, ("--snapshot-count=100",)) as pair:
        await pair.follower.until(raftpb.MsgHeartbeat)
        for _ in range(54):
            await asyncio.gather(*(pair.put("Zm9v") for _ in range(100)))
        pair.follower.stubborn = True
        await pair.put("Zm9v")
        snapshot = (await pair.follower.until(raftpb.MsgSnap)).snapshot
        assert pair.follower.tr.snapshotter
        database = pair.follower.tr.snapshotter.db_file_path(snapshot.metadata.index)
        assert (
            database.read_bytes()[16:20] == bytes.fromhex("edda0ced")[::-1]
            or database.stat().st_size > 20_000
        )
        await pair.put("Zm9v")
