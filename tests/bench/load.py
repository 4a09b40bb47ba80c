"""The load: h2load (Debian's nghttp2-client) sends one put over and over, 50 at a time on 10 connections.

A compiled generator takes so little of the machine that what is measured is the server.
"""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from minietcd.proto.etcdserverpb import rpc_pb2 as pb
from tests.processes import free_ports, wait_until

CONNECTIONS = 10
STREAMS = 5
VALUE_BYTES = 256


def write_request(path: Path) -> None:
    """One put of 256 bytes, framed as gRPC frames it."""
    message = pb.PutRequest(key=b"bench", value=b"v" * VALUE_BYTES).SerializeToString()
    path.write_bytes(b"\0" + struct.pack(">I", len(message)) + message)


def puts_per_second(endpoint: str, request: Path, count: int) -> float:
    """Send ``count`` puts; how many a second were answered. Raises RuntimeError if any was not."""
    result = subprocess.run(
        [
            *("h2load", "-n", str(count), "-c", str(CONNECTIONS), "-m", str(STREAMS), "-d", str(request)),
            *("-H", "content-type: application/grpc", "-H", "te: trailers"),
            f"http://{endpoint}/etcdserverpb.KV/Put",
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    if f"{count} succeeded" not in result.stdout:
        raise RuntimeError(f"not every put was answered:\n{result.stdout}")
    rate = re.search(r"finished in .*?, ([\d.]+) req/s", result.stdout)
    assert rate is not None, result.stdout
    return float(rate[1])


@contextlib.contextmanager
def empty_server() -> Iterator[str]:
    """The endpoint of a gRPC server that does nothing."""
    [port] = free_ports(1)
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.empty_server", str(port)])
    try:
        wait_until(lambda: _listens(port), "the empty server listens")
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0
