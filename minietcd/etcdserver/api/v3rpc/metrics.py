"""What the gRPC side counts, under the names that dashboards for etcd know.

Go: etcdserver/api/v3rpc/metrics.go
"""

from __future__ import annotations

from functools import cache

from grpclib.const import Status
from prometheus_client import Counter

sent_bytes = Counter(
    "etcd_network_client_grpc_sent_bytes_total", "The total number of bytes sent to grpc clients."
)
received_bytes = Counter(
    "etcd_network_client_grpc_received_bytes_total", "The total number of bytes received from grpc clients."
)
_client_requests = Counter(
    "etcd_server_client_requests_total",
    "The total number of client requests per client version.",
    ["type", "client_api_version"],
)

_LABELS = ["grpc_type", "grpc_service", "grpc_method"]
_started = Counter("grpc_server_started_total", "Total number of RPCs started on the server.", _LABELS)
_handled = Counter(
    "grpc_server_handled_total",
    "Total number of RPCs completed on the server, regardless of success or failure.",
    [*_LABELS, "grpc_code"],
)


@cache
def client_request(grpc_type: str, client_api_version: str) -> Counter:
    """The counter of requests by clients of this version."""
    return _client_requests.labels(grpc_type, client_api_version)


@cache
def started(grpc_type: str, full_method: str) -> Counter:
    """The counter of calls of ``/service/method`` begun."""
    return _started.labels(grpc_type, *full_method[1:].split("/"))


@cache
def handled(grpc_type: str, full_method: str, status: Status) -> Counter:
    """The counter of calls of ``/service/method`` that ended so."""
    code = {Status.OK: "OK", Status.CANCELLED: "Canceled"}.get(status, status.name.title().replace("_", ""))
    return _handled.labels(grpc_type, *full_method[1:].split("/"), code)
