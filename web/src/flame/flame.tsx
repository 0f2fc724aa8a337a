// SPDX-License-Identifier: MIT
// Flame: the calling-context tree, live. Click or Enter zooms, Escape goes back up, `/` searches.

import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { fitCanvas, useSize } from "../canvas";
import { functionColour } from "../colour";
import type { Connection } from "../connection";
import type { FlameView, FunctionInfo } from "../documents";
import { formatCount, formatPercent, formatTime, shortPath } from "../format";
import { picture, Svg } from "../picture";
import {
  filterText,
  link,
  openFunction,
  shown,
  WINDOWS,
  type WindowLength,
  windowLength,
  wish,
} from "../state";
import { palette, theme } from "../theme";
import { differenceColour, differences, signed } from "./difference";
import { type Box, findPath, layOut, type Measure, makeTree, matchedWeight, pathOf } from "./layout";

const ROW = 20;
const MEASURES: { id: Measure; title: string; help: string }[] = [
  { id: "total", title: "time", help: "a box is as wide as the time in it and in all that it called" },
  { id: "self", title: "self", help: "a box is as wide as the self times in it and below it, added up" },
  { id: "calls", title: "calls", help: "a box is as wide as the calls of it and below it, added up" },
];

/** What the open window is compared with: another one, or itself as it was when it was kept. */
type Other = WindowLength | "kept";
const AGAIN_MS = 1000;

const place = (fn: FunctionInfo | undefined) =>
  fn?.file ? `${shortPath(fn.file)}${fn.line ? `:${fn.line}` : ""}` : (fn?.kind ?? "");

