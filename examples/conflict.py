"""A member comes back with an entry that nobody else has: it is found where the logs part, and replaced.

``tracer run examples/conflict.py``
"""

from contextlib import suppress

from minietcd.clientv3.errors import StatusError
from minietcd.etcdserver.api.v3rpc.rpctypes.error import EtcdError
from minietcd.pkg.context import BACKGROUND
from tracer.cluster import Cluster

SEED = 1


async def before(cluster: Cluster) -> None:
    network = cluster.machine("n1").loop.network
    async with cluster.client("n1") as client:
        network.partition(("n1",), ("n2", "n3"))
        put = cluster.start(client.kv.put(BACKGROUND, "foo", "lost"))
        await cluster.stored(b"lost", "n1")
        cluster.crash("n1")
        with suppress(EtcdError, StatusError):
            await put
    network.heal()
    await cluster.led()
    await cluster.ctl("put", "foo", "kept")
    await cluster.transfer(next(name for name in ("n2", "n3") if name != cluster.leader))


async def story(cluster: Cluster) -> None:
    await cluster.restart("n1")
    await cluster.settle()
