import assert from "node:assert/strict";
import test from "node:test";
import { reached } from "../../../tracer/render/web/graphs.js";

const pairs = [
  ["command", "call"],
  ["call", "handler"],
  ["handler", "propose"],
  ["propose", "wal"],
  ["propose", "peers"],
  ["peers", "commit"],
  ["commit", "call"],
];
const sorted = (set) => [...set].sort();

test("what follows is reached along the arrows", () => {
  assert.deepEqual(sorted(reached(pairs.slice(0, 6), "propose")), ["commit", "peers", "wal"]);
});

test("what led there is reached against them", () => {
  assert.deepEqual(sorted(reached(pairs.slice(0, 6), "wal", true)), ["call", "command", "handler", "propose"]);
});

test("what stands alone reaches nothing", () => {
  assert.deepEqual(sorted(reached(pairs, "nowhere")), []);
});

test("a circle ends, and where one stands is neither before nor after", () => {
  assert.deepEqual(sorted(reached(pairs, "call")), ["commit", "handler", "peers", "propose", "wal"]);
});

test("what is reached on two ways is there once", () => {
  const both = [...pairs, ["command", "handler"]];
  assert.equal(sorted(reached(both, "command")).length, new Set(both.flat()).size - 1);
});
