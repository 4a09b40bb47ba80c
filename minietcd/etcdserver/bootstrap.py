"""The three ways in which a member begins: with a new cluster, in one that runs, or again.

In 3.4 all of this is one function; later versions of etcd have such a file, too.

Go: etcdserver/server.go
"""

from __future__ import annotations

import aiohttp

from minietcd.etcdserver.api.capability import update_capability
from minietcd.etcdserver.api.membership import cluster as membership
from minietcd.etcdserver.api.membership.cluster import RaftCluster
from minietcd.etcdserver.api.membership.errors import MembershipError
from minietcd.etcdserver.api.membership.member import Member
from minietcd.etcdserver.api.snap.errors import NoSnapshotError
from minietcd.etcdserver.api.snap.snapshotter import Snapshotter
from minietcd.etcdserver.api.v2store.store import Store as V2Store
from minietcd.etcdserver.cluster_util import (
    get_cluster_from_remote_peers,
    get_remote_peer_urls,
    is_compatible_with_cluster,
    is_member_bootstrapped,
)
from minietcd.etcdserver.config import ServerConfig
from minietcd.etcdserver.raft import Beginning, restart_as_standalone_node, restart_node, start_node
from minietcd.mvcc.backend.backend import Backend
from minietcd.pkg.types import id_string
from minietcd.raft.raftpb import NodeID, Snapshot
from minietcd.version.version import SemVer
from minietcd.wal import wal


async def join(cfg: ServerConfig, st: V2Store, be: Backend, prt: aiohttp.ClientSession) -> Beginning:
    """In a cluster that runs, and was told of this member. Raises ValueError.

    Go: etcdserver/server.go#NewServer
    """
    cfg.verify_join_existing()
    cl = membership.new_cluster_from_urls_map(cfg.initial_cluster_token, cfg.initial_peer_urls_map)
    try:
        existing = await get_cluster_from_remote_peers(get_remote_peer_urls(cl, cfg.name), prt)
    except ValueError as err:
        raise ValueError(f"cannot fetch cluster info from peer urls: {err}") from err
    try:
        membership.validate_cluster_and_assign_ids(cl, existing)
    except MembershipError as err:
        raise ValueError(f"error validating peerURLs {existing}: {err}") from err
    if not await is_compatible_with_cluster(cl, _local(cfg, cl).id, prt):
        raise ValueError("incompatible with current running cluster")
    cl.set_id(NodeID(0), existing.id())
    beginning = _start(cfg, cl, [], st, be)
    beginning.remotes = existing.members()
    return beginning


async def bootstrap(cfg: ServerConfig, st: V2Store, be: Backend, prt: aiohttp.ClientSession) -> Beginning:
    """With a new cluster. Raises ValueError, also when the others say that this member is not new.

    Go: etcdserver/server.go#NewServer
    """
    cfg.verify_bootstrap()
    cl = membership.new_cluster_from_urls_map(cfg.initial_cluster_token, cfg.initial_peer_urls_map)
    if await is_member_bootstrapped(cl, cfg.name, prt, cfg.bootstrap_timeout):
        raise ValueError(f"member {id_string(_local(cfg, cl).id)} has already been bootstrapped")
    return _start(cfg, cl, cl.member_ids(), st, be)


def load_snapshot(cfg: ServerConfig, ss: Snapshotter) -> Snapshot | None:
    """The newest snapshot that the log mentions: any other was never finished.

    Go: etcdserver/server.go#NewServer
    """
    try:
        return ss.load_newest_available(wal.valid_snapshot_entries(cfg.wal_dir(), cfg.disk))
    except NoSnapshotError:
        return None


def restart(cfg: ServerConfig, snapshot: Snapshot | None, st: V2Store, be: Backend) -> Beginning:
    """Again, as the log and ``snapshot`` say. Go: etcdserver/server.go#NewServer"""
    again = restart_as_standalone_node if cfg.force_new_cluster else restart_node
    beginning = again(cfg, snapshot)
    beginning.cluster.set_store(st)
    beginning.cluster.set_backend(be)
    beginning.cluster.recover(update_capability)
    return beginning


def must_have_backend(cfg: ServerConfig, st: V2Store, be_exist: bool) -> None:
    """From version 3.0 on there is a database; without it data would be lost silently. Raises ValueError.

    Go: etcdserver/server.go#NewServer
    """
    version = membership.cluster_version_from_store(st)
    if version and version >= SemVer(3, 0) and not be_exist:
        cfg.backend_path().unlink()
        raise ValueError(f"database file ({cfg.backend_path()}) of the backend is missing")


def _start(cfg: ServerConfig, cl: RaftCluster, ids: list[NodeID], st: V2Store, be: Backend) -> Beginning:
    cl.set_store(st)
    cl.set_backend(be)
    beginning = start_node(cfg, cl, ids)
    cl.set_id(beginning.id, cl.id())
    return beginning


def _local(cfg: ServerConfig, cl: RaftCluster) -> Member:
    member = cl.member_by_name(cfg.name)
    assert member is not None, cfg.name
    return member
