// What is shown of one step: its sentence, its source, the members' state, and the way back to its cause.

import { h, prose } from "./dom.js";
import { dedent, highlight } from "./python.js";
import { shown, way } from "./recording.js";
import { say } from "./words.js";

export const FIELDS = {
  role: ["role", "What the member is in its term"],
  term: ["term", "The raft term it is in: a new one for each election"],
  vote: ["voted for", "Whom it gave its vote in this term"],
  lead: ["follows", "Whom it takes for the leader"],
  readyc: ["readyc", "Whether the loop of raft offers a Ready on readyc, or that is nil"],
  advancec: ["advancec", "Whether the loop waits on advancec for the word that its Ready is done, or that is nil"],
  log: ["log end", "Index of the last entry in its log, in memory"],
  disk: ["on disk", "Index of the last entry that its WAL has on disk"],
  commit: ["committed", "Up to here it knows that a quorum has the log"],
  applied: ["applied", "Up to here its store has taken the log in"],
  revision: ["revision", "Revision of its key-value store"],
  voters: ["voters", "Who has a vote, for all it knows (and who only learns)"],
};

const QUIET = new Set(["voters", "readyc", "advancec"]);

/** The step in one sentence, as text. */
export function sentence(step) {
  const who = `${step.here.member}, ${step.here.task}`;
  if (step.edge) {
    const { edge } = step;
    const from = `${edge.from.member === edge.to.member ? "" : `${edge.from.member}, `}${edge.from.task}`;
    return say("{}: takes {} from {}, by {}", who, edge.label || say("a signal"), from, way(edge));
  }
  const { span } = step;
  const given = shown(span.args);
  const call = given ? say("{}: {} with {}", who, span.func, given) : say("{}: {}", who, span.func);
  if (span.error) return say("{}, fails: {}", call, span.error);
  return span.result === null ? call : say("{}, which returns {}", call, span.result);
}

export function caption(recording, step, ordinal) {
  const line = h("p", { class: "what" });
  const member = h("b", { class: `m${ordinal}` }, step.here.member);
  if (step.station) line.append(h("span", { class: "station" }, step.station));
  line.append(
    member,
    h("span", { class: "dim" }, ` ${step.here.task} `),
    h("span", { class: "when" }, when(recording, step)),
  );
  if (step.edge) {
    const { edge } = step;
    line.append(say("takes "), edge.label ? h("code", {}, edge.label) : say("a signal"), say(" from "));
    if (edge.from.member !== edge.to.member) line.append(h("b", {}, edge.from.member), " ");
    line.append(edge.from.task, say(" by "), h("b", {}, way(edge)));
  } else {
    const { span } = step;
    const given = shown(span.args);
    line.append(h("code", { class: "call" }, span.func), given ? h("span", { class: "args" }, ` ${given}`) : "");
    if (span.error) line.append(h("span", { class: "error" }, ` ✗ ${span.error}`));
    else if (span.result !== null) line.append(h("span", { class: "result" }, ` → ${span.result}`));
    if (span.shared > 1) line.append(h("span", { class: "badge" }, say("shared by {}", span.shared)));
  }
  const more = step.span ? recording.summary(step.span) : say(HANDOFF[step.edge.kind] ?? "");
  return [line, h("p", { class: "more" }, ...prose(more || " "))];
}

/** How long after the beginning, and how long it took; nothing where the clock stood still. */
function when(recording, step) {
  const time = (us) => (us >= 100 ? `${(us / 1000).toFixed(1)} ms` : `${Math.round(us)} µs`);
  if (!(recording.steps.at(-1).at > 0)) return "";
  const since = time(step.at - recording.steps[0].at);
  const { start, end } = step.span ?? {};
  return end > start ? say("+{}, took {}", since, time(end - start)) : `+${since}`;
}

export const HANDOFF = {
  chan: "A channel: what one task puts in, another takes out; the task that takes begins a new turn.",
  wire: "A message between members: written to a TCP stream here, read from it there, in the same order.",
  rpc: "A remote call between client and server.",
  wait: "A waiter is woken: it had registered under the request's id.",
  timer: "Nobody asked for this: a timer ran out.",
  spawn: "A new task is started.",
};

