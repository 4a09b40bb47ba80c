"""What one can tell a member, with etcd's defaults, and what of it contradicts itself.

Left out: TLS, DNS and URL discovery, auto compaction, auth tokens and the v2 API, because what they
configure is not there yet.

Go: embed/config.go
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from minietcd.embed.config_logging import check_logging
from minietcd.etcdserver.config import DEFAULT_NAME, CommonConfig
from minietcd.pkg.types import URLs, URLsMap, new_urls, new_urls_map
from minietcd.proto.etcdserverpb.rpc import UnaryServerInterceptor

CLUSTER_STATE_FLAG_NEW = "new"
CLUSTER_STATE_FLAG_EXISTING = "existing"
DEFAULT_LISTEN_PEER_URLS = DEFAULT_INITIAL_ADVERTISE_PEER_URLS = "http://localhost:2380"
DEFAULT_LISTEN_CLIENT_URLS = DEFAULT_ADVERTISE_CLIENT_URLS = "http://localhost:2379"
DEFAULT_INITIAL_CLUSTER = f"{DEFAULT_NAME}={DEFAULT_INITIAL_ADVERTISE_PEER_URLS}"
MAX_ELECTION_MS = 50_000


class ConfigError(ValueError):
    """The configuration contradicts itself; the text is etcd's."""


class UnsetAdvertiseClientURLsFlagError(ConfigError):
    """Clients cannot guess which of the addresses listened on they can reach.

    Go: embed/config.go#ErrUnsetAdvertiseClientURLsFlag
    """

    def __init__(self) -> None:
        super().__init__("--advertise-client-urls is required when --listen-client-urls is set explicitly")


@dataclass(slots=True, kw_only=True)
class Config(CommonConfig):
    """The fields of etcd's, in its units; durations are in seconds where etcd has a Duration.

    Ours are ``listeners`` (sockets already bound, by listen URL, so that members can know each other's free
    ports before they start) and ``unary_interceptors`` (put in front of etcd's own).

    Go: embed/config.go#Config
    """

    dir: str = ""
    wal_dir: str = ""
    election_ms: int = 1000
    lp_urls: URLs = field(default_factory=lambda: new_urls([DEFAULT_LISTEN_PEER_URLS]))
    lc_urls: URLs = field(default_factory=lambda: new_urls([DEFAULT_LISTEN_CLIENT_URLS]))
    ap_urls: URLs = field(default_factory=lambda: new_urls([DEFAULT_INITIAL_ADVERTISE_PEER_URLS]))
    ac_urls: URLs = field(default_factory=lambda: new_urls([DEFAULT_ADVERTISE_CLIENT_URLS]))
    cluster_state: str = CLUSTER_STATE_FLAG_NEW
    initial_cluster: str = DEFAULT_INITIAL_CLUSTER
    grpc_keep_alive_interval: float = 7200.0
    grpc_keep_alive_timeout: float = 20.0
    cors: frozenset[str] = frozenset("*")
    host_whitelist: frozenset[str] = frozenset("*")
    experimental_warning_apply_duration: float = 0.1
    listen_metrics_urls: URLs = field(default_factory=URLs)
    logger: str = "capnslog"
    log_level: str = "info"
    log_outputs: tuple[str, ...] = ("default",)

    listeners: dict[str, socket.socket] = field(default_factory=dict)
    unary_interceptors: Sequence[UnaryServerInterceptor] = ()

    def validate(self) -> None:
        """Raise ConfigError with etcd's text at the first thing that will not do.

        Go: embed/config.go#Config.Validate
        """
        check_logging(self.logger, self.log_level, self.log_outputs)
        for urls in (self.lp_urls, self.lc_urls, self.listen_metrics_urls):
            check_bind_urls(urls)
        check_host_urls("initial-advertise-peer-urls", self.ap_urls)
        check_host_urls("advertise-client-urls", self.ac_urls)
        if self.cluster_state not in (CLUSTER_STATE_FLAG_NEW, CLUSTER_STATE_FLAG_EXISTING):
            raise ConfigError(f'unexpected clusterState "{self.cluster_state}"')
        self._check_timing()
        if self.lc_urls and not self.ac_urls:
            raise UnsetAdvertiseClientURLsFlagError

    def _check_timing(self) -> None:
        tick, election = self.tick_ms, self.election_ms
        if tick <= 0:
            raise ConfigError(f"--heartbeat-interval must be >0 (set to {tick}ms)")
        if election <= 0:
            raise ConfigError(f"--election-timeout must be >0 (set to {election}ms)")
        if 5 * tick > election:
            raise ConfigError(
                f"--election-timeout[{election}ms] should be at least as 5 times "
                f"as --heartbeat-interval[{tick}ms]"
            )
        if election > MAX_ELECTION_MS:
            raise ConfigError(
                f"--election-timeout[{election}ms] is too long, "
                f"and should be set less than {MAX_ELECTION_MS}ms"
            )

    def peer_urls_map_and_token(self) -> tuple[URLsMap, str]:
        """Who starts the cluster, and its token. Go: embed/config.go#Config.PeerURLsMapAndToken"""
        return new_urls_map(self.initial_cluster), self.initial_cluster_token

    def initial_cluster_from_name(self, name: str) -> str:
        """A cluster of just this member. Go: embed/config.go#Config.InitialClusterFromName"""
        return ",".join(f"{name or DEFAULT_NAME}={url}" for url in self.ap_urls)

    def is_new_cluster(self) -> bool:
        """Whether the member begins with a new cluster, or joins one.

        Go: embed/config.go#Config.IsNewCluster
        """
        return self.cluster_state == CLUSTER_STATE_FLAG_NEW

    def election_ticks(self) -> int:
        """The election timeout in ticks. Go: embed/config.go#Config.ElectionTicks"""
        return self.election_ms // self.tick_ms

    def update_default_cluster_from_name(self, default_initial_cluster: str) -> None:
        """A name alone, without a cluster, makes a cluster of that name.

        Left out: guessing the host for 0.0.0.0, because it guesses.

        Go: embed/config.go#Config.UpdateDefaultClusterFromName
        """
        if self.name != DEFAULT_NAME and self.initial_cluster == default_initial_cluster:
            self.initial_cluster = self.initial_cluster_from_name(self.name)


def check_bind_urls(urls: Iterable[str]) -> None:
    """Only an address can be listened on, not a name. Raises ConfigError.

    Go: embed/config.go#checkBindURLs
    """
    for url in urls:
        host = urlsplit(url).hostname or ""
        if host != "localhost" and not _is_ip(host):
            raise ConfigError(f"expected IP in URL for binding ({url})")


def check_host_urls(flag: str, urls: URLs) -> None:
    """Others need a host to come to. Raises ConfigError. Go: embed/config.go#checkHostURLs"""
    for url in urls:
        if not urlsplit(url).hostname:
            reason = f"unexpected empty host ({url})"
            raise ConfigError(f'--{flag} "{urls}" must be "host:port" ({reason})')


def _is_ip(host: str) -> bool:
    try:
        ip_address(re.sub("%.*", "", host))
    except ValueError:
        return False
    return True
