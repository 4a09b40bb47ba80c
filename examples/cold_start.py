"""Three members start, each with an empty directory; nobody leads, until one of them loses patience first.

``tracer run examples/cold_start.py``
"""

from tracer.cluster import Cluster

SEED = 1
COLD = True


async def story(cluster: Cluster) -> None:
    await cluster.boot()
    await cluster.led()
