"""A follower was away for so long that the leader no longer has the entries it missed: it gets a snapshot.

Here the leader saves a snapshot after every four entries, and keeps only one entry from before it (etcd:
100,000 and 5,000). ``tracer run examples/catch_up_by_snapshot.py``
"""

from tracer.cluster import Cluster

SEED = 1
CONFIG = {"snapshot_count": 4, "snapshot_catch_up_entries": 1}


async def before(cluster: Cluster) -> None:
    cluster.crash("n3")
    for number in range(12):
        await cluster.ctl("put", "a", str(number))


async def story(cluster: Cluster) -> None:
    await cluster.restart("n3")
    await cluster.settle()
