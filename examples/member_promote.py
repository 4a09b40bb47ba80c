"""A member that has learned enough is let vote; then comes a put.

Two of three decide about the promotion, but three of four about the put.
``tracer run examples/member_promote.py``
"""

from tracer.cluster import Cluster

SEED = 1


async def before(cluster: Cluster) -> None:
    for name in cluster.names:
        await cluster.ctl("put", "foo", "before", to=name)
    await cluster.healthy()
    url = cluster.expect("n4")
    await cluster.ctl("member", "add", "n4", "--learner", f"--peer-urls={url}")
    await cluster.join("n4")
    await cluster.in_step("n4")
    await cluster.settle()


async def story(cluster: Cluster) -> None:
    await cluster.ctl("member", "promote", cluster.id("n4"))
    await cluster.ctl("put", "foo", "bar")
