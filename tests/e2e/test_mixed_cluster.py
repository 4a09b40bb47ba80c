"""Members of both kinds in one cluster: the bytes between them, on the wire and applied, are the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.processes import MINIETCD, Cluster, Member, ctl, free_ports

pytestmark = pytest.mark.e2e


@contextmanager
def mixed(etcd: Path, directory: Path, ours: str) -> Iterator[Cluster]:
    """Three members; ``ours`` names those that are minietcd."""
    ports = free_ports(6)
    members = [
        Member(name, MINIETCD if name in ours else [str(etcd)], directory, ports[2 * i], ports[2 * i + 1])
        for i, name in enumerate(("n1", "n2", "n3"))
    ]
    for member in members:
        member.initial_cluster = ",".join(f"{m.name}={m.peer_url}" for m in members)
    try:
        for member in members:
            member.start()
        for member in members:
            member.wait_ready()
        yield Cluster(members)
    finally:
        for member in members:
            member.kill()


@pytest.mark.parametrize("ours", ["n1", "n1 n2"])
def test_what_is_put_anywhere_is_read_everywhere(
    etcd_bin: Path, etcdctl_bin: Path, tmp_path: Path, ours: str
) -> None:
    with mixed(etcd_bin, tmp_path, ours) as cluster:
        for member in cluster.members:
            put = ctl([etcdctl_bin], member.endpoint, "put", member.name, "x")
            assert put.stdout == "OK\n", put.stderr
        for member in cluster.members:
            got = ctl([etcdctl_bin], member.endpoint, "get", "n", "--prefix", "--keys-only")
            assert got.stdout.split() == ["n1", "n2", "n3"], got.stderr
            revision = ctl([etcdctl_bin], member.endpoint, "get", "n1", "-w", "fields")
            assert '"Revision" : 4' in revision.stdout


def test_either_kind_takes_over_from_the_other(etcd_bin: Path, etcdctl_bin: Path, tmp_path: Path) -> None:
    with mixed(etcd_bin, tmp_path, "n1 n2") as cluster:
        for number in range(3):
            leader = cluster.leader()
            put = ctl([etcdctl_bin], leader.endpoint, "put", f"k{number}", leader.name)
            assert put.stdout == "OK\n", put.stderr
            leader.kill()
            cluster.leader()
            leader.start()
            leader.wait_ready()
        for member in cluster.members:
            got = ctl([etcdctl_bin], member.endpoint, "get", "k", "--prefix", "--keys-only")
            assert got.stdout.split() == ["k0", "k1", "k2"], got.stderr
