// SPDX-License-Identifier: MIT
// What the picture of memory is drawn from: what adds up to the resident memory, and what held how much when. Pure.

import type { FunctionInfo } from "../documents";
import type { Told } from "../history";

/** function, line, live, at the peak, own peak, growth in the window */
export type SiteTuple = [number | null, number, number, number, number, number];
/** name, live objects, their bytes */
export type TypeTuple = [string, number, number];

export interface MemoryPicture {
  rss_bytes: number | null;
  live_bytes: number;
  peak_bytes: number;
  before_bytes: number;
  older_freed: number;
  on_ns: number;
  gc: { runs: number; collected: number } | null;
  sites: SiteTuple[];
  types?: TypeTuple[];
  functions: Record<string, FunctionInfo>;
}

export interface Sum {
  /** "live", "before", "other" */
  id: string;
  title: string;
  bytes: number;
}

/** What adds up to the resident memory; what was given out and never touched is not resident. */
export function addUp(picture: MemoryPicture): { rss: number; parts: Sum[]; untouched: number } | null {
  const rss = picture.rss_bytes;
  if (rss === null) return null;
  const known = picture.live_bytes + picture.before_bytes;
  return {
    rss,
    parts: [
      { id: "live", title: "live, seen by ulma", bytes: picture.live_bytes },
      { id: "before", title: "from before it came", bytes: picture.before_bytes },
      { id: "other", title: "not Python's", bytes: Math.max(0, rss - known) },
    ],
    untouched: Math.max(0, known - rss),
  };
}

export interface Holder {
  key: string;
  name: string;
  place: string;
  function: number | null;
  live: number;
  atPeak: number | null;
  growth: number;
  count: number | null;
}

export const siteKey = (site: SiteTuple): string => `${site[0] ?? ""}:${site[1]}`;

export function holdersBySite(picture: MemoryPicture): Holder[] {
  return picture.sites.map((site) => {
    const info = site[0] === null ? undefined : picture.functions[String(site[0])];
    const file = info?.file?.split("/").slice(-2).join("/");
    return {
      key: siteKey(site),
      name: info?.name ?? "(no Python function)",
      place: file ? `${file}:${site[1] || (info?.line ?? "")}` : "",
      function: site[0],
      live: site[2],
      atPeak: site[3],
      growth: site[5],
      count: null,
    };
  });
}

export function holdersByType(picture: MemoryPicture, before: MemoryPicture | null): Holder[] {
  const old = new Map((before?.types ?? []).map(([name, , bytes]) => [name, bytes]));
  return (picture.types ?? []).map(([name, count, bytes]) => ({
    key: name,
    name,
    place: "",
    function: null,
    live: bytes,
    atPeak: null,
    growth: bytes - (old.get(name) ?? 0),
    count,
  }));
}

export interface Layer {
  key: string | null;
  /** Bytes at each time. */
  bytes: number[];
}

export interface Stack {
  at: number[];
  /** From the bottom; the last one is all others. */
  layers: Layer[];
  total: number[];
  /** When the garbage collector has run in between. */
  gc: number[];
}

const valuesOf = (picture: MemoryPicture, byType: boolean): Map<string, number> =>
  byType
    ? new Map((picture.types ?? []).map(([name, , bytes]) => [name, bytes]))
    : new Map(picture.sites.map((site) => [siteKey(site), site[2]]));

/** The layers that were largest at any time, each where it was before; the largest at the bottom. */
export function stackOf(told: Told<MemoryPicture>[], byType: boolean, layers: number): Stack {
  const known = told.map(({ value }) => valuesOf(value, byType));
  const most = new Map<string, number>();
  for (const values of known)
    for (const [key, bytes] of values) most.set(key, Math.max(most.get(key) ?? 0, bytes));
  const keys = [...most]
    .sort((one, other) => other[1] - one[1] || (one[0] < other[0] ? -1 : 1))
    .slice(0, layers)
    .map(([key]) => key);
  const sum = (values: Map<string, number>) => [...values.values()].reduce((all, bytes) => all + bytes, 0);
  const total = told.map(({ value }, i) => (byType ? sum(known[i] ?? new Map()) : value.live_bytes));
  const rows: Layer[] = keys.map((key) => ({ key, bytes: known.map((values) => values.get(key) ?? 0) }));
  rows.push({
    key: null,
    bytes: total.map((all, i) =>
      Math.max(0, all - rows.reduce((part, row) => part + (row.bytes[i] ?? 0), 0)),
    ),
  });
  const gc: number[] = [];
  told.forEach(({ at, value }, i) => {
    const past = told[i - 1]?.value.gc;
    if (past && value.gc && value.gc.runs > past.runs) gc.push(at);
  });
  return { at: told.map(({ at }) => at), layers: rows, total, gc };
}

/** Round numbers of bytes up to `most`: four or five of them. */
export function byteMarks(most: number): number[] {
  let step = 1024;
  while (most / step > 5) step *= 2;
  const marks: number[] = [];
  for (let at = 0; at <= most; at += step) marks.push(at);
  return marks;
}