/** The function that a step is about, with the lines that ran and what they changed. */
export function source(recording, step, base, upstream) {
  const span = step.span ?? recording.spans.get(step.edge.from.span) ?? recording.source(step.edge)?.span;
  const text = recording.text(span);
  const head = h("div", { class: "where" });
  if (!span) return [head, h("p", { class: "none" }, say("The program had no traced function here."))];
  if (step.edge) head.append(h("span", { class: "dim" }, say("let go of in ")));
  const place = `${span.file}:${span.line}`;
  head.append(h("code", {}, span.func), " ");
  const page = base && `${base}${span.file.replace(/\.py$/, "/")}#__codelineno-0-${span.line}`;
  head.append(page ? h("a", { href: page, class: "file" }, place) : h("span", { class: "file dim" }, place));
  for (const go of span.go) {
    const [path, symbol] = go.split("#");
    const href = `https://github.com/etcd-io/etcd/blob/${upstream}/${path}`;
    head.append(" ", h("a", { href, class: "go", title: `etcd ${upstream}: ${go}` }, `Go: ${symbol ?? path}`));
  }
  if (!text) return [head, h("p", { class: "none" }, say("The recording has no text of this function."))];
  return [head, h("pre", { class: "code" }, h("code", {}, ...lines(recording, span, text)))];
}

function lines(recording, span, text) {
  const ran = recording.ran(span);
  const known = span.lines.length > 0;
  const signature = span.line + text.split("\n").findIndex((line) => /^\s*(async\s+)?def\s/.test(line));
  return highlight(dedent(text)).map((parts, i) => {
    const number = span.line + i;
    const found = ran.get(number);
    const values =
      number === signature
        ? (ran.first ?? new Map(Object.entries(span.args).map(([k, v]) => [k, [v]])))
        : found?.values;
    const isDoc = parts.every(([kind, part]) => kind === "doc" || !part.trim());
    const state = found ? "ran" : known && !isDoc && number !== signature ? "idle" : "";
    return h(
      "span",
      { class: `line ${state}` },
      h(
        "i",
        { "data-n": number, title: found && (found.times === 1 ? say("ran once") : say("ran {} times", found.times)) },
        found?.times > 1 ? h("em", {}, `×${found.times}`) : "",
      ),
      h(
        "span",
        { class: "src" },
        ...parts.map(([kind, part]) => (kind ? h("span", { class: `t-${kind}` }, part) : part)),
        ...chips(values),
      ),
      "\n",
    );
  });
}

function chips(values) {
  return [...(values ?? [])]
    .filter(([, found]) => found.some((value) => value !== "" && value !== null))
    .map(([name, found]) => {
      const some = found.length > 3 ? ["…", ...found.slice(-3)] : found;
      return h("span", { class: "value" }, `${name} = ${some.join(", ")}`);
    });
}

/** A column a member, a row a fact; what this step changed stands out, and each leads to the step that made it so. */
export function state(recording, n, since, ordinal, go) {
  const now = recording.state(n);
  const members = Object.keys(now);
  if (!members.length) return [h("p", { class: "none" }, say("The recording does not tell the members’ state."))];
  const cell = (member, name) => {
    const { value, n: made } = now[member][name] ?? { value: "", n: -1 };
    const text = value === "" || value === null ? "–" : String(value);
    if (made < 0) return h("td", {}, text);
    const isNew = made > since && made <= n;
    return h(
      "td",
      { class: isNew ? "new" : "" },
      h("button", { onclick: () => go(made), title: say("Since step {}: go there", made + 1) }, text),
    );
  };
  const head = h(
    "tr",
    {},
    h("td", {}),
    ...members.map((member) => h("th", { scope: "col", class: `m${ordinal(member)}` }, member)),
  );
  // Some are a row only where they change: who votes is wide, and channels nobody uses say nothing.
  const changes = (name) => (recording.data.changes ?? []).some((change) => change.name === name);
  const body = Object.keys(FIELDS)
    .filter((name) => members.some((member) => name in now[member]) && (!QUIET.has(name) || changes(name)))
    .map((name) =>
      h(
        "tr",
        {},
        h("th", { scope: "row", title: say(FIELDS[name][1]) }, say(FIELDS[name][0])),
        ...members.map((member) => cell(member, name)),
      ),
    );
  return [...logs(recording, now, members, ordinal), h("table", {}, h("thead", {}, head), h("tbody", {}, ...body))];
}

