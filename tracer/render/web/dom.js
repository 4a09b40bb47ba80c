// Elements, written short.

/** An element: attributes (`onclick` and its like are listeners), then what is in it. */
export function h(tag, attributes = {}, ...inside) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...inside.filter((each) => each !== null && each !== undefined && each !== ""));
  return element;
}

const PATHS = {
  first: "M6 5h2v14H6zM19 5v14l-9-7z",
  previous: "M16 5v14l-10-7z",
  play: "M7 4.5v15l12-7.5z",
  pause: "M7 5h4v14H7zM14 5h4v14h-4z",
  next: "M8 5v14l10-7z",
  last: "M16 5h2v14h-2zM5 5v14l9-7z",
  into: "M11 3h2v7h4l-5 6-5-6h4zM12 18a2 2 0 1 0 .01 0z",
  over: "M4 14a8 8 0 0 1 14-4l2.500-2.500V15H13l3-3a6 6 0 0 0-10 2zM12 18a2 2 0 1 0 .01 0z",
  out: "M11 16h2V9h4l-5-6-5 6h4zM12 18a2 2 0 1 0 .01 0z",
  why: "M12 4l7 8h-5v8h-4v-8H5z",
  help: "M11 17h2v2h-2zM12 4a5 5 0 0 0-5 5h2a3 3 0 1 1 4.500 2.600c-1.500.9-2.500 1.900-2.500 3.900h2c0-1.400.8-1.900 1.800-2.600A5 5 0 0 0 12 4z",
  large: "M5 5h6v2H7v4H5zM13 5h6v6h-2V7h-4zM5 13h2v4h4v2H5zM17 13h2v6h-6v-2h4z",
};

/** A small picture; it says nothing by itself. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = svg.appendChild(document.createElementNS(svg.namespaceURI, "path"));
  path.setAttribute("d", PATHS[name]);
  return svg;
}

/** Text in which `code` is set as such. */
export function prose(text) {
  return text.split(/`+([^`]+)`+/).map((part, i) => (i % 2 ? h("code", {}, part) : part));
}
