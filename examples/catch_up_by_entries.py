"""A follower was away, and missed three puts: a heartbeat finds it behind, and it gets the entries.

``tracer run examples/catch_up_by_entries.py``
"""

from tracer.cluster import Cluster

SEED = 1


async def before(cluster: Cluster) -> None:
    cluster.crash("n3")
    for key in ("a", "b", "c"):
        await cluster.ctl("put", key, "1")


async def story(cluster: Cluster) -> None:
    await cluster.restart("n3")
    await cluster.settle()
