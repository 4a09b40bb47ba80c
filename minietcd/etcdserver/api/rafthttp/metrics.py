"""What went to peers, came from them and was dropped, by etcd's metric names; bytes as they are on the wire.

Left out: timings of snapshots and probes.

Go: etcdserver/api/rafthttp/metrics.go
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge


def _counter(name: str, documentation: str, *labels: str) -> Counter:
    return Counter(name, documentation, labels, namespace="etcd", subsystem="network")


active_peers = Gauge(
    "active_peers",
    "The current number of active peer connections.",
    ["Local", "Remote"],
    namespace="etcd",
    subsystem="network",
)
disconnected_peers = _counter(
    "disconnected_peers_total", "The total number of disconnected peers.", "Local", "Remote"
)
sent_bytes = _counter("peer_sent_bytes_total", "The total number of bytes sent to peers.", "To")
received_bytes = _counter(
    "peer_received_bytes_total", "The total number of bytes received from peers.", "From"
)
sent_failures = _counter("peer_sent_failures_total", "The total number of send failures from peers.", "To")
recv_failures = _counter(
    "peer_received_failures_total", "The total number of receive failures from peers.", "From"
)
snapshot_send = _counter("snapshot_send_success", "Total number of successful snapshot sends", "To")
snapshot_send_failures = _counter("snapshot_send_failures", "Total number of snapshot send failures", "To")
snapshot_receive = _counter(
    "snapshot_receive_success", "Total number of successful snapshot receives", "From"
)
snapshot_receive_failures = _counter(
    "snapshot_receive_failures", "Total number of snapshot receive failures", "From"
)
