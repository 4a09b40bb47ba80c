// Where there is no node: its test and assert, as far as these tests use them.

export const tests = [];

export default function test(name, run) {
  tests.push({ name, run });
}

/** Every test's name, and what went wrong in it ("" if nothing did). */
export async function outcomes() {
  const found = [];
  for (const { name, run } of tests) {
    let wrong = "";
    try {
      await run();
    } catch (error) {
      wrong = String(error.stack ?? error);
    }
    found.push([name, wrong]);
  }
  return found;
}
