"""A member from its first bound port to its last closed one.

Go: embed/etcd.go
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import socket
from pathlib import Path

from aiohttp import web
from grpclib.config import Configuration

from minietcd.embed.config import Config, ConfigError
from minietcd.embed.config_logging import NOTICE
from minietcd.embed.serve import Listener, access_controller, listen
from minietcd.etcdserver.api.etcdhttp.base import handle_basic, plain_errors
from minietcd.etcdserver.api.etcdhttp.metrics import handle_metrics_health
from minietcd.etcdserver.api.etcdhttp.peer import new_peer_handler
from minietcd.etcdserver.api.v3rpc import grpc as v3rpc
from minietcd.etcdserver.config import CommonConfig, ServerConfig
from minietcd.etcdserver.server import EtcdServer, new_server
from minietcd.pkg.chan import Chan, select
from minietcd.pkg.task import go
from minietcd.pkg.types import URLs, URLsMap, new_urls
from minietcd.wal.util import exist

log = logging.getLogger("embed")

_PEER_STOP_TIMEOUT = 1.0


async def start_etcd(in_cfg: Config) -> Etcd:
    """Start a member. It may not have joined its cluster yet: that is ``e.server.ready_notify()``.

    Raises ConfigError for a configuration that cannot be, OSError for a port that is taken, and whatever
    ``new_server`` finds wrong with the data directory; nothing is left running then.

    Go: embed/etcd.go#StartEtcd
    """
    in_cfg.validate()
    e = Etcd(dataclasses.replace(in_cfg))
    try:
        await e._start()
    except BaseException:
        await e.close()
        raise
    return e


class Etcd:
    """A running member with its listeners. Go: embed/etcd.go#Etcd"""

    def __init__(self, cfg: Config) -> None:
        self.cfg = cfg
        self.peers: list[Listener] = []
        self.clients: list[Listener] = []
        self.metrics_listeners: list[Listener] = []
        self.server: EtcdServer | None = None
        self.stopc: Chan[None] = Chan("Etcd.stopc")
        self._serving: asyncio.Task[None] | None = None

    async def _start(self) -> None:
        cfg = self.cfg
        _bind(cfg.lp_urls, cfg.listeners, self.peers)
        _bind(cfg.lc_urls, cfg.listeners, self.clients)
        _bind(cfg.listen_metrics_urls, cfg.listeners, self.metrics_listeners)
        _advertise_bound_ports(cfg, self.peers, self.clients)
        srvcfg = server_config(cfg)
        print_config(cfg, srvcfg)
        self.server = await new_server(srvcfg)
        self.server.start()
        await self.serve_peers()
        await self.serve_metrics()
        self._serving = go(self.serve_clients(), "serveClients")

    async def close(self) -> None:
        """Stop in the order that loses nothing: clients, the server, then the peers it still talks to.

        Calls that run get the request timeout to end. Go: embed/etcd.go#Etcd.Close
        """
        if self.stopc.closed:
            return
        self.stopc.close()
        if self._serving is not None:
            await asyncio.wait([self._serving])
        timeout = self.server.cfg.req_timeout() if self.server else 0.0
        await asyncio.gather(*(listener.stop_servers(timeout) for listener in self.clients))
        for listener in self.metrics_listeners:
            await listener.stop_servers(0.0)
        if self.server is not None:
            await self.server.stop()
        for listener in self.peers:
            await listener.stop_servers(_PEER_STOP_TIMEOUT)

    async def serve_peers(self) -> None:
        """Answer the other members. Go: embed/etcd.go#Etcd.servePeers"""
        assert self.server is not None
        for listener in self.peers:
            await listener.serve(new_peer_handler(self.server), v3rpc.server(self.server))
            log.info("listening for peers on %s", listener.addr)

    async def serve_clients(self) -> None:
        """Answer clients, once this member has joined. Go: embed/etcd.go#Etcd.serveClients"""
        assert self.server is not None
        ready = self.server.ready_notify()
        if (await select(ready, self.server.stop_notify(), self.stopc))[0] is not ready:
            return
        log.info("ready to serve client requests")
        for listener in self.clients:
            app = web.Application(middlewares=[access_controller(self.cfg), plain_errors])
            handle_basic(app.router, self.server)
            grpc = v3rpc.server(self.server, _keepalive(self.cfg), self.cfg.unary_interceptors)
            await listener.serve(app, grpc)
            log.log(
                NOTICE, "serving insecure client requests on %s, this is strongly discouraged!", listener.addr
            )

    async def serve_metrics(self) -> None:
        """Answer those who only watch. Go: embed/etcd.go#Etcd.serveMetrics"""
        assert self.server is not None
        for listener in self.metrics_listeners:
            app = web.Application(middlewares=[plain_errors])
            handle_metrics_health(app.router, self.server)
            await listener.serve(app)
            log.info("listening for metrics on %s", listener.url)


