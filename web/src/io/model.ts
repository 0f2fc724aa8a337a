// SPDX-License-Identifier: MIT
// What the pictures of I/O are drawn from: rows of a window, who moves little at a time, and how long calls took when. Pure.

import type { FunctionInfo } from "../documents";
import type { Told } from "../history";

/** function, line, operation, file or address, calls, bytes, errors, blocked_ns, first duration, calls of each duration */
export type IoTuple = [
  number | null,
  number,
  string,
  string | null,
  number,
  number,
  number,
  number,
  number,
  ...number[],
];

export interface IoPicture {
  /** Duration 0 is below it, each other up to twice as long; 0: durations are not known. */
  least_ns: number;
  left_out: number;
  rows: IoTuple[];
  functions: Record<string, FunctionInfo>;
}

export type Direction = "in" | "out" | "wait";

export interface IoRow {
  key: string;
  function: number | null;
  name: string;
  place: string;
  operation: string;
  resource: string;
  direction: Direction;
  calls: number;
  bytes: number;
  errors: number;
  blockedNs: number;
  /** Calls by duration. */
  durations: number[];
}

export const DURATIONS = 44;
/** Less than this at a time, and so often, is what one looks for. */
export const SMALL_BYTES = 512;
export const MANY_CALLS = 1000;

const OUT = /^(p?writev?|send|sendto|sendm?msg|sendfile|copy_file_range|splice)/;
const IN = /^(p?readv?|recv|recvfrom|recvm?msg)/;

export const directionOf = (operation: string): Direction =>
  OUT.test(operation) ? "out" : IN.test(operation) ? "in" : "wait";

export const keyOf = (row: IoTuple): string => row.slice(0, 4).join("|");

function durationsOf(row: IoTuple): number[] {
  const counts = new Array<number>(DURATIONS).fill(0);
  for (let i = 9; i < row.length; i++) counts[row[8] + i - 9] = row[i] as number;
  return counts;
}

/** What was done since `before`; all of it where that is null. */
export function rowsBetween(now: IoPicture, before: IoPicture | null): IoRow[] {
  const old = new Map((before?.rows ?? []).map((row) => [keyOf(row), row]));
  const rows: IoRow[] = [];
  for (const row of now.rows) {
    const key = keyOf(row);
    const past = old.get(key);
    // Counted anew since.
    const from = past && past[4] <= row[4] ? past : undefined;
    const calls = row[4] - (from?.[4] ?? 0);
    if (calls <= 0) continue;
    const info = row[0] === null ? undefined : now.functions[String(row[0])];
    const past_durations = from ? durationsOf(from) : [];
    const file = info?.file?.split("/").slice(-2).join("/");
    rows.push({
      key,
      function: row[0],
      name: info?.name ?? "(no Python function)",
      place: file ? `${file}:${row[1] || (info?.line ?? "")}` : "",
      operation: row[2],
      resource: row[3] ?? "",
      direction: directionOf(row[2]),
      calls,
      bytes: row[5] - (from?.[5] ?? 0),
      errors: row[6] - (from?.[6] ?? 0),
      blockedNs: row[7] - (from?.[7] ?? 0),
      durations: durationsOf(row).map((count, i) => count - (past_durations[i] ?? 0)),
    });
  }
  return rows;
}

export const meanBytes = (row: IoRow): number => row.bytes / row.calls;

export const isSmall = (row: IoRow): boolean =>
  row.direction !== "wait" && row.calls >= MANY_CALLS && row.bytes > 0 && meanBytes(row) < SMALL_BYTES;

/** Those that move little at a time and often, the dearest first. */
export const smallOnes = (rows: IoRow[]): IoRow[] =>
  rows.filter(isSmall).sort((one, other) => other.blockedNs - one.blockedNs);

export interface Column {
  from: number;
  to: number;
  /** Calls that ended between, by duration. */
  counts: number[];
}

const sumOf = (rows: IoTuple[], isWanted: (row: IoTuple) => boolean): number[] => {
  const sums = new Array<number>(DURATIONS).fill(0);
  for (const row of rows) {
    if (!isWanted(row)) continue;
    for (let i = 9; i < row.length; i++) {
      const at = row[8] + i - 9;
      sums[at] = (sums[at] ?? 0) + (row[i] as number);
    }
  }
  return sums;
};

