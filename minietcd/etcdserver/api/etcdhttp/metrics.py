"""Whether a member is well, and what it counts.

Go: etcdserver/api/etcdhttp/metrics.go
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Metric, generate_latest

from minietcd.etcdserver.errors import EtcdServerError
from minietcd.etcdserver.metrics import collect
from minietcd.etcdserver.server import EtcdServer
from minietcd.pkg.context import BACKGROUND
from minietcd.proto.etcdserverpb.raft_internal_stringer import compact_text
from minietcd.proto.etcdserverpb.rpc_pb2 import AlarmType

log = logging.getLogger("etcdserver/api/etcdhttp")

PATH_METRICS = "/metrics"
PATH_HEALTH = "/health"
_HEALTH_TIMEOUT = 1.0


def handle_metrics_health(router: web.UrlDispatcher, srv: EtcdServer) -> None:
    """Answer ``/metrics`` and ``/health``. Go: etcdserver/api/etcdhttp/metrics.go#HandleMetricsHealth"""

    async def serve_health(request: web.Request) -> web.Response:
        """200 if this member is well, else 503. Go: etcdserver/api/etcdhttp/metrics.go#NewHealthHandler"""
        if reason := await check_health(srv, frozenset(request.query.getall("exclude", ()))):
            log.warning("/health error; %s (status code 503)", reason)
            return web.Response(status=503, text='{"health":"false"}\n')
        return web.Response(text='{"health":"true"}')

    async def serve_metrics(request: web.Request) -> web.Response:
        """All that is counted, in Prometheus' text."""
        text = generate_latest(Registry(srv))
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_LATEST})

    router.add_get(PATH_METRICS, serve_metrics, allow_head=False)
    router.add_get(PATH_HEALTH, serve_health, allow_head=False)


async def check_health(srv: EtcdServer, excluded_alarms: frozenset[str]) -> str:
    """Why this member is not well; nothing if it has no alarm, knows a leader, and a quorum confirms a read.

    Go: etcdserver/api/etcdhttp/metrics.go#checkHealth
    """
    for alarm in srv.alarms():
        if AlarmType.Name(alarm.alarm) not in excluded_alarms:
            return f"due to {compact_text(alarm).strip()}"
    if not srv.leader():
        return "no leader"
    try:
        async with asyncio.timeout(_HEALTH_TIMEOUT):
            await srv.linearizable_read_notify(BACKGROUND)
    except (EtcdServerError, TimeoutError) as err:
        return f"QGET failed {err or 'in time'}"
    return ""


class Registry:
    """The metrics of this process, and of one member in it."""

    def __init__(self, srv: EtcdServer) -> None:
        self._srv = srv

    def collect(self) -> Iterator[Metric]:
        """What to show, as it is now."""
        yield from REGISTRY.collect()
        yield from collect(self._srv)