def server_config(cfg: Config) -> ServerConfig:
    """What the server needs to know: what both call the same, and the initial cluster for its first life."""
    urlsmap = URLsMap()
    if not is_member_initialized(cfg):
        try:
            urlsmap, _ = cfg.peer_urls_map_and_token()
        except ValueError as err:
            raise ConfigError(f"error setting up initial cluster: {err}") from err
    values = {each.name: getattr(cfg, each.name) for each in dataclasses.fields(CommonConfig)}
    # An operator's 0 means etcd's default.
    values["backend_batch_interval"] = cfg.backend_batch_interval or 0.1
    values["backend_batch_limit"] = cfg.backend_batch_limit or 10_000
    return ServerConfig(
        data_dir=Path(cfg.dir),
        dedicated_wal_dir=Path(cfg.wal_dir) if cfg.wal_dir else None,
        client_urls=cfg.ac_urls,
        peer_urls=cfg.ap_urls,
        initial_peer_urls_map=urlsmap,
        new_cluster=cfg.is_new_cluster(),
        election_ticks=cfg.election_ticks(),
        warning_apply_duration=cfg.experimental_warning_apply_duration,
        **values,
    )


def is_member_initialized(cfg: Config) -> bool:
    """Whether this member has lived before. Go: embed/util.go#isMemberInitialized"""
    return exist(Path(cfg.wal_dir) if cfg.wal_dir else Path(cfg.dir) / "member" / "wal", cfg.disk)


def print_config(ec: Config, sc: ServerConfig) -> None:
    """Say what will be started. Go: embed/etcd.go#print"""
    log.info("name = %s", ec.name)
    if sc.force_new_cluster:
        log.info("force new cluster")
    log.info("data dir = %s", sc.data_dir)
    log.info("member dir = %s", sc.member_dir())
    if sc.dedicated_wal_dir:
        log.info("dedicated WAL dir = %s", sc.dedicated_wal_dir)
    log.info("heartbeat = %dms", sc.tick_ms)
    log.info("election = %dms", sc.election_ticks * sc.tick_ms)
    log.info("snapshot count = %d", sc.snapshot_count)
    log.info("advertise client URLs = %s", sc.client_urls)
    if sc.initial_peer_urls_map:
        log.info("initial advertise peer URLs = %s", sc.peer_urls)
        log.info("initial cluster = %s", sc.initial_peer_urls_map)


def _bind(urls: URLs, bound: dict[str, socket.socket], listeners: list[Listener]) -> None:
    """Listen on each of ``urls``; one bound before it all began is taken over."""
    for url in urls:
        listeners.append(Listener(url, bound.get(url) or listen(url)))


def _advertise_bound_ports(cfg: Config, peers: list[Listener], clients: list[Listener]) -> None:
    """Where a free port was asked for (port 0), tell others the one that was found."""
    found_peers, found_clients = _found_ports(peers), _found_ports(clients)
    cfg.ap_urls = new_urls(found_peers.get(url, url) for url in cfg.ap_urls)
    cfg.ac_urls = new_urls(found_clients.get(url, url) for url in cfg.ac_urls)
    for url, found in found_peers.items():
        cfg.initial_cluster = cfg.initial_cluster.replace(url, found)


def _found_ports(listeners: list[Listener]) -> dict[str, str]:
    return {listener.url: f"http://{listener.addr}" for listener in listeners if listener.url.endswith(":0")}


def _keepalive(cfg: Config) -> Configuration:
    return Configuration(
        _keepalive_time=cfg.grpc_keep_alive_interval or None,
        _keepalive_timeout=cfg.grpc_keep_alive_timeout,
        _keepalive_permit_without_calls=True,
        _http2_max_pings_without_data=0,
    )