/** Durations over time: a column between each two tellings. */
export function columnsOf(told: Told<IoPicture>[], isWanted: (row: IoTuple) => boolean): Column[] {
  const columns: Column[] = [];
  let last: { at: number; sums: number[] } | null = null;
  for (const { at, value } of told) {
    const sums = sumOf(value.rows, isWanted);
    if (last) {
      const past = last.sums;
      columns.push({
        from: last.at,
        to: at,
        counts: sums.map((sum, i) => Math.max(0, sum - (past[i] ?? 0))),
      });
    }
    last = { at, sums };
  }
  return columns;
}

/** The first and the last duration that any has; null: none has any. */
export function extent(all: number[][]): { first: number; last: number } | null {
  let first = DURATIONS;
  let last = -1;
  for (const counts of all)
    counts.forEach((count, i) => {
      if (!count) return;
      first = Math.min(first, i);
      last = Math.max(last, i);
    });
  return last < 0 ? null : { first, last };
}

/** In ns: where a duration begins. */
export const durationFrom = (leastNs: number, index: number): number =>
  index === 0 ? 0 : leastNs * 2 ** (index - 1);

export interface Bubble {
  row: IoRow;
  x: number;
  y: number;
  radius: number;
}

export interface Field {
  width: number;
  height: number;
  left: number;
  right: number;
  top: number;
  bottom: number;
  mostBytes: number;
  mostCalls: number;
}

const WAIT_ROOM = 64;
const [LEAST_RADIUS, MOST_RADIUS] = [3.5, 33.5];

export function fieldOf(rows: IoRow[], width: number, height: number): Field {
  const mostCalls = rows.reduce((most, row) => Math.max(most, row.calls), MANY_CALLS * 10);
  const mostBytes = rows.reduce(
    (most, row) => Math.max(most, row.bytes ? meanBytes(row) : 0),
    SMALL_BYTES * 128,
  );
  return {
    width,
    height,
    left: 62 + WAIT_ROOM,
    right: width - 16,
    top: MOST_RADIUS + 1,
    bottom: height - 30,
    mostBytes: mostBytes * 2,
    mostCalls: mostCalls * 1.2,
  };
}

export const xOf = (field: Field, bytes: number): number =>
  field.left + (Math.log(Math.max(1, bytes)) / Math.log(field.mostBytes)) * (field.right - field.left);
export const yOf = (field: Field, calls: number): number =>
  field.bottom - (Math.log(Math.max(1, calls)) / Math.log(field.mostCalls)) * (field.bottom - field.top);

/** The largest lie below, so that small ones can be pointed at. What moves no bytes stands in a lane of its own. */
export function bubblesOf(rows: IoRow[], field: Field): Bubble[] {
  // A wait for the next request is long and harmless: it is not what a write is as large as.
  const most = (isWait: boolean) =>
    rows.reduce(
      (sum, row) => (isWait === (row.direction === "wait") ? Math.max(sum, row.blockedNs) : sum),
      1,
    );
  const [ofWaits, ofMoves] = [most(true), most(false)];
  return [...rows]
    .sort((one, other) => other.blockedNs - one.blockedNs)
    .map((row) => ({
      row,
      x: row.bytes > 0 ? xOf(field, meanBytes(row)) : field.left - WAIT_ROOM / 2,
      y: yOf(field, row.calls),
      radius:
        LEAST_RADIUS +
        (row.direction === "wait"
          ? 14 * Math.sqrt(row.blockedNs / ofWaits)
          : (MOST_RADIUS - LEAST_RADIUS) * Math.sqrt(row.blockedNs / ofMoves)),
    }));
}

export function bubbleAt(bubbles: Bubble[], x: number, y: number): Bubble | null {
  let best: Bubble | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const bubble of bubbles) {
    const far = Math.hypot(bubble.x - x, bubble.y - y);
    // The smallest that is under the pointer, else the nearest within reach.
    if (far > bubble.radius + 5) continue;
    const weight = far <= bubble.radius ? bubble.radius : 100 + far;
    if (weight < least) [best, least] = [bubble, weight];
  }
  return best;
}
