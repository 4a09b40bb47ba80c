import assert from "node:assert/strict";
import test from "node:test";
import { after, Recording, readHash, shown, way, writeHash } from "../../../tracer/render/web/recording.js";
import { story } from "./story.js";

const make = () => new Recording(story());
const name = (recording, n) => recording.steps[n].span?.func ?? way(recording.steps[n].edge);
const at = (recording, func) => recording.steps.find((step) => step.span?.func === func).n;

test("steps are calls and hand-offs between tasks, in order of time", () => {
  const recording = make();
  assert.deepEqual(
    recording.steps.map((_, n) => name(recording, n)),
    [
      "ask",
      "prepare",
      "send",
      "gRPC",
      "step",
      "append",
      "count",
      "TCP stream",
      "follow",
      "save",
      "TCP stream",
      "commit",
      "gRPC",
      "print",
    ],
  );
});

test("where time stands still, the order in which things happened is kept", () => {
  const still = story();
  for (const span of still.spans) span.start = span.end = 0;
  for (const [i, edge] of still.edges.entries()) Object.assign(edge, { at: 0, order: [3, 6, 8, 8, 9][i] });
  const names = (recording) => recording.steps.map((_, n) => name(recording, n));
  assert.deepEqual(names(new Recording(still)), names(make()));
});

test("another schema is refused in one line", () => {
  assert.throws(() => new Recording({ ...story(), schema: 2 }), /schema 1, not 2/);
});

test("into goes to the first call, or through the hand-off that a call makes", () => {
  const recording = make();
  assert.equal(name(recording, recording.into(at(recording, "ask"))), "prepare");
  assert.equal(name(recording, recording.into(at(recording, "send"))), "gRPC");
  assert.equal(name(recording, recording.into(at(recording, "step") - 1)), "step");
});

test("over leaves out all that a call does, also in other tasks", () => {
  const recording = make();
  assert.equal(name(recording, recording.over(at(recording, "prepare"))), "send");
  assert.equal(name(recording, recording.over(at(recording, "append"))), "count");
  assert.equal(name(recording, recording.over(at(recording, "send"))), "print");
});

test("out finishes the caller; out of a turn leads where its hand-off is taken", () => {
  const recording = make();
  const arrived = recording.steps[recording.out(at(recording, "append"))];
  assert.deepEqual([arrived.edge.kind, arrived.here.member], ["wire", "n2"]);
  assert.equal(name(recording, recording.out(at(recording, "commit"))), "gRPC");
});

test("the last step leads nowhere, the first has nothing before it", () => {
  const recording = make();
  const last = recording.steps.length - 1;
  for (const move of ["into", "over", "out", "next"]) assert.equal(recording[move](last), last);
  assert.equal(recording.previous(0), 0);
});

test("a walk stops at stations, or at hand-offs too, or at every call; or only on the critical path", () => {
  const recording = make();
  const names = (...how) => recording.walk(...how).map((step) => name(recording, step.n));
  assert.deepEqual(names("stations"), ["ask", "commit"]);
  assert.equal(names("hand-offs").length, 6);
  assert.equal(names("calls").length, recording.steps.length);
  assert.ok(names("hand-offs", true).length <= names("hand-offs").length);
  const walk = recording.walk("stations");
  assert.equal(recording.next(3, walk), at(recording, "commit"));
  assert.equal(recording.previous(3, walk), 0);
});

test("why leads back to the first step, by callers and by hand-offs", () => {
  const recording = make();
  const chain = recording.why(at(recording, "commit")).map((cause) => `${cause.how} ${name(recording, cause.step.n)}`);
  assert.deepEqual(chain, [
    "woken by TCP stream",
    "let go of by save",
    "called by follow",
    "woken by TCP stream",
    "let go of by count",
    "called by step",
    "woken by gRPC",
    "let go of by send",
    "called by ask",
  ]);
});

test("a decision names its other causes beside the last one", () => {
  const recording = make();
  const [, also] = recording.causes(at(recording, "commit"));
  assert.deepEqual([also.how, name(recording, also.step.n)], ["also needed (quorum)", "count"]);
});

test("the state is that after the step, and each value knows the step that made it so", () => {
  const recording = make();
  assert.equal(recording.state(0).n1.log.value, 8);
  const append = at(recording, "append");
  assert.deepEqual(recording.state(append).n1.log, { value: 9, n: append });
  assert.equal(recording.state(append).n1.commit.value, 8);
  assert.equal(recording.state(recording.steps.length - 1).n1.commit.value, 9);
  assert.deepEqual(recording.indexes(), { first: 6, last: 9 });
});

test("lines that ran carry the values that they changed", () => {
  const recording = make();
  const lines = [
    { line: 12, values: { m: "prop" } },
    { line: 13, values: {} },
    { line: 12, values: { i: 1 } },
    { line: 13, values: { i: 2 } },
  ];
  const ran = recording.ran({ ...recording.spans.get(4), line: 10, lines });
  assert.deepEqual([...ran.first], [["m", ["prop"]]]);
  assert.deepEqual([ran.get(12).times, ran.get(13).times], [2, 2]);
  assert.deepEqual([...ran.get(13).values], [["i", [1]]]);
  assert.deepEqual([...ran.get(12).values], [["i", [2]]]);
});

test("a step is found by number, station or function", () => {
  const recording = make();
  assert.equal(recording.find("3"), 2);
  assert.equal(recording.find("999"), recording.steps.length - 1);
  assert.equal(recording.find("commit"), at(recording, "commit"));
  assert.equal(recording.find("follow"), at(recording, "follow"));
  assert.equal(recording.find("nothing of the kind"), -1);
  assert.equal(recording.find(null), -1);
});

test("a summary is the first sentence of the docstring", () => {
  const recording = make();
  assert.equal(recording.summary(recording.spans.get(4)), "Take it.");
  assert.equal(recording.summary(recording.spans.get(5)), "");
});

test("an address names a step for each player of a page, and leaves the others alone", () => {
  assert.equal(readHash("#step=17"), "17");
  assert.equal(readHash("#step=17", "two"), "");
  assert.equal(writeHash("#step=17", "two", 5), "#step=17&two.step=5");
  assert.equal(writeHash("#step=17&two.step=5", "", 3), "#step=3&two.step=5");
  assert.equal(writeHash("#some-heading", "", 3), "#step=3");
});

test("the search in a sorted list is exact at its ends", () => {
  assert.equal(after([], 1), 0);
  assert.equal(after([1, 2, 2, 3], 2), 3);
  assert.equal(after([1, 2], 0), 0);
  assert.equal(after([1, 2], 2), 2);
});

test("arguments are shown without what is empty", () => {
  assert.equal(shown({ a: 1, b: "", c: null, d: "x", e: false }), "1, x, false");
});
