// SPDX-License-Identifier: MIT
// Algae: a board of hexagons for each thread, the tile that is chosen, shape lines, and the same as a table.

import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { fitCanvas, useSize } from "../canvas";
import type { AlgaeView, Column, Row, Tile, View } from "../documents";
import { formatCount, formatTime, shortPath } from "../format";
import { picture, Svg } from "../picture";
import { filterText, openFunction, shown } from "../state";
import { Table } from "../table";
import { palette } from "../theme";
import { type Line, Scene, siteOf, type Unit } from "./scene";
import {
  CORNERS,
  cellAt,
  makePainter,
  middleOf,
  type Painter,
  type Rgb,
  rgb,
  STYLE,
  TileList,
} from "./tiles";

const TITLE = 24;
const GUTTER = 30;
const RULER = 16;
const UNITS = [9, 7, 5, 4, 3, 2.4, 1.8, 1.4, 1];
const STILL_S = 12;

const KINDS: Record<string, { series: number; letter: string; title: string }> = {
  python: { series: 0, letter: "f", title: "function" },
  generator: { series: 2, letter: "g", title: "generator" },
  coroutine: { series: 3, letter: "c", title: "coroutine" },
  async_generator: { series: 5, letter: "a", title: "async generator" },
  c: { series: 1, letter: "C", title: "C function" },
};
const kindOf = (kind: string) => KINDS[kind] ?? { series: 0, letter: "f", title: kind };

const sinceOf = (one: Unit) => (one.isActive ? "on the stack for" : "suspended for");

interface Board {
  scene: Scene;
  top: number;
  rows: number;
  columns: number;
}

/** Scenes outlive the view: coming back to Algae finds everything where it stood. */
const scenes = new Map<number, Scene>();

