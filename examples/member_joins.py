"""A member that was let in is started: it has nothing, and gets the whole log.

``tracer run examples/member_joins.py``
"""

from tracer.cluster import Cluster

SEED = 1


async def before(cluster: Cluster) -> None:
    for name in cluster.names:
        await cluster.ctl("put", "foo", "before", to=name)
    await cluster.healthy()
    url = cluster.expect("n4")
    await cluster.ctl("member", "add", "n4", "--learner", f"--peer-urls={url}")
    await cluster.settle()


async def story(cluster: Cluster) -> None:
    await cluster.join("n4")
    await cluster.in_step("n4")
