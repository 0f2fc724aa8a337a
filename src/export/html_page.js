// SPDX-License-Identifier: MIT
// Table, tree and flame graph of one run, from the numbers that stand in the page. It loads nothing and
// stores nothing; names are put in as text, never as markup. export_html.c writes the numbers and names
// their order; flamegraph.js draws the flame graph, as in the SVG file.
(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("data").textContent);
  const page = document.getElementById("page"), foot = document.getElementById("foot");
  const SVG = "http://www.w3.org/2000/svg";
  const ORIGINS = { a: "own code", s: "standard library", t: "installed packages", c: "C functions", o: "other" };
  const WEIGHTS = ["calls", "wall time", "cpu time", "waiting"];
  const [CALLS, WALL, CPU, WAIT] = [0, 1, 2, 3];
  const MOST_ROWS = 300, MOST_NODES = 1500;

  // --- numbers and elements -------------------------------------------------------------------
  const count = (number) => Math.round(number).toString().replace(/\B(?=(\d{3})+$)/g, ",");
  const time = (ns) => {
    if (ns < 1000) return `${Math.round(ns)} ns`;
    const units = ["µs", "ms", "s"];
    let value = ns / 1000, i = 0;
    while (value >= 999.5 && i < 2) value /= 1000, i++;
    if (i === 2 && value >= 999.5) return `${Math.floor(value / 60)} m ${Math.round(value % 60)} s`;
    return `${value.toFixed(value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2)} ${units[i]}`;
  };
  const percent = (part, whole) => whole > 0 ? `${(100 * part / whole).toFixed(1)}%` : "";
  const weigh = (weight, number) => weight === CALLS ? count(number) : time(number);
  const make = (name, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(name), properties);
    for (const [key, value] of Object.entries(properties.set || {})) element.setAttribute(key, value);
    element.append(...children);
    return element;
  };
  const meter = (part, whole, text) => {
    const bar = make("i");
    bar.style.width = `${whole > 0 ? Math.min(100 * part / whole, 100) : 0}%`;
    return make("span", { className: "meter" }, bar,
      make("b", {}, make("span", { textContent: text }), make("span", { textContent: percent(part, whole) })));
  };
  const pattern = (words) => {
    try {
      return new RegExp(words, "i");
    } catch {
      return new RegExp(words.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "i");
    }
  };
  const literally = (words) => `^${words.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}$`;

  // --- functions ------------------------------------------------------------------------------
  const functions = data.functions.map((row, index) => {
    const [name, file, line, origin, kind, calls, resumes, primitive, selfWall, totalWall, selfCpu,
      totalCpu, wait, p50, p99, max, exact] = row;
    const short = file.split("/").slice(-2).join("/");
    return { index, name, file, line, origin, kind, calls, resumes, primitive, wait, p50, p99, max, exact,
      ncalls: calls + resumes, place: file ? `${short}:${line}` : "", self: [0, selfWall, selfCpu],
      total: [0, totalWall, totalCpu] };
  });
  const clock = () => state.weight === CPU ? CPU : WALL;
  const profiled = [0, 0, 0];
  for (const one of functions) for (const which of [WALL, CPU]) profiled[which] += one.self[which];

  // --- the tree: parents before children, heaviest first -----------------------------------------
  const tree = data.tree, size = tree.parent.length;
  const children = Array.from({ length: size }, () => []);
  for (let i = 1; i < size; i++) children[tree.parent[i]].push(i);
  const own = (i, weight) => weight === CALLS ? (i ? tree.calls[i] : 0)
    : Math.max(weight === WALL ? tree.self[i] : weight === CPU ? tree.self[i] - tree.wait[i] : tree.wait[i], 0);
  const rest = (i, weight) => Object.hasOwn(tree.cut, i) ? tree.cut[i][weight + 1] : 0;
  const sums = [];
  const totals = (weight) => {
    if (sums[weight]) return sums[weight];
    const sum = new Array(size).fill(0);
    for (let i = size - 1; i >= 0; i--) {
      sum[i] += own(i, weight) + rest(i, weight);
      if (i) sum[tree.parent[i]] += sum[i];
    }
    return sums[weight] = sum;
  };
  const ordered = (i, weight) => {
    const sum = totals(weight);
    return children[i].filter((child) => sum[child] > 0).sort((a, b) => sum[b] - sum[a]);
  };

  const state = { tab: "functions", weight: data.weight, sort: "self", down: true, words: "",
    origins: new Set(Object.keys(ORIGINS)), open: new Set(), rows: MOST_ROWS };

  // --- table ----------------------------------------------------------------------------------
  const columns = [
    { key: "name", title: "function", className: "", of: (one) => one.name.toLowerCase() },
    { key: "ncalls", title: "calls", className: "calls", of: (one) => one.ncalls,
      help: "activations and resumes, as cProfile counts" },
    { key: "self", title: "self", className: "wide", of: (one) => one.self[clock()],
      help: "time in the function itself" },
    { key: "total", title: "total", className: "wide", of: (one) => one.total[clock()],
      help: "with all that it called; recursion counted once" },
    { key: "wait", title: "waiting", className: "number rare", of: (one) => one.wait, hidden: !data.waits,
      help: "of self: blocked, or waiting for the GIL" },
    { key: "p50", title: "p50", className: "number rare", of: (one) => one.p50,
      help: `of one activation's total ${data.latency} time` },
    { key: "p99", title: "p99", className: "number rare", of: (one) => one.p99,
      help: `of one activation's total ${data.latency} time` },
    { key: "max", title: "max", className: "number", of: (one) => one.max,
      help: `longest activation, ${data.latency} time` },
  ].filter((column) => !column.hidden);

  const chosen = () => {
    const wanted = state.words && pattern(state.words);
    const column = columns.find((one) => one.key === state.sort), sign = state.down ? -1 : 1;
    return functions
      .filter((one) => state.origins.has(one.origin) && (!wanted || wanted.test(one.name) || wanted.test(one.file)))
      .sort((a, b) => {
        const x = column.of(a), y = column.of(b);
        return x < y ? -sign : x > y ? sign : a.index - b.index;
      });
  };

  const what = (one) => make("span", { className: "what", title: `${one.name}\n${one.file ? `${one.file}:${one.line}` : ORIGINS[one.origin]}` },
    make("span", { className: `dot ${one.origin}` }), make("span", { className: "name", textContent: one.name || '""' }),
    make("span", { className: "place", textContent: [one.place, one.kind].filter(Boolean).join(", ") }));

  const edges = (index) => {
    const callers = new Map(), callees = new Map(), sum = totals(clock());
    // Recursion is counted once: not where the same call is open further out.
    const isNested = (i) => {
      const callee = tree.function[i], caller = tree.function[tree.parent[i]];
      for (let above = tree.parent[i]; above > 0; above = tree.parent[above])
        if (tree.function[above] === callee && tree.function[tree.parent[above]] === caller) return true;
      return false;
    };
    const add = (map, key, i) => {
      const edge = map.get(key) || { calls: 0, time: 0 };
      edge.calls += tree.calls[i];
      edge.time += isNested(i) ? 0 : sum[i];
      map.set(key, edge);
    };
    for (let i = 1; i < size; i++) {
      if (tree.function[i] === index) add(callers, tree.function[tree.parent[i]], i);
      if (tree.function[tree.parent[i]] === index) add(callees, tree.function[i], i);
    }
    const sorted = (map) => [...map].sort((a, b) => b[1].time - a[1].time).slice(0, 12);
    return [sorted(callers), sorted(callees)];
  };
  const edgeList = (title, list) => make("div", {}, make("h3", { textContent: title }),
    ...(list.length ? list.map(([index, edge]) => {
      const one = functions[index];
      const button = make("button", { className: "edge", type: "button", title: one ? one.file : "" },
        make("span", { textContent: time(edge.time) }), make("span", { className: "dim", textContent: `${count(edge.calls)}×` }),
        make("span", { textContent: one ? one.name : "(outside of any function)" }));
      if (one) button.addEventListener("click", () => show(one));
      return button;
    }) : [make("p", { className: "dim", textContent: "none" })]));
  const details = (one) => {
    const [callers, callees] = edges(one.index);
    const flame = make("button", { className: "go", type: "button", textContent: "Show in the flame graph" });
    flame.addEventListener("click", () => {
      turn("flame");
      flameGraph.find(literally(one.name));
    });
    const calls = one.resumes ? `${count(one.calls)} activations, ${count(one.resumes)} resumes` : `${count(one.calls)} calls`;
    const first = make("div", {}, make("h3", { textContent: one.file ? `${one.file}:${one.line}` : ORIGINS[one.origin] }),
      make("p", { className: "name", textContent: one.name }),
      make("p", { textContent: `${calls}${one.ncalls !== one.primitive ? ` (${count(one.primitive)} not within themselves)` : ""}${one.exact ? "" : ", estimated"}` }),
      make("p", { textContent: `wall: itself ${count(one.self[WALL])} ns, in all ${count(one.total[WALL])} ns` }),
      make("p", {}, flame));
    return make("tr", { className: "details" }, make("td", { colSpan: columns.length },
      make("div", { className: "below" }, first, edgeList("called by", callers), edgeList("calls", callees))));
  };

  const cells = (one) => columns.map((column) => {
    if (column.key === "name") return make("td", {}, what(one));
    const number = column.of(one), cell = make("td", { className: column.className });
    if (column.key === "self" || column.key === "total") cell.append(meter(number, profiled[clock()], time(number)));
    else cell.textContent = column.key === "ncalls" ? (one.exact ? "" : "~") + count(number)
      : number ? time(number) : "";
    if (column.key !== "ncalls") cell.title = `${count(number)} ns`;
    return cell;
  });
  const toggle = (row, one) => {
    if (state.open.delete(one.index)) {
      row.nextSibling.remove();
    } else {
      state.open.add(one.index);
      row.after(details(one));
    }
    row.setAttribute("aria-expanded", state.open.has(one.index));
  };
  const row = (one) => {
    const line = make("tr", { tabIndex: 0, set: { "aria-expanded": state.open.has(one.index) } }, ...cells(one));
    line.dataset.function = one.index;
    line.addEventListener("click", () => String(getSelection()) || toggle(line, one));
    return line;
  };
  const drawTable = () => {
    const list = chosen();
    views.functions.body.replaceChildren();
    for (const one of list.slice(0, state.rows)) {
      views.functions.body.append(row(one));
      if (state.open.has(one.index)) views.functions.body.append(details(one));
    }
    views.functions.more.hidden = list.length <= state.rows;
    views.functions.more.textContent = `${count(list.length - state.rows)} more functions: show the next ${count(Math.min(MOST_ROWS, list.length - state.rows))}`;
    views.functions.empty.hidden = list.length > 0;
    const self = list.reduce((sum, one) => sum + one.self[clock()], 0);
    views.functions.found.textContent = `${count(list.length)} function${list.length === 1 ? "" : "s"}, ${time(self)} (${percent(self, profiled[clock()]) || "0%"})`;
    for (const column of columns) {
      const head = views.functions.heads.get(column.key);
      if (column.key === state.sort) head.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
  };
  const show = (one) => {
    state.words = views.functions.input.value = literally(one.name);
    state.origins = new Set(Object.keys(ORIGINS));
    state.open = new Set([one.index]);
    for (const chip of views.functions.panel.querySelectorAll(".chip")) chip.setAttribute("aria-pressed", "true");
    turn("functions");
  };
  const tableView = () => {
    const input = make("input", { type: "search", placeholder: "Filter functions and files  ( / )", set: { "aria-label": "Filter by function or file; a regular expression is allowed" } });
    const found = make("output", { set: { "aria-live": "polite" } }), heads = new Map(), body = make("tbody");
    const more = make("button", { className: "more", type: "button" });
    const empty = make("p", { className: "empty", textContent: functions.length ? "No function matches." : "No function was called." });
    const chips = Object.entries(ORIGINS).filter(([letter]) => functions.some((one) => one.origin === letter)).map(([letter, name]) => {
      const chip = make("button", { className: "chip", type: "button", set: { "aria-pressed": "true" } }, make("span", { className: `dot ${letter}` }), name);
      chip.addEventListener("click", () => {
        if (!state.origins.delete(letter)) state.origins.add(letter);
        chip.setAttribute("aria-pressed", state.origins.has(letter));
        drawTable();
      });
      return chip;
    });
    const head = make("tr", {}, ...columns.map((column) => {
      const button = make("button", { type: "button", textContent: column.title, title: column.help || "" });
      button.addEventListener("click", () => {
        state.down = state.sort === column.key ? !state.down : column.key !== "name";
        state.sort = column.key;
        drawTable();
      });
      const cell = make("th", { scope: "col", className: column.className }, button);
      heads.set(column.key, cell);
      return cell;
    }));
    input.addEventListener("input", () => {
      state.words = input.value;
      state.rows = MOST_ROWS;
      drawTable();
    });
    more.addEventListener("click", () => {
      state.rows += MOST_ROWS;
      drawTable();
    });
    const panel = make("section", {}, make("div", { className: "tools" }, input, ...chips, found),
      make("div", { className: "sheet" }, make("table", {}, make("thead", {}, head), body), empty, more));
    return { title: "Functions", panel, input, found, heads, body, more, empty, draw: drawTable };
  };

  // --- tree -----------------------------------------------------------------------------------
  const opened = new Set([0]);
  const openHeaviest = (from) => {
    for (let i = from; ;) {
      opened.add(i);
      const below = ordered(i, state.weight), sum = totals(state.weight);
      if (!below.length || sum[below[0]] * 2 < sum[i]) return;
      i = below[0];
    }
  };
  const flatten = () => {
    const rows = [], stack = [];
    const descend = (i, depth) => { // what was cut is row ~i, below the children of i
      if (rest(i, state.weight) > 0) stack.push([~i, depth]);
      for (const child of ordered(i, state.weight).reverse()) stack.push([child, depth]);
    };
    descend(0, 0);
    while (stack.length && rows.length < MOST_NODES) {
      const [i, depth] = stack.pop();
      rows.push([i, depth]);
      if (i >= 0 && opened.has(i)) descend(i, depth + 1);
    }
    return [rows, stack.length];
  };
  const nodeRow = ([i, depth]) => {
    const sum = totals(state.weight), whole = sum[0], indent = Math.min(depth, 60) * 16;
    const line = make("div", { className: "node", tabIndex: -1, set: { role: "row", "aria-level": depth + 1 } });
    const twist = make("span", { className: "twist" });
    let text;
    if (i < 0) {
      const weight = rest(~i, state.weight);
      text = make("span", { className: "what" }, twist, make("span", { className: "dim", textContent: `${count(tree.cut[~i][0])} lighter contexts, not in this page` }));
      line.append(meter(weight, whole, weigh(state.weight, weight)), make("span"), make("span", { className: "rare" }), text);
    } else {
      const has = ordered(i, state.weight).length > 0;
      twist.textContent = !has ? "" : opened.has(i) ? "▾" : "▸";
      text = what(functions[tree.function[i]]);
      text.prepend(twist);
      line.append(meter(sum[i], whole, weigh(state.weight, sum[i])),
        make("span", { textContent: weigh(state.weight, own(i, state.weight)) }),
        make("span", { className: "rare dim", textContent: `${count(tree.calls[i])}×` }), text);
      if (has) line.setAttribute("aria-expanded", opened.has(i));
      line.dataset.node = i;
    }
    twist.style.marginLeft = `${indent}px`;
    if (depth > 60) twist.title = `level ${depth}`;
    return line;
  };
  const drawTree = (focused) => {
    const [rows, left] = flatten();
    views.tree.rows.replaceChildren(...rows.map(nodeRow));
    views.tree.left.hidden = left === 0;
    views.tree.left.textContent = `More than ${count(MOST_NODES)} contexts are open: the rest is not shown.`;
    views.tree.empty.hidden = rows.length > 0;
    const first = views.tree.rows.querySelector(`[data-node="${focused}"]`) || views.tree.rows.firstChild;
    if (first) first.tabIndex = 0;
    if (first && focused !== undefined) first.focus();
  };
  const twistNode = (i, open) => {
    if (open === undefined ? !opened.has(i) : open) opened.add(i);
    else opened.delete(i);
    drawTree(i);
  };
  const treeKeys = (event) => {
    const line = event.target.closest(".node[data-node]");
    if (!line) return;
    const i = Number(line.dataset.node), key = event.key, has = ordered(i, state.weight).length > 0;
    const step = (to) => {
      while (to && !to.dataset.node) to = key === "ArrowUp" ? to.previousSibling : to.nextSibling;
      if (to) drawTree(Number(to.dataset.node));
    };
    if (key === "ArrowDown") step(line.nextSibling);
    else if (key === "ArrowUp") step(line.previousSibling);
    else if (key === "ArrowRight" && has && !opened.has(i)) twistNode(i, true);
    else if (key === "ArrowRight" && has) drawTree(ordered(i, state.weight)[0]);
    else if (key === "ArrowLeft" && opened.has(i) && has) twistNode(i, false);
    else if (key === "ArrowLeft" && tree.parent[i] > 0) drawTree(tree.parent[i]);
    else if (key === "Enter" || key === " ") twistNode(i);
    else if (key === "*") {
      openHeaviest(i);
      drawTree(i);
    } else return;
    event.preventDefault();
  };
  const treeView = () => {
    const rows = make("div", { set: { role: "treegrid", "aria-label": "Calling contexts" } });
    const left = make("p", { className: "empty" }), empty = make("p", { className: "empty", textContent: "Nothing to show by this weight." });
    const button = (text, act) => {
      const made = make("button", { className: "chip", type: "button", textContent: text });
      made.addEventListener("click", act);
      return made;
    };
    rows.addEventListener("click", (event) => {
      const line = event.target.closest(".node[data-node]");
      if (line) twistNode(Number(line.dataset.node));
    });
    rows.addEventListener("keydown", treeKeys);
    const panel = make("section", {}, make("div", { className: "tools" },
      button("Open the heaviest path", () => (openHeaviest(0), drawTree())),
      button("Close all", () => (opened.clear(), opened.add(0), drawTree())),
      make("output", { textContent: "Who called whom, heaviest first." })),
    make("div", { className: "sheet" }, make("div", { className: "node head" }, make("span", { textContent: "total" }), make("span", { textContent: "self" }),
      make("span", { className: "rare", textContent: "calls" }), make("span", { className: "what", textContent: "function" })), rows, left, empty));
    return { title: "Tree", panel, rows, left, empty, draw: () => drawTree() };
  };

  // --- flame graph ----------------------------------------------------------------------------
  const TOP = 52, ROW = 18, MOST_LEVELS = 250, MOST_FRAMES = 6000, CUT = 0.1 / 1180;
  let flameGraph = null, listening = null;
  const shade = (one) => {
    let hash = 2166136261;
    for (const letter of one.file || one.name) hash = Math.imul(hash ^ letter.codePointAt(0), 16777619);
    return (hash >>> 13) % 4;
  };
  const svgMake = (name, attributes, text) => {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const frameLines = (i, weight) => {
    const sum = totals(weight), whole = sum[0];
    if (i === 0) return `all: ${WEIGHTS[weight]} ${weigh(weight, whole)}\n${count(totals(CALLS)[0])} calls`;
    const one = functions[tree.function[i]];
    const self = own(i, weight);
    return `${one.name}\n${one.file ? `${one.file}:${one.line}, ` : ""}${ORIGINS[one.origin]}\n` +
      `${weigh(weight, sum[i])} (${percent(sum[i], whole)}), itself ${weigh(weight, self)} (${percent(self, whole)})` +
      `${weight === CALLS ? "" : `, ${count(tree.calls[i])} calls`}${one.exact ? "" : ", estimated"}`;
  };
  // Depth first, heaviest first; what is too narrow or too deep is counted.
  const chooseFrames = (weight, least) => {
    const sum = totals(weight), frames = [], stack = [[0, 0, 0]];
    let narrow = 0, deep = 0, levels = 1;
    while (stack.length) {
      const [i, depth, start] = stack.pop();
      frames.push([i, depth, start]);
      levels = Math.max(levels, depth + 1);
      let at = start;
      const next = [];
      for (const child of ordered(i, weight)) {
        if (depth + 1 >= MOST_LEVELS) deep++;
        else if (sum[child] < least) narrow++;
        else next.push([child, depth + 1, at]);
        at += sum[child];
      }
      stack.push(...next.reverse());
    }
    return { frames, narrow, deep, levels };
  };
  const drawFlame = () => {
    const weight = state.weight, sum = totals(weight), whole = sum[0];
    let least = whole * CUT, picked = chooseFrames(weight, least);
    while (picked.frames.length > MOST_FRAMES) picked = chooseFrames(weight, least *= 1.4);
    if (listening) listening.abort();
    listening = new AbortController();
    const height = TOP + picked.levels * ROW + 64;
    const svg = svgMake("svg", { width: 1200, height, "data-top": TOP, role: "img", "aria-label": "flame graph" });
    const keys = svgMake("g", { id: "keys" });
    let x = 10;
    for (const letter of "astc") {
      const key = svgMake("g", { class: `${letter}0` });
      key.append(svgMake("rect", { x, y: TOP - 33, width: 12, height: 12, rx: 3 }));
      keys.append(key, svgMake("text", { class: "key", x: x + 18, y: TOP - 23 }, ORIGINS[letter]));
      x += 42 + ORIGINS[letter].length * 7;
    }
    const group = svgMake("g", {});
    for (const [i, depth, start] of picked.frames) {
      const one = i ? functions[tree.function[i]] : null;
      const frame = svgMake("g", { class: one ? `f ${one.origin}${shade(one)}` : "f r", "data-s": start, "data-l": sum[i] || 1 });
      frame.append(svgMake("title", {}, frameLines(i, weight)), svgMake("rect", { x: 0, y: TOP + depth * ROW, width: 1, height: 17, rx: 2 }), svgMake("text", {}, ""));
      group.append(frame);
    }
    const bottom = TOP + picked.levels * ROW + 24, cut = [];
    if (picked.narrow) cut.push(`${count(picked.narrow)} contexts (and what is below them) are too narrow to be drawn.`);
    if (picked.deep) cut.push(`${count(picked.deep)} contexts are deeper than ${MOST_LEVELS} levels.`);
    svg.append(keys, svgMake("rect", { id: "rule", class: "rule", x: 10, y: TOP - 7, width: 100, height: 1 }), group,
      svgMake("text", { class: "note", x: 10, y: bottom }, cut.join(" ") || "Every calling context of this page is drawn."),
      svgMake("text", { class: "note", id: "hint", x: 10, y: bottom + 20 }));
    views.flame.holder.replaceChildren(svg);
    flameGraph = flamegraph(svg, { signal: listening.signal, isShown: () => state.tab === "flame" });
  };
  const flameView = () => {
    const holder = make("div", { className: "sheet flame" });
    return { title: "Flame graph", panel: make("section", {}, make("div", { className: "tools" },
      make("output", { textContent: "Width is weight, depth is who called whom." })), holder), holder, draw: drawFlame };
  };

  // --- the page -------------------------------------------------------------------------------
  const views = { functions: tableView(), tree: treeView(), flame: flameView() };
  const tabs = new Map(), weights = new Map();
  const turn = (name) => {
    state.tab = name;
    for (const [key, view] of Object.entries(views)) {
      view.panel.hidden = key !== name;
      tabs.get(key).setAttribute("aria-selected", key === name);
      tabs.get(key).tabIndex = key === name ? 0 : -1;
    }
    views[name].draw();
  };
  const setWeight = (weight) => {
    state.weight = weight;
    for (const [key, button] of weights) button.setAttribute("aria-pressed", key === weight);
    if (weight === CALLS) state.sort = "ncalls";
    else if (weight === WAIT) state.sort = "wait";
    else if (state.sort === "ncalls" || state.sort === "wait") state.sort = "self";
    state.down = true;
    views[state.tab].draw();
  };
  const choice = (label, buttons) => make("div", { className: "choice", set: { role: "group", "aria-label": label } }, ...buttons);

  const dark = [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules])
    .filter((rule) => rule instanceof CSSMediaRule && rule.conditionText.includes("prefers-color-scheme"));
  const asked = dark.map((rule) => rule.media.mediaText);
  const setTheme = (theme) => {
    dark.forEach((rule, i) => {
      rule.media.mediaText = theme === "auto" ? asked[i] : theme === "dark" ? "all" : "not all";
    });
    document.documentElement.dataset.theme = theme;
    for (const button of document.querySelectorAll("#theme button")) button.setAttribute("aria-pressed", button.textContent.toLowerCase() === theme);
  };
  document.getElementById("theme").append(choice("Colours", ["Auto", "Light", "Dark"].map((name) => {
    const button = make("button", { type: "button", textContent: name });
    button.addEventListener("click", () => setTheme(name.toLowerCase()));
    return button;
  })));

  const list = make("div", { className: "tabs", set: { role: "tablist" } }, ...Object.entries(views).map(([key, view], i) => {
    const tab = make("button", { type: "button", id: `tab-${key}`, set: { role: "tab", "aria-controls": `panel-${key}` } }, view.title, make("kbd", { textContent: i + 1 }));
    view.panel.id = `panel-${key}`;
    view.panel.setAttribute("role", "tabpanel");
    view.panel.setAttribute("aria-labelledby", tab.id);
    tab.addEventListener("click", () => turn(key));
    tabs.set(key, tab);
    return tab;
  }));
  list.addEventListener("keydown", (event) => {
    const names = Object.keys(views), at = names.indexOf(state.tab);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1 }[event.key];
    if (!names[to]) return;
    turn(names[to]);
    tabs.get(names[to]).focus();
    event.preventDefault();
  });
  const known = [WALL, ...(data.waits ? [CPU, WAIT] : []), CALLS];
  const weightChoice = choice("Weight", known.map((weight) => {
    const button = make("button", { type: "button", textContent: WEIGHTS[weight] });
    button.addEventListener("click", () => setWeight(weight));
    weights.set(weight, button);
    return button;
  }));
  page.replaceChildren(make("div", { className: "strip" }, list, weightChoice), ...Object.values(views).map((view) => view.panel));

  const cut = [];
  if (data.all_functions > functions.length) cut.push(`${count(data.all_functions - functions.length)} functions, together ${time(data.cut_functions_ns)} of self time`);
  const contexts = Object.values(tree.cut).reduce((sum, one) => sum + one[0], 0);
  if (contexts) cut.push(`${count(contexts)} of ${count(data.contexts)} calling contexts, the lightest (their weight stands at the contexts that they were cut from)`);
  if (data.names_cut) cut.push(`the middle or end of ${count(data.names_cut)} names longer than ${count(data.name_limit)} letters`);
  foot.append(make("p", { id: "cut", textContent: cut.length ? `Cut, so that the page stays small: ${cut.join("; ")}.` : "Nothing was cut: the page holds every function and every calling context." }));
  const hint = make("p", { className: "keys" });
  for (const [key, text] of [["1 2 3", "views"], ["/", "filter"], ["↑ ↓", "move"], ["Enter", "open"], ["← →", "close and open contexts"], ["*", "open the heaviest path"], ["Esc", "back"]])
    hint.append(make("kbd", { textContent: key }), ` ${text}   `);
  foot.append(hint, make("p", { textContent: `Written by ulma ${data.version}. Times are by the clock chosen above, corrected where the header says so; hover for nanoseconds.` }));

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const typing = event.target.tagName === "INPUT";
    const name = Object.keys(views)[Number(event.key) - 1];
    if (event.key === "Escape" && state.tab === "functions") {
      state.words = views.functions.input.value = "";
      state.open.clear();
      views.functions.input.blur();
      drawTable();
    } else if (typing) return;
    else if (name) turn(name);
    else if (event.key === "/" && state.tab === "functions") views.functions.input.focus();
    else if (state.tab === "functions" && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      const lines = [...views.functions.body.querySelectorAll("tr[data-function]")];
      const at = lines.indexOf(document.activeElement), to = at < 0 ? 0 : at + (event.key === "ArrowDown" ? 1 : -1);
      if (lines[to]) lines[to].focus();
    } else if (state.tab === "functions" && event.key === "Enter" && document.activeElement.dataset.function)
      toggle(document.activeElement, functions[document.activeElement.dataset.function]);
    else return;
    event.preventDefault();
  });

  setTheme("auto");
  openHeaviest(0);
  setWeight(known.includes(state.weight) ? state.weight : WALL);
  turn("functions");
})();
