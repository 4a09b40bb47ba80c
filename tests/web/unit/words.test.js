import assert from "node:assert/strict";
import test from "node:test";
import { FIELDS, HANDOFF, KEYS, STAGES } from "../../../tracer/render/web/panes.js";
import { Recording } from "../../../tracer/render/web/recording.js";
import { fill, say, WORDS } from "../../../tracer/render/web/words.js";
import { story } from "./story.js";

const braces = (text) => (text.match(/\{\d*\}/g) ?? []).length;

test("braces are filled in turn, or by their number", () => {
  assert.equal(fill("{} of {}", [3, 14]), "3 of 14");
  assert.equal(fill("{1} 的 {0}", ["a", "b"]), "b 的 a");
});

test("what is put in is never taken for braces, or for a pattern", () => {
  assert.equal(fill("{}: {}", ["{}", "$&"]), "{}: $&");
});

test("where the page is in English, English is said", () => {
  assert.equal(say("Step {} of {}. {}", 1, 2, "x"), "Step 1 of 2. x");
});

test("each language has as many braces as English", () => {
  for (const words of Object.values(WORDS)) {
    for (const [english, other] of Object.entries(words)) assert.equal(braces(other), braces(english));
  }
});

test("what tables say is in each language", () => {
  const tables = [...Object.values(FIELDS).flat(), ...Object.values(HANDOFF), ...Object.values(STAGES)];
  for (const words of Object.values(WORDS)) {
    const missing = [...tables, ...KEYS.map(([, what]) => what)].filter((english) => !words[english]);
    assert.deepEqual(missing, []);
  }
});

test("each cause is told in each language", () => {
  const recording = new Recording(story());
  const chains = recording.steps.flatMap((step) => recording.causes(step.n));
  const told = [...new Set(chains.map((cause) => cause.how.replace(/ \(.*/, "")))];
  assert.ok(told.length >= 3);
  for (const words of Object.values(WORDS)) {
    const missing = told.filter((how) => !words[how]);
    assert.deepEqual(missing, []);
  }
});
