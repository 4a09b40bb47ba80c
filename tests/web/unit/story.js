// A small recording: a client asks, a loop of n1 takes it by a channel, n2 acknowledges, the answer comes back.

let made = 0;

function span(member, task, turn, func, start, end, parent = null, more = {}) {
  made += 1;
  const file = "toy.py";
  return {
    id: made,
    parent,
    member,
    task,
    turn,
    func,
    go: [`a.go#${func}`],
    file,
    line: 10 * made,
    start,
    end,
    args: {},
    result: null,
    error: null,
    keys: [],
    shared: 1,
    lines: [],
    ...more,
  };
}

function edge(kind, name, from, to, at, more = {}) {
  const point = ([id, member, task, turn]) => ({ span: id, member, task, turn });
  return { kind, name, from: point(from), to: point(to), label: "", keys: [], critical: false, at, ...more };
}

export function story() {
  made = 0;
  const spans = [
    span("client", "main", 0, "ask", 0, 100), // 1
    span("client", "main", 0, "prepare", 1, 2, 1), // 2
    span("client", "main", 0, "send", 3, 90, 1), // 3
    span("n1", "loop", 0, "step", 11, 20, null, { args: { m: "prop" } }), // 4
    span("n1", "loop", 0, "append", 12, 14, 4, { result: 9 }), // 5
    span("n1", "loop", 0, "count", 15, 16, 4), // 6
    span("n2", "loop", 0, "follow", 31, 40), // 7
    span("n2", "loop", 0, "save", 32, 38, 7), // 8
    span("n1", "loop", 1, "commit", 51, 55), // 9
    span("client", "main", 1, "print", 91, 95, 1), // 10
  ];
  const edges = [
    edge("rpc", "gRPC", [3, "client", "main", 0], [4, "n1", "loop", 0], 11, { critical: true, label: "ask" }),
    edge("wire", "TCP stream (http)", [6, "n1", "loop", 0], [null, "n2", "loop", 0], 30, { critical: true }),
    edge("wire", "TCP stream (http)", [8, "n2", "loop", 0], [null, "n1", "loop", 1], 50, { critical: true }),
    edge("wait", "quorum", [6, "n1", "loop", 0], [9, "n1", "loop", 1], 51),
    edge("rpc", "gRPC", [9, "n1", "loop", 1], [3, "client", "main", 1], 89, { critical: true }),
  ];
  const state = (log) => ({ role: "leader", term: 2, log, disk: log, commit: log, applied: log });
  return {
    schema: 1,
    etcd: "v3.4.23",
    command: ["ask"],
    members: { n1: { role: "leader" }, n2: { role: "follower" } },
    spans,
    edges,
    stations: [
      { span: 1, title: "command" },
      { span: 9, title: "commit" },
    ],
    states: { n1: state(8), n2: state(8) },
    changes: [
      { at: 14, order: 5, span: 5, member: "n1", name: "log", value: 9 },
      { at: 38, order: 8, span: 8, member: "n2", name: "disk", value: 9 },
      { at: 55, order: 9, span: 9, member: "n1", name: "commit", value: 9 },
    ],
    functions: { "toy.py:40": 'def step(self):\n    """Take it. And more.\n\n    Go: a.go#step\n    """\n' },
  };
}
