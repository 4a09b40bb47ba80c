// A recording as steps that can be walked: which comes next, what a call contains, why it happened, and what
// was so of each member then. Pure: knows neither page nor pixels.

const laneKey = (at) => `${at.member}\n${at.task}`;

export const LEVELS = ["stations", "hand-offs", "calls"];

/** Where an edge shows: "by propc", "over gRPC". */
export function way(edge) {
  if (edge.kind === "wire") return "TCP stream";
  if (edge.kind === "wait") return edge.name.startsWith("wait ch") ? "wait" : edge.name;
  if (edge.kind === "timer") return `timer (${edge.name})`;
  return edge.name;
}

/** First index in a sorted list whose value is greater than `value`. */
export function after(list, value, of = (x) => x) {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (of(list[middle]) > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

export class Recording {
  constructor(data) {
    if (data.schema !== 1) throw new Error(`This player reads schema 1, not ${data.schema}.`);
    this.data = data;
    this.title = data.command.join(" ");
    this.spans = new Map(data.spans.map((span) => [span.id, span]));
    this.lanes = [];
    this.turns = new Map();
    this.stations = new Map((data.stations ?? []).map(({ span, title }) => [span, title]));
    this.#number();
    this.#group();
    this.#place();
    this.members = ["client", ...Object.keys(data.members)].filter((name) =>
      this.lanes.some((lane) => lane.member === name),
    );
  }

  /** Steps: every call when it begins, every hand-off when it is taken, before what it sets going. */
  #number() {
    const { spans, edges } = this.data;
    const began = new Map();
    for (const [i, span] of spans.entries()) {
      const turn = `${laneKey(span)}\n${span.turn}`;
      if (!began.has(turn)) began.set(turn, i);
    }
    this.steps = spans.map((span, i) => ({ at: span.start, place: i, span, here: span }));
    this.links = []; // what goes on in the same task is a cause, but no step
    for (const [number, edge] of edges.entries()) {
      if (laneKey(edge.from) === laneKey(edge.to)) {
        this.links.push(edge);
        continue;
      }
      const order = edge.order ?? after(spans, edge.at ?? number, (span) => span.start);
      const place = Math.min(order, began.get(`${laneKey(edge.to)}\n${edge.to.turn}`) ?? order) - 0.5;
      this.steps.push({ at: edge.at ?? number, place, edge, here: edge.to });
    }
    this.steps.sort((a, b) => a.place - b.place);
    this.steps.forEach((step, n) => {
      step.n = n;
      step.station = step.span ? this.stations.get(step.span.id) : undefined;
    });
    this.stepOf = new Map(this.steps.filter((step) => step.span).map((step) => [step.span.id, step]));
    this.stepOfEdge = new Map(this.steps.filter((step) => step.edge).map((step) => [step.edge, step]));
  }

  #group() {
    const lanes = new Map();
    for (const step of this.steps) {
      const key = laneKey(step.here);
      if (!lanes.has(key)) lanes.set(key, { member: step.here.member, task: step.here.task, key });
      step.lane = lanes.get(key);
      const turn = this.turnAt(step.here, true);
      turn.lane ??= step.lane;
      step.turn = turn;
      turn.steps.push(step);
    }
    this.lanes = [...lanes.values()];
    for (const edge of this.data.edges) {
      if (edge.lost) continue; // it ended where it began
      this.turnAt(edge.to, true).into.push(edge);
      this.turnAt(edge.from, true).out.push(edge);
      if (edge.critical) this.turnAt(edge.to).critical = this.turnAt(edge.from).critical = true;
    }
  }

  /** Depth of each call in its turn, and the last step inside each call. */
  #place() {
    for (const step of this.steps) {
      if (!step.span) continue;
      const parent = this.stepOf.get(step.span.parent);
      step.depth = parent && parent.turn === step.turn ? parent.depth + 1 : 0;
      step.last = step.n;
      step.lastHere = step.n;
    }
    for (const step of [...this.steps].reverse()) {
      const parent = step.span && this.stepOf.get(step.span.parent);
      if (!parent) continue;
      parent.last = Math.max(parent.last, step.last);
      if (parent.turn === step.turn) parent.lastHere = Math.max(parent.lastHere, step.lastHere);
      parent.calls = true;
    }
    for (const change of this.data.changes ?? []) {
      const newest = this.data.spans[Math.max(0, change.order - 1)];
      change.n = this.stepOf.get(newest.id).n;
    }
  }

  turnAt(at, make = false) {
    const key = `${laneKey(at)}\n${at.turn}`;
    if (make && !this.turns.has(key)) {
      this.turns.set(key, { key, number: at.turn, steps: [], into: [], out: [], critical: false });
    }
    return this.turns.get(key);
  }

  /** The steps to walk: stations, those and hand-offs, or every call; perhaps only on the critical path. */
  walk(level = "calls", critical = false) {
    const few = level === "stations" && this.stations.size > 0;
    const wanted = (step) =>
      (level === "calls" || step.station || (!few && step.edge)) &&
      (!critical || (step.edge ? step.edge.critical : step.turn.critical));
    return this.steps.filter(wanted);
  }

  next(n, walk = this.steps) {
    return walk[after(walk, n, (step) => step.n)]?.n ?? n;
  }

  previous(n, walk = this.steps) {
    return walk[after(walk, n - 1, (step) => step.n) - 1]?.n ?? n;
  }

  /** Into the call: its first call; where it makes none, to where what it lets go of is taken. */
  into(n) {
    const step = this.steps[n];
    if (step.edge) return step.turn.steps.find((each) => each.n > n && each.span)?.n ?? this.next(n);
    const first = this.steps.find((each) => each.n > n && each.span?.parent === step.span.id);
    if (first) return first.n;
    const given = this.steps.find((each) => each.n > n && each.edge?.from.span === step.span.id);
    return (given ?? this.steps[n + 1] ?? step).n;
  }

  /** Over the call, with all it does: the next one in its caller, or in the caller's caller. */
  over(n) {
    const step = this.steps[n];
    return step.edge ? this.#follow(step.turn, n) : this.#past(step.span, n);
  }

  /** Out of the caller: what comes once it is done. */
  out(n) {
    const step = this.steps[n];
    const caller = step.span ? this.spans.get(step.span.parent) : this.spans.get(step.edge.to.span);
    return caller ? this.#past(caller, n) : this.#follow(step.turn, n);
  }

  #past(span, n) {
    const turn = this.stepOf.get(span.id).turn;
    for (let call = span; call; call = this.spans.get(call.parent)) {
      const caller = this.spans.get(call.parent);
      const found = this.steps.find(
        (each) =>
          each.n > n &&
          each.span &&
          (caller ? each.span.parent === caller.id : each.turn === turn && each.depth === 0) &&
          each.n > this.stepOf.get(call.id).last,
      );
      if (found) return found.n;
    }
    return this.#follow(turn, n);
  }

  /** Out of a turn: to where what it let go of is taken, on the critical path if it can be. */
  #follow(turn, n) {
    const taken = turn.out
      .filter((edge) => edge.kind === "call" || this.stepOfEdge.has(edge))
      .map((edge) => ({ edge, n: (this.stepOfEdge.get(edge) ?? this.turnAt(edge.to).steps[0])?.n ?? -1 }))
      .filter((each) => each.n > n)
      .sort((a, b) => Number(b.edge.critical) - Number(a.edge.critical) || a.n - b.n);
    return taken[0]?.n ?? this.next(n);
  }

  /** The last step before a hand-off in the turn, and the call, that let go of it. */
  source(edge) {
    const taken = this.stepOfEdge.get(edge)?.n ?? Infinity;
    const giver = this.stepOf.get(edge.from.span);
    const steps = this.turnAt(edge.from)?.steps ?? [];
    if (giver && giver.turn === this.turnAt(edge.from)) return giver;
    return steps.findLast((each) => each.n < taken) ?? giver;
  }

  /** What a step comes from, most telling first: `{step, how, edge, also}`. */
  causes(n) {
    const step = this.steps[n];
    if (!step) return [];
    if (step.edge) {
      const from = this.source(step.edge);
      return from
        ? [{ step: from, how: "let go of by", edge: step.edge }]
        : this.#causesOfTurn(this.turnAt(step.edge.from));
    }
    const caller = this.stepOf.get(step.span.parent);
    const also = this.links
      .filter((edge) => edge.to.span === step.span.id && edge.kind !== "call")
      .map((edge) => ({ step: this.source(edge), how: `also needed (${way(edge)})`, edge, also: true }));
    if (caller && caller.turn === step.turn) return [{ step: caller, how: "called by" }, ...also];
    const woken = this.#causesOfTurn(step.turn);
    if (woken.length === 0 && caller) return [{ step: caller, how: "called by" }, ...also];
    return [...woken, ...also];
  }

  #causesOfTurn(turn) {
    const woken = turn.into.filter((edge) => this.stepOfEdge.has(edge));
    woken.sort((a, b) => Number(b.critical) - Number(a.critical));
    if (woken.length)
      return woken.map((edge, i) => ({ step: this.stepOfEdge.get(edge), how: "woken by", edge, also: i > 0 }));
    for (const edge of turn.into) {
      if (edge.kind !== "call") continue;
      const before = this.turnAt(edge.from);
      const last = before.steps.at(-1);
      if (last) return [{ step: before.steps[0], how: "goes on with what was left by", edge }];
      return this.#causesOfTurn(before);
    }
    return [];
  }

  /** The whole way back: for each step what came before it, until nothing did. */
  why(n) {
    const chain = [];
    const seen = new Set([n]);
    for (let at = n; ; ) {
      const causes = this.causes(at).filter((cause) => cause.step && !seen.has(cause.step.n));
      if (!causes.length) return chain;
      const [main, ...also] = causes;
      chain.push({ ...main, also });
      at = main.step.n;
      seen.add(at);
    }
  }

  /** What is so of each member once step `n` is done: `{member: {name: {value, n}}}`, n the step that made it so. */
  state(n) {
    const all = {};
    for (const [member, first] of Object.entries(this.data.states ?? {})) {
      all[member] = {};
      for (const [name, value] of Object.entries(first)) all[member][name] = { value, n: -1 };
    }
    for (const change of this.data.changes ?? []) {
      if (change.n > n) break;
      if (all[change.member]) all[change.member][change.name] = { value: change.value, n: this.#maker(change) };
    }
    return all;
  }

  #maker(change) {
    return this.stepOf.get(change.span)?.n ?? change.n;
  }

  /** The range of log indexes worth drawing: what changes, and a little before. */
  indexes() {
    const values = [];
    const names = new Set(["log", "disk", "commit", "applied"]);
    for (const state of Object.values(this.data.states ?? {})) {
      for (const name of names) values.push(state[name]);
    }
    for (const change of this.data.changes ?? []) if (names.has(change.name)) values.push(change.value);
    const numbers = values.filter((value) => Number.isFinite(value));
    if (!numbers.length) return null;
    const last = Math.max(...numbers);
    return { first: Math.max(1, Math.min(Math.min(...numbers) - 1, last - 3), last - 11), last };
  }

  text(span) {
    return span ? (this.data.functions?.[`${span.file}:${span.line}`] ?? "") : "";
  }

  /** What a function is for: the first sentence of its docstring. */
  summary(span) {
    const found = /"""([\s\S]*?)"""/.exec(this.text(span));
    const text = (found?.[1] ?? "")
      .split(/\n\s*\n/)[0]
      .replace(/\s+/g, " ")
      .replace(/\bGo: \S+/g, "")
      .trim();
    return text.split(/(?<=[.!?])\s/)[0];
  }

  /** The lines of a call that ran: line → how often, and what it changed. */
  ran(span) {
    const lines = new Map();
    const note = (line) => lines.get(line) ?? lines.set(line, { times: 0, values: new Map() }).get(line);
    let before = span.line;
    for (const { line, values } of span.lines) {
      const at = before === span.line ? { values: new Map() } : note(before);
      for (const [name, value] of Object.entries(values)) {
        at.values.set(name, [...(at.values.get(name) ?? []), value]);
      }
      if (before === span.line) lines.first = at.values;
      note(line).times += 1;
      before = line;
    }
    return lines;
  }

  /** A step by number (from 1), call (`call-17`), station or function: what links and attributes say. */
  find(text) {
    const wanted = String(text ?? "").trim();
    if (!wanted) return -1;
    if (/^\d+$/.test(wanted)) return Math.min(Math.max(Number(wanted), 1), this.steps.length) - 1;
    const call = /^call-(\d+)$/.exec(wanted);
    if (call) return this.stepOf.get(Number(call[1]))?.n ?? -1;
    const match =
      this.steps.find((step) => step.station === wanted) ??
      this.steps.find(
        (step) => step.span && (step.span.func === wanted || step.span.go.some((go) => go.endsWith(`#${wanted}`))),
      );
    return match ? match.n : -1;
  }
}

/** `put foo → bar` in words: arguments as they are shown. */
export function shown(args) {
  return Object.values(args ?? {})
    .filter((value) => value !== "" && value !== null)
    .join(", ");
}

/** The step of the player `name` ("" is the first on the page) in an address's hash; "" if it names none. */
export function readHash(hash, name = "") {
  const key = name ? `${name}.step` : "step";
  return new URLSearchParams(hash.replace(/^#/, "")).get(key) ?? "";
}

export function writeHash(hash, name, step) {
  const parameters = new URLSearchParams(/=/.test(hash) ? hash.replace(/^#/, "") : "");
  parameters.set(name ? `${name}.step` : "step", step);
  return `#${parameters}`;
}
