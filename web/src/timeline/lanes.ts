// SPDX-License-Identifier: MIT
// From the server's rows of slices to lanes: one for each thread, and one for each function that tasks run. Pure.
// Rules:
// - A lane's first rows are what the thread did not do in Python, one thin row each: garbage collection, I/O, waits, off the CPU.
// - Tasks are told apart by their outermost coroutine, since the name of one that has ended is not known; the tasks of a
//   thread never run at once, so those of one coroutine share a lane, unless it is opened.
// - Beyond twelve lanes those whose names differ in digits alone are one group, each of it a thin line.

import type { FunctionInfo, TimelineRow, TimelineView } from "../documents";

export const LANES_SHOWN = 12;
export const KINDS = ["gc", "io", "gil", "lock", "off", "call"] as const;
export type SliceKind = (typeof KINDS)[number];

export interface Slice {
  /** since the start of the profiling */
  from: number;
  length: number;
  /** of a call: its function; of I/O: what the C library was asked for */
  what: number | string;
  task: number;
  /** More than one: so many, shorter than can be drawn. */
  count: number;
  busy: number;
  isOpen: boolean;
}

export interface LaneRow {
  kind: SliceKind;
  depth: number;
  slices: Slice[];
}

export interface Lane {
  id: string;
  title: string;
  /** What a click on its title opens or closes; none: nothing. */
  group: string | null;
  isOpen: boolean;
  isThin: boolean;
  rows: LaneRow[];
}

const NUMBERS = 6;

export function slicesOf(row: TimelineRow, from: number): Slice[] {
  const slices: Slice[] = [];
  const all = row.slices;
  for (let i = 0; i + NUMBERS <= all.length; i += NUMBERS) {
    const count = all[i + 4] as number;
    slices.push({
      from: from + (all[i] as number),
      length: all[i + 1] as number,
      what: all[i + 2] as number | string,
      task: all[i + 3] as number,
      count: Math.max(1, count),
      busy: count > 1 ? (all[i + 5] as number) : (all[i + 1] as number),
      isOpen: count === 0,
    });
  }
  return slices;
}

/** `reports-3` and `reports-12` are two of `reports-…`. */
export const familyOf = (name: string): string => name.replace(/\d+/g, "…");

interface TaskPart {
  thread: number;
  /** depth of its outermost coroutine */
  base: number;
  coroutine: number | string;
}

/** Where each task's steps begin in its thread's stack. */
function tasksOf(rows: Map<number, LaneRow[]>): Map<number, TaskPart> {
  const tasks = new Map<number, TaskPart>();
  for (const [thread, all] of rows)
    for (const row of all) {
      if (row.kind !== "call") continue;
      for (const slice of row.slices) {
        if (!slice.task) continue;
        const known = tasks.get(slice.task);
        if (!known || row.depth < known.base)
          tasks.set(slice.task, { thread, base: row.depth, coroutine: slice.what });
      }
    }
  return tasks;
}

function taskRows(
  all: LaneRow[],
  tasks: Map<number, TaskPart>,
  wanted: (task: number) => boolean,
): LaneRow[] {
  const rows: LaneRow[] = [];
  for (const row of all) {
    if (row.kind !== "call") continue;
    for (const slice of row.slices) {
      const part = slice.task ? tasks.get(slice.task) : undefined;
      if (!part || !wanted(slice.task)) continue;
      const depth = row.depth - part.base;
      let into = rows[depth];
      if (!into) {
        for (let i = rows.length; i <= depth; i++) rows.push({ kind: "call", depth: i, slices: [] });
        into = rows[depth] as LaneRow;
      }
      into.slices.push(slice);
    }
  }
  for (const row of rows) row.slices.sort((one, other) => one.from - other.from);
  return rows;
}

