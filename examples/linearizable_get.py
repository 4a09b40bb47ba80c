"""A read that must not be stale: before it answers, the leader asks a quorum whether it still leads.

``tracer run examples/linearizable_get.py``
"""

from tracer.cluster import Cluster


async def story(cluster: Cluster) -> None:
    await cluster.ctl("get", "foo")
