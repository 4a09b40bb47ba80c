"""A fourth member is let in, for now without a vote; nobody has started it yet.

``tracer run examples/member_add.py``
"""

from tracer.cluster import Cluster

SEED = 1


async def before(cluster: Cluster) -> None:
    for name in cluster.names:
        await cluster.ctl("put", "foo", "before", to=name)
    await cluster.healthy()
    cluster.expect("n4")


async def story(cluster: Cluster) -> None:
    url = cluster.machine("n4").peer
    await cluster.ctl("member", "add", "n4", "--learner", f"--peer-urls={url}")