export function Flame(props: { connection: Connection | null }): JSX.Element {
  const other = useSignal<Other | null>(null);
  const otherDocument = useSignal<FlameView | null>(null);
  const otherCanvas = useRef<HTMLCanvasElement>(null);
  const measure = useSignal<Measure>("total");
  const zoomPath = useSignal<(number | null)[]>([]);
  const chosenPath = useSignal<(number | null)[]>([]);
  const pointed = useSignal<{ node: number; x: number; y: number } | null>(null);
  const [box, size] = useSize<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const width = useSignal(0);
  useEffect(() => {
    width.value = size.width;
  }, [size.width]);

  const document_ = useComputed(() => (shown.value?.id === "flame" ? (shown.value as FlameView) : null));
  const tree = useComputed(() => makeTree(document_.value?.nodes ?? [], measure.value));
  const otherTree = useComputed(() =>
    other.value && otherDocument.value ? makeTree(otherDocument.value.nodes, measure.value) : null,
  );
  const differs = useComputed(() => (otherTree.value ? differences(tree.value, otherTree.value) : null));
  const otherDiffers = useComputed(() =>
    otherTree.value ? differences(otherTree.value, tree.value).map((one) => -one) : null,
  );
  useSignalEffect(() => {
    const length = other.value;
    if (!length || length === "kept" || !props.connection) return undefined;
    const ask = () => {
      if (link.peek() !== "open") return;
      props.connection
        ?.view({ ...wish.peek(), view: "flame", window: length })
        .then((told) => {
          if (other.peek() === length) otherDocument.value = told as FlameView;
        })
        // A line that is lost is told by the page.
        .catch(() => undefined);
    };
    ask();
    const timer = setInterval(ask, AGAIN_MS);
    return () => clearInterval(timer);
  });
  const zoomed = useComputed(() => (zoomPath.value.length ? findPath(tree.value, zoomPath.value) : -1));
  const chosen = useComputed(() => (chosenPath.value.length ? findPath(tree.value, chosenPath.value) : -1));
  const layout = useComputed(() => layOut(tree.value, zoomed.value, 0.6 / Math.max(1, width.value)));
  const otherLayout = useComputed(() => {
    const of = otherTree.value;
    if (!of) return null;
    const at = zoomPath.value.length ? findPath(of, zoomPath.value) : -1;
    return layOut(of, at, 0.6 / Math.max(1, width.value));
  });
  const infoOf = (fn: number | null) =>
    fn === null
      ? undefined
      : (document_.value?.functions?.[String(fn)] ?? otherDocument.value?.functions?.[String(fn)]);
  const nameOf = (fn: number | null) => {
    if (fn === null) return "all";
    const info = infoOf(fn);
    return info?.name ?? `function ${fn}`;
  };
  const matches = useComputed(() => {
    const text = filterText.value.toLowerCase();
    if (!text) return null;
    const found = new Set<number>();
    for (const [id, fn] of Object.entries(document_.value?.functions ?? {})) {
      const hay = `${fn.name} ${fn.module ?? ""} ${fn.file ?? ""}`.toLowerCase();
      if (hay.includes(text)) found.add(Number(id));
    }
    return found;
  });
  const whole = useComputed(() => {
    const all = tree.value;
    return all.roots.reduce((sum, node) => sum + (all.weight[node] ?? 0), 0);
  });
  const matched = useComputed(() => {
    const found = matches.value;
    return found ? matchedWeight(tree.value, (fn) => fn !== null && found.has(fn)) : 0;
  });

  const share = (weight: number) =>
    whole.value > 0 ? `${formatPercent((100 * weight) / whole.value)} %` : "0 %";
  const titleOf = (length: string) => (length === "all" ? "the whole run" : `the last ${length} s`);
  const otherTitle = () =>
    other.value === "kept" ? "what was kept" : other.value ? titleOf(other.value) : "";
  const describe = (node: number): string => {
    const all = tree.value;
    const fn = all.functions[node] ?? null;
    return (
      `${nameOf(fn)}, ${place(infoOf(fn))}: ${share(all.weight[node] ?? 0)}, total ${formatTime(all.total[node] ?? 0)}, ` +
      `self ${formatTime(all.self[node] ?? 0)}, ${formatCount(all.calls[node] ?? 0)} calls` +
      (differs.value && signed(differs.value[node] ?? 0)
        ? `, ${signed(differs.value[node] ?? 0)} against ${otherTitle()}`
        : "")
    );
  };

  const draw = (
    surface: HTMLCanvasElement | null,
    { boxes, depth }: { boxes: Box[]; depth: number },
    differ: Float64Array | null,
    at: number,
  ) => {
    if (!surface || !width.value) return;
    const height = Math.max(depth * ROW + 1, 60);
    surface.style.height = `${height}px`;
    const context = fitCanvas(surface, { width: width.value, height });
    if (!context) return;
    const colours = palette.value;
    const isDark = theme.value === "dark";
    const found = matches.value;
    context.font = "12px ui-sans-serif, system-ui, sans-serif";
    context.textBaseline = "middle";
    for (const one of boxes) {
      const x = one.from * width.value;
      const wide = (one.to - one.from) * width.value;
      const y = one.depth * ROW;
      const isFound = found !== null && one.function !== null && found.has(one.function);
      const plain = differ
        ? differenceColour(differ[one.node] ?? 0, isDark)
        : functionColour(infoOf(one.function), isDark);
      context.globalAlpha = one.above ? 0.55 : found && !isFound ? 0.28 : 1;
      context.fillStyle = isFound && !differ ? colours.accent : plain;
      context.fillRect(x, y, Math.max(wide - (wide > 3 ? 1 : 0), 0.4), ROW - 1);
      if (wide > 26) {
        const change = differ ? signed(differ[one.node] ?? 0) : "";
        context.globalAlpha = one.above || (found && !isFound) ? 0.7 : 1;
        context.fillStyle = isFound && !differ ? "#1d1600" : colours.ink;
        context.save();
        context.beginPath();
        context.rect(x, y, wide - 3, ROW);
        context.clip();
        context.fillText(
          change ? `${change}  ${nameOf(one.function)}` : nameOf(one.function),
          x + 5,
          y + ROW / 2,
        );
        context.restore();
      }
      if (one.node === at) {
        context.globalAlpha = 1;
        context.strokeStyle = colours.ink;
        context.lineWidth = 2;
        context.strokeRect(x + 1, y + 1, Math.max(wide - 3, 1), ROW - 3);
      }
    }
    context.globalAlpha = 1;
  };
  useSignalEffect(() => {
    performance.mark("ulma-draw");
    draw(canvas.current, layout.value, differs.value, chosen.value);
    if (otherLayout.value) {
      const of = otherTree.value;
      const at = of && chosenPath.value.length ? findPath(of, chosenPath.value) : -1;
      draw(otherCanvas.current, otherLayout.value, otherDiffers.value, at);
    }
    performance.measure("ulma-draw", "ulma-draw");
    performance.clearMarks("ulma-draw");
  });
  // The second canvas is there after it was rendered.
  useEffect(() => {
    if (otherLayout.value) draw(otherCanvas.current, otherLayout.value, otherDiffers.value, -1);
  }, [other.value, width.value]);

  useEffect(() => {
    picture.value = {
      canvas: () => canvas.current,
      svg: () => {
        const svg = new Svg();
        const isDark = theme.peek() === "dark";
        const wide = Math.max(width.peek(), 600);
        const { boxes, depth } = layout.peek();
        for (const one of boxes) {
          const x = one.from * wide;
          const across = (one.to - one.from) * wide;
          const y = one.depth * ROW;
          const colour = functionColour(infoOf(one.function), isDark);
          svg.rect(x, y, Math.max(across - (across > 3 ? 1 : 0), 0.4), ROW - 1, colour, describe(one.node));
          const letters = Math.floor((across - 8) / 6.6);
          const name = nameOf(one.function);
          if (letters >= 3)
            svg.text(
              x + 5,
              y + 14,
              name.length > letters ? `${name.slice(0, letters - 1)}…` : name,
              palette.peek().ink,
            );
        }
        return svg.done(wide, depth * ROW, palette.peek().panel);
      },
    };
    return () => {
      picture.value = null;
    };
  }, []);

  const boxAt = (event: MouseEvent): Box | null => {
    const bounds = canvas.current?.getBoundingClientRect();
    if (!bounds || !width.value) return null;
    const across = (event.clientX - bounds.left) / bounds.width;
    const depth = Math.floor((event.clientY - bounds.top) / ROW);
    return (
      layout.value.boxes.find((one) => one.depth === depth && across >= one.from && across < one.to) ?? null
    );
  };
  const zoomTo = (node: number) => {
    zoomPath.value = node < 0 || (tree.value.parents[node] ?? -1) < 0 ? [] : pathOf(tree.value, node);
    chosenPath.value = node < 0 ? [] : pathOf(tree.value, node);
  };
  const choose = (node: number | undefined) => {
    if (node !== undefined && node >= 0) chosenPath.value = pathOf(tree.value, node);
  };
  const sibling = (step: number) => {
    const all = layout.value.boxes;
    const now = all.find((one) => one.node === chosen.value);
    if (!now) return;
    const row = all.filter((one) => one.depth === now.depth).sort((one, other) => one.from - other.from);
    choose(row[row.indexOf(now) + step]?.node);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const all = tree.value;
    const at = chosen.value;
    const drawn = layout.value.boxes;
    switch (event.key) {
      case "ArrowDown": {
        const below = drawn
          .filter((one) => all.parents[one.node] === at)
          .sort((a, b) => b.to - b.from - (a.to - a.from));
        choose(at < 0 ? drawn.find((one) => one.depth === 0)?.node : below[0]?.node);
        break;
      }
      case "ArrowUp":
        if (at >= 0) choose(all.parents[at]);
        break;
      case "ArrowLeft":
        sibling(-1);
        break;
      case "ArrowRight":
        sibling(1);
        break;
      case "Enter":
        if (at >= 0) zoomTo(at);
        break;
      case "f": {
        const fn = all.functions[at];
        if (fn !== null && fn !== undefined) openFunction(fn);
        break;
      }
      case "Backspace":
      case "Escape":
        if (zoomed.value < 0) return;
        zoomTo(all.parents[zoomed.value] ?? -1);
        break;
      default:
        return;
    }
    event.preventDefault();
    event.stopPropagation();
  };

  const tip = pointed.value;
  const tipFunction = tip ? (tree.value.functions[tip.node] ?? null) : null;
  const crumbs: number[] = [];
  for (let at = zoomed.value; at >= 0; at = tree.value.parents[at] ?? -1) crumbs.unshift(at);
  const focusFunction = chosen.value >= 0 ? (tree.value.functions[chosen.value] ?? null) : null;

  return (
    <div class="flame">
      <div class="tools">
        <div class="segments" role="group" aria-label="Width of a box">
          {MEASURES.map((one) => (
            <button
              key={one.id}
              type="button"
              title={one.help}
              aria-pressed={measure.value === one.id}
              onClick={() => {
                measure.value = one.id;
              }}
            >
              {one.title}
            </button>
          ))}
        </div>
        {(props.connection || other.value === "kept") && (
          <div class="segments" role="group" aria-label="Compare with">
            <span class="segments-title" aria-hidden="true">
              compare with
            </span>
            <button
              type="button"
              title="Beside the open window the same as it is at this moment"
              aria-pressed={other.value === "kept"}
              onClick={() => {
                otherDocument.value = document_.value;
                other.value = "kept";
              }}
            >
              this moment
            </button>
            {WINDOWS.filter((length) => length !== windowLength.value).map((length) => (
              <button
                key={length}
                type="button"
                aria-pressed={other.value === length}
                onClick={() => {
                  otherDocument.value = null;
                  other.value = length;
                }}
              >
                {length === "all" ? "all" : `${length} s`}
              </button>
            ))}
            <button
              type="button"
              aria-pressed={other.value === null}
              onClick={() => {
                other.value = null;
              }}
            >
              nothing
            </button>
          </div>
        )}
        {crumbs.length > 0 && (
          <button type="button" onClick={() => zoomTo(-1)}>
            Whole picture <kbd>Esc</kbd>
          </button>
        )}
        {focusFunction !== null && (
          <button type="button" onClick={() => openFunction(focusFunction)}>
            Open {nameOf(focusFunction)} <kbd>f</kbd>
          </button>
        )}
        {matches.value && (
          <span class="said">
            {formatCount(matches.value.size)} functions match: {share(matched.value)} of the{" "}
            {measure.value === "calls" ? "calls" : "time"}
          </span>
        )}
        <span class="said push">
          {layout.value.thin > 0 && `${formatCount(layout.value.thin)} boxes are too thin here: zoom in`}
        </span>
      </div>
      <div class={other.value ? "flame-pair" : ""}>
        {other.value && (
          <figure class="flame-box">
            <figcaption>{other.value === "kept" ? "Kept" : `${titleOf(other.value)}`}</figcaption>
            <canvas
              ref={otherCanvas}
              role="img"
              aria-label={`Calling tree of ${otherTitle()}: what differs stands beside it`}
            />
          </figure>
        )}
        <figure class="flame-box">
          {other.value && (
            <figcaption>
              {titleOf(windowLength.value)}{" "}
              <span class="said">orange and +: a larger share of the whole; blue and −: a smaller one</span>
            </figcaption>
          )}
          <div ref={box}>
            <canvas
              ref={canvas}
              role="application"
              aria-label="Calling tree. Arrow keys go from box to box, Enter zooms, Escape goes up, f opens the function."
              aria-describedby="flame-said"
              tabIndex={0}
              onKeyDown={onKeyDown}
              onMouseMove={(event) => {
                const found = boxAt(event);
                pointed.value = found ? { node: found.node, x: event.clientX, y: event.clientY } : null;
              }}
              onMouseLeave={() => {
                pointed.value = null;
              }}
              onClick={(event) => {
                const found = boxAt(event);
                if (found) zoomTo(found.node);
              }}
              onDblClick={(event) => {
                const found = boxAt(event);
                if (found && found.function !== null) openFunction(found.function);
              }}
            />
          </div>
          {(document_.value?.nodes ?? []).length === 0 && document_.value && (
            <p class="empty">Nothing ran in this window.</p>
          )}
        </figure>
      </div>
      <p id="flame-said" class="spoken" aria-live="polite">
        {chosen.value >= 0 ? describe(chosen.value) : ""}
      </p>
      {tip && (
        <div
          class="tip"
          style={{
            left: `${Math.min(tip.x + 14, innerWidth - 380)}px`,
            top: `${Math.min(tip.y + 16, innerHeight - 110)}px`,
          }}
        >
          <strong>{nameOf(tipFunction)}</strong>
          <span class="place">{place(infoOf(tipFunction))}</span>
          <dl>
            <dt>{measure.value}</dt>
            <dd>
              {share(tree.value.weight[tip.node] ?? 0)}{" "}
              {differs.value ? signed(differs.value[tip.node] ?? 0) : ""}
            </dd>
            <dt>total</dt>
            <dd>{formatTime(tree.value.total[tip.node] ?? 0)}</dd>
            <dt>self</dt>
            <dd>{formatTime(tree.value.self[tip.node] ?? 0)}</dd>
            <dt>calls</dt>
            <dd>{formatCount(tree.value.calls[tip.node] ?? 0)}</dd>
          </dl>
        </div>
      )}
    </div>
  );
}
