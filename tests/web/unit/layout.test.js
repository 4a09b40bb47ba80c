import assert from "node:assert/strict";
import test from "node:test";
import { arrows, bars, hit, reveal, rows, stretches, view } from "../../../tracer/render/web/layout.js";
import { Recording } from "../../../tracer/render/web/recording.js";
import { story } from "./story.js";

const recording = new Recording(story());
const draw = (folded = new Set()) => {
  const placed = rows(recording, folded);
  return { placed, ...bars(recording, placed), arrows: arrows(recording, placed) };
};

test("rows stand below each other, a heading for each member, and do not overlap", () => {
  const { list, height } = rows(recording, new Set());
  assert.deepEqual(
    list.map((row) => (row.heading ? row.member : row.lanes[0].task)),
    ["client", "main", "n1", "loop", "n2", "loop"],
  );
  for (const [i, row] of list.slice(1).entries()) assert.ok(row.y >= list[i].y + list[i].height);
  assert.ok(height >= list.at(-1).y + list.at(-1).height);
});

test("a member that is folded is one row, with everything in it", () => {
  const open = draw();
  const folded = draw(new Set(["n1", "n2"]));
  assert.equal(folded.placed.list.length, 4);
  assert.equal(folded.calls.length, open.calls.length);
  assert.ok(folded.placed.height < open.placed.height);
});

test("every call has a bar, every hand-off an arrow from where it was let go of", () => {
  const drawn = draw();
  assert.equal(drawn.calls.length, recording.data.spans.length);
  assert.equal(drawn.arrows.length, 4);
  for (const arrow of drawn.arrows) assert.ok(arrow.x0 < arrow.x1);
});

test("a click on a bar finds the innermost call, a click beside everything finds nothing", () => {
  const drawn = draw();
  for (const call of drawn.calls) {
    const found = hit(drawn, call.x0 + 0.1, call.y + call.h / 2, 0.05);
    assert.equal(found.n, call.step.n);
  }
  assert.equal(hit(drawn, 7, 3, 0.05), null);
});

test("a click near an arrow finds its hand-off", () => {
  const drawn = draw();
  const [arrow] = drawn.arrows;
  assert.equal(hit(drawn, (arrow.x0 + arrow.x1) / 2, (arrow.y0 + arrow.y1) / 2, 1 / 40).n, arrow.step.n);
});

test("the view shows everything where there is room, and keeps a step in sight when it moves", () => {
  const all = view(100, 1000);
  assert.deepEqual([all.x0, all.width, all.scale], [0, 100, 10]);
  const near = view(10_000, 1000, 4, 5000);
  assert.ok(near.width < 1000 && near.x0 > 0 && near.x0 < 5000 && near.x0 + near.width > 5000);
  for (const n of [0, 1, 4999, 9999]) {
    const moved = reveal(near, n, 10_000);
    assert.ok(moved.x0 >= 0 && moved.x0 <= n && n <= moved.x0 + moved.width, `${n}`);
  }
  assert.equal(reveal(near, 5000, 10_000).x0, near.x0);
});

test("a turn that pauses is drawn in pieces", () => {
  const steps = [0, 1, 2, 30, 31].map((n) => ({ n }));
  assert.deepEqual(
    stretches(steps).map((part) => part.length),
    [3, 2],
  );
});
