"""Beside the real etcd: it writes what we read, and reads what we write, to the byte."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from minietcd.etcdserver.api.snap.snapshotter import Snapshotter
from minietcd.etcdserver.storage import read_wal
from minietcd.pkg.fileutil import File
from minietcd.proto.etcdserverpb.etcdserver_pb2 import Metadata
from minietcd.proto.walpb.record_pb2 import Snapshot
from minietcd.raft.raftpb import Entry, HardState
from minietcd.wal import wal
from minietcd.wal.decoder import ENTRY_TYPE, STATE_TYPE, Decoder
from minietcd.wal.encoder import Encoder

pytestmark = pytest.mark.e2e

START = Snapshot(index=0, term=0)
FIRST = "0000000000000000-0000000000000000.wal"


@dataclass
class Real:
    """A real member, and a real etcdctl that speaks to it."""

    etcd: Path
    etcdctl: Path
    data_dir: Path

    @contextmanager
    def running(self) -> Iterator[None]:
        client, peer = (f"http://127.0.0.1:{_free_port()}" for _ in range(2))
        self.endpoint = client
        args = [self.etcd, "--name=m", f"--data-dir={self.data_dir}", f"--initial-cluster=m={peer}"]
        args += [f"--listen-client-urls={client}", f"--advertise-client-urls={client}", "--snapshot-count=50"]
        args += [f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}"]
        with subprocess.Popen(args, stderr=subprocess.PIPE, text=True, env=_environment()) as process:
            assert process.stderr
            said: list[str] = []
            try:
                for line in process.stderr:
                    said.append(line)
                    if "ready to serve client requests" in line:
                        break
                else:
                    raise AssertionError("".join(said))
                yield
            finally:
                process.terminate()
                process.stderr.read()

    def ctl(self, *args: str) -> str:
        command = [self.etcdctl, f"--endpoints={self.endpoint}", *args]
        return subprocess.run(
            command, check=True, text=True, stdout=subprocess.PIPE, env=_environment()
        ).stdout


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port: int = s.getsockname()[1]
        return port


def _environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "ETCDCTL_API": "3", "ETCD_UNSUPPORTED_ARCH": "arm64"}


@pytest.fixture(scope="module")
def member(etcd_bin: Path, etcdctl_bin: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    """A real member that was put to use, and stopped."""
    real = Real(etcd_bin, etcdctl_bin, tmp_path_factory.mktemp("real") / "data")
    with real.running():
        for n in range(60):
            real.ctl("put", f"key {n}", "value" * n)
        real.ctl("del", "key 1")
        real.ctl("lease", "grant", "600")
    yield real
    shutil.rmtree(real.data_dir)


def test_a_log_of_the_real_etcd_is_read_whole_and_encoded_to_the_same_bytes(
    member: Real, tmp_path: Path
) -> None:
    segment = member.data_dir / "member" / "wal" / FIRST
    decoder = Decoder([File(segment, os.O_RDONLY)])
    encoder = Encoder(File(tmp_path / FIRST, os.O_WRONLY | os.O_CREAT), 0, 0)
    messages = {ENTRY_TYPE: Entry, STATE_TYPE: HardState}
    types: list[int] = []
    for record in decoder:
        types.append(record.type)
        encoder.encode(record.type, record.data if record.HasField("data") else None)
        if record.type in messages:
            assert messages[record.type].unmarshal(record.data).marshal() == record.data
    encoder.flush()
    encoder.file.close()
    decoder.close()
    assert set(types) == {1, 2, 3, 4, 5} and len(types) > 120
    assert (tmp_path / FIRST).read_bytes() == segment.read_bytes()[: decoder.last_valid_off]


def test_the_real_etcd_goes_on_with_a_log_that_we_wrote(
    member: Real, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wal, "SEGMENT_SIZE_BYTES", 1_000_000)
    shutil.copytree(member.data_dir, tmp_path / "data")
    real = Real(member.etcd, member.etcdctl, tmp_path / "data")
    directory = real.data_dir / "member" / "wal"
    w, node_id, cluster_id, state, entries = read_wal(directory, START)
    w.close()

    shutil.rmtree(directory)
    w = wal.create(directory, Metadata(NodeID=node_id, ClusterID=cluster_id).SerializeToString())
    for entry in entries:
        w.save(HardState(entry.term, state.vote, min(entry.index, state.commit)), [entry])
        if entry.index % 20 == 0:
            w.cut()
    w.save(state, [])
    for path in (real.data_dir / "member" / "snap").glob("*.snap"):
        term, index = (int(part, 16) for part in path.stem.split("-"))
        w.save_snapshot(Snapshot(index=index, term=term))
    w.close()
    assert len(list(directory.iterdir())) > 3

    with real.running():
        assert real.ctl("get", "key 59", "--print-value-only") == "value" * 59 + "\n"
        real.ctl("put", "after", "the restart")

    w, *_, after = read_wal(directory, START)
    w.close()
    assert after[: len(entries)] == entries
    assert b"the restart" in b"".join(entry.data for entry in after[len(entries) :])


def test_a_snapshot_of_the_real_etcd_is_read_and_written_to_the_same_bytes(
    member: Real, tmp_path: Path
) -> None:
    directory = member.data_dir / "member" / "snap"
    snaps = wal.valid_snapshot_entries(member.data_dir / "member" / "wal")
    snapshot = Snapshotter(directory).load_newest_available(snaps)
    assert snapshot.metadata.index >= 50
    Snapshotter(tmp_path).save_snap(snapshot)
    (written,) = tmp_path.iterdir()
    assert written.read_bytes() == (directory / written.name).read_bytes()
