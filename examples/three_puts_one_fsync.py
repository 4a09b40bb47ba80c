"""Three puts: while the first is on its way, two more come, and share one write to disk.

Look for *shared by 2*: ``tracer run examples/three_puts_one_fsync.py``. One of the three alone, the rest of
the batch left out: add ``--request 2``.
"""

from minietcd.pkg.context import BACKGROUND
from tracer.cluster import Cluster


async def story(cluster: Cluster) -> None:
    async with cluster.client() as client:
        end = cluster.log_end()
        first = cluster.start(client.kv.put(BACKGROUND, "a", "1"))
        await cluster.log_reaches(end + 1)
        await cluster.together(*(client.kv.put(BACKGROUND, key, "1") for key in "bc"))
        await first
