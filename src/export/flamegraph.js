// SPDX-License-Identifier: MIT
// Zoom, search and keys of a flame graph. The file is complete without it: this only moves what is
// there. It loads nothing and stores nothing. Every frame is a <g class="f" data-s data-l> with a
// <title> (name, place, numbers), a <rect> and a <text>, outermost first, children after parents.
// In an SVG file it begins by itself; a page of HTML that holds it calls it with an <svg> of that shape
// and with what it wants otherwise: `signal` ends all listening, `isShown()` says whether keys are meant
// for it.
const flamegraph = (svg, page) => {
  "use strict";
  const { signal, isShown = () => true } = page || {};
  const SVG = "http://www.w3.org/2000/svg", HTML = "http://www.w3.org/1999/xhtml";
  const find = (id) => svg.querySelector("#" + id);
  const PAD = 10, ROW = 18, LEAST = 0.4;
  const top = Number(svg.dataset.top);

  // --- the frames, as a tree ------------------------------------------------------------------
  const frames = [], open = [];
  for (const group of svg.querySelectorAll("g.f")) {
    const rect = group.querySelector("rect"), text = group.querySelector("text");
    const title = group.querySelector("title");
    const lines = title.textContent.split("\n");
    title.remove();
    const depth = Math.round((Number(rect.getAttribute("y")) - top) / ROW);
    const parent = depth ? open[depth - 1] : null;
    const frame = { group, rect, text, lines, depth, parent, children: [],
      start: Number(group.dataset.s), size: Number(group.dataset.l), shown: true };
    if (parent) parent.children.push(frame);
    open[depth] = frame;
    group.frame = frame;
    frames.push(frame);
  }
  const root = frames[0], deepest = Math.max(...frames.map((frame) => frame.depth));
  let zoomed = root, now = null, flipped = false, width = 0;

  // --- drawing --------------------------------------------------------------------------------
  const letter = (() => {
    const probe = root.text.cloneNode();
    probe.textContent = "0".repeat(20);
    root.group.append(probe);
    const length = probe.getComputedTextLength() / 20;
    probe.remove();
    return length || 6.6;
  })();
  const wide = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
  const cut = (name, columns) => {
    let used = 0, out = "";
    for (const point of name) {
      used += wide.test(point) ? 2 : 1;
      if (used > columns) return columns < 3 ? "" : out.slice(0, -1) + "…";
      out += point;
    }
    return out;
  };
  const inside = (frame, of) => frame.depth >= of.depth && frame.start >= of.start &&
    frame.start + frame.size <= of.start + of.size;
  const place = (frame) => {
    const above = frame !== zoomed && frame.depth < zoomed.depth && inside(zoomed, frame);
    const shown = above || inside(frame, zoomed);
    const x = above ? 0 : (frame.start - zoomed.start) / zoomed.size * width;
    const w = above ? width : frame.size / zoomed.size * width;
    frame.shown = shown && w >= LEAST;
    frame.group.style.display = frame.shown ? "" : "none";
    if (!frame.shown) return;
    const y = top + (flipped ? deepest - frame.depth : frame.depth) * ROW;
    frame.group.classList.toggle("up", above);
    frame.rect.setAttribute("x", (PAD + x).toFixed(2));
    frame.rect.setAttribute("y", y);
    frame.rect.setAttribute("width", Math.max(w - 0.6, LEAST).toFixed(2));
    frame.text.setAttribute("x", (PAD + x + 4).toFixed(2));
    frame.text.setAttribute("y", y + 12.5);
    frame.text.textContent = cut(frame.lines[0], Math.floor((w - 8) / letter));
  };
  const draw = () => {
    width = Math.max(svg.getBoundingClientRect().width, 320) - 2 * PAD;
    frames.forEach(place);
    bar.holder.setAttribute("x", PAD);
    bar.holder.setAttribute("width", width);
    bar.reset.disabled = zoomed === root;
    find("keys").style.display = width < 900 ? "none" : "";
    find("rule").setAttribute("width", width);
    search();
  };
  const zoom = (frame) => {
    zoomed = frame;
    draw();
  };

  // --- the bar: search, back, flip ------------------------------------------------------------
  const make = (name, properties) => Object.assign(document.createElementNS(HTML, name), properties);
  const bar = { holder: document.createElementNS(SVG, "foreignObject") };
  bar.input = make("input", { type: "search", placeholder: "Search ( / )" });
  bar.input.setAttribute("aria-label", "Search functions and files; a regular expression is allowed");
  bar.found = make("output", {});
  bar.found.setAttribute("aria-live", "polite");
  bar.reset = make("button", { type: "button", textContent: "Reset zoom" });
  bar.flip = make("button", { type: "button", textContent: "Flip" });
  const row = make("div", { className: "bar" });
  row.append(bar.found, bar.input, bar.reset, bar.flip);
  bar.holder.append(row);
  bar.holder.setAttribute("y", top - 40);
  bar.holder.setAttribute("height", 34);
  svg.append(bar.holder);

  const pattern = (words) => {
    try {
      return new RegExp(words, "i");
    } catch {
      return new RegExp(words.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "i");
    }
  };
  // Time below a match is counted once, however often it matches again further down.
  const search = () => {
    const words = bar.input.value;
    const wanted = words && pattern(words);
    let count = 0, size = 0, end = -1;
    svg.classList.toggle("searching", Boolean(words));
    for (const frame of frames) {
      const hit = Boolean(words) && frame !== root &&
        (wanted.test(frame.lines[0]) || wanted.test(frame.lines[1]));
      frame.group.classList.toggle("hit", hit);
      if (!hit || !inside(frame, zoomed)) continue;
      count++;
      if (frame.start < end) continue;
      size += frame.size;
      end = frame.start + frame.size;
    }
    bar.found.textContent = !words ? "" : !count ? "no match"
      : `${(100 * size / zoomed.size).toFixed(1)}% in ${count} frame${count === 1 ? "" : "s"}`;
  };

  // --- what the pointer or the keys are on ----------------------------------------------------
  const tip = document.createElementNS(SVG, "g");
  tip.setAttribute("class", "tip");
  svg.append(tip);
  const describe = (frame, x, y) => {
    tip.replaceChildren();
    if (!frame) return;
    const back = document.createElementNS(SVG, "rect");
    tip.append(back);
    let length = 0;
    const most = Math.max(Math.floor((width - 40) / 7.5), 20);
    const lines = frame.lines.flatMap((line) => line.match(new RegExp(`.{1,${most}}`, "gu")) || []);
    const share = zoomed === root ? [] : [`${(100 * frame.size / zoomed.size).toFixed(1)}% of what is zoomed to`];
    [...lines, ...(inside(frame, zoomed) ? share : [])].forEach((line, i) => {
      const text = document.createElementNS(SVG, "text");
      text.textContent = line;
      text.setAttribute("x", 10);
      text.setAttribute("y", 18 + 17 * i);
      if (i === 0) text.setAttribute("class", "name");
      tip.append(text);
      length = Math.max(length, text.getComputedTextLength());
      back.setAttribute("height", 28 + 17 * i);
    });
    back.setAttribute("width", length + 20);
    back.setAttribute("rx", 6);
    const height = Number(back.getAttribute("height"));
    const left = Math.max(4, Math.min(x + 14, width + 2 * PAD - length - 24));
    const bottom = svg.getBoundingClientRect().height;
    const above = y + 20 + height > Math.min(bottom, window.innerHeight - svg.getBoundingClientRect().top);
    tip.setAttribute("transform", `translate(${left} ${above ? Math.max(y - height - 10, 2) : y + 20})`);
  };
  const at = (event) => {
    const box = svg.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const frameOf = (event) => {
    const group = event.target.closest && event.target.closest("g.f");
    return group ? group.frame : null;
  };
  const select = (frame) => {
    if (now) now.group.classList.remove("now");
    now = frame;
    if (!frame) return describe(null);
    frame.group.classList.add("now");
    frame.group.parentNode.append(frame.group); // its outline lies over its neighbours
    describe(frame, Number(frame.rect.getAttribute("x")), Number(frame.rect.getAttribute("y")));
    frame.rect.scrollIntoView({ block: "nearest" });
    svg.setAttribute("aria-label", frame.lines.join(", "));
  };
  const beside = (frame, step) => {
    const family = frame.parent ? frame.parent.children : [frame];
    for (let i = family.indexOf(frame) + step; family[i]; i += step)
      if (family[i].shown) return family[i];
    return frame;
  };
  const move = (key) => {
    const from = now && now.shown ? now : zoomed;
    const inward = flipped ? "ArrowUp" : "ArrowDown";
    if (!now) return select(from);
    if (key === "ArrowLeft" || key === "ArrowRight") return select(beside(from, key === "ArrowLeft" ? -1 : 1));
    return select(key === inward ? from.children.find((child) => child.shown) || from : from.parent || from);
  };
  const escape = () => {
    if (bar.input.value) {
      bar.input.value = "";
      search();
    } else if (now) {
      select(null);
    } else {
      zoom(root);
    }
    bar.input.blur();
  };
  const flip = () => {
    flipped = !flipped;
    draw();
  };

  svg.addEventListener("click", (event) => {
    const frame = frameOf(event);
    if (frame) zoom(frame);
  });
  svg.addEventListener("mousemove", (event) => describe(frameOf(event), ...at(event)));
  svg.addEventListener("mouseleave", () => describe(null));
  bar.input.addEventListener("input", search);
  bar.reset.addEventListener("click", () => zoom(root));
  bar.flip.addEventListener("click", flip);
  window.addEventListener("resize", () => isShown() && draw(), { signal });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !isShown()) return;
    if (event.defaultPrevented) return;
    if (event.key === "Escape") escape();
    else if (event.target === bar.input) return;
    else if (event.key === "/") bar.input.focus();
    else if (event.key === "i") flip();
    else if (event.key.startsWith("Arrow")) move(event.key);
    else if (event.key === "Enter" && now && event.target.tagName !== "button") zoom(now);
    else return;
    event.preventDefault();
  }, { signal });

  svg.setAttribute("width", "100%");
  svg.removeAttribute("viewBox");
  find("hint").textContent = "Click or Enter zooms, Esc goes back, / searches, arrows move, i turns it upside down.";
  draw();
  return {
    draw,
    find: (words) => {
      bar.input.value = words;
      search();
    },
  };
};
{
  const root = document.currentScript && document.currentScript.ownerSVGElement || document.documentElement;
  if (root.localName === "svg") flamegraph(root);
}
