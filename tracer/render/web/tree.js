// The call tree as a flat list of rows, of which only those in sight are made.

/** Rows of the tree: a row for each turn (with what woke it), below it its calls, as far as they are open. */
export function treeRows(recording, open) {
  const rows = [];
  const children = childrenOf(recording);
  const add = (step, level) => {
    const below = children.get(step.n) ?? [];
    const isOpen = open.has(step.n);
    rows.push({ step, level, kids: below.length, open: isOpen, heading: level === 0 });
    if (isOpen) for (const child of below) add(child, level + 1);
  };
  for (const root of recording.heads) add(root, 0);
  return rows;
}

/** The tree itself, made once: each turn's first step is its head. */
function childrenOf(recording) {
  if (recording.children) return recording.children;
  const children = new Map();
  recording.heads = [];
  recording.above = new Map();
  for (const step of recording.steps) {
    const head = step.turn.steps[0];
    const parent = step.span && recording.stepOf.get(step.span.parent);
    const above = step === head ? null : parent && parent.turn === step.turn ? parent : head;
    if (!above) {
      recording.heads.push(step);
      continue;
    }
    recording.above.set(step.n, above.n);
    if (!children.has(above.n)) children.set(above.n, []);
    children.get(above.n).push(step);
  }
  recording.children = children;
  return children;
}

/** All the rows that stand above a step. */
export function ancestors(recording, n) {
  childrenOf(recording);
  const found = [];
  for (let at = recording.above.get(n); at !== undefined; at = recording.above.get(at)) found.push(at);
  return found;
}

/** Which of `count` rows are in sight. */
export function inSight(top, height, row, count, spare = 6) {
  const first = Math.max(0, Math.floor(top / row) - spare);
  return { first, last: Math.min(count, Math.ceil((top + height) / row) + spare) };
}

/** Keeps the rows in sight in the page, and no others. */
export class VirtualList {
  constructor(box, row, make) {
    this.box = box;
    this.row = row;
    this.make = make;
    this.count = 0;
    this.made = new Map();
    this.inner = box.appendChild(document.createElement("div"));
    this.inner.className = "rows";
    this.inner.setAttribute("role", "presentation");
  }

  show(count) {
    this.count = count;
    this.inner.style.height = `${count * this.row}px`;
    for (const element of this.made.values()) element.remove();
    this.made.clear();
    this.draw();
  }

  draw() {
    const { first, last } = inSight(this.box.scrollTop, this.box.clientHeight, this.row, this.count);
    for (const [n, element] of this.made) {
      if (n < first || n >= last) {
        element.remove();
        this.made.delete(n);
      }
    }
    for (let n = first; n < last; n += 1) {
      if (this.made.has(n)) continue;
      const element = this.make(n);
      element.style.transform = `translateY(${n * this.row}px)`;
      this.made.set(n, this.inner.appendChild(element));
    }
  }

  reveal(n) {
    const top = n * this.row;
    const { scrollTop, clientHeight } = this.box;
    if (top < scrollTop + this.row) this.box.scrollTop = top - this.row * 2;
    else if (top > scrollTop + clientHeight - 2 * this.row) this.box.scrollTop = top - clientHeight + this.row * 3;
    this.draw();
  }
}
