"""The bytes that a run left behind: on its disks, in its databases, and on the way between its members.

A page takes them apart. They are there where the machines are virtual: their disks and wires can be read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from tracer.machine import Machine
from tracer.model import Evidence
from tracer.virtual.network import Connection, Network

_STREAM = b"GET /raft/stream/msgapp/"


class Tap:
    """Hears what is written to every connection of ``network`` from now on."""

    def __init__(self, network: Network) -> None:
        self._written: dict[tuple[object, object], bytearray] = defaultdict(bytearray)
        self._ends: list[Connection] = []
        network.tap = self._hear

    def streams(self, name: str) -> dict[str, bytes]:
        """What ``name`` wrote to those who asked it for a stream of MsgApp; the last that each asked for."""
        return {
            end.there: bytes(self._of(end)) for end in self._ends if end.here == name and self._asked(end)
        }

    def _hear(self, end: Connection, data: bytes) -> None:
        if end not in self._ends:
            self._ends.append(end)
        self._of(end).extend(data)

    def _of(self, end: Connection) -> bytearray:
        return self._written[end.get_extra_info("sockname"), end.get_extra_info("peername")]

    def _asked(self, end: Connection) -> bool:
        ends = end.get_extra_info("peername"), end.get_extra_info("sockname")
        return self._written[ends].startswith(_STREAM)


def database(machine: Machine) -> bytes:
    """The file as it is now, or nothing."""
    path = machine.root / machine.name / "data" / "member" / "snap" / "db"
    return path.read_bytes() if path.is_file() else b""


def wal(machine: Machine) -> bytes:
    """The last segment of its log, without the zeros that nothing was written over."""
    directory = machine.root / machine.name / "data" / "member" / "wal"
    if not machine.disk.exists(directory):
        return b""
    names = sorted(name for name in machine.disk.listdir(directory) if name.endswith(".wal"))
    return machine.disk.contents(directory / names[-1]) if names else b""


def gather(
    machines: dict[str, Machine], before: dict[str, bytes], tap: Tap
) -> Iterator[tuple[str, Evidence]]:
    """What each has left by now."""
    for name, machine in machines.items():
        yield name, Evidence(wal(machine), before.get(name, b""), database(machine), tap.streams(name))
