"""Members started in this process: free ports, readiness, refusals, and a clean end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from grpclib.client import Channel, UnaryUnaryMethod
from grpclib.exceptions import GRPCError

from minietcd.clientv3 import client as clientv3
from minietcd.embed.config import Config, ConfigError
from minietcd.embed.etcd import Etcd, start_etcd
from minietcd.pkg.chan import select
from minietcd.pkg.context import BACKGROUND, Context
from minietcd.pkg.types import new_urls
from minietcd.proto.etcdserverpb.rpc import UnaryHandler, UnaryServerInfo
from minietcd.proto.etcdserverpb.rpc_pb2 import (
    MemberAddRequest,
    MemberUpdateRequest,
    PutRequest,
    PutResponse,
    RangeRequest,
    RangeResponse,
)

ANY = "http://127.0.0.1:0"


def config(directory: Path, **more: Any) -> Config:
    any_port = new_urls([ANY])
    urls = {"lp_urls": any_port, "ap_urls": any_port, "lc_urls": any_port, "ac_urls": any_port}
    cluster = {"name": "n1", "initial_cluster": f"n1={ANY}"}
    timing = {"tick_ms": 10, "election_ms": 100}
    return Config(dir=str(directory), **{**urls, **cluster, **timing, **more})


@contextlib.asynccontextmanager
async def started(cfg: Config) -> AsyncIterator[Etcd]:
    e = await start_etcd(cfg)
    try:
        yield e
    finally:
        await e.close()


async def put(e: Etcd, key: bytes, value: bytes) -> PutResponse:
    host, port = e.clients[0].addr.split(":")
    channel = Channel(host, int(port))
    try:
        method = UnaryUnaryMethod(channel, "/etcdserverpb.KV/Put", PutRequest, PutResponse)
        return await method(PutRequest(key=key, value=value))
    finally:
        channel.close()


async def get(e: Etcd, key: bytes) -> RangeResponse:
    host, port = e.clients[0].addr.split(":")
    channel = Channel(host, int(port))
    try:
        method = UnaryUnaryMethod(channel, "/etcdserverpb.KV/Range", RangeRequest, RangeResponse)
        return await method(RangeRequest(key=key))
    finally:
        channel.close()


async def http_get(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await response.text()


async def serving(*members: Etcd) -> None:
    for e in members:
        assert e._serving is not None
        await e._serving


async def test_a_member_on_free_ports_serves_and_says_where(tmp_path: Path) -> None:
    async with started(config(tmp_path / "n1")) as e:
        await serving(e)
        assert (await put(e, b"k", b"v")).header.revision == 2
        assert (await get(e, b"k")).kvs[0].value == b"v"
        client, peer = e.clients[0].addr, e.peers[0].addr
        assert await http_get(f"http://{client}/health") == (200, '{"health":"true"}')
        status, members = await http_get(f"http://{peer}/members")
        assert status == 200
        assert f'"peerURLs":["http://{peer}"],"name":"n1","clientURLs":["http://{client}"]' in members
        for addr in (client, peer):
            status, version = await http_get(f"http://{addr}/version")
            assert version.startswith('{"etcdserver":"3.4.23","etcdcluster":"')
        _, metrics = await http_get(f"http://{client}/metrics")
        assert 'grpc_server_handled_total{grpc_code="OK",grpc_method="Put"' in metrics
        for line in ("etcd_server_is_leader 1.0", 'etcd_server_version{server_version="3.4.23"} 1.0'):
            assert f"\n{line}\n" in metrics


async def test_what_was_put_is_there_after_a_restart(tmp_path: Path) -> None:
    async with started(config(tmp_path / "n1")) as e:
        await serving(e)
        await put(e, b"k", b"v")
    async with started(config(tmp_path / "n1")) as e:
        await serving(e)
        assert (await get(e, b"k")).kvs[0].value == b"v"


async def test_three_members_find_each_other_on_sockets_bound_before(tmp_path: Path) -> None:
    sockets = {name: socket.create_server(("127.0.0.1", 0)) for name in ("n1", "n2", "n3")}
    urls = {name: f"http://127.0.0.1:{sock.getsockname()[1]}" for name, sock in sockets.items()}
    cluster = ",".join(f"{name}={url}" for name, url in urls.items())
    async with contextlib.AsyncExitStack() as stack:
        members = [
            await stack.enter_async_context(
                started(
                    config(
                        tmp_path / name,
                        name=name,
                        initial_cluster=cluster,
                        lp_urls=new_urls([url]),
                        ap_urls=new_urls([url]),
                        listeners={url: sockets[name]},
                    )
                )
            )
            for name, url in urls.items()
        ]
        await serving(*members)
        await put(members[0], b"k", b"v")
        for e in members:
            assert (await get(e, b"k")).kvs[0].value == b"v"


async def test_an_interceptor_of_ones_own_comes_before_etcds(tmp_path: Path) -> None:
    seen: list[str] = []

    async def watch(ctx: Context, req: Any, info: UnaryServerInfo, handler: UnaryHandler) -> Any:
        seen.append(info.full_method)
        return await handler(ctx, req)

    async with started(config(tmp_path / "n1", unary_interceptors=[watch])) as e:
        await serving(e)
        await put(e, b"k", b"v")
    assert seen == ["/etcdserverpb.KV/Put"]


async def test_a_member_without_its_cluster_is_not_healthy_and_lets_no_client_in(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        metrics = new_urls([ANY])
        cfg = config(tmp_path, initial_cluster=f"n1={ANY},n2={url}", listen_metrics_urls=metrics)
        async with started(cfg) as e:
            assert not e.server.ready_notify().closed if e.server else False
            addr = e.metrics_listeners[0].addr
            assert await http_get(f"http://{addr}/health") == (503, '{"health":"false"}\n')


async def test_a_taken_port_leaves_nothing_behind(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(OSError, match=r"listen tcp 127\.0\.0\.1:\d+: bind: address already in use"):
            await start_etcd(config(tmp_path / "n1", lc_urls=new_urls([url])))
    assert not (tmp_path / "n1").exists()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"initial_cluster": f"other={ANY}"}, 'couldn\'t find local name "n1" in the initial cluster'),
        ({"initial_cluster": "n1=nonsense"}, "error setting up initial cluster: URL scheme must be"),
        ({"tick_ms": 0}, "--heartbeat-interval must be >0"),
    ],
)
async def test_what_cannot_start_says_why(tmp_path: Path, more: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        await start_etcd(config(tmp_path / "n1", **more))


async def test_only_http_can_be_listened_on_yet(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="only http URLs"):
        await start_etcd(config(tmp_path / "n1", lc_urls=new_urls(["https://127.0.0.1:0"])))


async def test_stopping_is_seen_by_who_waits_for_it(tmp_path: Path) -> None:
    e = await start_etcd(config(tmp_path / "n1"))
    await serving(e)
    await e.close()
    assert e.server is not None
    async with asyncio.timeout(1):
        await select(e.server.stop_notify())


async def test_a_member_cannot_be_given_addresses_that_would_end_its_peers(tmp_path: Path) -> None:
    """etcdctl looks at them first; 3.4 takes them from whoever does not, and can apply them nowhere."""
    async with (
        started(config(tmp_path)) as e,
        await clientv3.new(clientv3.Config([e.clients[0].addr])) as client,
    ):
        members = (await client.cluster.member_list(BACKGROUND)).members
        for urls in ([], ["nonsense"], ["http://h:1/path"]):
            update = MemberUpdateRequest(ID=members[0].ID, peerURLs=urls)
            with pytest.raises(GRPCError, match="given member URLs are invalid"):
                await client.cluster.remote.member_update(BACKGROUND, update)
            with pytest.raises(GRPCError, match="given member URLs are invalid"):
                await client.cluster.remote.member_add(BACKGROUND, MemberAddRequest(peerURLs=urls))
        assert (await client.cluster.member_list(BACKGROUND)).members == members
