// What pages need of scripts besides Material's, also those that its instant navigation brings.

const load = () => {
  // Material leaves this dialog without a name, and what scrolls sideways out of reach of the keyboard.
  const search = document.querySelector("[data-md-component=search]");
  const words = search?.querySelector("input")?.placeholder;
  if (words) search.setAttribute("aria-label", words);
  for (const wide of document.querySelectorAll(".trace-scroll, .md-typeset__scrollwrap")) wide.tabIndex = 0;
  if (document.querySelector("trace-player")) import("./player.js");
  if (document.querySelector("svg.trace[data-scenario]")) import("./graphs.js").then(({ connect }) => connect());
};

if (globalThis.document$) globalThis.document$.subscribe(load);
else load();