export function Algae(): JSX.Element {
  const [box, size] = useSize<HTMLDivElement>();
  const scroller = useRef<HTMLDivElement>(null);
  const tilesCanvas = useRef<HTMLCanvasElement>(null);
  const overCanvas = useRef<HTMLCanvasElement>(null);
  const painter = useRef<Painter | null>(null);
  const list = useRef(new TileList());
  const boards = useRef<Board[]>([]);
  const begun = useRef(performance.now());
  const changedAt = useRef(0);
  const isNew = useRef(true);
  const frame = useRef(0);
  const painting = useRef<() => void>(() => undefined);
  const version = useSignal(0);
  const unit = useSignal(7);
  const isOwnUnit = useSignal(false);
  const pinned = useSignal<{ thread: number; id: number | string } | null>(null);
  const pointed = useSignal<{ unit: Unit; x: number; y: number } | null>(null);
  const lineDrag = useSignal<{ thread: number; axis: "depth" | "breadth"; at: number } | null>(null);
  const extent = useSignal({ width: 0, height: 0 });
  const telling = useComputed(() => (shown.value?.id === "algae" ? (shown.value as AlgaeView) : null));

  const nowS = () => (performance.now() - begun.current) / 1000;
  const infoOf = (tile: Tile) => telling.peek()?.functions?.[String(tile.function)];
  const nameOf = (tile: Tile) => tile.name ?? infoOf(tile)?.name ?? String(tile.function);
  const placeOf = (tile: Tile) => {
    const file = tile.file ?? infoOf(tile)?.file;
    const line = tile.line ?? infoOf(tile)?.line;
    return file ? `${shortPath(file)}${line ? `:${line}` : ""}` : "";
  };
  const labelOf = (one: Unit) =>
    one.count > 1
      ? `${formatCount(one.count)} × ${nameOf(one.tile)}${one.tile.awaits ? `, waiting at ${one.tile.awaits}` : ""}, oldest ${formatTime(one.oldestNs)}`
      : nameOf(one.tile);

  const measure = () => {
    const all: Board[] = [];
    let top = 0;
    let widest = 0;
    for (const scene of scenes.values()) {
      let rows = 1;
      let columns = 1;
      for (const one of scene.units.values()) {
        rows = Math.max(rows, one.placed.row + 1);
        columns = Math.max(columns, one.placed.column + 1);
      }
      for (const cell of scene.board.trail.keys()) {
        rows = Math.max(rows, Math.floor(cell / 1_048_576) + 1);
        columns = Math.max(columns, (cell % 1_048_576) + 1);
      }
      all.push({ scene, top, rows, columns });
      top += TITLE + RULER + (rows * 4 + 2) * unit.peek() + 14;
      widest = Math.max(widest, columns);
    }
    boards.current = all;
    extent.value = { width: GUTTER + (widest * 4 + 1) * unit.peek() + 20, height: top };
    return { widest, all };
  };

  const fitUnit = () => {
    if (isOwnUnit.peek() || !size.width) return;
    const { widest, all } = measure();
    const rows = all.reduce((sum, board) => sum + board.rows * 4 + 2, 0);
    const fixed = all.length * (TITLE + RULER + 14);
    const fits = (one: number) =>
      GUTTER + (widest * 4 + 1) * one <= size.width - 16 && (fixed + rows * one <= size.height || one <= 3);
    // It shrinks when it must and does not grow by itself: a place stays a place.
    for (const one of UNITS) {
      if (one > unit.peek()) continue;
      if (fits(one) || one === UNITS[UNITS.length - 1]) {
        unit.value = one;
        break;
      }
    }
    measure();
  };

  const colours = (): Record<string, Rgb> => {
    const series = palette.peek().series;
    const all: Record<string, Rgb> = { running: rgb("#ffd43b"), trail: rgb(series[4] ?? "#56b4e9") };
    for (const [kind, look] of Object.entries(KINDS)) all[kind] = rgb(series[look.series] ?? "#888888");
    return all;
  };

  const fill = () => {
    const all = colours();
    const tiles = list.current;
    const step = unit.peek();
    tiles.clear();
    const merged: [number, number, number, Rgb][] = [];
    for (const { scene, top } of boards.current) {
      const down = top + TITLE + RULER;
      for (const [cell, left] of scene.board.trail) {
        const row = Math.floor(cell / 1_048_576);
        const column = cell % 1_048_576;
        if (scene.board.isTaken(row, column)) continue;
        const at = middleOf(row, column, step);
        tiles.add(GUTTER + at.x, down + at.y, step, all.trail as Rgb, STYLE.trail, left);
      }
      for (const one of scene.units.values()) {
        const at = middleOf(one.placed.row, one.placed.column, step);
        const colour = (one.isRunning ? all.running : (all[one.tile.kind] ?? all.python)) as Rgb;
        if (one.count > 1) {
          // Sized by count, and never so large that it hides its neighbours' middles.
          merged.push([
            GUTTER + at.x,
            down + at.y,
            step * Math.min(1.35, 1 + Math.log10(one.count) / 9),
            colour,
          ]);
          continue;
        }
        const style = one.isRunning ? STYLE.running : one.isActive ? STYLE.active : STYLE.suspended;
        tiles.add(GUTTER + at.x, down + at.y, step, colour, style, 0);
      }
    }
    for (const [x, y, large, colour] of merged) tiles.add(x, y, large, colour, STYLE.active, 0);
    isNew.current = true;
  };

  const unitAt = (x: number, y: number): { board: Board; unit: Unit } | null => {
    for (const board of boards.current) {
      const cell = cellAt(x - GUTTER, y - board.top - TITLE - RULER, unit.peek());
      if (!cell) continue;
      for (const one of board.scene.units.values())
        if (one.placed.row === cell.row && one.placed.column === cell.column) return { board, unit: one };
    }
    return null;
  };

  const paintOver = () => {
    const place = scroller.current;
    const canvas = overCanvas.current;
    if (!place || !canvas) return;
    const context = fitCanvas(canvas, size);
    if (!context) return;
    const ink = palette.peek();
    const step = unit.peek();
    context.translate(-place.scrollLeft, -place.scrollTop);
    const left = place.scrollLeft;
    for (const { scene, top, rows, columns } of boards.current) {
      const down = top + TITLE + RULER;
      if (down + (rows * 4 + 2) * step < place.scrollTop || top > place.scrollTop + size.height) continue;
      context.textBaseline = "middle";
      context.textAlign = "left";
      context.fillStyle = ink.ink;
      context.font = "600 12px ui-sans-serif, system-ui, sans-serif";
      context.fillText(scene.name, left + 8, top + TITLE / 2 + 2);
      const wide = context.measureText(scene.name).width;
      context.font = "12px ui-sans-serif, system-ui, sans-serif";
      context.fillStyle = ink.soft;
      const { depth, breadth } = scene.extent();
      const now = scene.top ? `, in ${nameOf(scene.top)}` : ", idle";
      context.fillText(
        `${depth} deep, ${formatCount(breadth)} wide, ${formatCount(scene.suspended)} suspended${now}`,
        left + 18 + wide,
        top + TITLE / 2 + 2,
      );
      context.font = "10px ui-sans-serif, system-ui, sans-serif";
      context.textAlign = "right";
      const every = step * 4 >= 14 ? 1 : step * 4 >= 8 ? 2 : 5;
      for (let row = 0; row < rows; row += every)
        context.fillText(String(row), left + GUTTER - 8, down + (4 * row + 2) * step);
      context.textAlign = "center";
      const across = Math.max(5, Math.ceil(40 / (step * 4) / 5) * 5);
      for (let column = 0; column < columns; column += across)
        context.fillText(String(column), GUTTER + (4 * column + 2.5) * step, top + TITLE + RULER / 2);
      for (const line of [
        ...scene.lines,
        ...(lineDrag.peek()?.thread === scene.thread ? [lineDrag.peek() as Line] : []),
      ])
        paintLine(context, line, down, rows, columns);
      // Of twenty thousand small tiles none is written on: they are not gone through.
      const isLettered = step >= 4 && scene.units.size < 1500;
      const chosen =
        pinned.peek()?.thread === scene.thread ? scene.units.get(pinned.peek()?.id ?? "") : undefined;
      const written =
        isLettered || filterText.peek()
          ? scene.units.values()
          : [...scene.merged, ...(chosen ? [chosen] : [])];
      for (const one of written) {
        const at = middleOf(one.placed.row, one.placed.column, step);
        const x = GUTTER + at.x;
        const y = down + at.y;
        if (x < left - 60 || x > left + size.width + 60) continue;
        if (y < place.scrollTop - 60 || y > place.scrollTop + size.height + 60) continue;
        if (one.count > 1) paintCount(context, one, x, y);
        else if (isLettered) {
          context.textAlign = "center";
          context.font = `${one.isRunning ? "700 " : ""}${Math.round(step * 2)}px ui-monospace, monospace`;
          context.fillStyle = one.isRunning ? "#1d1600" : one.isActive ? ink.panel : ink.ink;
          context.fillText(kindOf(one.tile.kind).letter, x, y + 0.5);
        }
        const isPinned = one === chosen;
        const isFound =
          filterText.peek() !== "" &&
          nameOf(one.tile).toLowerCase().includes(filterText.peek().toLowerCase());
        if (isPinned || isFound) {
          context.strokeStyle = isPinned ? ink.ink : ink.accent;
          context.lineWidth = isPinned ? 2.5 : 2;
          context.beginPath();
          context.arc(x, y, step * 2.6, 0, 7);
          context.stroke();
        }
      }
    }
  };

  const paintCount = (context: CanvasRenderingContext2D, one: Unit, x: number, y: number) => {
    const ink = palette.peek();
    const text = formatCount(one.count);
    context.font = "700 10px ui-sans-serif, system-ui, sans-serif";
    const wide = context.measureText(text).width;
    const isInside = wide <= unit.peek() * 4;
    if (!isInside) {
      context.fillStyle = ink.panel;
      context.globalAlpha = 0.85;
      context.fillRect(x - wide / 2 - 2, y - 6, wide + 4, 12);
      context.globalAlpha = 1;
    }
    context.textAlign = "center";
    context.fillStyle = isInside ? ink.panel : ink.ink;
    context.fillText(text, x, y + 0.5);
  };

  const paintLine = (
    context: CanvasRenderingContext2D,
    line: { axis: "depth" | "breadth"; at: number; isOver?: boolean },
    down: number,
    rows: number,
    columns: number,
  ) => {
    const step = unit.peek();
    context.strokeStyle = palette.peek().warn;
    context.lineWidth = line.isOver ? 3 : 2;
    context.setLineDash(line.isOver ? [] : [7, 4]);
    context.beginPath();
    if (line.axis === "depth") {
      const y = down + 4 * line.at * step;
      context.moveTo(GUTTER - 6, y);
      context.lineTo(GUTTER + (columns * 4 + 3) * step, y);
    } else {
      const x = GUTTER + (4 * line.at + 0.5) * step;
      context.moveTo(x, down - 6);
      context.lineTo(x, down + (rows * 4 + 3) * step);
    }
    context.stroke();
    context.setLineDash([]);
  };

  const paint = () => {
    frame.current = 0;
    const place = scroller.current;
    const canvas = tilesCanvas.current;
    if (!place || !canvas || !size.width) return;
    if (!painter.current) {
      painter.current = makePainter(canvas, new URLSearchParams(location.search).get("draw") === "2d");
      canvas.dataset.painter = painter.current.kind;
    }
    performance.mark("ulma-draw");
    painter.current.paint(
      list.current,
      {
        width: size.width,
        height: size.height,
        scrollX: place.scrollLeft,
        scrollY: place.scrollTop,
        now: nowS(),
        paper: rgb(palette.peek().panel),
        rim: rgb(palette.peek().ink),
      },
      isNew.current,
    );
    isNew.current = false;
    paintOver();
    performance.measure("ulma-draw", "ulma-draw");
    performance.clearMarks("ulma-draw");
    // Idle means still: once all that was left has faded, nothing is drawn any more.
    if (nowS() - changedAt.current < STILL_S) again();
  };
  // The frame that is asked for draws what is known when it comes.
  painting.current = paint;
  const again = () => {
    if (!frame.current) frame.current = requestAnimationFrame(() => painting.current());
  };

  useSignalEffect(() => {
    const told = telling.value;
    if (!told) return;
    performance.mark("ulma-fold");
    const threads = new Set(told.threads.map((thread) => thread.thread));
    for (const thread of [...scenes.keys()]) if (!threads.has(thread)) scenes.delete(thread);
    for (const thread of told.threads) {
      let scene = scenes.get(thread.thread);
      if (!scene) {
        scene = new Scene(thread.thread, thread.name);
        scenes.set(thread.thread, scene);
      }
      scene.sync(thread, nowS());
    }
    changedAt.current = nowS();
    if (isOwnUnit.peek() || !size.width) measure();
    else fitUnit();
    fill();
    performance.measure("ulma-fold", "ulma-fold");
    performance.clearMarks("ulma-fold");
    version.value = version.peek() + 1;
    again();
  });
  useSignalEffect(() => {
    palette.value;
    unit.value;
    filterText.value;
    pinned.value;
    lineDrag.value;
    measure();
    fill();
    again();
  });
  useEffect(() => {
    fitUnit();
    measure();
    fill();
    again();
    return () => {
      cancelAnimationFrame(frame.current);
      frame.current = 0;
    };
  }, [size.width, size.height]);

  useEffect(() => {
    picture.value = {
      canvas: () => {
        // What WebGL has drawn is there until the browser has shown it: it is drawn again, and copied at once.
        painting.current();
        const whole = document.createElement("canvas");
        const [tiles, over] = [tilesCanvas.current, overCanvas.current];
        const context = whole.getContext("2d");
        if (!tiles || !over || !context) return null;
        whole.width = tiles.width;
        whole.height = tiles.height;
        context.fillStyle = palette.peek().panel;
        context.fillRect(0, 0, whole.width, whole.height);
        context.drawImage(tiles, 0, 0);
        context.drawImage(over, 0, 0);
        return whole;
      },
      svg: () => {
        const svg = new Svg();
        const step = Math.max(unit.peek(), 3);
        const ink = palette.peek();
        let top = 0;
        let widest = 200;
        const kinds = ink.series;
        for (const { scene, rows, columns } of boards.current) {
          svg.text(8, top + 16, scene.name, ink.ink);
          const corners = (row: number, column: number): [number, number][] => {
            const at = middleOf(row, column, step);
            const [x, y] = [8 + at.x, top + TITLE + at.y];
            return CORNERS.map(([across, down]) => [x + across * step * 0.92, y + down * step * 0.92]);
          };
          for (const cell of scene.board.trail.keys()) {
            const [row, column] = [Math.floor(cell / 1_048_576), cell % 1_048_576];
            if (!scene.board.isTaken(row, column))
              svg.polygon(corners(row, column), kinds[4] ?? "#56b4e9", "none", 0.16);
          }
          for (const one of scene.units.values()) {
            const colour = kinds[kindOf(one.tile.kind).series] ?? "#888888";
            const isFilled = one.isActive || one.count > 1;
            svg.polygon(
              corners(one.placed.row, one.placed.column),
              one.isRunning ? "#ffd43b" : isFilled ? colour : ink.panel,
              one.isRunning ? ink.ink : colour,
              1,
              describe(one),
            );
          }
          top += TITLE + (rows * 4 + 2) * step + 14;
          widest = Math.max(widest, 16 + (columns * 4 + 1) * step);
        }
        return svg.done(widest, top, ink.panel);
      },
    };
    return () => {
      picture.value = null;
    };
  }, []);

  const pointOf = (event: PointerEvent | MouseEvent) => {
    const place = scroller.current;
    const bounds = place?.getBoundingClientRect();
    if (!place || !bounds) return { x: 0, y: 0 };
    return {
      x: event.clientX - bounds.left + place.scrollLeft,
      y: event.clientY - bounds.top + place.scrollTop,
    };
  };
  /** Where a line would be that is drawn from here: on the left ruler a depth, on the upper one a breadth. */
  const rulerAt = (x: number, y: number, axis?: "depth" | "breadth") => {
    const left = scroller.current?.scrollLeft ?? 0;
    for (const board of boards.current) {
      const down = board.top + TITLE + RULER;
      const isIn = y >= board.top + TITLE && y < down + (board.rows * 4 + 4) * unit.peek();
      if (!isIn) continue;
      const depth = Math.max(1, Math.round((y - down) / (4 * unit.peek())));
      const breadth = Math.max(1, Math.round((x - GUTTER) / (4 * unit.peek())));
      if (axis === "depth" || (!axis && x - left < GUTTER - 2))
        return { thread: board.scene.thread, axis: "depth" as const, at: depth };
      if (axis === "breadth" || (!axis && y < down))
        return { thread: board.scene.thread, axis: "breadth" as const, at: breadth };
    }
    return null;
  };
  const setLine = (line: { thread: number; axis: "depth" | "breadth"; at: number }) => {
    const scene = scenes.get(line.thread);
    if (!scene || scene.lines.some((one) => one.axis === line.axis && one.at === line.at)) return;
    const { depth, breadth } = scene.extent();
    // What is over it already has not crossed it.
    const isOver = line.axis === "depth" ? depth > line.at : breadth > line.at;
    scene.lines.push({ ...line, crossings: [], count: 0, isOver });
    version.value++;
    again();
  };
  const pinnedUnit = (() => {
    version.value;
    const at = pinned.value;
    return at ? (scenes.get(at.thread)?.units.get(at.id) ?? null) : null;
  })();
  const choose = (scene: Scene, one: Unit | undefined) => {
    if (!one) return;
    pinned.value = { thread: scene.thread, id: one.id };
    const place = scroller.current;
    const board = boards.current.find((board) => board.scene === scene);
    if (!place || !board) return;
    const at = middleOf(one.placed.row, one.placed.column, unit.peek());
    const x = GUTTER + at.x;
    const y = board.top + TITLE + RULER + at.y;
    if (x < place.scrollLeft + 40 || x > place.scrollLeft + size.width - 40)
      place.scrollLeft = x - size.width / 2;
    if (y < place.scrollTop + 30 || y > place.scrollTop + size.height - 30)
      place.scrollTop = y - size.height / 2;
  };
  const fold = (one: Unit, scene: Scene) => {
    const site = siteOf(one.tile);
    if (one.count > 1 && one.members.length > 1) scene.unfolded.add(site);
    else scene.unfolded.delete(site);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const at = pinned.value;
    const scene = (at && scenes.get(at.thread)) ?? scenes.values().next().value;
    if (!scene) return;
    const one = at ? scene.units.get(at.id) : undefined;
    const all = [...scene.units.values()];
    const first = () => choose(scene, scene.top ? scene.units.get(scene.top.id) : all[0]);
    const inRow = () =>
      all
        .filter((other) => other.placed.row === one?.placed.row)
        .sort((a, b) => a.placed.column - b.placed.column);
    const beside = (step: number) => {
      if (!one) return first();
      const row = inRow();
      choose(scene, row[row.indexOf(one) + step]);
    };
    switch (event.key) {
      case "ArrowUp":
        if (!one) first();
        else if (one.placed.parent) choose(scene, scene.units.get(one.placed.parent.id));
        break;
      case "ArrowDown":
        if (!one) first();
        else choose(scene, one.placed.children[0] && scene.units.get(one.placed.children[0].id));
        break;
      case "ArrowLeft":
        beside(-1);
        break;
      case "ArrowRight":
        beside(1);
        break;
      case "n": {
        const order = [...scenes.values()];
        const next = order[(order.indexOf(scene) + 1) % order.length];
        if (next) choose(next, next.top ? next.units.get(next.top.id) : next.units.values().next().value);
        break;
      }
      case "Enter":
        if (one) fold(one, scene);
        break;
      case "f":
        if (one && typeof one.tile.function === "number") openFunction(one.tile.function);
        break;
      case "d":
        if (one) setLine({ thread: scene.thread, axis: "depth", at: one.placed.row + 1 });
        break;
      case "b":
        if (one) setLine({ thread: scene.thread, axis: "breadth", at: scene.extent().breadth });
        break;
      case "Escape":
        pinned.value = null;
        break;
      case "+":
      case "-":
        zoom(event.key === "+" ? -1 : 1);
        break;
      default:
        return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  const zoom = (step: number) => {
    const at = UNITS.indexOf(unit.value);
    isOwnUnit.value = true;
    unit.value = UNITS[Math.min(UNITS.length - 1, Math.max(0, at + step))] ?? 4;
  };

  const describe = (one: Unit) =>
    `${labelOf(one)}, ${kindOf(one.tile.kind).title}, ${placeOf(one.tile)}, ${one.isRunning ? "running" : one.isActive ? "on the stack" : "suspended"}, ` +
    `row ${one.placed.row}, column ${one.placed.column}, ${sinceOf(one)} ${formatTime(one.oldestNs)}` +
    (one.tile.maker ? `, its task was made by ${one.tile.maker}` : "") +
    (one.tile.awaits ? `, waits at ${one.tile.awaits}` : "");

  version.value;
  const tip = pointed.value;
  const lines = [...scenes.values()].flatMap((scene) => scene.lines.map((line) => ({ scene, line })));

  return (
    <div class="algae">
      <div class="tools">
        <ul class="legend" aria-label="Colours and marks">
          <li>
            <span class="swatch swatch-running" />
            running
          </li>
          {Object.entries(KINDS).map(([kind, look]) => (
            <li key={kind}>
              <span class={`swatch series-${look.series + 1}`}>{look.letter}</span>
              {look.title}
            </li>
          ))}
          <li>
            <span class="swatch swatch-hollow" />
            hollow: suspended
          </li>
          <li>
            <span class="swatch swatch-trail" />
            has been there
          </li>
        </ul>
        <div class="segments" role="group" aria-label="Size">
          <button type="button" aria-label="Smaller tiles" onClick={() => zoom(1)}>
            −
          </button>
          <button type="button" aria-label="Larger tiles" onClick={() => zoom(-1)}>
            +
          </button>
        </div>
        <button
          type="button"
          title="Forget where execution has been"
          onClick={() => {
            for (const scene of scenes.values()) scene.board.forgetTrail();
            isOwnUnit.value = false;
            unit.value = UNITS[1] ?? 7;
            fitUnit();
            fill();
            again();
          }}
        >
          Clear
        </button>
      </div>
      <div class="algae-middle">
        <div ref={box} class="algae-box">
          <div
            ref={scroller}
            class="algae-scroll"
            role="application"
            tabIndex={0}
            aria-label="Activations of each thread. Arrow keys go from tile to tile, n to the next thread, Enter unfolds, f opens the function, d and b set a shape line."
            aria-describedby="algae-said"
            onKeyDown={onKeyDown}
            onScroll={again}
            onPointerDown={(event) => {
              const at = pointOf(event);
              const line = rulerAt(at.x, at.y);
              if (!line || event.button !== 0) return;
              lineDrag.value = line;
              event.currentTarget.setPointerCapture(event.pointerId);
              event.preventDefault();
            }}
            onPointerMove={(event) => {
              const at = pointOf(event);
              const drag = lineDrag.value;
              if (drag) {
                const next = rulerAt(at.x, at.y, drag.axis);
                if (next && next.thread === drag.thread) lineDrag.value = next;
                return;
              }
              const found = unitAt(at.x, at.y);
              pointed.value = found ? { unit: found.unit, x: event.clientX, y: event.clientY } : null;
            }}
            onPointerUp={() => {
              if (lineDrag.value) setLine(lineDrag.value);
              lineDrag.value = null;
            }}
            onPointerLeave={() => {
              pointed.value = null;
            }}
            onClick={(event) => {
              const at = pointOf(event);
              const found = unitAt(at.x, at.y);
              if (!found) return;
              const isSame = pinned.value?.id === found.unit.id;
              choose(found.board.scene, found.unit);
              if (found.unit.count > 1 || isSame) fold(found.unit, found.board.scene);
            }}
          >
            <div class="algae-window" style={{ width: `${size.width}px`, height: `${size.height}px` }}>
              <canvas ref={tilesCanvas} />
              <canvas ref={overCanvas} />
            </div>
            <div
              class="algae-room"
              style={{ width: `${extent.value.width}px`, height: `${extent.value.height}px` }}
            />
          </div>
        </div>
        <aside class="algae-side" aria-label="The chosen tile and shape lines">
          {pinnedUnit ? (
            <Chosen
              unit={pinnedUnit}
              scene={scenes.get(pinned.value?.thread ?? -1) ?? null}
              nameOf={nameOf}
              placeOf={placeOf}
              label={labelOf(pinnedUnit)}
            />
          ) : (
            <p class="hint">
              Click a tile, or use the arrow keys, to see who it is, since when, what it awaits and who
              started it.
            </p>
          )}
          <h3>Shape lines</h3>
          {lines.length === 0 && (
            <p class="hint">
              Drag from a ruler, or press <kbd>d</kbd> or <kbd>b</kbd> on a tile: when execution gets deeper
              or wider than the line, the stack is kept, and the program runs on.
            </p>
          )}
          {lines.map(({ scene, line }) => (
            <div
              key={`${scene.thread} ${line.axis} ${line.at}`}
              class={`shape-line ${line.isOver ? "is-over" : ""}`}
            >
              <div class="shape-head">
                <strong>
                  {line.axis === "depth" ? "deeper than" : "wider than"} {line.at}
                </strong>
                <span class="said">
                  {scene.name}: {line.count === 0 ? "not crossed" : `crossed ${formatCount(line.count)} ×`}
                </span>
                <button
                  type="button"
                  class="icon"
                  aria-label="Remove the line"
                  onClick={() => {
                    scene.lines.splice(scene.lines.indexOf(line), 1);
                    version.value++;
                    again();
                  }}
                >
                  ×
                </button>
              </div>
              {line.crossings.map((crossing, i) => (
                <details key={crossing.at} open={i === 0}>
                  <summary>at {crossing.at.toFixed(1)} s on this page</summary>
                  <ol class="stack">
                    {crossing.stack.map((tile) => (
                      <li key={tile.id}>
                        <span class="name">{nameOf(tile)}</span> <span class="place">{placeOf(tile)}</span>
                      </li>
                    ))}
                  </ol>
                </details>
              ))}
            </div>
          ))}
        </aside>
      </div>
      <p id="algae-said" class="spoken" aria-live="polite">
        {pinnedUnit ? describe(pinnedUnit) : ""}
      </p>
      <Waiting nameOf={nameOf} placeOf={placeOf} />
      {tip && (
        <div
          class="tip"
          style={{
            left: `${Math.min(tip.x + 14, innerWidth - 380)}px`,
            top: `${Math.min(tip.y + 16, innerHeight - 130)}px`,
          }}
        >
          <strong>{labelOf(tip.unit)}</strong>
          <span class="place">{placeOf(tip.unit.tile)}</span>
          <dl>
            <dt>{kindOf(tip.unit.tile.kind).title}</dt>
            <dd>{tip.unit.isRunning ? "running" : tip.unit.isActive ? "on the stack" : "suspended"}</dd>
            <dt>{sinceOf(tip.unit)}</dt>
            <dd>{formatTime(tip.unit.oldestNs)}</dd>
            {tip.unit.tile.maker && (
              <>
                <dt>task made by</dt>
                <dd>{tip.unit.tile.maker}</dd>
              </>
            )}
            {tip.unit.tile.awaits && (
              <>
                <dt>waits at</dt>
                <dd>{tip.unit.tile.awaits}</dd>
              </>
            )}
          </dl>
        </div>
      )}
    </div>
  );
}

function Chosen(props: {
  unit: Unit;
  scene: Scene | null;
  label: string;
  nameOf: (tile: Tile) => string;
  placeOf: (tile: Tile) => string;
}): JSX.Element {
  const { unit, scene, nameOf, placeOf } = props;
  const above: Tile[] = [];
  for (let at = unit.placed.parent; at; at = at.parent) {
    const one = scene?.units.get(at.id);
    if (one) above.push(one.tile);
  }
  const fn = unit.tile.function;
  return (
    <section class="chosen-tile" aria-label="The chosen tile">
      <h3 class="name">{props.label}</h3>
      <p class="place">{placeOf(unit.tile)}</p>
      <dl>
        <dt>is</dt>
        <dd>
          {unit.isRunning ? "running" : unit.isActive ? "on the stack" : "suspended"},{" "}
          {kindOf(unit.tile.kind).title}
        </dd>
        <dt>{sinceOf(unit)}</dt>
        <dd>{formatTime(unit.oldestNs)}</dd>
        {unit.tile.maker && (
          <>
            <dt>task made by</dt>
            <dd>{unit.tile.maker}</dd>
          </>
        )}
        {unit.tile.awaits && (
          <>
            <dt>waits at</dt>
            <dd>{unit.tile.awaits}</dd>
          </>
        )}
      </dl>
      {typeof fn === "number" && (
        <button type="button" onClick={() => openFunction(fn)}>
          Open the function <kbd>f</kbd>
        </button>
      )}
      {above.length > 0 && (
        <>
          <h3>Started or resumed by</h3>
          <ol class="stack">
            {above.map((tile) => (
              <li key={tile.id}>
                <span class="name">{nameOf(tile)}</span> <span class="place">{placeOf(tile)}</span>
              </li>
            ))}
          </ol>
        </>
      )}
    </section>
  );
}

const COLUMNS: Column[] = [
  {
    id: "count",
    title: "how many",
    kind: "count",
    help: "suspended activations of one site that wait in one place",
  },
  { id: "oldest", title: "oldest", kind: "time", help: "for so long the oldest of them has not gone on" },
  { id: "awaits", title: "waits at", kind: "text" },
  { id: "function", title: "suspended", kind: "text" },
  { id: "by", title: "made or resumed by", kind: "text" },
  { id: "thread", title: "thread", kind: "text" },
];

/** What hangs, since when, who started it: the suspended ones by site, the oldest first. */
function Waiting(props: { nameOf: (tile: Tile) => string; placeOf: (tile: Tile) => string }): JSX.Element {
  const { nameOf, placeOf } = props;
  const text = filterText.value.toLowerCase();
  const found: { oldest: number; row: Row }[] = [];
  for (const scene of scenes.values()) {
    const groups = new Map<string, { count: number; oldest: number; unit: Unit; tile: Tile }>();
    for (const unit of scene.units.values()) {
      if (unit.isActive) continue;
      const site = siteOf(unit.tile);
      const group = groups.get(site);
      if (!group) groups.set(site, { count: unit.count, oldest: unit.oldestNs, unit, tile: unit.tile });
      else {
        group.count += unit.count;
        if (unit.oldestNs > group.oldest)
          Object.assign(group, { oldest: unit.oldestNs, unit, tile: unit.tile });
      }
    }
    for (const { count, oldest, unit, tile } of groups.values()) {
      const name = `${nameOf(tile)}  ${placeOf(tile)}`;
      const by = unit.placed.parent ? scene.units.get(unit.placed.parent.id) : undefined;
      const cells = [
        count,
        oldest,
        tile.awaits ?? "",
        name,
        tile.maker ?? (by ? nameOf(by.tile) : ""),
        scene.name,
      ];
      if (text && !cells.join(" ").toLowerCase().includes(text)) continue;
      found.push({
        oldest,
        row: { cells, function: typeof tile.function === "number" ? tile.function : null },
      });
    }
  }
  found.sort((one, other) => other.oldest - one.oldest);
  const rows = found.slice(0, 200).map(({ row }) => row);
  const view: View = { id: "waiting", sort: "oldest", ascending: false, total: rows.length };
  return (
    <section class="algae-table" aria-label="Suspended activations by site, the oldest first">
      {rows.length > 0 ? (
        <Table view={view} columns={COLUMNS} rows={rows} filter={filterText.value} />
      ) : (
        <p class="hint">Nothing is suspended: every activation runs or waits in a call.</p>
      )}
    </section>
  );
}
