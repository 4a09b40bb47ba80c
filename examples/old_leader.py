"""A leader is cut off and does not notice; others elect another; then it is heard again, and steps down.

``tracer run examples/old_leader.py``
"""

import asyncio

from tracer.cluster import Cluster

SEED = 1


async def before(cluster: Cluster) -> None:
    await cluster.ctl("put", "foo", "before")
    await asyncio.sleep(0.7)  # when it next looks for a quorum, another is to lead by then


async def story(cluster: Cluster) -> None:
    network = cluster.machine("n1").loop.network
    network.partition(("n1",), ("n2", "n3"))
    await cluster.led("n1")
    network.heal()
    await cluster.settle()
