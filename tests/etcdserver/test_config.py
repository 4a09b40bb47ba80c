"""What a member cannot start with is said in etcd's words; which versions go together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from minietcd.etcdserver.cluster_util import Versions, decide_cluster_version, is_compatible_with_vers
from minietcd.etcdserver.config import ServerConfig
from minietcd.pkg.types import new_urls, new_urls_map
from minietcd.raft.raftpb import NodeID
from minietcd.version.version import SemVer


def config(cluster: str, peers: list[str]) -> ServerConfig:
    urls = new_urls(["http://c:1"])
    return ServerConfig(
        name="n1",
        data_dir=Path("data"),
        client_urls=urls,
        peer_urls=new_urls(peers),
        initial_peer_urls_map=new_urls_map(cluster),
    )


@pytest.mark.parametrize(
    ("cluster", "peers", "says"),
    [
        ("n1=http://a:1", ["http://a:1"], None),
        ("n2=http://a:1", ["http://a:1"], 'couldn\'t find local name "n1" in the initial cluster'),
        ("n1=http://a:1,n2=http://a:1", ["http://a:1"], "has duplicate url"),
        (
            "n1=http://a:1",
            ["http://b:1"],
            "--initial-cluster has n1=http://a:1 but missing from --initial-advertise-peer-urls=http://b:1",
        ),
        (
            "n1=http://a:1",
            ["http://a:1", "http://b:1"],
            "--initial-advertise-peer-urls has http://b:1 but missing from --initial-cluster=n1=http://a:1",
        ),
    ],
)
def test_a_new_cluster_is_described_by_all_in_the_same_words(
    cluster: str, peers: list[str], says: str | None
) -> None:
    cfg = config(cluster, peers)
    if says is None:
        cfg.verify_bootstrap()
        return
    with pytest.raises(ValueError) as raised:
        cfg.verify_bootstrap()
    assert says in str(raised.value)


def test_files_are_where_etcd_has_them_and_times_follow_the_election() -> None:
    cfg = config("n1=http://a:1", ["http://a:1"])
    assert cfg.wal_dir() == Path("data/member/wal")
    assert cfg.backend_path() == Path("data/member/snap/db")
    assert (cfg.req_timeout(), cfg.election_timeout(), cfg.peer_dial_timeout()) == (7.0, 1.0, 2.0)
    cfg.dedicated_wal_dir = Path("elsewhere")
    assert cfg.wal_dir() == Path("elsewhere")


def versions(*said: tuple[str, str] | None) -> dict[NodeID, Versions | None]:
    return {NodeID(id): Versions(*v) if v else None for id, v in enumerate(said)}


@pytest.mark.parametrize(
    ("said", "decided"),
    [
        ([("3.4.23", "x"), ("3.3.9", "x")], SemVer(3, 3, 9)),
        ([("3.4.23", "x"), None], None),
        ([("3.4.23", "x"), ("nonsense", "x")], None),
    ],
)
def test_the_oldest_decides_once_all_have_spoken(said: Any, decided: SemVer | None) -> None:
    assert decide_cluster_version(versions(*said)) == decided


@pytest.mark.parametrize(
    ("said", "compatible"),
    [
        ([None, ("x", "3.4.0")], True),
        ([None, ("x", "3.0.0"), None], True),
        ([None, None], False),
        ([None, ("x", "not_decided")], False),
        ([None, ("x", "2.3.0")], False),
        ([None, ("x", "3.5.0")], False),
        ([None, ("x", "3.4.0"), ("x", "3.5.0")], False),
    ],
)
def test_one_member_that_speaks_and_none_that_disagrees_let_another_join(said: Any, compatible: bool) -> None:
    bounds = SemVer(3, 0), SemVer(3, 4)
    assert is_compatible_with_vers(versions(*said), NodeID(0), *bounds) is compatible
