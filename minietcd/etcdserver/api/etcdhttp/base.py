"""The version, and what all of a member's HTTP answers have in common.

Left out: ``/debug/vars`` and ``/config/local/log``, because they show Go's variables and a logger's.

Go: etcdserver/api/etcdhttp/base.go
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from minietcd.etcdserver.api.etcdhttp.metrics import handle_metrics_health
from minietcd.etcdserver.server import EtcdServer
from minietcd.pkg.strconv import go_json
from minietcd.version.version import VERSION

type Handle = Callable[[web.Request], Awaitable[web.StreamResponse]]

VERSION_PATH = "/version"


def handle_basic(router: web.UrlDispatcher, s: EtcdServer) -> None:
    """What every client port answers. Go: etcdserver/api/etcdhttp/base.go#HandleBasic"""
    handle_metrics_health(router, s)
    router.add_get(VERSION_PATH, version_handler(s), allow_head=False)


def version_handler(s: EtcdServer) -> Handle:
    """Answers with the server's version and the cluster's.

    Go: etcdserver/api/etcdhttp/base.go#versionHandler
    """

    async def serve_version(request: web.Request) -> web.Response:
        """Both versions, in JSON. Go: etcdserver/api/etcdhttp/base.go#serveVersion"""
        versions = {"etcdserver": VERSION, "etcdcluster": str(s.cluster().version() or "not_decided")}
        return json_response(go_json(versions))

    return serve_version


def json_response(text: str, headers: dict[str, str] | None = None, status: int = 200) -> web.Response:
    """An answer in JSON; Go's has no charset."""
    return web.Response(body=text.encode(), content_type="application/json", headers=headers, status=status)


@web.middleware
async def plain_errors(request: web.Request, handler: Handle) -> web.StreamResponse:
    """An application's refusals in the words of Go's ``net/http``, without a traceback for anybody."""
    try:
        return await handler(request)
    except web.HTTPException as err:
        text = "404 page not found" if err.status == 404 else err.reason
        headers = {"X-Content-Type-Options": "nosniff"}
        if isinstance(err, web.HTTPMethodNotAllowed):
            headers["Allow"] = ",".join(sorted(err.allowed_methods))
        return web.Response(status=err.status, text=f"{text}\n", headers=headers)