function taskLanes(
  all: LaneRow[],
  tasks: Map<number, TaskPart>,
  thread: number,
  nameOf: (what: number | string) => string,
  names: Map<number, string>,
  opened: Set<string>,
): Lane[] {
  const groups = new Map<number | string, number[]>();
  for (const [task, part] of tasks) {
    if (part.thread !== thread) continue;
    const group = groups.get(part.coroutine);
    if (group) group.push(task);
    else groups.set(part.coroutine, [task]);
  }
  const lanes: Lane[] = [];
  for (const [coroutine, members] of groups) {
    const id = `tasks ${thread} ${coroutine}`;
    const isOpen = opened.has(id) && members.length > 1;
    const named = (task: number) => names.get(task) ?? `task ${task}`;
    const own = new Set(members);
    lanes.push({
      id,
      title:
        members.length === 1
          ? `task ${nameOf(coroutine)}: ${named(members[0] as number)}`
          : `${members.length} tasks ${nameOf(coroutine)}`,
      group: members.length > 1 ? id : null,
      isOpen,
      isThin: false,
      rows: isOpen ? [] : taskRows(all, tasks, (task) => own.has(task)),
    });
    if (!isOpen) continue;
    members.sort((one, other) => one - other);
    for (const task of members.slice(0, 200))
      lanes.push({
        id: `task ${task}`,
        title: named(task),
        group: null,
        isOpen: false,
        isThin: members.length > LANES_SHOWN,
        rows: taskRows(all, tasks, (one) => one === task),
      });
  }
  return lanes;
}

export function makeLanes(view: TimelineView, opened: Set<string>): Lane[] {
  const rows = new Map<number, LaneRow[]>();
  for (const row of view.rows) {
    const made = { kind: row.kind, depth: row.depth, slices: slicesOf(row, view.from_ns) };
    const all = rows.get(row.thread);
    if (all) all.push(made);
    else rows.set(row.thread, [made]);
  }
  for (const all of rows.values())
    all.sort((one, other) => KINDS.indexOf(one.kind) - KINDS.indexOf(other.kind) || one.depth - other.depth);
  const tasks = tasksOf(rows);
  const names = new Map(view.tasks ?? []);
  const nameOf = (what: number | string) => infoOf(view, what)?.name ?? String(what);
  const threads = (view.threads ?? []).filter((thread) => rows.has(thread.thread));
  const many = threads.length > LANES_SHOWN;
  const families = new Map<string, number>();
  for (const thread of threads)
    families.set(familyOf(thread.name), (families.get(familyOf(thread.name)) ?? 0) + 1);
  const several = new Set(threads.map((thread) => thread.pid)).size > 1;
  const lanes: Lane[] = [];
  const told = new Set<string>();
  const inOrder = many
    ? [...threads].sort((one, other) => (familyOf(one.name) < familyOf(other.name) ? -1 : 1))
    : threads;
  for (const thread of inOrder) {
    const family = familyOf(thread.name);
    const id = `threads ${family}`;
    const size = families.get(family) ?? 1;
    const isGrouped = many && size > 1;
    const isThin = isGrouped && !opened.has(id);
    if (isGrouped && !told.has(id)) {
      told.add(id);
      lanes.push({
        id,
        title: `${size} threads ${family}`,
        group: id,
        isOpen: !isThin,
        isThin: false,
        rows: [],
      });
    }
    const all = rows.get(thread.thread) ?? [];
    const title = thread.name || `thread ${thread.thread}`;
    lanes.push({
      id: `thread ${thread.thread}`,
      title: several ? `${title}, pid ${thread.pid}` : title,
      group: null,
      isOpen: false,
      isThin,
      rows: all,
    });
    if (!isThin) lanes.push(...taskLanes(all, tasks, thread.thread, nameOf, names, opened));
  }
  return lanes;
}

export const infoOf = (view: TimelineView | null, what: number | string): FunctionInfo | undefined =>
  typeof what === "number" ? view?.functions?.[String(what)] : undefined;

/** Before `before` calls that took less than `shorter` are not known; null: all are, in what is shown. */
export function missing(view: TimelineView): { before: number; shorter: number } | null {
  const all = view.details ?? [];
  for (let i = all.length - 1; i >= 0; i--) {
    const [, from] = all[i] as [number, number];
    if (from > view.from_ns) return { before: from, shorter: all[i + 1]?.[0] ?? Number.POSITIVE_INFINITY };
  }
  return null;
}

/** Round times for the axis, about `most` of them. */
export function ticksOf(from: number, to: number, most: number): number[] {
  const rough = (to - from) / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1)));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough) ?? 10 * power;
  const ticks: number[] = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) ticks.push(at);
  return ticks;
}
