// SPDX-License-Identifier: MIT
// Spark lines: how much one figure of a row grew from telling to telling, over the last minute.
// Why the page keeps them: views tell sums, and only of what is looked at; a line begins when its view is opened.
// Rules: rows are known by what names them, of several alike by their order. A recording tells nothing twice, and has none.

import type { JSX } from "preact";
import type { View } from "./documents";
import { formatTime } from "./format";

/** By view: the column whose growth is drawn, and those that name a row. */
const SPARKED: Record<string, { of: string; by: string[]; help: string }> = {
  tasks: {
    of: "cpu",
    by: ["name", "coroutine", "created_by"],
    help: "how much of the time it computed, over the last minute",
  },
  processes: { of: "calls", by: ["pid"], help: "calls per second, over the last minute" },
};
export const SPARK_POINTS = 60;
const SPACING_NS = 950e6;
const WIDE = 90;
const HIGH = 14;

interface Course {
  value: number;
  points: number[];
}

/** What of the rows of one view was told so far. */
export class Sparks {
  private readonly courses = new Map<string, Course>();
  private at = 0;

  constructor(private readonly id: string) {}

  static of(id: string): Sparks | null {
    return SPARKED[id] ? new Sparks(id) : null;
  }

  get help(): string {
    return SPARKED[this.id]?.help ?? "";
  }

  /** By row of the view: growth per second, oldest first. */
  take(view: View, nowNs: number): number[][] {
    const columns = view.columns ?? [];
    const spec = SPARKED[this.id];
    const at = columns.findIndex((column) => column.id.replace(/_ns$/, "") === spec?.of);
    const names = columns.map((column, i) => (spec?.by.includes(column.id) ? i : -1)).filter((i) => i >= 0);
    if (nowNs < this.at) this.courses.clear(); // a target that came anew
    const isNext = nowNs - this.at >= SPACING_NS || nowNs < this.at;
    const apartS = this.at ? (nowNs - this.at) / 1e9 : 0;
    if (isNext) this.at = nowNs;
    const seen = new Map<string, number>();
    const told = (view.rows ?? []).map((row) => {
      const name = names.map((i) => row.cells?.[i] ?? "").join("\n");
      const nth = seen.get(name) ?? 0;
      seen.set(name, nth + 1);
      return this.step(`${name}\n${nth}`, Number(row.cells?.[at] ?? 0), isNext, apartS);
    });
    if (isNext)
      for (const key of this.courses.keys()) {
        const [name, nth] = [
          key.slice(0, key.lastIndexOf("\n")),
          Number(key.slice(key.lastIndexOf("\n") + 1)),
        ];
        if ((seen.get(name) ?? 0) <= nth) this.courses.delete(key);
      }
    return told;
  }

  private step(key: string, value: number, isNext: boolean, apartS: number): number[] {
    const known = this.courses.get(key);
    if (!known) {
      this.courses.set(key, { value, points: [] });
      return [];
    }
    if (isNext && apartS > 0) {
      known.points.push(Math.max(0, value - known.value) / apartS);
      if (known.points.length > SPARK_POINTS) known.points.shift();
      known.value = value;
    }
    return known.points;
  }
}

/** `all`: those of the other rows, so that lines can be compared. */
export function Spark(props: { points: number[]; most: number; isTime: boolean }): JSX.Element {
  const { points, most, isTime } = props;
  if (points.length < 2) return <span class="spark-none">…</span>;
  const top = Math.max(most, 1e-9);
  const step = WIDE / (SPARK_POINTS - 1);
  const from = WIDE - (points.length - 1) * step;
  const line = points.map(
    (value, i) => `${(from + i * step).toFixed(1)},${(HIGH - 1 - (value / top) * (HIGH - 2)).toFixed(1)}`,
  );
  const latest = points[points.length - 1] ?? 0;
  const told = (value: number) => (isTime ? `${formatTime(value)}/s` : `${Math.round(value)}/s`);
  return (
    <svg class="spark" viewBox={`0 0 ${WIDE} ${HIGH}`} width={WIDE} height={HIGH} role="img">
      <title>{`now ${told(latest)}, at most ${told(Math.max(...points))}`}</title>
      <polyline points={line.join(" ")} />
    </svg>
  );
}

export const isTimeLine = (view: View): boolean =>
  view.columns?.find((column) => column.id.replace(/_ns$/, "") === SPARKED[view.id]?.of)?.kind === "time";

/** The largest of all rows: lines of one table are of one scale. */
export const mostOf = (told: number[][]): number =>
  Math.max(0, ...told.map((points) => Math.max(0, ...points)));
