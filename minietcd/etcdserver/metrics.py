"""What a member's metrics say of it, read off when they are asked for: a request pays nothing for them.

Left out: what would have to be counted on the way (leader changes, slow applies, failed proposals), because
the log tells of each.

Go: etcdserver/metrics.go
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from minietcd.etcdserver.quota import DEFAULT_QUOTA_BYTES
from minietcd.etcdserver.server import EtcdServer
from minietcd.pkg.types import id_string
from minietcd.version.version import VERSION


def collect(s: EtcdServer) -> Iterator[Metric]:
    """etcd's gauges of one member, under etcd's names."""
    for name, text, value in [
        ("etcd_server_has_leader", "Whether this member knows a leader.", bool(s.leader())),
        ("etcd_server_is_leader", "Whether this member leads.", s.is_leader()),
        ("etcd_server_is_learner", "Whether this member only learns.", s.is_learner()),
        ("etcd_server_proposals_committed_total", "Index of the last entry committed.", s.committed_index()),
        ("etcd_server_proposals_applied_total", "Index of the last entry applied.", s.applied_index()),
        (
            "etcd_server_quota_backend_bytes",
            "Size at which the backend is full.",
            s.cfg.quota_backend_bytes or DEFAULT_QUOTA_BYTES,
        ),
        ("etcd_mvcc_db_total_size_in_bytes", "Size of the backend's file.", s.backend().size()),
        (
            "etcd_mvcc_db_total_size_in_use_in_bytes",
            "Size of what is in the backend.",
            s.backend().size_in_use(),
        ),
        ("etcd_debugging_mvcc_current_revision", "Revision of the store.", s.kv().rev()),
    ]:
        yield GaugeMetricFamily(name, text, value=float(value))
    for name, label, text in [
        ("etcd_server_id", "server_id", id_string(s.id())),
        ("etcd_server_version", "server_version", VERSION),
    ]:
        family = GaugeMetricFamily(name, "Which one this is, in the label.", labels=[label])
        family.add_metric([text], 1)
        yield family
