// SPDX-License-Identifier: MIT
// Algae's drawing: which tiles stand where, and what is written over them. Knows no component.

import type { Size } from "../canvas";
import type { Tile } from "../documents";
import { formatCount } from "../format";
import { STRIDE, type Steps } from "../steps";
import type { Palette } from "../theme";
import { KINDS, kindOf, RUNNING } from "./looks";
import type { Scene, Unit } from "./scene";
import { middleOf, type Rgb, rgb, STYLE, type TileList } from "./tiles";

export const TITLE = 24;
export const GUTTER = 30;
export const RULER = 16;

export interface Board {
  scene: Scene;
  top: number;
  rows: number;
  columns: number;
}

export interface DraggedLine {
  thread: number;
  axis: "depth" | "breadth";
  at: number;
}

export interface OverLook {
  boards: Board[];
  step: number;
  size: Size;
  /** scrolled to */
  place: { left: number; top: number };
  ink: Palette;
  pinned: { thread: number; id: number | string } | null;
  drag: DraggedLine | null;
  filter: string;
  nameOf: (tile: Tile) => string;
}

function coloursOf(ink: Palette): Record<string, Rgb> {
  const series = ink.series;
  const all: Record<string, Rgb> = { running: rgb(RUNNING), trail: rgb(series[4] ?? "#56b4e9") };
  for (const [kind, look] of Object.entries(KINDS)) all[kind] = rgb(series[look.series] ?? "#888888");
  return all;
}

export function* fillTiles(tiles: TileList, boards: Board[], step: number, ink: Palette): Steps {
  const all = coloursOf(ink);
  tiles.clear();
  const merged: [number, number, number, Rgb][] = [];
  let filled = 0;
  for (const { scene, top } of boards) {
    const down = top + TITLE + RULER;
    for (const [cell, left] of scene.board.trail) {
      if (++filled % STRIDE === 0) yield;
      const row = Math.floor(cell / 1_048_576);
      const column = cell % 1_048_576;
      if (scene.board.isTaken(row, column)) continue;
      const at = middleOf(row, column, step);
      tiles.add(GUTTER + at.x, down + at.y, step, all.trail as Rgb, STYLE.trail, left);
    }
    for (const one of scene.units.values()) {
      if (++filled % STRIDE === 0) yield;
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
}

export function paintOver(context: CanvasRenderingContext2D, look: OverLook): void {
  const { ink, step, size, place, pinned, filter, nameOf } = look;
  context.translate(-place.left, -place.top);
  const left = place.left;
  for (const { scene, top, rows, columns } of look.boards) {
    const down = top + TITLE + RULER;
    if (down + (rows * 4 + 2) * step < place.top || top > place.top + size.height) continue;
    context.textBaseline = "middle";
    context.textAlign = "left";
    context.fillStyle = ink.ink;
    context.font = "600 12px ui-sans-serif, system-ui, sans-serif";
    context.fillText(scene.name, left + 8, top + TITLE / 2 + 2);
    const wide = context.measureText(scene.name).width;
    context.font = "12px ui-sans-serif, system-ui, sans-serif";
    context.fillStyle = ink.soft;
    const { depth, breadth } = scene;
    const now = scene.top ? `, in ${nameOf(scene.top)}` : ", idle";
    context.fillText(
      `${depth} deep, ${formatCount(breadth)} wide, ${formatCount(scene.suspended)} suspended${now}`,
      left + 18 + wide,
      top + TITLE / 2 + 2,
    );
    context.font = "10px ui-sans-serif, system-ui, sans-serif";
    context.textAlign = "right";
    const every = step * 4 >= 14 ? 1 : step * 4 >= 8 ? 2 : 5;
    // Of twenty thousand rows most are far away.
    const first = Math.max(0, Math.floor((place.top - down) / (4 * step) / every) * every);
    const last = Math.min(rows, (place.top + size.height - down) / (4 * step) + 1);
    for (let row = first; row < last; row += every)
      context.fillText(String(row), left + GUTTER - 8, down + (4 * row + 2) * step);
    context.textAlign = "center";
    const across = Math.max(5, Math.ceil(40 / (step * 4) / 5) * 5);
    const from = Math.max(0, Math.floor((left - GUTTER) / (4 * step) / across) * across);
    const until = Math.min(columns, (left + size.width) / (4 * step) + 1);
    for (let column = from; column < until; column += across)
      context.fillText(String(column), GUTTER + (4 * column + 2.5) * step, top + TITLE + RULER / 2);
    for (const line of [...scene.lines, ...(look.drag?.thread === scene.thread ? [look.drag] : [])])
      paintLine(context, line, { down, rows, columns, step, warn: ink.warn });
    // Of twenty thousand small tiles none is written on: they are not gone through.
    const isLettered = step >= 4 && scene.units.size < 1500;
    const chosen = pinned?.thread === scene.thread ? scene.units.get(pinned.id) : undefined;
    const written =
      isLettered || filter ? scene.units.values() : [...scene.merged, ...(chosen ? [chosen] : [])];
    for (const one of written) {
      const at = middleOf(one.placed.row, one.placed.column, step);
      const x = GUTTER + at.x;
      const y = down + at.y;
      if (x < left - 60 || x > left + size.width + 60) continue;
      if (y < place.top - 60 || y > place.top + size.height + 60) continue;
      if (one.count > 1) paintCount(context, one, x, y, look);
      else if (isLettered) {
        context.textAlign = "center";
        context.font = `${one.isRunning ? "700 " : ""}${Math.round(step * 2)}px ui-monospace, monospace`;
        context.fillStyle = one.isRunning ? "#1d1600" : one.isActive ? ink.panel : ink.ink;
        context.fillText(kindOf(one.tile.kind).letter, x, y + 0.5);
      }
      const isPinned = one === chosen;
      const isFound = filter !== "" && nameOf(one.tile).toLowerCase().includes(filter.toLowerCase());
      if (isPinned || isFound) {
        context.strokeStyle = isPinned ? ink.ink : ink.accent;
        context.lineWidth = isPinned ? 2.5 : 2;
        context.beginPath();
        context.arc(x, y, step * 2.6, 0, 7);
        context.stroke();
      }
    }
  }
}

function paintCount(
  context: CanvasRenderingContext2D,
  one: Unit,
  x: number,
  y: number,
  look: OverLook,
): void {
  const ink = look.ink;
  const text = formatCount(one.count);
  context.font = "700 10px ui-sans-serif, system-ui, sans-serif";
  const wide = context.measureText(text).width;
  const isInside = wide <= look.step * 4;
  if (!isInside) {
    context.fillStyle = ink.panel;
    context.globalAlpha = 0.85;
    context.fillRect(x - wide / 2 - 2, y - 6, wide + 4, 12);
    context.globalAlpha = 1;
  }
  context.textAlign = "center";
  context.fillStyle = isInside ? ink.panel : ink.ink;
  context.fillText(text, x, y + 0.5);
}

function paintLine(
  context: CanvasRenderingContext2D,
  line: { axis: "depth" | "breadth"; at: number; isOver?: boolean },
  {
    down,
    rows,
    columns,
    step,
    warn,
  }: { down: number; rows: number; columns: number; step: number; warn: string },
): void {
  context.strokeStyle = warn;
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
}
