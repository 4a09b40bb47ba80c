"""The leader hands over to a follower, which campaigns at once: nobody has to lose patience first.

``tracer transfer``, or ``tracer run examples/transfer.py``.
"""

from tracer.cluster import Cluster

SEED = 1


async def story(cluster: Cluster) -> None:
    await cluster.transfer("n2")
    await cluster.led()
