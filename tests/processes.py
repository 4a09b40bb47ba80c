"""Clusters of real processes, ours or etcd's, on free loopback ports: for tests and for measuring."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

MINIETCD = (sys.executable, "-m", "minietcd")
MINIETCDCTL = (sys.executable, "-m", "minietcd.etcdctl")
START_SECONDS = 30.0


def free_ports(count: int) -> list[int]:
    """Ports of the loopback address that nobody listened on a moment ago."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for sock in sockets:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("127.0.0.1", 0))
        return [sock.getsockname()[1] for sock in sockets]


def wait_until(condition: Callable[[], bool], what: str, seconds: float = START_SECONDS) -> None:
    """Ask ``condition`` until it holds; AssertionError naming ``what`` if it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"after {seconds:g} s still not: {what}"
        time.sleep(0.01)


def http_get(url: str) -> str:
    """The body of ``url``, or "" while nobody answers or the answer is an error."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            body: bytes = response.read()
            return body.decode()
    except (OSError, urllib.error.URLError):
        return ""


@dataclass
class Member:
    """One server process and the directory that outlives it."""

    name: str
    program: Sequence[str]
    directory: Path
    client_port: int
    peer_port: int
    flags: Sequence[str] = ()
    process: subprocess.Popen[bytes] | None = None
    initial_cluster: str = ""
    joins: bool = False
    """Whether the others are there already."""

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.client_port}"

    @property
    def peer_url(self) -> str:
        return f"http://127.0.0.1:{self.peer_port}"

    @property
    def data_dir(self) -> Path:
        return self.directory / f"{self.name}.etcd"

    @property
    def log(self) -> Path:
        return self.directory / f"{self.name}.log"

    def start(self) -> None:
        """Start the process; it is ready when ``wait_ready`` returns."""
        client_url = f"http://{self.endpoint}"
        command = [
            *self.program,
            *("--name", self.name, "--data-dir", str(self.data_dir)),
            *("--listen-client-urls", client_url, "--advertise-client-urls", client_url),
            *("--listen-peer-urls", self.peer_url, "--initial-advertise-peer-urls", self.peer_url),
            *("--initial-cluster", self.initial_cluster),
            *("--initial-cluster-state", "existing" if self.joins else "new"),
            *self.flags,
        ]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)

    def wait_ready(self, seconds: float = START_SECONDS) -> None:
        """Wait until it serves and knows a leader."""
        wait_until(self.is_healthy, f"{self.name} is healthy; its log is {self.log}", seconds)

    def is_healthy(self) -> bool:
        assert self.process is not None and self.process.poll() is None, self.log.read_text()[-2000:]
        return '"true"' in http_get(f"http://{self.endpoint}/health")

    def is_leader(self) -> bool:
        metrics = http_get(f"http://{self.endpoint}/metrics")
        return bool(re.search(r"^etcd_server_is_leader 1(\.0)?$", metrics, re.MULTILINE))

    def signal(self, number: signal.Signals, seconds: float = START_SECONDS) -> int:
        """Send a signal and wait for the end; the exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(seconds)
        self.process = None
        return code

    def kill(self) -> None:
        """kill -9, if it runs."""
        if self.process is not None and self.process.poll() is None:
            self.signal(signal.SIGKILL)
        self.process = None


@dataclass
class Cluster:
    """Members that know of each other."""

    members: list[Member] = field(default_factory=list)

    @property
    def endpoints(self) -> str:
        return ",".join(member.endpoint for member in self.members)

    def leader(self) -> Member:
        """Wait until somebody leads, and tell who."""
        if len(self.members) == 1:
            return self.members[0]
        found: list[Member] = []

        def somebody_leads() -> bool:
            found[:] = [member for member in self.members if member.process and member.is_leader()]
            return len(found) == 1

        wait_until(somebody_leads, "a leader")
        return found[0]

    def follower(self) -> Member:
        """Any member that does not lead."""
        leader = self.leader()
        return next(member for member in self.members if member is not leader)


@contextlib.contextmanager
def cluster(
    program: Sequence[str], directory: Path, size: int = 1, flags: Sequence[str] = ()
) -> Iterator[Cluster]:
    """A ready cluster of ``size`` processes; they are gone afterwards, the directory stays."""
    ports = free_ports(2 * size)
    members = [
        Member(f"n{i + 1}", program, directory, ports[2 * i], ports[2 * i + 1], flags) for i in range(size)
    ]
    for member in members:
        member.initial_cluster = ",".join(f"{m.name}={m.peer_url}" for m in members)
    try:
        for member in members:
            member.start()
        for member in members:
            member.wait_ready()
        yield Cluster(members)
    finally:
        for member in members:
            member.kill()


def ctl(
    program: Sequence[str | Path], endpoints: str, *words: str, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run an etcdctl, theirs or ours, against ``endpoints``."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ETCD")}
    return subprocess.run(
        [*map(str, program), "--endpoints", endpoints, *words],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        env={**environment, "ETCDCTL_API": "3"},
        check=False,
    )
