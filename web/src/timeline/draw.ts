// SPDX-License-Identifier: MIT
// Timeline's lanes on a canvas, and where each slice of it stands.

import { functionColour } from "../colour";
import type { TimelineView } from "../documents";
import { formatCount, formatTime } from "../format";
import type { Palette } from "../theme";
import { infoOf, type Lane, type LaneRow, missing, type Slice, ticksOf } from "./lanes";

export const AXIS = 26;
export const TITLE = 18;
export const ROW = 17;
export const KIND_ROW = 8;
export const THIN = 7;
const GAP = 7;

export interface PlacedRow {
  lane: Lane;
  row: LaneRow;
  y: number;
  height: number;
}

export interface Placement {
  lanes: { lane: Lane; y: number; height: number }[];
  rows: PlacedRow[];
  height: number;
}

export function place(lanes: Lane[]): Placement {
  const placed: Placement = { lanes: [], rows: [], height: 0 };
  let y = AXIS;
  for (const lane of lanes) {
    const top = y;
    if (!lane.isThin) y += TITLE;
    for (const row of lane.rows) {
      if (lane.isThin) {
        placed.rows.push({ lane, row, y, height: THIN });
        continue;
      }
      const height = row.kind === "call" ? ROW : KIND_ROW;
      placed.rows.push({ lane, row, y, height });
      y += height;
    }
    y += lane.isThin ? THIN + 2 : GAP;
    placed.lanes.push({ lane, y: top, height: y - top });
  }
  placed.height = y + 6;
  return placed;
}

export interface Look {
  view: TimelineView;
  from: number;
  to: number;
  width: number;
  colours: Palette;
  isDark: boolean;
  /** Functions that the filter names; null: there is none. */
  found: Set<number> | null;
  chosen: Slice | null;
  slowest: { from: number; length: number } | null;
  drag: { from: number; to: number } | null;
}

export const KIND_TITLES = {
  gc: "garbage collection",
  io: "I/O",
  gil: "waits for the GIL",
  lock: "waits for another",
  off: "off the CPU",
  call: "call",
};
/** Which of the colours, of those that are not calls. */
export const KIND_SERIES = { gc: 1, io: 0, gil: 3, lock: 2, off: 6 } as const;

export function colourOf(look: Look, row: LaneRow, slice: Slice): string {
  if (row.kind === "call") return callColour(look, slice.what);
  return look.colours.series[KIND_SERIES[row.kind]] ?? look.colours.faint;
}

const known = { isDark: false, colours: new Map<string, string>() };

/** Worked out once for each function, and not for each of thousands of slices. */
function callColour(look: Look, what: number | string): string {
  if (known.isDark !== look.isDark) known.colours.clear();
  known.isDark = look.isDark;
  const info = infoOf(look.view, what);
  const key = `${info?.module ?? info?.file ?? ""} ${info?.name ?? ""}`;
  const found = known.colours.get(key) ?? functionColour(info, look.isDark);
  known.colours.set(key, found);
  return found;
}

export const nameOf = (view: TimelineView, row: LaneRow, slice: Slice): string => {
  if (row.kind === "gc") return `generation ${slice.what}`;
  if (row.kind === "off") return "off the CPU";
  if (row.kind !== "call") return String(slice.what);
  return infoOf(view, slice.what)?.name ?? `function ${slice.what}`;
};

function paintAxis(context: CanvasRenderingContext2D, look: Look, height: number): void {
  const { from, to, width, colours, view } = look;
  const x = (at: number) => ((at - from) / (to - from)) * width;
  const gone = missing(view);
  if (gone) {
    const end = Math.min(width, x(gone.before));
    context.fillStyle = colours.line;
    context.globalAlpha = 0.35;
    for (let at = 0; at < end; at += 6)
      context.fillRect(at, AXIS - 5, Math.min(3, end - at), height - AXIS + 5);
    context.globalAlpha = 1;
  }
  context.font = "11px ui-sans-serif, system-ui, sans-serif";
  context.textBaseline = "middle";
  const ticks = ticksOf(from, to, width / 110);
  const step = (ticks[1] ?? to) - (ticks[0] ?? from);
  for (const at of ticks) {
    context.fillStyle = colours.line;
    context.fillRect(x(at), AXIS - 6, 1, height - AXIS + 6);
    context.fillStyle = colours.soft;
    context.fillText(axisText(at, step), x(at) + 4, 9);
  }
  context.fillStyle = colours.line;
  context.fillRect(0, AXIS - 1, width, 1);
}

/** As many digits as tell one tick from the next. */
export function axisText(at: number, step: number): string {
  const digits = Math.min(9, Math.max(0, Math.ceil(-Math.log10(Math.max(step, 1) / 1e9) - 1e-9)));
  return `${(at / 1e9).toFixed(digits)} s`;
}

/** Clipping each would take longer than all the rest. */
function fitting(context: CanvasRenderingContext2D, text: string, wide: number): string {
  const whole = context.measureText(text).width;
  if (whole <= wide) return text;
  const letters = Math.floor((text.length * wide) / whole) - 1;
  return letters > 0 ? `${text.slice(0, letters)}…` : "";
}

