"""Which API is open, which depends on what the oldest member of the cluster can do.

Go: etcdserver/api/capability.go
"""

from __future__ import annotations

from minietcd.pkg import logutil
from minietcd.version.version import SemVer

AUTH_CAPABILITY = "auth"
V3RPC_CAPABILITY = "v3rpc"
log = logutil.get_logger("etcdserver/api")

_MIN_VERSION = SemVer(3, 0)
_current_version: SemVer | None = None


def update_capability(cluster_version: SemVer | None) -> None:
    """Say what a new cluster version enables. Go: etcdserver/api/capability.go#UpdateCapability"""
    global _current_version
    if cluster_version and (_current_version is None or _current_version < cluster_version):
        _current_version = cluster_version
        log.info("enabled capabilities for version", cluster_version=cluster_version.cluster())


def is_capability_enabled(capability: str) -> bool:
    """Every version from 3.0 on has all there is, and until one is agreed nothing is refused.

    Go: etcdserver/api/capability.go#IsCapabilityEnabled
    """
    known = capability in (AUTH_CAPABILITY, V3RPC_CAPABILITY)
    return known and (_current_version is None or _current_version >= _MIN_VERSION)
