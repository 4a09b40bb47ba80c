"""The server as its operator meets it: ready lines, signals, taken ports, directories that will not do."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import MINIETCD, Cluster, Member, cluster, free_ports, http_get, wait_until

pytestmark = pytest.mark.e2e


def run(*flags: str) -> subprocess.CompletedProcess[str]:
    """A server that is expected to end by itself."""
    return subprocess.run([*MINIETCD, *flags], capture_output=True, text=True, timeout=30, check=False)


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """The only complaint among the log's lines; there is no traceback."""
    assert "Traceback" not in done.stderr, done.stderr
    complaints = [line for line in done.stderr.splitlines() if line[27:30] in ("C |", "E |")]
    assert len(complaints) == 1, done.stderr
    return complaints[0].split(" | ", 1)[1]


def test_it_says_when_it_is_ready_and_ends_by_the_signal_it_gets(tmp_path: Path) -> None:
    with cluster(MINIETCD, tmp_path) as c:
        member = c.members[0]
        assert "I | embed: ready to serve client requests\n" in member.log.read_text()
        wait_until(lambda: "strongly discouraged" in member.log.read_text(), "the line of the client port")
        line = (
            f"N | embed: serving insecure client requests on {member.endpoint}, this is strongly discouraged!"
        )
        assert line in member.log.read_text()
        assert member.signal(signal.SIGTERM) == -signal.SIGTERM
        assert "N | pkg/osutil: received terminated signal, shutting down..." in member.log.read_text()
        assert "Traceback" not in member.log.read_text()


def test_interrupting_it_is_a_clean_end_too(tmp_path: Path) -> None:
    with cluster(MINIETCD, tmp_path) as c:
        assert c.members[0].signal(signal.SIGINT) == -signal.SIGINT
        assert "received interrupt signal, shutting down..." in c.members[0].log.read_text()
        c.members[0].start()
        c.members[0].wait_ready()


def test_a_signal_while_it_waits_for_its_cluster_ends_it(tmp_path: Path) -> None:
    ports = free_ports(3)
    member = Member("n1", MINIETCD, tmp_path, ports[0], ports[1])
    member.initial_cluster = f"n1={member.peer_url},n2=http://127.0.0.1:{ports[2]}"
    member.start()
    try:
        wait_until(lambda: "listening for peers" in member.log.read_text(), "the peer port")
        assert member.signal(signal.SIGTERM) == -signal.SIGTERM
        assert "Traceback" not in member.log.read_text()
    finally:
        member.kill()


CRASHING = """
import sys
from minietcd.etcdmain.etcd import main
from minietcd.etcdserver.server import EtcdServer
def crash(self, *args): raise ZeroDivisionError("on purpose")
EtcdServer.apply_entry_normal = crash
main()
"""


@pytest.mark.parametrize("level", ["info", "debug"])
def test_a_fault_ends_it_with_one_line_and_a_traceback_only_for_who_asks(tmp_path: Path, level: str) -> None:
    client, peer = free_ports(2)
    member = Member("n1", [sys.executable, "-c", CRASHING, f"--log-level={level}"], tmp_path, client, peer)
    member.initial_cluster = f"n1={member.peer_url}"
    member.start()
    assert member.process is not None
    assert member.process.wait(30) == 1
    text = member.log.read_text()
    assert "C | etcdmain: task 'apply scheduler (fifo.run)' crashed: ZeroDivisionError: on purpose\n" in text
    assert ("Traceback" in text) == (level == "debug")


CRASHING_EARLY = """
import asyncio
from minietcd.embed.etcd import Etcd
from minietcd.etcdmain.etcd import main
from minietcd.etcdserver.raft import RaftNode
async def crash(self, rd, rh): raise ZeroDivisionError("on purpose")
RaftNode._handle = crash
serve_peers = Etcd.serve_peers
async def slow(self):
    await asyncio.sleep(0.5)
    await serve_peers(self)
Etcd.serve_peers = slow
main()
"""

CRASHING_LATE = """
import asyncio
from minietcd.etcdmain.etcd import main
from minietcd.raft.rawnode import RawNode
from minietcd.raft.node import Node
from minietcd.etcdserver.raft import RaftNode
def crash(self): raise ZeroDivisionError("on purpose")
async def on_stop(self):
    RawNode.tick = RawNode.has_ready = crash
    await on_stop_(self)
on_stop_, RaftNode.on_stop = RaftNode.on_stop, on_stop
node_stop = Node.stop
async def stop(self):
    self.tickc.try_send(None)
    await asyncio.sleep(0.1)
    await node_stop(self)
Node.stop = stop
main()
"""


def test_a_fault_while_it_starts_ends_it(tmp_path: Path) -> None:
    client, peer = free_ports(2)
    member = Member("n1", [sys.executable, "-c", CRASHING_EARLY], tmp_path, client, peer)
    member.initial_cluster = f"n1={member.peer_url}"
    member.start()
    assert member.process is not None
    try:
        assert member.process.wait(20) == 1
    finally:
        member.kill()
    assert "task 'raftNode loop' crashed: ZeroDivisionError: on purpose" in member.log.read_text()


