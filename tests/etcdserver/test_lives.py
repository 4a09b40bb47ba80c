"""A member's lives: it crashes, its disk fills, it joins, it is put out, it goes on alone."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import itertools
import random
import shutil
from typing import Any

import pytest

from minietcd.etcdserver.api.membership.errors import IDNotFoundError, PeerURLExistsError
from minietcd.etcdserver.api.membership.member import new_member
from minietcd.etcdserver.errors import EtcdServerError, FatalError, LearnerNotReadyError
from minietcd.etcdserver.server import EtcdServer
from minietcd.pkg.context import BACKGROUND
from minietcd.pkg.disk import Disk
from minietcd.pkg.types import new_urls
from minietcd.proto.etcdserverpb import rpc_pb2 as pb
from minietcd.raft.errors import RaftError
from tests.members import Members, ready, until

pytestmark = pytest.mark.timeout(60)


async def put(server: EtcdServer, key: str, value: str = "v") -> pb.PutResponse:
    return await server.put(BACKGROUND, pb.PutRequest(key=key.encode(), value=value.encode()))


async def get(server: EtcdServer, key: str) -> list[bytes]:
    answer = await server.range(BACKGROUND, pb.RangeRequest(key=key.encode()))
    return [kv.value for kv in answer.kvs]


async def one(members: Members, name: str = "n1", **more: Any) -> EtcdServer:
    server = await members.start(name, **more)
    await ready(server)
    return server


async def crash(members: Members, name: str) -> None:
    """Let the disk look as if the power had gone now: what was not committed never was."""
    data, copy = members.data_dir / name, members.data_dir / "copy"
    shutil.copytree(data, copy)
    await members.stop(name, hard=True)
    shutil.rmtree(data)
    copy.rename(data)


async def test_what_was_answered_survives_a_crash_and_is_applied_once(members: Members) -> None:
    server = await one(members, backend_batch_interval=1000.0)
    for n in range(20):
        if n == 10:
            server.backend().force_commit()
        await put(server, "key", str(n))
    revision, version = server.kv().rev(), 20
    await crash(members, "n1")
    server = await one(members)
    (kv,) = (await server.range(BACKGROUND, pb.RangeRequest(key=b"key"))).kvs
    assert (kv.value, kv.mod_revision, kv.version) == (b"19", revision, version)
    assert server.kv().rev() == revision


async def test_a_crash_after_a_snapshot_loses_nothing(members: Members) -> None:
    options: dict[str, Any] = {"snapshot_count": 5, "snapshot_catch_up_entries": 3}
    server = await one(members, backend_batch_interval=1000.0, **options)
    for n in range(33):
        await put(server, f"key{n % 3}", str(n))
    hashed = server.kv().hash_by_rev(0)
    await crash(members, "n1")
    server = await one(members, **options)
    assert server.kv().hash_by_rev(0) == hashed


class FullDisk(Disk):
    """A disk on which nothing can be made to last any more, once told so."""

    full = False

    def fdatasync(self, fd: int) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        super().fdatasync(fd)


@pytest.mark.parametrize("others", [(), ("n2", "n3")])
async def test_a_disk_that_fails_ends_the_member_with_one_clear_line(
    members: Members, others: tuple[str, ...]
) -> None:
    members.listen("n1", *others)
    disk = FullDisk()
    await asyncio.gather(members.start("n1", disk=disk), *map(members.start, others))
    server = members.servers["n1"]
    await ready(server)
    loop, crashes = asyncio.get_running_loop(), []
    handler = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: crashes.append(context))
    disk.full = True
    doomed = asyncio.create_task(put(server, "key"))
    await until(lambda: crashes)
    assert not doomed.done()
    doomed.cancel()
    loop.set_exception_handler(handler)
    error = crashes[0]["exception"]
    assert isinstance(error, FatalError)
    assert str(error).startswith("failed to save Raft hard state and entries: [Errno 28] No space left")
    assert ".wal" in str(error)
    await members.stop("n1", hard=True)


async def join(members: Members, server: EtcdServer, name: str) -> EtcdServer:
    members.listen(name)
    member = new_member("", new_urls([members.url(name)]), "", None)
    assert len(await server.add_member(BACKGROUND, member)) == len(members.sockets)
    return await one(members, name, new_cluster=False)


async def test_a_member_that_joins_gets_everything(members: Members) -> None:
    server = await one(members)
    await put(server, "before")
    await until(lambda: server.cluster_version())
    second = await join(members, server, "n2")
    await put(second, "after")
    assert await get(second, "before") == [b"v"] == await get(server, "after")
    assert {m.name for m in second.cluster().members()} == {"n1", "n2"}
    await members.stop("n2")
    second = await one(members, "n2", new_cluster=False)
    assert await get(second, "after") == [b"v"]


async def test_nobody_joins_unasked(members: Members) -> None:
    server = await one(members)
    await until(lambda: server.cluster_version())
    members.listen("n2")
    with pytest.raises(ValueError, match=r"error validating peerURLs .*: member count is unequal"):
        await members.start("n2", new_cluster=False)
    same = new_member("again", new_urls([members.url("n1")]), "other", None)
    with pytest.raises(PeerURLExistsError):
        await server.add_member(BACKGROUND, same)
    with pytest.raises(IDNotFoundError):
        await server.update_member(BACKGROUND, new_member("x", new_urls(["http://127.0.0.1:1"]), "", None))


async def test_who_is_put_out_stops(members: Members) -> None:
    members.listen("n1", "n2", "n3")
    for name in ("n1", "n2", "n3"):
        await members.start(name, strict_reconfig_check=False)
    for server in members.servers.values():
        await ready(server)
    leader = await members.leader()
    out = next(server for server in members.servers.values() if server is not leader)
    left = await leader.remove_member(BACKGROUND, out.id())
    assert out.id() not in {m.id for m in left}
    async with asyncio.timeout(10):
        await asyncio.gather(put(leader, "key"), until(lambda: out.stop_notify().closed or None))


async def test_a_learner_is_promoted_once_it_has_caught_up(members: Members) -> None:
    server = await one(members, strict_reconfig_check=False)
    await until(lambda: server.cluster_version())
    members.listen("n2")
    learner = new_member("", new_urls([members.url("n2")]), "", None, is_learner=True)
    await server.add_member(BACKGROUND, learner)
    with pytest.raises(LearnerNotReadyError):
        await server.promote_member(BACKGROUND, learner.id)
    second = await members.start("n2", new_cluster=False)
    await ready(second)
    assert second.is_learner()
    progress = server.r.node.rn.raft.prs.progress
    await until(lambda: progress[second.id()].match == server.applied_index())
    await server.promote_member(BACKGROUND, second.id())
    await until(lambda: not second.is_learner())


async def test_one_of_three_goes_on_alone_when_forced(members: Members) -> None:
    members.listen("n1", "n2", "n3")
    for name in ("n1", "n2", "n3"):
        await members.start(name)
    for server in members.servers.values():
        await ready(server)
    await put(members.servers["n1"], "key")
    for name in ("n1", "n2", "n3"):
        await members.stop(name, hard=True)
    server = await one(members, "n1", force_new_cluster=True)
    assert [m.name for m in server.cluster().members()] == ["n1"]
    assert await get(server, "key") == [b"v"]
    await put(server, "more")


async def test_who_lost_his_data_does_not_start_anew(members: Members) -> None:
    members.listen("n1", "n2")
    first, _ = await asyncio.gather(members.start("n1"), members.start("n2"))
    await ready(first)
    await until(lambda: all(m.client_urls for m in first.cluster().members()))
    await members.stop("n2", hard=True)
    shutil.rmtree(members.data_dir / "n2")
    with pytest.raises(ValueError, match="has already been bootstrapped"):
        await members.start("n2")
    shutil.rmtree(members.data_dir / "n2")


async def test_a_missing_database_is_told_not_hidden(members: Members) -> None:
    server = await one(members, snapshot_count=5, snapshot_catch_up_entries=2)
    await until(lambda: server.cluster_version())
    for n in range(20):
        await put(server, "key", str(n))
    await members.stop("n1")
    server.cfg.backend_path().unlink()
    with pytest.raises(Exception, match="snapshot file doesn't exist"):
        await members.start("n1")


async def test_crashes_under_load_lose_and_double_nothing(members: Members) -> None:
    rng = random.Random(3)
    members.listen("n1", "n2", "n3")
    await asyncio.gather(*map(members.start, ("n1", "n2", "n3")))
    await members.leader()
    promised: set[str] = set()

    async def write(writer: int) -> None:
        for number in itertools.count():
            key, server = f"{writer}/{number}", rng.choice(list(members.servers.values()))
            with contextlib.suppress(EtcdServerError, RaftError, TimeoutError):
                async with asyncio.timeout(1):
                    await put(server, key)
                    promised.add(key)
            await asyncio.sleep(0)

    writers = [asyncio.create_task(write(writer)) for writer in range(4)]
    for _ in range(4):
        goal = len(promised) + rng.randrange(1, 100)
        await until(lambda goal=goal: len(promised) > goal)
        died = rng.choice(list(members.servers))
        await crash(members, died)
        await members.start(died)
    for task in writers:
        task.cancel()
    await asyncio.gather(*writers, return_exceptions=True)
    await members.leader()
    for server in members.servers.values():
        answer = await server.range(BACKGROUND, pb.RangeRequest(key=b"0", range_end=b"9"))
        assert promised <= {kv.key.decode() for kv in answer.kvs}
        assert {kv.version for kv in answer.kvs} == {1}
    assert len({server.kv().hash_by_rev(0) for server in members.servers.values()}) == 1
