// The lanes: drawn on a canvas, in two layers, so that a step costs no more than copying a picture.

import { h } from "./dom.js";
import { arrows, bars, hit, reveal, rows, view } from "./layout.js";
import { way } from "./recording.js";
import { say } from "./words.js";

const INKS = ["ink", "dim", "line", "paper", "raised", "now", "critical", "m0", "m1", "m2", "m3", "m4", "m5", "m6"];
const FONT = "500 10.5px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";

export class Lanes {
  constructor(box, recording, { go, hover }) {
    this.recording = recording;
    this.folded = new Set(foldedAtFirst(recording));
    this.zoom = 1;
    this.marks = { n: 0, hovered: -1, why: null, critical: false };
    this.names = h("div", { class: "names" });
    this.canvas = h("canvas", { "aria-hidden": "true" });
    this.tip = h("div", { class: "tip", hidden: true });
    this.box = box;
    this.base = document.createElement("canvas");
    box.append(this.names, h("div", { class: "drawing" }, this.canvas), this.tip);
    this.ink = {};
    this.canvas.addEventListener("click", (event) => {
      const found = this.#at(event);
      if (found) go(found.n);
    });
    this.canvas.addEventListener("pointermove", (event) => {
      const found = this.#at(event);
      this.canvas.style.cursor = found ? "pointer" : "default";
      this.#tell(found, event);
      hover(found ? found.n : -1);
    });
    this.canvas.addEventListener("pointerleave", () => {
      this.tip.hidden = true;
      hover(-1);
    });
    this.canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    this.#place();
  }

  /** How a member is coloured: one of a few inks, always the same one. */
  ordinal(member) {
    return member === "client" ? 0 : ((Object.keys(this.recording.data.members).indexOf(member) + 6) % 6) + 1;
  }

