// node:assert/strict, as far as these tests use it.

function ok(value, message = "expected something true") {
  if (!value) throw new Error(message);
}

function equal(actual, expected) {
  ok(Object.is(actual, expected), `${actual} is not ${expected}`);
}

function deepEqual(actual, expected) {
  equal(JSON.stringify(actual), JSON.stringify(expected));
}

function throws(run, pattern) {
  let error = null;
  try {
    run();
  } catch (thrown) {
    error = thrown;
  }
  ok(error && pattern.test(error.message), `threw ${error}`);
}

export default { ok, equal, deepEqual, throws };
