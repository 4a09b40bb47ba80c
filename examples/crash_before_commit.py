"""A member answers a put and crashes before its database has it: the log has, and brings it back.

What the database had already is passed over, though the log brings that back, too.
``tracer run examples/crash_before_commit.py``
"""

from tracer.cluster import Cluster

MEMBERS = 1
SEED = 1


async def story(cluster: Cluster) -> None:
    await cluster.ctl("put", "foo", "bar")
    cluster.crash("n1")
    await cluster.restart("n1")
    await cluster.settle()
