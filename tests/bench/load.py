"""The load: one put of 256 bytes over and over, 50 at a time on 10 connections, by two generators.

``grpcio``, Google's gRPC library for Python, is a client as users have it; it takes its share of the machine.
``h2load`` (Debian's nghttp2-client) is compiled and takes almost nothing, so that the server is all that is
measured.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from minietcd.proto.etcdserverpb import rpc_pb2 as pb
from tests.bench.client import CLIENTS, CONNECTIONS, VALUE
from tests.processes import free_ports, wait_until

type Generator = Callable[[str, int], float]
"""Sends so many puts to an endpoint; how many a second were answered. Raises RuntimeError if any was not."""


def generators(directory: Path) -> dict[str, Generator]:
    """The generators that are here, by name."""
    found: dict[str, Generator] = {"grpcio": grpcio}
    if shutil.which("h2load"):
        request = directory / "put.bin"
        message = pb.PutRequest(key=b"bench", value=VALUE).SerializeToString()
        request.write_bytes(b"\0" + struct.pack(">I", len(message)) + message)
        found["h2load"] = lambda endpoint, count: h2load(endpoint, count, request)
    return found


def grpcio(endpoint: str, count: int) -> float:
    """See the module ``client``."""
    return float(_run(sys.executable, "-m", "tests.bench.client", endpoint, str(count)))


def h2load(endpoint: str, count: int, request: Path) -> float:
    """Posts the bytes of one gRPC request again and again."""
    output = _run(
        *("h2load", "-n", str(count), "-c", str(CONNECTIONS), "-m", str(CLIENTS // CONNECTIONS)),
        *("-d", str(request), "-H", "content-type: application/grpc", "-H", "te: trailers"),
        f"http://{endpoint}/etcdserverpb.KV/Put",
    )
    rate = re.search(r"finished in .*?, ([\d.]+) req/s", output)
    if rate is None or f"{count} succeeded" not in output:
        raise RuntimeError(f"not every put was answered:\n{output}")
    return float(rate[1])


def _run(*command: str) -> str:
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if result.returncode:
        raise RuntimeError(f"{command[0]} ended with {result.returncode}: {result.stderr[-500:]}")
    return result.stdout


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
