// Graphs lead to the player: a click on a call opens that step of the same run where the page plays it (elsewhere the
// link is followed as it stands). What led to the call under the pointer or the focus, and what follows from it, is marked.

import { writeHash } from "./recording.js";

/** All that is reached from `start` along `pairs` of [from, to]; against them if `backwards`. */
export function reached(pairs, start, backwards = false) {
  const [from, to] = backwards ? [1, 0] : [0, 1];
  const found = new Set();
  const waiting = [start];
  while (waiting.length) {
    const here = waiting.pop();
    for (const pair of pairs) {
      if (pair[from] !== here || found.has(pair[to])) continue;
      found.add(pair[to]);
      waiting.push(pair[to]);
    }
  }
  found.delete(start);
  return found;
}

/** What an element of a graph joins: an arrow two others, a call the one it is made from and itself. */
const ends = (element) => [element.dataset.from, element.dataset.to ?? element.id];

function mark(graph, start) {
  const joined = [...graph.querySelectorAll("[data-from]")];
  const pairs = joined.map(ends);
  const up = reached(pairs, start, true);
  const down = reached(pairs, start);
  graph.classList.add("tracing");
  for (const element of graph.querySelectorAll("[id]")) {
    element.classList.toggle("here", element.id === start);
    element.classList.toggle("up", up.has(element.id));
    element.classList.toggle("down", down.has(element.id));
  }
  for (const arrow of joined.filter((each) => each.dataset.to)) {
    const [from, to] = ends(arrow);
    arrow.classList.toggle("up", up.has(from) && (up.has(to) || to === start));
    arrow.classList.toggle("down", down.has(to) && (down.has(from) || from === start));
  }
}

const callOf = (event) => event.target.closest?.("[class*=call-]");

function show(event, graph) {
  const number = /\bcall-\d+/.exec(callOf(event)?.getAttribute("class"))?.[0];
  if (!number || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const file = `/${graph.dataset.scenario}.json`;
  const player = [...document.querySelectorAll("trace-player")].find((each) =>
    each.getAttribute("src")?.endsWith(file),
  );
  if (!player) return;
  event.preventDefault();
  location.hash = writeHash(location.hash, player.name, number);
  player.scrollIntoView({ behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
}

/** Let the graphs of the page answer; those that do already are left alone. */
export function connect() {
  for (const graph of document.querySelectorAll("svg.trace[data-scenario]:not([data-answers])")) {
    graph.dataset.answers = "";
    graph.addEventListener("click", (event) => show(event, graph));
    for (const name of ["pointerover", "focusin"])
      graph.addEventListener(name, (event) => {
        const call = callOf(event);
        if (call) mark(graph, call.id);
      });
    for (const name of ["pointerleave", "focusout"])
      graph.addEventListener(name, () => graph.classList.remove("tracing"));
  }
}
