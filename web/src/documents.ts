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
  tiles: Tile[];
}

export interface AlgaeView extends View {
  threads: AlgaeThread[];
  functions?: Record<string, FunctionInfo>;
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
  cpu: { thread: string; pct: number }[];
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
  clock?: string;
}

export type State = "on" | "off" | "ended" | "lost";

export interface Live {
  now_ns: number;
  state: State;
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
