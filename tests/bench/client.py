"""The load of 50 clients on 10 connections, by Google's gRPC library: ``client.py ENDPOINT COUNT``.

Prints how many puts a second were answered.
"""

from __future__ import annotations

import asyncio
import sys
import time

import grpc

from minietcd.proto.etcdserverpb import rpc_pb2 as pb

CONNECTIONS = 10
CLIENTS = 50
VALUE = b"v" * 256


async def puts_per_second(endpoint: str, count: int) -> float:
    options = [("grpc.use_local_subchannel_pool", 1)]  # else all channels would share one connection
    channels = [grpc.aio.insecure_channel(endpoint, options=options) for _ in range(CONNECTIONS)]
    puts = [
        channel.unary_unary(
            "/etcdserverpb.KV/Put", pb.PutRequest.SerializeToString, pb.PutResponse.FromString
        )
        for channel in channels
    ]
    left = iter(range(count))

    async def client(number: int) -> None:
        for _ in left:
            await puts[number % CONNECTIONS](pb.PutRequest(key=b"bench", value=VALUE))

    await asyncio.gather(*(channel.channel_ready() for channel in channels))
    start = time.perf_counter()
    await asyncio.gather(*(client(number) for number in range(CLIENTS)))
    seconds = time.perf_counter() - start
    for channel in channels:
        await channel.close()
    return count / seconds


if __name__ == "__main__":
    print(asyncio.run(puts_per_second(sys.argv[1], int(sys.argv[2]))))
