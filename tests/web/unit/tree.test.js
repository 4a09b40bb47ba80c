import assert from "node:assert/strict";
import test from "node:test";
import { dedent, highlight } from "../../../tracer/render/web/python.js";
import { Recording } from "../../../tracer/render/web/recording.js";
import { ancestors, inSight, treeRows } from "../../../tracer/render/web/tree.js";
import { story } from "./story.js";

const recording = new Recording(story());

test("the tree has a row for each turn, and below it what was opened", () => {
  const shut = treeRows(recording, new Set());
  assert.equal(shut.length, 5);
  assert.ok(shut.every((row) => row.heading));
  const all = treeRows(recording, new Set(recording.steps.map((step) => step.n)));
  assert.deepEqual(
    all.map((row) => row.step.n).sort((a, b) => a - b),
    recording.steps.map((step) => step.n),
  );
});

test("what stands above a step leads to the head of its turn", () => {
  const save = recording.steps.find((step) => step.span?.func === "save");
  const above = ancestors(recording, save.n).map((n) => recording.steps[n].span?.func ?? "arrival");
  assert.deepEqual(above, ["follow", "arrival"]);
});

test("only rows in sight are made, and never more than there are", () => {
  assert.deepEqual(inSight(0, 100, 20, 1000, 2), { first: 0, last: 7 });
  assert.deepEqual(inSight(10_000, 100, 20, 1000, 2), { first: 498, last: 507 });
  assert.deepEqual(inSight(0, 100, 20, 3), { first: 0, last: 3 });
});

test("python is coloured, and nothing of it is lost", () => {
  const text = 'async def f(self, n):\n    """Say it.\n\n    More."""\n    return f"{n}" if n > 1 else None  # why\n';
  const lines = highlight(text);
  assert.equal(lines.map((parts) => parts.map(([, part]) => part).join("")).join("\n"), text);
  const kinds = (line) => lines[line].filter(([kind]) => kind).map(([kind, part]) => `${kind}:${part.trim()}`);
  assert.deepEqual(kinds(0), ["keyword:async", "keyword:def", "name:f", "self:self"]);
  assert.deepEqual(kinds(1), ['doc:"""Say it.']);
  assert.deepEqual(kinds(4), [
    "keyword:return",
    'string:f"{n}"',
    "keyword:if",
    "number:1",
    "keyword:else",
    "keyword:None",
    "comment:# why",
  ]);
});

test("what all lines are indented by is left out", () => {
  assert.equal(dedent("    def f():\n\n        pass\n"), "def f():\n\n    pass");
});
