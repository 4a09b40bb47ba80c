// <trace-player src="put.json">: a recording to step through. Made when it enters the page, disposed of when it leaves.
//
//   src       the recording (tracer … --json), or a <script type="application/json"> inside the element
//   at        where it opens: a number, a station or a function; an address's #step=17 goes before it
//   level     what next and previous stop at: stations (if not said), hand-offs, calls
//   pane      which one narrow players show first: calls, source (if not said), state
//   sources   where the pages of our source files are, as ../source/

import { h, icon } from "./dom.js";
import { Lanes } from "./lanes.js";
import { caption, help, sentence, source, state, why } from "./panes.js";
import { LEVELS, Recording, readHash, shown, way, writeHash } from "./recording.js";
import { ancestors, treeRows, VirtualList } from "./tree.js";
import { say } from "./words.js";

const TREE_ROW = 22;
const PAUSE = { stations: 1800, "hand-offs": 900, calls: 350 };
const SPEEDS = [0.5, 1, 2, 4, 8];
const STOPS = { stations: "stations", "hand-offs": "hand-offs", calls: "every call" };

class TracePlayer extends HTMLElement {
  #life = null;
  #timer = 0;
  #frame = 0;
  #writing = 0;

  connectedCallback() {
    this.#life = new AbortController();
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    const style = document.getElementById("trace-player-style");
    const sheet = style
      ? h("style", {}, style.textContent)
      : h("link", { rel: "stylesheet", href: new URL("player.css", import.meta.url) });
    this.body = h(
      "div",
      { class: "player", role: "group", "aria-label": say("Trace player") },
      h("p", { class: "none" }, say("Loading the recording …")),
    );
    root.replaceChildren(sheet, this.body);
    const styled = style
      ? null
      : new Promise((done) => {
          sheet.onload = sheet.onerror = done;
        });
    this.ready = this.#load(styled, this.#life.signal).catch((error) => {
      if (error.name === "AbortError") return;
      this.body.replaceChildren(
        h("p", { class: "none", role: "alert" }, say("The recording cannot be shown: {}", error.message)),
      );
    });
  }

  disconnectedCallback() {
    this.#life.abort();
    clearTimeout(this.#timer);
    clearTimeout(this.#writing);
    cancelAnimationFrame(this.#frame);
    for (const part of ["recording", "lanes", "list", "body", "parts", "walk", "rows", "go"]) this[part] = null;
    this.shadowRoot.replaceChildren();
  }

  /** Nothing is fetched and drawn before somebody comes near, or asks for a step of it. */
  #wanted(signal) {
    return new Promise((done) => {
      const seen = new IntersectionObserver(([entry]) => entry.isIntersecting && done(), { rootMargin: "50%" });
      const asked = () => this.#asked && done();
      seen.observe(this);
      addEventListener("hashchange", asked, { signal });
      signal.addEventListener("abort", () => {
        seen.disconnect();
        done();
      });
      asked();
    });
  }

  async #load(styled, signal) {
    await this.#wanted(signal);
    signal.throwIfAborted();
    const inside = this.querySelector('script[type="application/json"]');
    const response = inside ? null : await fetch(this.getAttribute("src"), { signal });
    if (response && !response.ok) throw new Error(`${response.url} answers ${response.status}`);
    const data = inside ? JSON.parse(inside.textContent) : await response.json();
    await styled;
    signal.throwIfAborted();
    this.recording = new Recording(data);
    if (!this.recording.steps.length) throw new Error("there is no step in it");
    this.#start(signal);
  }

  /** What this player is called in an address: nothing for the first on the page. */
  get name() {
    const all = [...document.querySelectorAll("trace-player")];
    return all[0] === this ? "" : this.id || `p${all.indexOf(this) + 1}`;
  }

  #start(signal) {
    const { recording } = this;
    const level = this.getAttribute("level");
    Object.assign(this, {
      n: 0,
      since: -1,
      critical: false,
      explaining: false,
      playing: false,
      speed: 1,
      hovered: -1,
      open: new Set(),
    });
    this.level = LEVELS.includes(level) ? level : recording.stations.size ? "stations" : "hand-offs";
    this.#build();
    this.walk = recording.walk(this.level, this.critical);
    const from = this.#addressed();
    const on = (target, name, listener) => target.addEventListener(name, listener, { signal });
    on(window, "popstate", () => this.#arrive());
    on(window, "hashchange", () => this.#arrive());
    on(this.shadowRoot, "keydown", (event) => this.#key(event));
    const redraw = () => this.lanes.resize();
    const theme = new MutationObserver(redraw);
    for (const each of [document.documentElement, document.body])
      theme.observe(each, { attributeFilter: ["data-md-color-scheme", "data-md-color-media", "class"] });
    on(matchMedia("(prefers-color-scheme: dark)"), "change", redraw);
    const size = new ResizeObserver(() => {
      redraw();
      this.list.draw();
    });
    size.observe(this.body);
    signal.addEventListener("abort", () => {
      theme.disconnect();
      size.disconnect();
    });
    this.lanes.resize();
    this.#show(from < 0 ? this.#first() : from);
    if (from >= 0 && readHash(location.hash, this.name)) this.scrollIntoView({ block: "nearest" });
    this.dispatchEvent(new CustomEvent("ready", { bubbles: true }));
  }

  #first() {
    const at = this.recording.find(this.getAttribute("at"));
    return at < 0 ? (this.walk[0]?.n ?? 0) : at;
  }

  /** Which step the address asks for, in its own words. */
  get #asked() {
    const name = this.name;
    return readHash(location.hash, this.id || name) || (name ? "" : readHash(location.hash));
  }

  #addressed() {
    return this.recording.find(this.#asked);
  }

  #pane() {
    return this.getAttribute("pane") ?? "source";
  }

  #arrive() {
    const at = this.#addressed();
    this.#pause();
    this.#show(at < 0 ? this.#first() : at);
    this.walked = false;
  }

  // ---- what is built once -------------------------------------------------------------------------------------

  #build() {
    const { recording } = this;
    const { members } = recording.data;
    const leader = Object.keys(members).find((name) => members[name].role === "leader");
    const count = Object.keys(members).length;
    const many = count > 1 ? say("{} members", count) : say("1 member");
    const about = count ? many + (leader ? say(", {} leads", leader) : "") : say("the client’s half");
    this.go = (n) => this.jump(n);
    const hover = (n) => this.#hover(n);
    const parts = {
      lanes: h("div", {
        class: "lanes",
        tabindex: 0,
        role: "group",
        "aria-label": say("Lanes: which task of which member works at which step"),
      }),
      caption: h("div", { class: "caption" }),
      tree: h("div", { class: "tree", role: "tree", tabindex: 0, "aria-label": say("Call tree") }),
      why: h("div", { class: "why", hidden: true }),
      source: h("div", { class: "source", tabindex: 0, role: "region", "aria-label": say("Source") }),
      state: h("div", { class: "state", tabindex: 0, role: "region", "aria-label": say("State of each member") }),
      live: h("div", { class: "sr", "aria-live": "polite" }),
      slider: h("input", {
        type: "range",
        min: 0,
        "aria-label": say("Step"),
        oninput: (event) => this.#move(this.walk[event.target.value]?.n ?? 0),
      }),
      count: h("output", { class: "count" }),
      help: help(),
    };
    this.parts = parts;
    const { lanes, slider } = parts;
    this.body.setAttribute("aria-label", say("Recording of {}", recording.title));
    this.body.replaceChildren(
      h(
        "header",
        {},
        h("div", { class: "title" }, h("code", {}, recording.title), h("span", { class: "dim" }, about)),
        this.#options(),
      ),
      lanes,
      h("div", { class: "transport" }, this.#transport(), slider, parts.count, this.#speeds()),
      parts.caption,
      this.#tabs(),
      h(
        "div",
        { class: "panes", "data-pane": this.#pane() },
        h(
          "section",
          { class: "calls", "data-is": "calls" },
          h("h2", {}, say("Calls"), h("button", { class: "text", onclick: () => this.#unfold() }, say("open all"))),
          parts.tree,
          parts.why,
        ),
        h("section", { "data-is": "source" }, h("h2", {}, say("Source")), parts.source),
        h("section", { "data-is": "state" }, h("h2", {}, say("State")), parts.state),
      ),
      parts.live,
      parts.help,
    );
    this.lanes = new Lanes(lanes, recording, { go: this.go, hover });
    this.list = new VirtualList(parts.tree, TREE_ROW, (n) => this.#treeRow(n));
    parts.tree.addEventListener("scroll", () => this.list.draw(), { passive: true });
    parts.tree.addEventListener("pointerover", (event) =>
      hover(Number(event.target.closest("[data-n]")?.dataset.n ?? -1)),
    );
    parts.tree.addEventListener("pointerleave", () => hover(-1));
    parts.tree.addEventListener("click", (event) => this.#clicked(event));
  }

  #button(name, label, key, act, text = "") {
    return h(
      "button",
      {
        class: text ? "text" : "icon",
        "data-do": name,
        "aria-label": text ? null : label,
        title: key ? `${label} (${key})` : label,
        onclick: act,
      },
      text || icon(name),
    );
  }

  #options() {
    const levels = LEVELS.filter((level) => level !== "stations" || this.recording.stations.size).map((level) =>
      h(
        "button",
        {
          "data-level": level,
          onclick: () => this.#setLevel(level),
          title: say("Next and previous stop at {} (l)", say(STOPS[level])),
        },
        say(STOPS[level]),
      ),
    );
    return h(
      "div",
      { class: "options" },
      h("div", { class: "segments", role: "group", "aria-label": say("Stop at") }, ...levels),
      this.#button(
        "critical",
        say("Only what the answer waited for"),
        "c",
        () => this.#setCritical(!this.critical),
        say("critical path"),
      ),
      this.#button("why", say("Why did this happen?"), "w", () => this.#explain(!this.explaining), say("why?")),
      this.#button("large", say("Full screen"), "f", () => this.#large()),
      this.#button("help", say("Keys"), "?", () => this.#showHelp()),
    );
  }

  #transport() {
    const { recording } = this;
    const buttons = [
      ["first", say("First step"), "Home", () => this.#walkTo(this.walk[0]?.n)],
      ["previous", say("Previous step"), "←", () => this.#walkTo(recording.previous(this.n, this.walk))],
      ["play", say("Play"), "Space", () => this.#toggle()],
      ["next", say("Next step"), "→", () => this.#walkTo(recording.next(this.n, this.walk))],
      ["last", say("Last step"), "End", () => this.#walkTo(this.walk.at(-1)?.n)],
      ["into", say("Step into"), "i", () => this.jump(recording.into(this.n))],
      ["over", say("Step over"), "o", () => this.jump(recording.over(this.n))],
      ["out", say("Step out"), "u", () => this.jump(recording.out(this.n))],
    ];
    return h(
      "div",
      { class: "buttons", role: "group", "aria-label": say("Steps") },
      ...buttons.map((each) => this.#button(...each)),
    );
  }

  #speeds() {
    const options = SPEEDS.map((speed) => h("option", { value: speed, selected: speed === 1 }, `${speed}×`));
    this.parts.speed = h(
      "select",
      {
        "aria-label": say("Speed"),
        title: say("Speed (. ,)"),
        onchange: (event) => this.#setSpeed(Number(event.target.value)),
      },
      ...options,
    );
    return this.parts.speed;
  }

  #tabs() {
    const choose = (event) => {
      const { pane } = event.target.dataset;
      this.body.querySelector(".panes").dataset.pane = pane;
      for (const each of event.target.parentElement.children)
        each.setAttribute("aria-pressed", String(each === event.target));
      this.list.draw();
    };
    const names = { calls: say("calls"), source: say("source"), state: say("state") };
    return h(
      "div",
      { class: "tabs segments", role: "group", "aria-label": say("Pane") },
      ...Object.entries(names).map(([name, text]) =>
        h("button", { "data-pane": name, "aria-pressed": String(name === this.#pane()), onclick: choose }, text),
      ),
    );
  }

  #treeRow(i) {
    const row = this.rows[i];
    const { step } = row;
    const isHere = step.n === this.n;
    const element = h(
      "div",
      {
        class: `row${row.heading ? " heading" : ""}${isHere ? " here" : ""}${step.turn.critical ? " critical" : ""}`,
        role: "treeitem",
        id: `row-${step.n}`,
        "data-n": step.n,
        "aria-level": row.level + 1,
        "aria-selected": String(isHere),
        "aria-expanded": row.kids ? String(row.open) : null,
        style: `padding-left:${6 + row.level * 13}px;height:${TREE_ROW}px`,
      },
      h("span", { class: row.kids ? "twist" : "leaf", "data-twist": row.kids ? "" : null }),
      h("i", { class: `mark m${this.lanes.ordinal(step.here.member)}` }),
    );
    if (row.heading)
      element.append(
        h("b", {}, step.here.member),
        h("span", { class: "lane" }, step.here.task.replace(/^rafthttp /, "")),
      );
    if (step.edge)
      element.append(
        h("span", { class: "edge" }, `⇐ ${way(step.edge)}`),
        h("span", { class: "args" }, step.edge.label),
      );
    else {
      element.append(h("code", {}, step.span.func), h("span", { class: "args" }, shown(step.span.args)));
      if (step.span.error) element.append(h("span", { class: "error" }, "✗"));
      else if (step.span.result !== null) element.append(h("span", { class: "result" }, `→ ${step.span.result}`));
      if (step.station) element.append(h("span", { class: "station" }, step.station));
      if (step.span.shared > 1) element.append(h("span", { class: "badge" }, say("shared by {}", step.span.shared)));
    }
    return element;
  }

  // ---- where it is ------------------------------------------------------------------------------------------

  /** Go to a step (from 0) as a click does: the address says so, and "back" leads from there. */
  jump(n) {
    if (!(n >= 0) || n >= this.recording.steps.length) return;
    this.#pause();
    this.#address(n, true);
    this.walked = false;
    this.#show(n);
  }

  /** A walk of many steps is one entry in the browser's history. */
  #move(n, pause = true) {
    if (n === undefined || n === this.n) return;
    if (pause) this.#pause();
    this.#address(n, !this.walked);
    this.walked = true;
    this.#show(n);
  }

  #walkTo(n) {
    this.#move(n);
  }

  #address(n, push) {
    clearTimeout(this.#writing);
    const name = this.name;
    const where = { x: scrollX, y: scrollY }; // as Material keeps it, so that going back does not scroll
    const write = (how) => history[how](where, "", writeHash(location.hash, name, n + 1));
    if (push && n !== this.n) write("pushState");
    else this.#writing = setTimeout(() => write("replaceState"), 250); // browsers allow only so many
  }

  #show(n) {
    const { recording, parts } = this;
    const step = recording.steps[n];
    const isNext = n > this.n;
    this.since = isNext && recording.previous(n, this.walk) <= this.n ? this.n : n - 1;
    this.n = n;
    const ordinal = this.lanes.ordinal(step.here.member);
    for (const above of ancestors(recording, n)) this.open.add(above);
    if (step.edge) this.open.add(n);
    this.rows = treeRows(recording, this.open);
    this.list.show(this.rows.length);
    const row = this.rows.findIndex((each) => each.step.n === n);
    this.list.reveal(row);
    parts.tree.setAttribute("aria-activedescendant", `row-${n}`);
    parts.caption.replaceChildren(...caption(recording, step, ordinal));
    parts.source.replaceChildren(...source(recording, step, this.getAttribute("sources"), recording.data.etcd));
    const ran = parts.source.querySelector(".ran");
    const { clientHeight } = parts.source;
    parts.source.scrollTop = 0;
    if (ran?.offsetTop > 0.7 * clientHeight) parts.source.scrollTop = ran.offsetTop - 0.4 * clientHeight;
    parts.state.replaceChildren(...state(recording, n, this.since, (member) => this.lanes.ordinal(member), this.go));
    this.#controls();
    this.#mark();
    const told = `${step.station ? `${step.station}. ` : ""}${sentence(step)}`;
    const words = say("Step {} of {}. {}", n + 1, recording.steps.length, told);
    if (!this.playing || this.level === "stations") parts.live.textContent = words;
    parts.slider.setAttribute("aria-valuetext", words);
    if (step.edge && isNext) this.#travel();
    this.dispatchEvent(new CustomEvent("step", { bubbles: true, detail: { step: n + 1 } }));
  }

  #controls() {
    const { parts, walk, recording } = this;
    const place = Math.max(
      0,
      walk.findLastIndex((step) => step.n <= this.n),
    );
    parts.slider.max = Math.max(0, walk.length - 1);
    parts.slider.value = place;
    parts.slider.style.setProperty("--done", `${(100 * place) / Math.max(1, walk.length - 1)}%`);
    parts.count.replaceChildren(h("b", {}, String(this.n + 1)), ` / ${recording.steps.length}`);
    const set = (name, on) => this.body.querySelector(`[data-do="${name}"]`).setAttribute("aria-pressed", String(on));
    set("critical", this.critical);
    set("why", this.explaining);
    for (const each of this.body.querySelectorAll("[data-level]"))
      each.setAttribute("aria-pressed", String(each.dataset.level === this.level));
    const play = this.body.querySelector('[data-do="play"]');
    play.replaceChildren(icon(this.playing ? "pause" : "play"));
    play.setAttribute("aria-label", this.playing ? say("Pause") : say("Play"));
  }

  #mark() {
    const { parts, recording, n } = this;
    const chain = this.explaining
      ? new Set([n, ...recording.why(n).flatMap((cause) => [cause.step.n, ...cause.also.map((each) => each.step.n)])])
      : null;
    this.lanes.mark({ n, why: chain, critical: this.critical });
    parts.why.hidden = !this.explaining;
    parts.tree.hidden = this.explaining;
    this.body.querySelector(".calls h2").firstChild.data = this.explaining ? say("Why") : say("Calls");
    this.body.querySelector(".calls h2 button").hidden = this.explaining;
    if (this.explaining)
      parts.why.replaceChildren(...why(recording, n, (member) => this.lanes.ordinal(member), this.go));
    else this.list.draw();
  }

  #hover(n) {
    if (n === this.hovered) return;
    this.hovered = n;
    this.lanes.mark({ hovered: n });
    for (const row of this.parts.tree.querySelectorAll(".row"))
      row.classList.toggle("hovered", Number(row.dataset.n) === n);
  }

  #travel() {
    cancelAnimationFrame(this.#frame);
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    const began = performance.now();
    const lasts = 420 / Math.max(1, this.speed);
    const frame = (now) => {
      const part = Math.min(1, (now - began) / lasts);
      this.lanes.draw(part);
      if (part < 1) this.#frame = requestAnimationFrame(frame);
    };
    this.#frame = requestAnimationFrame(frame);
  }

  // ---- what can be chosen -----------------------------------------------------------------------------------

  #toggle() {
    if (this.playing) return this.#pause();
    this.playing = true;
    if (this.recording.next(this.n, this.walk) === this.n) this.#move(this.walk[0]?.n, false);
    this.#controls();
    return this.#tick();
  }

  #tick() {
    this.#timer = setTimeout(() => {
      const next = this.recording.next(this.n, this.walk);
      if (next === this.n) return this.#pause();
      this.#move(next, false);
      return this.#tick();
    }, PAUSE[this.level] / this.speed);
  }

  #pause() {
    clearTimeout(this.#timer);
    if (!this.playing) return;
    this.playing = false;
    this.#controls();
  }

  #setSpeed(speed) {
    this.speed = speed;
    this.parts.speed.value = speed;
  }

  #setLevel(level) {
    this.level = level;
    this.walk = this.recording.walk(level, this.critical);
    this.#controls();
  }

  #setCritical(on) {
    this.critical = on;
    this.#setLevel(this.level);
    this.#mark();
  }

  #explain(on) {
    this.explaining = on;
    if (on) this.body.querySelector('.tabs [data-pane="calls"]').click();
    this.#controls();
    this.#mark();
  }

  #large() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.requestFullscreen?.().catch(() => {});
  }

  #showHelp() {
    if (!this.parts.help.open) this.parts.help.showModal();
  }

  #unfold() {
    const all = this.body.querySelector(".calls h2 button");
    const isOpen = all.textContent === say("close all");
    this.open = new Set(
      isOpen ? [] : this.recording.steps.filter((step) => step.edge || step.calls).map((step) => step.n),
    );
    all.textContent = isOpen ? say("open all") : say("close all");
    if (isOpen) for (const above of ancestors(this.recording, this.n)) this.open.add(above);
    this.#refresh();
  }

  #refresh() {
    this.rows = treeRows(this.recording, this.open);
    this.list.show(this.rows.length);
    this.list.reveal(this.rows.findIndex((each) => each.step.n === this.n));
  }

  #fold(n, open) {
    if (open) this.open.add(n);
    else this.open.delete(n);
    this.#refresh();
  }

  #clicked(event) {
    const row = event.target.closest("[data-n]");
    if (!row) return;
    const n = Number(row.dataset.n);
    if (event.target.closest("[data-twist]")) this.#fold(n, !this.open.has(n));
    else this.jump(n);
  }

  // ---- keys -------------------------------------------------------------------------------------------------

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || this.parts.help.open) return;
    const target = event.composedPath()[0];
    const act = (target === this.parts.tree && this.#treeKey(event.key)) || this.#action(event.key, target);
    if (!act) return;
    event.preventDefault();
    event.stopPropagation(); // the page has keys of its own
    act();
  }

  #action(key, target) {
    const press = (name) => () => this.body.querySelector(`[data-do="${name}"]`).click();
    if (target.matches("select")) return null;
    if (target.matches("input") && /^(Arrow|Home|End|Page)/.test(key)) return null;
    if (key === " ") return target.matches("button, a") ? null : press("play");
    const names = {
      ArrowRight: "next",
      ArrowLeft: "previous",
      Home: "first",
      End: "last",
      i: "into",
      o: "over",
      u: "out",
      c: "critical",
      w: "why",
      f: "large",
      "?": "help",
    };
    if (names[key]) return press(names[key]);
    const faster = (by) => () =>
      this.#setSpeed(SPEEDS[Math.min(Math.max(0, SPEEDS.indexOf(this.speed) + by), SPEEDS.length - 1)]);
    const others = {
      ".": faster(1),
      ",": faster(-1),
      "+": () => this.lanes.zoomBy(1.4),
      "=": () => this.lanes.zoomBy(1.4),
      "-": () => this.lanes.zoomBy(1 / 1.4),
      0: () => this.lanes.zoomBy(0),
      Escape: this.explaining && (() => this.#explain(false)),
      l: () => {
        const levels = [...this.body.querySelectorAll("[data-level]")].map((each) => each.dataset.level);
        this.#setLevel(levels[(levels.indexOf(this.level) + 1) % levels.length]);
      },
    };
    return others[key] || null;
  }

  /** In the tree the arrows move among its rows, and open and close them. */
  #treeKey(key) {
    const i = this.rows.findIndex((row) => row.step.n === this.n);
    const row = this.rows[i];
    const to = (n) => () => this.#move(this.rows[n]?.step.n);
    const parent = this.recording.above.get(this.n);
    const moves = {
      ArrowDown: to(i + 1),
      ArrowUp: to(i - 1),
      Home: to(0),
      End: to(this.rows.length - 1),
      ArrowRight: row.kids && !row.open ? () => this.#fold(this.n, true) : to(i + 1),
      ArrowLeft: row.open && row.kids ? () => this.#fold(this.n, false) : () => this.#move(parent),
    };
    return moves[key];
  }
}

if (!customElements.get("trace-player")) customElements.define("trace-player", TracePlayer);
