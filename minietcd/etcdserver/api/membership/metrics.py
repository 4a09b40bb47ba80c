"""Go: etcdserver/api/membership/metrics.go"""

from __future__ import annotations

from prometheus_client import Gauge

cluster_version_metrics = Gauge(
    "etcd_cluster_version",
    "Which version is running. 1 for 'cluster_version' label with current cluster version",
    ["cluster_version"],
)
