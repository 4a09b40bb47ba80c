"""Asking peers over HTTP, whoever answers."""

from __future__ import annotations

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from minietcd.etcdserver.api.membership.member import Member
from minietcd.etcdserver.cluster_util import Versions, get_cluster_from_remote_peers, get_version
from minietcd.raft.raftpb import NodeID


def peer(text: str) -> TestServer:
    """Somebody who answers everything with ``text``."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=text, headers={"X-Etcd-Cluster-ID": "1"})

    app = web.Application()
    app.router.add_get("/{_:.*}", answer)
    return TestServer(app)


@pytest.mark.parametrize("text", ["", "{", "[]", "[1]", "7", "null", '"x"', "{}", '{"etcdserver": "3.4.0"}'])
async def test_an_answer_that_is_none_is_no_version(text: str) -> None:
    async with peer(text) as server, aiohttp.ClientSession() as rt:
        assert await get_version(Member(NodeID(1), [str(server.make_url(""))]), rt) is None


async def test_a_member_tells_its_versions() -> None:
    text = '{"etcdserver":"3.4.23","etcdcluster":"3.4.0"}'
    async with peer(text) as server, aiohttp.ClientSession() as rt:
        member = Member(NodeID(1), ["http://127.0.0.1:1", str(server.make_url(""))])
        assert await get_version(member, rt) == Versions("3.4.23", "3.4.0")


@pytest.mark.parametrize("text", ["", "{", "[]", "[1]", "7", "null", '"x"', '{"a": 1}', "[{}]"])
async def test_an_answer_that_is_none_is_no_cluster(text: str) -> None:
    async with peer(text) as server, aiohttp.ClientSession() as rt:
        with pytest.raises(ValueError, match=r"could not retrieve|failed to get raft cluster member"):
            await get_cluster_from_remote_peers([str(server.make_url(""))], rt)
