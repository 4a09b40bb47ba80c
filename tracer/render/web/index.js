// Loads the player on the pages that have one, also on those that Material's instant navigation brings.

const load = () => document.querySelector("trace-player") && import("./player.js");

if (globalThis.document$) globalThis.document$.subscribe(load);
else load();
