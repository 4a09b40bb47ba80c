"""What a member is told when it starts: names, addresses, directories, limits, and what varies a run.

Left out: discovery (``--discovery``), because the public service it needs is gone.

Go: etcdserver/config.go
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

from minietcd.pkg.clock import WallClock, wall_clock
from minietcd.pkg.disk import DISK, Disk
from minietcd.pkg.types import URLs, URLsMap

DEFAULT_NAME = "default"


@dataclass(slots=True, kw_only=True)
class CommonConfig:
    """What an operator says and the server takes as it is: in Go each stands in both structs.

    ``clock``, ``disk`` and ``rng`` are ours: with them a run can be repeated.
    """

    name: str = DEFAULT_NAME
    snapshot_count: int = 100_000
    snapshot_catch_up_entries: int = 5_000
    max_snap_files: int = 5
    max_wal_files: int = 5
    tick_ms: int = 100
    initial_election_tick_advance: bool = True
    backend_batch_interval: float = 0.1
    backend_batch_limit: int = 10_000
    quota_backend_bytes: int = 0
    max_txn_ops: int = 128
    max_request_bytes: int = 1536 * 1024
    max_concurrent_streams: int = 2**32 - 1
    initial_cluster_token: str = "etcd-cluster"
    strict_reconfig_check: bool = True
    pre_vote: bool = False
    force_new_cluster: bool = False
    unsafe_no_fsync: bool = False

    clock: WallClock = wall_clock
    disk: Disk = DISK
    rng: random.Random = field(default_factory=random.Random)


@dataclass(slots=True, kw_only=True)
class ServerConfig(CommonConfig):
    """Durations are in seconds, but for ``tick_ms``. Go: etcdserver/config.go#ServerConfig"""

    data_dir: Path
    client_urls: URLs
    peer_urls: URLs
    initial_peer_urls_map: URLsMap
    new_cluster: bool = True
    dedicated_wal_dir: Path | None = None
    election_ticks: int = 10
    bootstrap_timeout: float = 1.0
    warning_apply_duration: float = 0.1
    compaction_batch_limit: int = 1_000
    client_cert_auth_enabled: bool = False

    def verify_bootstrap(self) -> None:
        """Raise ValueError if no cluster can start like this.

        Go: etcdserver/config.go#ServerConfig.VerifyBootstrap
        """
        self.has_local_member()
        self.advertise_matches_cluster()
        if check_duplicate_url(self.initial_peer_urls_map):
            raise ValueError(f"initial cluster {self.initial_peer_urls_map} has duplicate url")

    def verify_join_existing(self) -> None:
        """Raise ValueError if no running cluster can be joined like this.

        Go: etcdserver/config.go#ServerConfig.VerifyJoinExisting
        """
        self.has_local_member()
        if check_duplicate_url(self.initial_peer_urls_map):
            raise ValueError(f"initial cluster {self.initial_peer_urls_map} has duplicate url")

    def has_local_member(self) -> None:
        """Raise ValueError unless this member is in the initial cluster.

        Go: etcdserver/config.go#ServerConfig.hasLocalMember
        """
        if self.name not in self.initial_peer_urls_map:
            raise ValueError(f'couldn\'t find local name "{self.name}" in the initial cluster configuration')

    def advertise_matches_cluster(self) -> None:
        """What this member advertises must be what the others will call it by.

        Left out: resolving host names before comparing, because equal clusters have equal words.

        Go: etcdserver/config.go#ServerConfig.advertiseMatchesCluster
        """
        initial = {*self.initial_peer_urls_map[self.name]}
        advertised = {*self.peer_urls}
        if missing := initial - advertised:
            raise ValueError(
                f"--initial-cluster has {_named(self.name, missing)} but missing from "
                f"--initial-advertise-peer-urls={','.join(sorted(advertised))}"
            )
        if missing := advertised - initial:
            raise ValueError(
                f"--initial-advertise-peer-urls has {','.join(sorted(missing))} but missing from "
                f"--initial-cluster={_named(self.name, initial)}"
            )

    def member_dir(self) -> Path:
        """Where all that this member keeps is. Go: etcdserver/config.go#ServerConfig.MemberDir"""
        return self.data_dir / "member"

    def wal_dir(self) -> Path:
        """Where the log is. Go: etcdserver/config.go#ServerConfig.WALDir"""
        return self.dedicated_wal_dir or self.member_dir() / "wal"

    def snap_dir(self) -> Path:
        """Where snapshots and the database are. Go: etcdserver/config.go#ServerConfig.SnapDir"""
        return self.member_dir() / "snap"

    def req_timeout(self) -> float:
        """How long a request may take: 5 s of queueing and disk, and two elections.

        Go: etcdserver/config.go#ServerConfig.ReqTimeout
        """
        return 5.0 + 2 * self.election_timeout()

    def election_timeout(self) -> float:
        """In seconds. Go: etcdserver/config.go#ServerConfig.electionTimeout"""
        return self.election_ticks * self.tick_ms / 1000

    def peer_dial_timeout(self) -> float:
        """In seconds: a peer may be in the middle of an election.

        Go: etcdserver/config.go#ServerConfig.peerDialTimeout
        """
        return 1.0 + self.election_timeout()

    def backend_path(self) -> Path:
        """The database's file. Go: etcdserver/config.go#ServerConfig.backendPath"""
        return self.snap_dir() / "db"


def check_duplicate_url(urls_map: URLsMap) -> bool:
    """Whether two members, or one twice, have the same address. Go: etcdserver/config.go#checkDuplicateURL"""
    urls = [url for member_urls in urls_map.values() for url in member_urls]
    return len(urls) != len(set(urls))


def _named(name: str, urls: set[str]) -> str:
    return ",".join(f"{name}={url}" for url in sorted(urls))