def test_a_fault_while_it_stops_ends_it_too(tmp_path: Path) -> None:
    with cluster([sys.executable, "-c", CRASHING_LATE], tmp_path) as c:
        assert c.members[0].signal(signal.SIGINT) == 1
        text = c.members[0].log.read_text()
        assert "C | etcdmain: task 'raft node.run' crashed: ZeroDivisionError: on purpose\n" in text


def test_json_lines_are_json(tmp_path: Path) -> None:
    with cluster(MINIETCD, tmp_path, flags=["--logger=zap", "--log-outputs=stdout"]) as c:
        c.members[0].signal(signal.SIGTERM)
        lines = c.members[0].log.read_text().splitlines()
        messages = [json.loads(line)["msg"] for line in lines if line.startswith("{")]
        assert "ready to serve client requests" in messages


def flags_of(c: Cluster) -> list[str]:
    member = c.members[0]
    return [
        *(
            f"--listen-client-urls=http://{member.endpoint}",
            f"--advertise-client-urls=http://{member.endpoint}",
        ),
        *(f"--listen-peer-urls={member.peer_url}", f"--initial-advertise-peer-urls={member.peer_url}"),
        f"--initial-cluster=default={member.peer_url}",
    ]


def test_a_port_that_is_taken_is_one_line(tmp_path: Path) -> None:
    with cluster(MINIETCD, tmp_path) as c:
        done = run(*flags_of(c), "--data-dir", str(tmp_path / "other"))
        addr = c.members[0].peer_url.removeprefix("http://")
        assert one_line(done) == f"etcdmain: listen tcp {addr}: bind: address already in use"
        assert done.returncode == 1


def test_a_directory_that_another_server_uses_is_one_line(tmp_path: Path) -> None:
    with cluster(MINIETCD, tmp_path) as c:
        ports = free_ports(2)
        urls = [f"http://127.0.0.1:{port}" for port in ports]
        done = run(
            *(f"--listen-client-urls={urls[0]}", f"--advertise-client-urls={urls[0]}"),
            *(f"--listen-peer-urls={urls[1]}", "--data-dir", str(c.members[0].data_dir)),
        )
        assert str(c.members[0].data_dir) in one_line(done)
        assert done.returncode == 1
        assert http_get(f"http://{c.members[0].endpoint}/health") == '{"health":"true"}'


def test_a_log_file_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    file = f"{tmp_path}/no/such/file"
    done = run("--logger=zap", f"--log-outputs={file}", "--data-dir", str(tmp_path / "d"))
    assert f'open sink "{file}": open {file}: no such file or directory' in one_line(done)
    assert done.returncode == 1


def test_a_data_dir_that_is_none_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run("--data-dir", str(tmp_path / "file"))
    assert one_line(done) == f"etcdmain: error listing data dir: {tmp_path}/file (not a directory)"
    assert done.returncode == 1


def test_a_log_that_is_no_log_is_one_line(tmp_path: Path) -> None:
    wal = tmp_path / "d/member/wal"
    wal.mkdir(parents=True)
    (wal / f"{0:016x}-{0:016x}.wal").write_bytes(b"junk" * 1000)
    client, peer = (f"http://127.0.0.1:{port}" for port in free_ports(2))
    done = run(
        *("--data-dir", str(tmp_path / "d"), f"--listen-peer-urls={peer}"),
        *(f"--listen-client-urls={client}", f"--advertise-client-urls={client}"),
    )
    assert "wal" in one_line(done)
    assert done.returncode in (1, 2)


@pytest.mark.parametrize(
    "words",
    [
        ["--nope"],
        ["--name"],
        ["---name=x"],
        ["--heartbeat-interval", "x"],
        ["--pre-vote=maybe"],
        ["--initial-cluster-state=foo"],
        ["--listen-client-urls=127.0.0.1"],
        ["--backend-batch-interval=1"],
        ["foo"],
        ["--election-timeout=1"],
        ["--listen-peer-urls=http://foo:1"],
        ["--initial-advertise-peer-urls=http://:1"],
        ["--logger=foo"],
    ],
)
def test_nonsense_is_refused_as_etcd_refuses_it(etcd_bin: Path, tmp_path: Path, words: list[str]) -> None:
    theirs = subprocess.run([etcd_bin, *words], capture_output=True, text=True, cwd=tmp_path, check=False)
    ours = run(*words)
    assert ours.returncode == theirs.returncode
    assert complaint(ours.stderr) == complaint(theirs.stderr)


def complaint(stderr: str) -> str:
    """What was wrong, without times, the program's name, and etcd's word on its logger."""
    lines = [line for line in stderr.splitlines() if not line.startswith("[WARNING]")]
    return lines[0].split(" | ")[-1].replace("'minietcd ", "'etcd ")
