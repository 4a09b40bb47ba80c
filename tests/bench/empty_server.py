"""A gRPC server of the same library whose Put does nothing: what no server on this library can exceed."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping

from grpclib.const import Cardinality, Handler
from grpclib.server import Server, Stream

from minietcd.proto.etcdserverpb import rpc_pb2 as pb


class EmptyKV:
    """Answers every Put at once."""

    async def put(self, stream: Stream[pb.PutRequest, pb.PutResponse]) -> None:
        await stream.recv_message()
        await stream.send_message(pb.PutResponse())

    def __mapping__(self) -> Mapping[str, Handler]:
        return {
            "/etcdserverpb.KV/Put": Handler(self.put, Cardinality.UNARY_UNARY, pb.PutRequest, pb.PutResponse)
        }


async def serve(port: int) -> None:
    server = Server([EmptyKV()])
    await server.start("127.0.0.1", port)
    await server.wait_closed()


def main() -> None:
    try:
        import uvloop
    except ImportError:
        asyncio.run(serve(int(sys.argv[1])))
    else:
        uvloop.run(serve(int(sys.argv[1])))


if __name__ == "__main__":
    main()
