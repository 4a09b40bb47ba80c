// Where everything stands in the lanes: rows from the top, steps from the left. Pure arithmetic.

export const ROW = 19;
export const HEAD = 24;
const BARS = 15;

/** Rows: a heading for each member, below it a row a task; a member that is folded has one row for all. */
export function rows(recording, folded) {
  const list = [];
  let y = 0;
  for (const member of recording.members) {
    const lanes = recording.lanes.filter((lane) => lane.member === member);
    const isFolded = folded.has(member);
    list.push({
      member,
      lanes: isFolded ? lanes : [],
      heading: true,
      y,
      height: HEAD,
      folded: isFolded,
      many: lanes.length,
    });
    y += HEAD;
    if (!isFolded) {
      for (const lane of lanes) {
        list.push({ member, lanes: [lane], y, height: ROW });
        y += ROW;
      }
    }
    y += 5;
  }
  const rowOf = new Map();
  for (const row of list) for (const lane of row.lanes) rowOf.set(lane, row);
  return { list, rowOf, height: y };
}

/** Bars: turns as a background, calls as strips in it; `step` is what a click on one goes to. */
export function bars(recording, placed) {
  const turns = [];
  const calls = [];
  for (const turn of recording.turns.values()) {
    if (!turn.steps.length) continue;
    const row = placed.rowOf.get(turn.lane);
    // A turn that waits in the middle is drawn where it works.
    for (const part of stretches(turn.steps)) {
      turns.push({ x0: part[0].n, x1: part.at(-1).n + 1, row, member: turn.lane.member, critical: turn.critical });
    }
    const deepest = Math.max(1, ...turn.steps.map((step) => (step.depth ?? -1) + 1));
    const thick = Math.max(1, Math.min(5, BARS / deepest));
    for (const step of turn.steps) {
      if (!step.span || step.depth * thick >= BARS) continue;
      calls.push({
        x0: step.n,
        x1: step.lastHere + 1,
        y: row.y + row.height / 2 - BARS / 2 + step.depth * thick,
        h: Math.max(1, thick - 0.5),
        step,
        row,
        depth: step.depth,
      });
    }
  }
  return { turns, calls, waits: waits(recording, placed) };
}

/** Runs of steps without a gap of more than a few. */
export function stretches(steps, gap = 6) {
  const parts = [];
  for (const step of steps) {
    const part = parts.at(-1);
    if (part && step.n - part.at(-1).n <= gap) part.push(step);
    else parts.push([step]);
  }
  return parts;
}

/** Where a task waits in the middle of a call: a thin line. */
function waits(recording, placed) {
  const found = [];
  for (const step of recording.steps) {
    if (step.span && !step.span.parent && step.last > step.lastHere) {
      found.push({ x0: step.n, x1: step.last + 1, row: placed.rowOf.get(step.lane) });
    }
  }
  return found;
}

export function arrows(recording, placed) {
  const list = [];
  for (const step of recording.steps) {
    if (!step.edge) continue;
    const source = recording.source(step.edge);
    const fromLane = source?.lane ?? recording.turnAt(step.edge.from)?.lane;
    const from = placed.rowOf.get(fromLane);
    const to = placed.rowOf.get(step.lane);
    if (!from || !to) continue;
    const x0 = source ? source.n + 0.5 : step.n;
    list.push({
      x0,
      y0: from.y + from.height / 2,
      x1: step.n + 0.5,
      y1: to.y + to.height / 2,
      step,
      edge: step.edge,
      hidden: from === to,
    });
  }
  return list;
}

/** What of the recording is seen: steps `x0` to `x0 + width`, `scale` pixels each. */
export function view(count, pixels, zoom = 1, centre = count / 2) {
  const fit = Math.max(1, Math.min(count, pixels / 1.15));
  const width = Math.max(12, fit / zoom);
  const x0 = Math.min(Math.max(0, centre - width / 2), Math.max(0, count - width));
  return { x0, width, scale: pixels / width };
}

/** A view that shows `n`, moved no further than it has to. */
export function reveal(seen, n, count) {
  const margin = seen.width * 0.12;
  let { x0 } = seen;
  if (n < x0 + margin) x0 = n - margin;
  if (n > x0 + seen.width - margin) x0 = n - seen.width + margin;
  x0 = Math.min(Math.max(0, x0), Math.max(0, count - seen.width));
  return { ...seen, x0 };
}

/** The call, arrow or turn at a point in steps and pixels; the innermost, the nearest. */
export function hit(drawn, x, y, perPixel) {
  let best = null;
  for (const call of drawn.calls) {
    if (x >= call.x0 && x < Math.max(call.x1, call.x0 + 3 * perPixel) && y >= call.y - 1 && y <= call.y + call.h + 1) {
      if (!best || call.depth > best.depth) best = call;
    }
  }
  if (best) return best.step;
  let near = 5;
  for (const arrow of drawn.arrows) {
    const away = arrow.hidden ? Infinity : distance(arrow, x, y, perPixel);
    if (away < near) {
      near = away;
      best = arrow;
    }
  }
  if (best) return best.step;
  const turn = drawn.turns.find(
    (each) => x >= each.x0 && x < each.x1 && Math.abs(y - each.row.y - each.row.height / 2) <= BARS / 2,
  );
  return turn ? { n: Math.floor(x), turn } : null;
}

/** How far a point is from an arrow, in pixels. */
function distance(arrow, x, y, perPixel) {
  const [ax, ay, bx, by] = [arrow.x0 / perPixel, arrow.y0, arrow.x1 / perPixel, arrow.y1];
  const px = x / perPixel;
  const length = (bx - ax) ** 2 + (by - ay) ** 2 || 1;
  const t = Math.min(1, Math.max(0, ((px - ax) * (bx - ax) + (y - ay) * (by - ay)) / length));
  return Math.hypot(px - ax - t * (bx - ax), y - ay - t * (by - ay));
}
