"""A put sent to a follower: it goes to the leader and comes back as a commit.

``tracer run examples/put_to_follower.py``
"""

from tracer.cluster import Cluster


async def story(cluster: Cluster) -> None:
    await cluster.ctl("put", "foo", "bar", to="follower")
