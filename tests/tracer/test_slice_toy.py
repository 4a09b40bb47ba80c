"""The toy's three concurrent puts, of which the last two share one write to disk."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest
import toy

from tracer import journal
from tracer.build import build
from tracer.journal import Journal
from tracer.model import Trace
from tracer.recorder import Recorder
from tracer.slice import requests, slice


async def record(puts: int = 3) -> Journal:
    async with toy.Cluster() as leader:
        with Recorder(toy.subject()) as recorder:
            calls = [leader.put(toy.Put(100 + n, f"k{n}")) for n in range(puts)]
            await asyncio.gather(*(asyncio.create_task(c, name=f"put {n}") for n, c in enumerate(calls)))
    return recorder.journal


def story(trace: Trace) -> list[str]:
    """Every step of the trace in words, in order."""
    steps = [(s.start, 0, f"{trace.member(s.task)} {s.function.name}") for s in trace.spans.values()]
    steps += [(e.at, 1, f"  {e.name} ({e.label})" + "*" * e.critical) for e in trace.edges]
    return [text for *_, text in sorted(steps)]


async def test_a_put_alone_is_one_chain_from_propose_to_reply() -> None:
    trace = build(await record(1))
    (task,) = requests(trace)
    assert story(slice(trace, [task])) == [
        "client Leader.put",
        "client Wait.register",
        "client Leader.propose",
        "  propc (put k0)*",
        "n1 Leader.append",
        "n1 Disk.save",
        "n1 Disk.sync",
        "n1 Leader.send",
        "n1 encode",
        "  TCP stream (http) (append to n2: 1)*",
        "n2 Follower.handle",
        "n2 Disk.save",
        "n2 Disk.sync",
        "n2 encode",
        "n1 decode",
        "  TCP stream (http) (ack to n1: 1)*",
        "  recvc (ack to n1: 1)*",
        "n1 Leader.commit",
        "n1 FIFOScheduler.schedule",
        "  fifo.resume ()",
        "  fifo.pendings ()*",
        "n1 Leader.apply",
        "n1 Wait.trigger",
        "  wait ch (w.Register/w.Trigger) (OK k0)*",
    ]


async def test_a_batch_is_split_into_its_requests_and_what_they_share_is_marked() -> None:
    trace = build(await record(3))
    parts = [slice(trace, [task]) for task in requests(trace)]
    shared = [
        {(trace.member(s.task), s.function.name) for s in p.spans.values() if s.shared == 2} for p in parts
    ]
    assert shared[0] == set()
    assert shared[1] == shared[2] >= {("n1", "Disk.save"), ("n1", "Disk.sync"), ("n2", "Disk.save")}
    applied = [[s.keys for s in part.spans.values() if s.function.name == "Leader.apply"] for part in parts]
    assert applied == [[(("entry", n + 1, 100 + n),)] for n in range(3)]


async def test_every_slice_ends_with_its_own_answer() -> None:
    trace = build(await record(3))
    for number, task in enumerate(requests(trace)):
        last = slice(trace, [task]).edges[-1]
        assert (last.kind, last.label, last.critical) == ("wait", f"OK k{number}", True)


async def test_a_journal_survives_its_file(tmp_path: Path) -> None:
    recorded = await record(2)
    path = tmp_path / "journal.jsonl"
    recorded.write(path)
    with path.open() as lines:
        assert build(journal.read(lines)) == build(recorded)


@pytest.mark.parametrize("text", ["", "{}", "[]", "not json", json.dumps({"schema": 99})])
def test_a_file_that_is_no_journal_is_refused(text: str) -> None:
    with pytest.raises(journal.JournalError):
        journal.read([text] if text else [])


async def test_nothing_stays_registered_and_nothing_is_kept_alive() -> None:
    recorded = await record(2)
    assert "tracer" not in {sys.monitoring.get_tool(n) for n in range(6)}
    kept = {type(value) for event in recorded.events for value in event}
    assert kept <= {str, int, tuple, dict, type(None)}


async def test_an_exception_ends_the_span_and_is_told() -> None:
    async with toy.Cluster() as leader:
        leader.wait.register(1)
        with Recorder(toy.subject()) as recorder:
            task = asyncio.create_task(leader.put(toy.Put(1, "k")), name="put")
            with pytest.raises(ValueError, match="dup id"):
                await task
    spans = {span.function.name: span for span in build(recorder.journal).spans.values()}
    assert spans["Leader.put"].error == spans["Wait.register"].error == "ValueError: dup id 1"
