// SPDX-License-Identifier: MIT
// Algae: a board of hexagons for each thread, the tile that is chosen, shape lines, and the same as a table.

import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { fitCanvas, useSize } from "../canvas";
import type { Connection } from "../connection";
import type { AlgaeView, Tile } from "../documents";
import { formatCount, formatTime, shortPath } from "../format";
import { wishesPlain } from "../gl";
import { picture, Svg } from "../picture";
import { filterText, openFunction, shown } from "../state";
import { goOn, type Steps } from "../steps";
import { palette } from "../theme";
import { Chosen, Waiting } from "./details";
import { KINDS, kindOf, RUNNING, scenes, sinceOf } from "./looks";
import { type Board, fillTiles, GUTTER, paintOver, RULER, TITLE } from "./over";
import { type Line, Scene, siteOf, type Unit } from "./scene";
import { CORNERS, cellAt, makePainter, middleOf, type Painter, rgb, type Scenery, TileList } from "./tiles";

const UNITS = [9, 7, 5, 4, 3, 2.4, 1.8, 1.4, 1];
const STILL_S = 12;
/** Of each frame, for what takes more than one. */
const SPARE_MS = 1.2;
/** Without WebGL: so long what fades may look as it did. */
const FADED_S = 0.25;

export function Algae(props: { connection: Connection | null }): JSX.Element {
  const [box, size] = useSize<HTMLDivElement>();
  const scroller = useRef<HTMLDivElement>(null);
  const tilesCanvas = useRef<HTMLCanvasElement>(null);
  const overCanvas = useRef<HTMLCanvasElement>(null);
  const painter = useRef<Painter | null>(null);
  const list = useRef(new TileList());
  const nextList = useRef(new TileList());
  /** Told, and not yet begun with: the newest. */
  const due = useRef<AlgaeView | null>(null);
  const intake = useRef<Steps | null>(null);
  const filling = useRef<Steps | null>(null);
  const drawing = useRef<Steps | null>(null);
  const drawn = useRef<Scenery | null>(null);
  const isOverOld = useRef(true);
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
  const infoOf = (tile: Pick<Tile, "function">) => telling.peek()?.functions?.[String(tile.function)];
  const nameOf = (tile: Pick<Tile, "function" | "name">) =>
    tile.name ?? infoOf(tile)?.name ?? String(tile.function);
  const placeOf = (tile: Pick<Tile, "function" | "file" | "line">) => {
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
      const { rows, columns } = scene.board;
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

  const fill = () => {
    filling.current = (function* () {
      yield* fillTiles(nextList.current, boards.current, unit.peek(), palette.peek());
      [list.current, nextList.current] = [nextList.current, list.current];
      isNew.current = true;
    })();
  };

  function* takeIn(told: AlgaeView): Steps {
    const threads = new Set(told.threads.map((thread) => thread.thread));
    for (const thread of [...scenes.keys()]) if (!threads.has(thread)) scenes.delete(thread);
    for (const thread of told.threads) {
      let scene = scenes.get(thread.thread);
      if (!scene) {
        scene = new Scene(thread.thread, thread.name);
        scenes.set(thread.thread, scene);
      }
      yield* scene.take(thread, nowS());
      if (told.lines) scene.hear(told.lines);
    }
    changedAt.current = nowS();
    if (isOwnUnit.peek() || !size.width) measure();
    else fitUnit();
    version.value = version.peek() + 1;
  }

  const scenery = (): Scenery => ({
    width: size.width,
    height: size.height,
    scrollX: scroller.current?.scrollLeft ?? 0,
    scrollY: scroller.current?.scrollTop ?? 0,
    now: nowS(),
    paper: rgb(palette.peek().panel),
    rim: rgb(palette.peek().ink),
  });
  const draw = () => {
    drawn.current = scenery();
    drawing.current = painter.current?.draw?.(list.current, drawn.current) ?? null;
  };

  /** Towards the picture of what was told last, for so long as a frame can spare. False: it is that. */
  const work = (spareMs: number): boolean => {
    const until = performance.now() + spareMs;
    do {
      if (!drawing.current && !filling.current && !intake.current && due.current) {
        intake.current = takeIn(due.current);
        due.current = null;
      }
      // What was begun is ended first: whoever is late has the newest next, and nothing is drawn while it changes.
      const part = [drawing, filling, intake].find((one) => one.current);
      if (!part?.current) return false;
      if (!goOn(part.current, until - performance.now())) return true;
      part.current = null;
      if (part === intake) fill();
      if (part === filling) draw();
    } while (performance.now() < until);
    return true;
  };

  const unitAt = (x: number, y: number): { board: Board; unit: Unit } | null => {
    for (const board of boards.current) {
      const cell = cellAt(x - GUTTER, y - board.top - TITLE - RULER, unit.peek());
      const placed = cell && board.scene.board.at(cell.row, cell.column);
      const one = placed && board.scene.units.get(placed.id);
      if (one) return { board, unit: one };
    }
    return null;
  };

  const paint = () => {
    frame.current = 0;
    const place = scroller.current;
    const canvas = tilesCanvas.current;
    if (!place || !canvas || !size.width) return;
    if (!painter.current) {
      painter.current = makePainter(canvas, wishesPlain());
      canvas.dataset.painter = painter.current.kind;
    }
    performance.mark("ulma-fold");
    const isAtWork = work(SPARE_MS);
    performance.measure("ulma-fold", "ulma-fold");
    performance.mark("ulma-draw");
    const now = scenery();
    painter.current.paint(list.current, now, isNew.current);
    if (isNew.current || isOverOld.current) paintTop(now);
    if (isNew.current) place.dataset.drawn = String(list.current.count);
    isNew.current = false;
    isOverOld.current = false;
    const { scrollX, scrollY, now: at } = drawn.current ?? now;
    const isFading = now.now - changedAt.current < STILL_S;
    const isOld = scrollX !== now.scrollX || scrollY !== now.scrollY || (isFading && now.now - at > FADED_S);
    if (!isAtWork && painter.current.draw && isOld) draw();
    performance.measure("ulma-draw", "ulma-draw");
    for (const name of ["ulma-fold", "ulma-draw"]) performance.clearMarks(name);
    // Idle means still: once all that was left has faded, nothing is drawn any more.
    if (isFading || drawing.current || isAtWork) again(false);
  };
  const paintTop = ({ scrollX, scrollY }: Scenery) => {
    const context = overCanvas.current && fitCanvas(overCanvas.current, size);
    if (context)
      paintOver(context, {
        boards: boards.current,
        step: unit.peek(),
        size,
        place: { left: scrollX, top: scrollY },
        ink: palette.peek(),
        pinned: pinned.peek(),
        drag: lineDrag.peek(),
        filter: filterText.peek(),
        nameOf,
      });
  };
  // The frame that is asked for draws what is known when it comes.
  painting.current = paint;
  const again = (isOld = true) => {
    isOverOld.current ||= isOld;
    if (!frame.current) frame.current = requestAnimationFrame(() => painting.current());
  };

  useSignalEffect(() => {
    const told = telling.value;
    if (!told) return;
    due.current = told;
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
        while (work(SPARE_MS));
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
              one.isRunning ? RUNNING : isFilled ? colour : ink.panel,
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
    const { depth, breadth } = scene;
    // What is over it already has not crossed it.
    const isOver = line.axis === "depth" ? depth > line.at : breadth > line.at;
    const made: Line = { ...line, crossings: [], count: 0, isOver };
    if (telling.peek()?.lines) {
      made.judge = "asked";
      const set = props.connection?.drawLine(line, true);
      // Where the server judges none the page does, by what it is told.
      void set?.then((isSet) => isSet || delete made.judge);
    }
    scene.lines.push(made);
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
    if (one.count > 1 && one.members > 1) scene.unfolded.add(site);
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
        else {
          const [child] = one.placed.children;
          if (child) choose(scene, scene.units.get(child.id));
        }
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
        if (one) setLine({ thread: scene.thread, axis: "breadth", at: scene.breadth });
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
            onScroll={() => again()}
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
                    if (line.judge) void props.connection?.drawLine(line, false);
                    version.value++;
                    again();
                  }}
                >
                  ×
                </button>
              </div>
              {line.crossings.map((crossing, i) => (
                <details key={`${crossing.at} ${i}`} open={i === 0}>
                  <summary>
                    {line.judge
                      ? `${crossing.at.toFixed(3)} s after the start`
                      : `at ${crossing.at.toFixed(1)} s on this page`}
                  </summary>
                  <ol class="stack">
                    {!!crossing.leftOut && <li>{formatCount(crossing.leftOut)} more above</li>}
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
