"""The leader dies during a put: when a follower has the entry, and nobody knows of that.

The follower is elected, and the entry is committed with its first one; whoever asks then finds the key. The
client was told that it cannot know. ``tracer run examples/leader_dies.py``
"""

from contextlib import suppress

from minietcd.clientv3.errors import StatusError
from minietcd.etcdserver.api.v3rpc.rpctypes.error import EtcdError
from minietcd.pkg.context import BACKGROUND
from tracer.cluster import Cluster

SEED = 1


async def story(cluster: Cluster) -> None:
    async with cluster.client() as client:
        put = cluster.start(client.kv.put(BACKGROUND, "foo", "bar"))
        await cluster.proposed(b"bar", "n2")
        cluster.crash(cluster.leader)
        with suppress(EtcdError, StatusError):
            await put
    await cluster.led()
    await cluster.ctl("get", "foo")