function paintSlice(
  context: CanvasRenderingContext2D,
  look: Look,
  { row, y, height, lane }: PlacedRow,
  slice: Slice,
): void {
  const scale = look.width / (look.to - look.from);
  const left = Math.max(0, (slice.from - look.from) * scale);
  const right = Math.min(look.width, (slice.from + slice.length - look.from) * scale);
  if (right < 0 || left > look.width) return;
  const wide = Math.max(right - left, 0.75);
  const isFound = look.found !== null && typeof slice.what === "number" && look.found.has(slice.what);
  const isFaint = look.found !== null && !isFound;
  context.fillStyle = isFound && row.kind === "call" ? look.colours.accent : colourOf(look, row, slice);
  // Several short ones are as dark as they fill their place.
  const full = slice.count > 1 ? 0.3 + 0.7 * Math.min(1, slice.busy / Math.max(1, slice.length)) : 1;
  context.globalAlpha = full * (isFaint && row.kind === "call" ? 0.3 : 1);
  const bar = row.kind === "call" && !lane.isThin ? height - 1 : height - 2;
  if (slice.count > 1 && row.kind === "call" && !lane.isThin) {
    context.fillRect(left, y + bar / 4, wide, bar / 2);
  } else {
    context.fillRect(left, y, Math.max(wide - (wide > 4 ? 1 : 0), 0.75), bar);
  }
  context.globalAlpha = 1;
  if (row.kind !== "call" || lane.isThin || wide < 30 || slice.count > 1) return;
  context.fillStyle = isFound ? "#1d1600" : look.colours.ink;
  context.globalAlpha = isFaint ? 0.6 : 1;
  const time = wide > 120 ? `  ${formatTime(slice.length)}` : "";
  const text = fitting(context, nameOf(look.view, row, slice) + time, wide - 7);
  context.fillText(text, left + 4, y + height / 2);
  context.globalAlpha = 1;
}

/** Thin lanes show their deepest last, so what ran is on top. */
export function paint(context: CanvasRenderingContext2D, look: Look, placed: Placement): void {
  const { colours, width } = look;
  paintAxis(context, look, placed.height);
  for (const { lane, y } of placed.lanes) {
    if (lane.isThin) continue;
    context.font = "600 11.5px ui-sans-serif, system-ui, sans-serif";
    context.fillStyle = colours.ink;
    context.textBaseline = "middle";
    const mark = lane.group ? (lane.isOpen ? "▾ " : "▸ ") : "";
    const text = mark + lane.title;
    context.globalAlpha = 0.8;
    context.fillStyle = colours.panel;
    context.fillRect(4, y + 2, context.measureText(text).width + 10, TITLE - 4);
    context.globalAlpha = 1;
    context.fillStyle = colours.ink;
    context.fillText(text, 8, y + TITLE / 2 + 1);
  }
  context.font = "11.5px ui-sans-serif, system-ui, sans-serif";
  for (const one of placed.rows) for (const slice of one.row.slices) paintSlice(context, look, one, slice);
  paintChosen(context, look, placed);
  const scale = width / (look.to - look.from);
  if (look.slowest) {
    const x = (look.slowest.from + look.slowest.length / 2 - look.from) * scale;
    context.fillStyle = colours.bad;
    context.beginPath();
    context.moveTo(x - 6, AXIS - 10);
    context.lineTo(x + 6, AXIS - 10);
    context.lineTo(x, AXIS - 1);
    context.fill();
  }
  if (look.drag) {
    const [from, to] = [Math.min(look.drag.from, look.drag.to), Math.max(look.drag.from, look.drag.to)];
    context.fillStyle = colours.accent;
    context.globalAlpha = 0.22;
    context.fillRect((from - look.from) * scale, 0, (to - from) * scale, placed.height);
    context.globalAlpha = 1;
    context.fillStyle = colours.ink;
    context.font = "11px ui-sans-serif, system-ui, sans-serif";
    context.fillText(formatTime(to - from), (from - look.from) * scale + 4, AXIS + 8);
  }
}

function paintChosen(context: CanvasRenderingContext2D, look: Look, placed: Placement): void {
  const chosen = look.chosen;
  if (!chosen) return;
  const scale = look.width / (look.to - look.from);
  for (const { row, y, height } of placed.rows) {
    if (!row.slices.includes(chosen)) continue;
    const left = Math.max(0, (chosen.from - look.from) * scale);
    const right = Math.min(look.width, (chosen.from + chosen.length - look.from) * scale);
    context.strokeStyle = look.colours.ink;
    context.lineWidth = 2;
    context.strokeRect(left + 1, y + 1, Math.max(right - left - 2, 1), Math.max(height - 3, 2));
  }
}

export function describe(view: TimelineView, lane: Lane, row: LaneRow, slice: Slice): string {
  const name = nameOf(view, row, slice);
  const since = `at ${axisText(slice.from, 1e3)}`;
  if (slice.count > 1)
    return `${formatCount(slice.count)} short ones, the longest ${name}, together ${formatTime(slice.busy)}, ${since}, ${lane.title}`;
  const length = `${formatTime(slice.length)}${slice.isOpen ? " so far" : ""}`;
  return `${name}, ${KIND_TITLES[row.kind]}, ${length}, ${since}, ${lane.title}${slice.task ? `, task ${slice.task}` : ""}`;
}
