"""The leader dies, and another member is elected.

``tracer election``, or ``tracer run examples/election.py``; with ``--pre-vote`` a member first asks whether
it could win.
"""

from tracer.cluster import Cluster

SEED = 1


async def story(cluster: Cluster) -> None:
    cluster.crash(cluster.leader)
    await cluster.led()