  #place() {
    this.placed = rows(this.recording, this.folded);
    this.drawn = { ...bars(this.recording, this.placed), arrows: arrows(this.recording, this.placed) };
    const { members } = this.recording.data;
    this.names.replaceChildren(
      ...this.placed.list.map((row) => {
        const style = `top:${row.y}px;height:${row.height}px`;
        if (!row.heading)
          return h(
            "div",
            { class: "task", style, title: row.lanes[0].task },
            row.lanes[0].task.replace(/^rafthttp /, ""),
          );
        const fold = () => this.fold(row.member);
        return h(
          "button",
          {
            class: `member m${this.ordinal(row.member)}`,
            style,
            "aria-expanded": String(!row.folded),
            onclick: fold,
            title: row.folded ? say("Show the {} tasks", row.many) : say("Fold to one row"),
            "data-member": row.member,
          },
          h("span", { class: "chevron" }),
          h("b", {}, row.member),
          h("span", { class: "role" }, members[row.member]?.role ?? ""),
        );
      }),
    );
    this.names.style.height = `${this.placed.height}px`;
  }

  fold(member) {
    if (!this.folded.delete(member)) this.folded.add(member);
    const focused = this.names.getRootNode().activeElement?.dataset?.member;
    this.#place();
    if (focused) this.names.querySelector(`[data-member="${focused}"]`)?.focus();
    this.resize();
  }

  /** Take the colours from the page again, and draw. */
  resize() {
    const probe = h("i", { hidden: true });
    this.box.append(probe);
    for (const name of INKS) {
      probe.style.color = `var(--${name})`;
      this.ink[name] = getComputedStyle(probe).color;
    }
    probe.remove();
    this.width = Math.max(50, this.canvas.parentElement.clientWidth);
    const dense = Math.min(2, globalThis.devicePixelRatio || 1);
    for (const canvas of [this.canvas, this.base]) {
      canvas.width = this.width * dense;
      canvas.height = this.placed.height * dense;
      canvas.getContext("2d").setTransform(dense, 0, 0, dense, 0, 0);
    }
    this.canvas.style.width = `${this.width}px`;
    this.canvas.style.height = `${this.placed.height}px`;
    this.seen = view(this.recording.steps.length, this.width, this.zoom, this.marks.n);
    this.#drawBase();
    this.draw();
  }

  zoomBy(factor, centre = this.marks.n) {
    const most = this.recording.steps.length / 12;
    this.zoom = Math.min(Math.max(1, this.zoom * factor), Math.max(1, most));
    this.seen = view(this.recording.steps.length, this.width, this.zoom, centre);
    this.#drawBase();
    this.draw();
  }

  /** Show what is marked now: the step, the one under the pointer, the way back, the critical path. */
  mark(marks) {
    const before = this.marks;
    this.marks = { ...before, ...marks };
    const moved = before.n !== this.marks.n;
    const seen = moved ? reveal(this.seen, this.marks.n, this.recording.steps.length) : this.seen;
    if (seen.x0 !== this.seen.x0 || before.critical !== this.marks.critical || before.why !== this.marks.why) {
      this.seen = seen;
      this.#drawBase();
    }
    this.draw();
    if (moved) this.#scrollTo(this.placed.rowOf.get(this.recording.steps[this.marks.n].lane));
  }

  #scrollTo(row) {
    const { scrollTop, clientHeight } = this.box;
    if (row && row.y < scrollTop) this.box.scrollTop = row.y - 6;
    else if (row && row.y + row.height > scrollTop + clientHeight)
      this.box.scrollTop = row.y + row.height - clientHeight + 6;
  }

  #x(n) {
    return (n - this.seen.x0) * this.seen.scale;
  }

  /** Everything that does not change from step to step. */
  #drawBase() {
    const to = this.base.getContext("2d");
    const { ink, seen } = this;
    const inView = (x0, x1) => x1 >= seen.x0 && x0 <= seen.x0 + seen.width;
    to.clearRect(0, 0, this.width, this.placed.height);
    to.lineWidth = 1;
    for (const row of this.placed.list) {
      to.fillStyle = row.heading ? ink.raised : ink.line;
      to.globalAlpha = row.heading ? 1 : 0.35;
      if (row.heading) to.fillRect(0, row.y, this.width, row.height);
      else to.fillRect(0, row.y + row.height - 1, this.width, 1);
    }
    for (const wait of this.drawn.waits.filter((each) => inView(each.x0, each.x1))) {
      to.globalAlpha = 0.55;
      to.fillStyle = ink[`m${this.ordinal(wait.row.member)}`];
      to.fillRect(this.#x(wait.x0), wait.row.y + wait.row.height / 2 - 0.5, (wait.x1 - wait.x0) * seen.scale, 1);
    }
    for (const turn of this.drawn.turns.filter((each) => inView(each.x0, each.x1))) {
      to.globalAlpha = this.#faint(turn.critical) ? 0.07 : 0.26;
      to.fillStyle = ink[`m${this.ordinal(turn.member)}`];
      const x = this.#x(turn.x0);
      to.beginPath();
      to.roundRect(x, turn.row.y + turn.row.height / 2 - 8, Math.max(3, this.#x(turn.x1) - x), 16, 3);
      to.fill();
    }
    for (const call of this.drawn.calls.filter((each) => inView(each.x0, each.x1))) {
      to.globalAlpha = this.#faint(call.step.turn.critical) ? 0.15 : 0.9 - Math.min(0.55, call.depth * 0.09);
      to.fillStyle = ink[`m${this.ordinal(call.row.member)}`];
      const x = this.#x(call.x0);
      to.fillRect(x, call.y, Math.max(1, this.#x(call.x1) - x - 0.3), call.h);
    }
    for (const arrow of this.drawn.arrows) {
      if (!arrow.hidden && inView(Math.min(arrow.x0, arrow.x1), Math.max(arrow.x0, arrow.x1))) this.#arrow(to, arrow);
    }
    this.#titles(to);
    to.globalAlpha = 1;
  }

  #faint(critical) {
    return this.marks.why !== null || (this.marks.critical && !critical);
  }

  #arrow(to, arrow, ink = "", alpha = 0) {
    const { edge } = arrow;
    const far = edge.kind === "wire" || edge.kind === "rpc";
    to.globalAlpha = alpha || (this.#faint(edge.critical) ? 0.1 : edge.critical ? 0.95 : far ? 0.6 : 0.38);
    to.strokeStyle = to.fillStyle = this.ink[ink || (edge.critical ? "critical" : "dim")];
    to.lineWidth = ink ? 2.2 : edge.critical ? 1.7 : 1;
    to.setLineDash(edge.kind === "timer" ? [3, 3] : []);
    const [x0, y0, x1, y1] = this.#ends(arrow);
    const bend = Math.max(8, Math.min(60, Math.abs(x1 - x0) / 2));
    to.beginPath();
    to.moveTo(x0, y0);
    to.bezierCurveTo(x0 + bend * 0.3, y0 + (y1 - y0) * 0.5, x1 - bend, y1, x1 - 3, y1);
    to.stroke();
    to.setLineDash([]);
    to.beginPath();
    to.moveTo(x1 + 1, y1);
    to.lineTo(x1 - 5, y1 - 3);
    to.lineTo(x1 - 5, y1 + 3);
    to.fill();
  }

  #ends(arrow) {
    return [this.#x(arrow.x0), arrow.y0, this.#x(arrow.x1), arrow.y1];
  }

  /** Names of stations, where there is room for them. */
  #titles(to) {
    const ends = new Map();
    to.font = FONT;
    to.textBaseline = "middle";
    to.lineJoin = "round";
    for (const call of this.drawn.calls) {
      const { station } = call.step;
      if (!station) continue;
      const wide = to.measureText(station).width;
      const x = Math.min(this.#x(call.step.n) + 2, this.width - wide - 3);
      if (
        x < 0 ||
        this.#x(call.step.n) > this.width ||
        x < (ends.get(call.row) ?? 0) ||
        this.#faint(call.step.turn.critical)
      )
        continue;
      const y = call.row.y + call.row.height / 2 + 0.5;
      to.globalAlpha = 1;
      to.lineWidth = 3.5;
      to.strokeStyle = this.ink.paper;
      to.fillStyle = this.ink.ink;
      to.strokeText(station, x, y);
      to.fillText(station, x, y);
      ends.set(call.row, x + wide + 6);
    }
  }

  draw(travel = 1) {
    const to = this.canvas.getContext("2d");
    const { ink, seen, marks, recording } = this;
    const { height } = this.placed;
    const dense = this.base.width / this.width;
    const x = this.#x(marks.n + 1);
    to.clearRect(0, 0, this.width, height);
    to.globalAlpha = 0.68; // what is still to come
    to.drawImage(this.base, 0, 0, this.width, height);
    to.globalAlpha = 1;
    const past = Math.min(this.width, Math.max(0, x));
    if (past > 0) {
      to.clearRect(0, 0, past, height);
      to.drawImage(this.base, 0, 0, past * dense, height * dense, 0, 0, past, height);
    }
    for (const arrow of this.drawn.arrows) {
      if (marks.why?.has(arrow.step.n) && !arrow.hidden) this.#arrow(to, arrow, "now", 0.9);
    }
    to.fillStyle = ink.now;
    to.globalAlpha = 1;
    for (const call of this.drawn.calls) {
      if (marks.why?.has(call.step.n))
        to.fillRect(this.#x(call.x0), call.y, Math.max(2, this.#x(call.x1) - this.#x(call.x0)), call.h);
    }
    const hovered = recording.steps[marks.hovered];
    if (hovered) this.#point(to, hovered, "ink", 0.75);
    to.globalAlpha = 0.85;
    to.fillStyle = ink.now;
    const at = this.#x(marks.n) + Math.min(seen.scale, 2) / 2;
    to.fillRect(at - 0.75, 0, 1.5, height);
    this.#point(to, recording.steps[marks.n], "now", 1);
    if (travel < 1) this.#dot(to, recording.steps[marks.n], travel);
    to.globalAlpha = 1;
  }

  #point(to, step, ink, alpha) {
    if (step.edge) {
      const arrow = this.drawn.arrows.find((each) => each.step === step);
      if (arrow && !arrow.hidden) {
        this.#arrow(to, arrow, ink, alpha);
        this.#chip(to, arrow, ink);
      }
      return;
    }
    const call = this.drawn.calls.find((each) => each.step === step);
    if (call) this.#outline(to, call, ink, alpha);
  }

  #outline(to, call, ink, alpha) {
    const x = this.#x(call.x0);
    to.globalAlpha = alpha;
    to.strokeStyle = this.ink[ink];
    to.lineWidth = 1.6;
    to.beginPath();
    to.roundRect(x - 1, call.y - 1.5, Math.max(4, this.#x(call.x1) - x + 1), call.h + 3, 2);
    to.stroke();
  }

  /** What passes, written beside where it arrives. */
  #chip(to, arrow, ink) {
    const text = brief(arrow.edge.label ? `${way(arrow.edge)}: ${arrow.edge.label}` : way(arrow.edge));
    to.font = FONT;
    const wide = to.measureText(text).width + 10;
    const [, , x1, y1] = this.#ends(arrow);
    const x = Math.min(Math.max(2, x1 + 6), this.width - wide - 2);
    const y = Math.max(9, y1 - 12);
    to.globalAlpha = 1;
    to.fillStyle = this.ink[ink];
    to.beginPath();
    to.roundRect(x, y - 8, wide, 16, 8);
    to.fill();
    to.fillStyle = this.ink.paper;
    to.textBaseline = "middle";
    to.fillText(text, x + 5, y + 0.5);
  }

  #dot(to, step, travel) {
    const arrow = step.edge && this.drawn.arrows.find((each) => each.step === step);
    if (!arrow) return;
    const [x0, y0, x1, y1] = this.#ends(arrow);
    to.globalAlpha = 1;
    to.fillStyle = this.ink.now;
    to.beginPath();
    to.arc(x0 + (x1 - x0) * travel, y0 + (y1 - y0) * travel, 5, 0, 7);
    to.fill();
  }

  #at(event) {
    const { left, top } = this.canvas.getBoundingClientRect();
    const perPixel = 1 / this.seen.scale;
    return hit(this.drawn, this.seen.x0 + (event.clientX - left) * perPixel, event.clientY - top, perPixel);
  }

  #tell(found, event) {
    const step = found && this.recording.steps[found.n];
    this.tip.hidden = !step;
    if (!step) return;
    const what = step.edge ? `${way(step.edge)}${step.edge.label ? `: ${step.edge.label}` : ""}` : step.span.func;
    this.tip.textContent = `${step.n + 1} · ${step.here.member} · ${step.here.task} · ${what}`;
    const { left, top, width } = this.box.getBoundingClientRect();
    const x = event.clientX - left;
    this.tip.style.top = `${event.clientY - top + this.box.scrollTop + 16}px`;
    this.tip.style.left = x < width / 2 ? `${x + 8}px` : "auto";
    this.tip.style.right = x < width / 2 ? "auto" : `${width - x + 8}px`;
  }

  #wheel(event) {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      const { left } = this.canvas.getBoundingClientRect();
      this.zoomBy(event.deltaY < 0 ? 1.25 : 0.8, this.seen.x0 + (event.clientX - left) / this.seen.scale);
    } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      const most = this.recording.steps.length - this.seen.width;
      const x0 = Math.min(
        Math.max(0, this.seen.x0 + (event.deltaX || event.deltaY) / this.seen.scale),
        Math.max(0, most),
      );
      if (x0 === this.seen.x0) return;
      event.preventDefault();
      this.seen = { ...this.seen, x0 };
      this.#drawBase();
      this.draw();
    }
  }
}

function brief(text) {
  return text.length > 48 ? `${text.slice(0, 47)}…` : text;
}

/** Followers begin as one row each where all tasks of all members would be too many to take in. */
function foldedAtFirst(recording) {
  if (recording.lanes.length <= 14) return [];
  const { members } = recording.data;
  return recording.members.filter((name) => members[name] && members[name].role !== "leader");
}
