"""How a story is shown: the toy's as whole texts at a fixed width."""

from __future__ import annotations

import re
from collections import defaultdict

from test_slice_toy import record

from tracer.build import build
from tracer.fold import View, story
from tracer.model import Trace
from tracer.render import callgraph, json
from tracer.render.terminal import Terminal
from tracer.scenarios import SCENARIOS
from tracer.slice import requests, slice
from tracer.stations import station


async def second_of_three() -> Trace:
    trace = build(await record(3))
    trace.command, trace.members = ("put", "k1"), {"n1": "leader", "n2": "follower"}
    return slice(trace, [list(requests(trace))[1]])


def text(trace: Trace, view: View, width: int) -> list[str]:
    lines = Terminal(trace, story(trace, view, station), view, width, times=False).lines()
    return [line.plain.rstrip() for line in lines]


async def test_sixty_columns_tell_who_did_what_by_which_hand_off() -> None:
    assert text(await second_of_three(), View(2), 60) == STORY.splitlines()


async def test_a_member_or_a_module_can_be_told_alone() -> None:
    trace = await second_of_three()
    told = text(trace, View(2, member="n2"), 100)
    assert [line.split()[0] for line in told if line.startswith("  ") and "go#" in line] == [
        "decode",
        "Follower.handle",
        "Disk.save",
        "Disk.sync",
        "encode",
    ]
    assert [line for line in text(trace, View(2, module="nowhere"), 100) if "go#" in line] == []


async def test_a_graph_has_members_lanes_and_labelled_arrows() -> None:
    trace = await second_of_three()
    source = callgraph.dot(trace, story(trace, View(1), station))
    assert 'subgraph cluster_1 { label="client"' in source
    assert 'label="n1 (leader)"' in source
    assert 't1_2 -> t2_1 [id="t1_2-t2_1", label="propc", class="handoff critical"]' in source
    assert callgraph.dot(trace, story(trace, View(1), station)) == source


def test_a_lane_is_read_from_top_to_bottom_also_where_one_turn_did_not_cause_the_next() -> None:
    trace = SCENARIOS["leader-dies"].record()
    told = story(trace, View(1), station)
    drawn = callgraph.svg(callgraph.dot(trace, told), "")
    heights = dict(re.findall(r'<g id="(t\d+)_1" class="node.*?<text[^>]* y="-([.\d]+)"', drawn, re.DOTALL))
    lanes = defaultdict(list)
    for number, section in enumerate(told, 1):
        lanes[*section.members, section.task].append((section.rows[0].span.id, -float(heights[f"t{number}"])))
    assert max(map(len, lanes.values())) > 4
    for lane in lanes.values():
        assert [height for _, height in sorted(lane)] == sorted(height for _, height in lane)


async def test_json_and_back_is_the_same() -> None:
    dumped = json.dump(await second_of_three())
    again = json.load(dumped)
    assert json.dump(again) == dumped
    assert text(again, View(2), 60) == STORY.splitlines()


STORY = """\
put k1   2 members, n1 leads

client  put 1
  Leader.put put k1 → OK k1
      etcdserver/v3_server.go#EtcdServer.Put
    Wait.register 101
        pkg/wait/wait.go#list.Register
    Leader.propose put k1
        raft/node.go#node.Propose
    ⇓ propc → n1 raft node.run  put k1

  ⇓ propc  put k1
n1  raft node.run
  Leader.append put k1 2
      raft/raft.go#raft.appendEntry
  Disk.save shared by 2
      wal/wal.go#WAL.Save
    Disk.sync shared by 2
        wal/wal.go#WAL.sync
  Leader.send shared by 2 append to n2: 2
      etcdserver/api/rafthttp/peer.go#peer.send
    encode shared by 2 append to n2: 2
        …rver/api/rafthttp/message.go#messageEncoder.encode
    ⇓ TCP stream → n2 decodeLoop  append to n2: 2

  ⇓ TCP stream  append to n2: 2
n2  decodeLoop
  decode shared by 2 → append to n2: 2
      …server/api/rafthttp/message.go#messageDecoder.decode
  Follower.handle shared by 2 append to n2: 2
      raft/raft.go#raft.handleAppendEntries
    Disk.save shared by 2
        wal/wal.go#WAL.Save
      Disk.sync shared by 2
          wal/wal.go#WAL.sync
    encode shared by 2 ack to n1: 3
        …rver/api/rafthttp/message.go#messageEncoder.encode
    ⇓ TCP stream → n1 decodeLoop  ack to n1: 3

  ⇓ TCP stream  ack to n1: 3
n1  decodeLoop
  decode shared by 2 → ack to n1: 3
      …server/api/rafthttp/message.go#messageDecoder.decode
    ⇓ recvc → n1 raft node.run  ack to n1: 3

  ⇓ recvc  ack to n1: 3
n1  raft node.run
  Leader.commit shared by 2
      raft/raft.go#raft.maybeCommit
    FIFOScheduler.schedule shared by 2
        pkg/schedule/schedule.go#fifo.Schedule
    ↓ fifo.resume → n1 apply scheduler (fifo.run)
    ⇓ fifo.pendings → n1 apply scheduler (fifo.run)

  ⇓ fifo.pendings
n1  apply scheduler (fifo.run)
  Leader.apply
      etcdserver/server.go#EtcdServer.applyEntryNormal
    Wait.trigger 101 OK k1
        pkg/wait/wait.go#list.Trigger
    ⇓ wait → client put 1  OK k1

⇓ what the answer waited for   ↓ what else came of it
"""
