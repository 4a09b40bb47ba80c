"""One put, sent to the leader of three members: the whole way. ``tracer run examples/one_put.py``"""

from tracer.cluster import Cluster


async def story(cluster: Cluster) -> None:
    await cluster.ctl("put", "foo", "bar")
