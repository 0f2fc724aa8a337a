// SPDX-License-Identifier: MIT
// What the server sends. Times are whole nanoseconds unless the name says otherwise.

export type CellKind = "text" | "count" | "time" | "percent" | "rate" | "bytes";

export interface Column {
  id: string;
  title: string;
  kind: CellKind;
  help?: string;
}

export type Cell = string | number | null;

export interface Row {
  cells?: Cell[];
  /** Columns whose figures the budget made estimates of: `~`. */
  estimate?: number[];
  /** Its self time holds the time of functions that are left out: `+`. */
  holds?: boolean;
  function?: number | null;
  depth?: number;
  heading?: boolean;
  /** A heading's. */
  text?: string;
  /** What names it among the others, where the page knows. */
  key?: string;
}

export interface View {
  id: string;
  title?: string;
  question?: string | null;
  available?: boolean;
  reason?: string | null;
  columns?: Column[];
  rows?: Row[];
  total?: number;
  left_out?: number;
  window?: string;
  clock?: string;
  sort?: string | null;
  ascending?: boolean;
}

export interface FunctionInfo {
  name: string;
  module?: string | null;
  file?: string | null;
  line?: number;
  kind?: string;
}

/** parent index (-1: none), function (-1 or null: the root), self, total, calls */
export type FlameNode = [number | null, number | null, number, number, number];

export interface FlameView extends View {
  nodes: FlameNode[];
  functions: Record<string, FunctionInfo>;
}

export interface Tile {
  id: number | string;
  parent: number | string | null;
  kind: string;
  function: number | string;
  name?: string;
  file?: string;
  line?: number;
  depth: number;
  /** On the stack: for so long; suspended: since then. */
  age_ns: number;
  running?: boolean;
  awaits?: string | null;
  /** Who made the task whose coroutine it is. */
  maker?: string;
  /** Where the server has made one of several. */
  count?: number;
  oldest_ns?: number;
}

export interface AlgaeThread {
  thread: number;
  name: string;
  /** An array, or what has as much of one. */
  tiles: { readonly length: number; at(i: number): Tile | undefined };
}

/** Judged by whoever counts, on every call: for depth or for width. */
export interface ShapeLine {
  thread: number;
  depth?: number;
  width?: number;
  count: number;
  /** The first ones: functions, outermost first, and how many more stood above them. */
  crossings: { at_ns: number; left_out: number; stack: number[] }[];
}

export interface AlgaeView extends View {
  threads: AlgaeThread[];
  lines?: ShapeLine[];
  /** What packed tiles await and who made them. */
  places?: Record<string, string>;
  functions?: Record<string, FunctionInfo>;
}

/** Rows of one thread and kind; in each slice six: begin (since from_ns), length, what, task, how many (0: one, open), busy. */
export interface TimelineRow {
  thread: number;
  kind: "call" | "gc" | "io" | "off" | "gil" | "lock";
  depth: number;
  slices: (number | string)[];
}

export interface TimelineCall {
  from_ns: number;
  length_ns: number;
  thread: number;
  task?: number;
  depth: number;
  /** Outermost first, itself last. */
  stack?: number[];
}

export interface TimelineThread {
  thread: number;
  name: string;
  pid: number;
  ended: boolean;
}

export interface TimelineView extends Omit<View, "rows"> {
  now_ns: number;
  from_ns: number;
  to_ns: number;
  rows: TimelineRow[];
  /** From when on all calls are known that took so long: [at least, from], the shortest first. */
  details?: [number, number][];
  threads?: TimelineThread[];
  /** Of those that are alive: number and name. */
  tasks?: [number, string][];
  calls?: TimelineCall[];
  functions?: Record<string, FunctionInfo>;
}

/** How long the calls that ended in one second took: bucket and count, in turns; bucket i is from 2^(i/2) ns on. */
export interface LatencySecond {
  from_ns: number;
  to_ns: number;
  calls: number;
  max_ns: number;
  buckets: number[];
}

export interface FunctionView extends View {
  now_ns?: number;
  seconds?: LatencySecond[];
  slowest?: TimelineCall[];
  threads?: TimelineThread[];
  functions?: Record<string, FunctionInfo>;
}

export interface SourceLine {
  line: number;
  text: string;
  hits?: number;
  self_ns?: number;
}

export interface Source {
  function: number;
  file: string | null;
  has_lines: boolean;
  reason: string | null;
  lines: SourceLine[];
}

export interface ViewEntry {
  id: string;
  title: string;
  available: boolean;
  reason?: string | null;
  /** Must be on for the view to have something to show. */
  source?: string | null;
}

export interface Strip {
  /** pct: null before there were two moments to compare */
  cpu: { thread: string; pct: number | null }[];
  events_per_s: number | null;
  rss_bytes: number | null;
  gc_pct: number | null;
  probe_pct: number | null;
  lost: number | null;
  loop_lag_ns: number | null;
}

export interface Target {
  pid: number;
  command: string;
  python?: string;
  start_time?: string;
  duration_ns?: number;
  exit_status?: number | null;
  signal?: string | number | null;
  sources?: { name: string; on_ns: number; complete: boolean; reason: string | null }[];
  exact?: boolean;
  inexact?: string | null;
  read_only?: string | null;
  recording?: boolean;
  /** A trace that is played; ended: to its end; off: it stands where it was told to. */
  replay?: boolean;
  clock?: string;
}

export type State = "on" | "off" | "ended" | "lost";

export interface Refusal {
  name: string;
  reason: string;
}

export interface Live {
  now_ns: number;
  state: State;
  /** Why the target can not be followed. */
  refused?: string | null;
  /** What was asked for and the program has refused, and why. */
  refused_sources?: Refusal[];
  target: Target;
  strip: Strip;
  view: View | null;
}

export interface Switches {
  on?: boolean;
  events?: string[];
  only?: string[];
  skip?: string[];
  budget?: number | null;
}
