// Just enough of Python's grammar to colour it.

const KEYWORDS =
  "and|as|assert|async|await|break|case|class|continue|def|del|elif|else|except|finally|for|from|global|if|import|in|is|lambda|match|nonlocal|not|or|pass|raise|return|try|while|with|yield|None|True|False";
const TOKEN = new RegExp(
  [
    /(?<comment>#[^\n]*)/.source,
    /(?<string>[rbfuRBFU]{0,2}(?:"""[\s\S]*?(?:"""|$)|'''[\s\S]*?(?:'''|$)|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))/
      .source,
    `(?<keyword>\\b(?:${KEYWORDS})\\b)`,
    /(?<number>\b\d[\w.]*)/.source,
    /(?<self>\bself\b)/.source,
    /(?<name>(?<=\b(?:def|class)\s)\w+)/.source,
    /(?<plain>[A-Za-z_]\w*|[^A-Za-z_#"'\d]+|.)/.source,
  ].join("|"),
  "g",
);

/** Text as lines of `[kind, text]`; kind is "" for what has no colour. */
export function highlight(text) {
  const lines = [[]];
  let docstring = false;
  for (const match of text.matchAll(TOKEN)) {
    const [kind, value] = Object.entries(match.groups).find(([, found]) => found !== undefined);
    const isDocstring =
      kind === "string" && /^[rR]?("""|''')/.test(value) && !docstring && !lines.at(-1).some(([, t]) => t.trim());
    docstring ||= isDocstring;
    const parts = value.split("\n");
    for (const [i, part] of parts.entries()) {
      if (i) lines.push([]);
      if (part) lines.at(-1).push([isDocstring ? "doc" : kind === "plain" ? "" : kind, part]);
    }
  }
  return lines;
}

/** Without what all lines are indented by. */
export function dedent(text) {
  const lines = text.replace(/\n$/, "").split("\n");
  const deep = Math.min(...lines.filter((line) => line.trim()).map((line) => line.search(/\S/)));
  return lines.map((line) => line.slice(Number.isFinite(deep) ? deep : 0)).join("\n");
}