function logs(recording, now, members, ordinal) {
  const range = recording.indexes();
  if (!range) return [];
  const indexes = Array.from({ length: range.last - range.first + 1 }, (_, i) => range.first + i);
  const strip = (member) => {
    const has = (name, index) => (now[member][name]?.value ?? 0) >= index;
    const boxes = indexes.map((index) => {
      const stage = ["applied", "commit", "disk", "log"].find((name) => has(name, index)) ?? "none";
      return h(
        "span",
        { class: `entry ${stage}`, title: say("entry {}: {}", index, say(STAGES[stage])) },
        String(index),
      );
    });
    return h(
      "div",
      {
        class: `strip m${ordinal(member)}`,
        role: "img",
        "aria-label": say(
          "{}: log up to {}, on disk {}, committed {}, applied {}",
          member,
          ...["log", "disk", "commit", "applied"].map((name) => now[member][name]?.value),
        ),
      },
      h("b", {}, member),
      ...boxes,
    );
  };
  const legend = ["log", "disk", "commit", "applied"].map((name) =>
    h("span", {}, h("span", { class: `entry ${name}` }), say(STAGES[name])),
  );
  return [h("div", { class: "logs" }, ...members.map(strip), h("div", { class: "legend" }, ...legend))];
}

export const STAGES = { none: "not there", log: "in memory", disk: "on disk", commit: "committed", applied: "applied" };

/** "also needed (quorum)": the words, not the name of the way. */
const told = (how) => how.replace(/^[^()]*[^() ]/, (words) => say(words));

/** The way back: a list of steps, each of which made the one above it happen. */
export function why(recording, n, ordinal, go) {
  const chain = recording.why(n);
  const item = (cause, extra = "") =>
    h(
      "li",
      { class: extra },
      h("span", { class: "how" }, `${told(cause.how)} `),
      h(
        "button",
        { onclick: () => go(cause.step.n) },
        h("b", { class: `m${ordinal(cause.step.here.member)}` }, cause.step.here.member),
        ` ${cause.step.edge ? way(cause.step.edge) : cause.step.span.func}`,
        h("span", { class: "dim" }, ` ${cause.step.edge ? cause.step.edge.label : shown(cause.step.span.args)}`),
      ),
      cause.step.station ? h("span", { class: "station" }, cause.step.station) : "",
    );
  const items = chain.flatMap((cause) => [
    item(cause, cause.how === "called by" ? "call" : ""),
    ...cause.also.map((each) => item(each, "also")),
  ]);
  const self = recording.steps[n];
  return [
    h(
      "p",
      { class: "about" },
      h("code", {}, self.edge ? way(self.edge) : self.span.func),
      items.length ? say(" happened because it was") : say(" has no cause in this recording: here it begins."),
    ),
    h("ol", {}, ...items),
  ];
}

export const KEYS = [
  ["→ ←", "next, previous"],
  ["Home End", "first, last"],
  ["i", "into the call, or through the channel"],
  ["o", "over the call"],
  ["u", "out of the caller"],
  ["Space", "play, pause"],
  [". ,", "faster, slower"],
  ["l", "stop at: stations, hand-offs, every call"],
  ["c", "critical path only"],
  ["w", "why did this happen"],
  ["+ − 0", "zoom the lanes, all of them"],
  ["f", "full screen"],
  ["?", "this list"],
];

/** What the keys do, and what is seen: a dialog. */
export function help() {
  const rows = KEYS.map(([keys, what]) =>
    h("tr", {}, h("th", { scope: "row" }, ...keys.split(" ").map((key) => h("kbd", {}, key))), h("td", {}, say(what))),
  );
  return h(
    "dialog",
    { "aria-label": say("Keys") },
    h("h2", {}, say("Keys")),
    h("table", {}, h("tbody", {}, ...rows)),
    h(
      "p",
      {},
      say(
        "Rows are tasks, bars their calls, arrows hand-offs between tasks; red is what the answer waited for, pale what is still to come. In the call tree the arrows move, open and close. A click on any bar, arrow, row or value goes to its step. Ctrl and the wheel zoom the lanes.",
      ),
    ),
    h("form", { method: "dialog" }, h("button", { class: "text" }, say("close"))),
  );
}
