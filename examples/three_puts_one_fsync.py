"""Three puts: while the first is on its way, two more come, and share one write to disk.

Look for *shared by 2*: ``tracer run examples/three_puts_one_fsync.py``. One of the three alone, the rest of
the batch left out: add ``--request 2``.

The first is in a Ready by itself, as nothing else was proposed when raft had it. The two are sent together
while that Ready is being worked on: they are proposed before raft offers the next one, which holds both.
"""

from minietcd.pkg.context import BACKGROUND
from tracer.cluster import Cluster


async def story(cluster: Cluster) -> None:
    async with cluster.client() as client:
        first = cluster.start(client.kv.put(BACKGROUND, "first", "1"))
        await cluster.proposed(b"first")
        await cluster.together(*(client.kv.put(BACKGROUND, key, "1") for key in ("second", "third")))
        await first
