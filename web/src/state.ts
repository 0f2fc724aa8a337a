// SPDX-License-Identifier: MIT
// What the page shows and is asked to show. One place, so that the address, the keys and the tabs agree.

import { batch, computed, effect, signal } from "@preact/signals";
import type { Column, Live, Refusal, State, Strip, Target, View, ViewEntry } from "./documents";

export const WINDOWS = ["1", "10", "60", "all"] as const;
export type WindowLength = (typeof WINDOWS)[number];

export type Clock = "cpu" | "wall";

export interface Wish {
  view: string;
  window: WindowLength;
  sort: string;
  ascending: boolean;
  filter: string;
  limit: number;
  clock?: Clock;
  function?: number;
  /** Of a timeline: seconds since the start, as texts, since a number of this size loses its nanoseconds. */
  from?: string;
  to?: string;
  columns?: number;
}

export const DEFAULT_LIMIT = 200;
const TIMELINE_LIMIT = 4000;

export const viewId = signal("functions");
export const windowLength = signal<WindowLength>("10");
export const filterText = signal("");
export const limit = signal(DEFAULT_LIMIT);
/** None: what the server thinks fit. */
export const clock = signal<Clock | null>(null);
export const functionId = signal<number | null>(null);
/** What of the time Timeline shows; none: the window, which goes with the time. */
export interface Span {
  from: number;
  to: number;
}
export const span = signal<Span | null>(null);
/** The width of its picture, in what it can tell apart. */
export const columns = signal(0);

export interface Sort {
  column: string;
  ascending: boolean;
}
/** By view; none: the view's own order. */
export const sorts = signal<Record<string, Sort>>({});

export type Link = "connecting" | "open" | "lost" | "refused" | "saved";
export const link = signal<Link>("connecting");
export const state = signal<State>("on");
/** Why the target can not be followed; none: it can. */
export const refused = signal<string | null>(null);
export const refusedSources = signal<Refusal[]>([]);
export const target = signal<Target | null>(null);
export const views = signal<ViewEntry[]>([]);
export const shown = signal<View | null>(null);
/** What could not be done, said until the next thing is done. */
export const trouble = signal("");
/** The picture is held still; what comes in is kept aside. */
export const held = signal(false);

export interface Moment {
  at: number;
  strip: Strip;
}

/** The open view reckons its window itself. */
export const ownWindow = signal(false);
const HISTORY_NS = 120e9;
/** Of what is told closer together only the latest is kept: a curve has no pixels for more. */
const SPACING_NS = 240e6;
/** Oldest first. */
export const moments = signal<Moment[]>([]);

export const wish = computed<Wish>(() => {
  const now: Wish = {
    view: viewId.value,
    window: windowLength.value,
    sort: sorts.value[viewId.value]?.column ?? "",
    ascending: sorts.value[viewId.value]?.ascending ?? false,
    filter: filterText.value,
    limit: limit.value,
  };
  if (clock.value) now.clock = clock.value;
  // Its table is made of what its picture is told.
  if (viewId.value === "nova") now.limit = 1;
  if (viewId.value === "timeline") {
    now.limit = TIMELINE_LIMIT;
    if (columns.value) now.columns = columns.value;
    if (span.value) {
      now.from = (Math.max(0, span.value.from) / 1e9).toFixed(9);
      now.to = (Math.max(1, span.value.to) / 1e9).toFixed(9);
    }
  }
  if (viewId.value === "function" && functionId.value !== null) now.function = functionId.value;
  return now;
});

/** Of the target's clock, when what is shown was told. */
export const nowNs = (): number => moments.peek().at(-1)?.at ?? target.peek()?.duration_ns ?? 0;

let aside: Live | null = null;

export function receive(live: Live): void {
  if (held.value) {
    aside = live;
    return;
  }
  batch(() => {
    state.value = live.state;
    refused.value = live.refused ?? null;
    refusedSources.value = live.refused_sources ?? [];
    target.value = live.target;
    if (live.strip) {
      // A replay may be put back, and a target that comes again begins a clock of its own.
      const before = moments.value.filter(
        (moment) => moment.at < live.now_ns && moment.at > live.now_ns - HISTORY_NS,
      );
      const [last, other] = [before.at(-1), before.at(-2)];
      if (last && other && last.at - other.at < SPACING_NS) before.pop();
      before.push({ at: live.now_ns, strip: live.strip });
      moments.value = before;
    }
    // A view that was asked for before the reader went on to the next comes too late.
    if (live.view && live.view.id === viewId.value) shown.value = live.view;
  });
}

export function hold(still: boolean): void {
  held.value = still;
  if (!still && aside) {
    const latest = aside;
    aside = null;
    receive(latest);
  }
}

export function openView(id: string): void {
  if (id === viewId.value) return;
  batch(() => {
    viewId.value = id;
    if (shown.value?.id !== id) shown.value = null;
    trouble.value = "";
  });
}

export function openFunction(id: number): void {
  batch(() => {
    functionId.value = id;
    shown.value = null;
    viewId.value = "function";
  });
}

/** That very call, and as much before and after it. */
export function openMoment(from: number, length: number): void {
  const room = Math.max(length, 1000);
  batch(() => {
    span.value = { from: Math.max(0, from - room), to: from + length + room };
    openView("timeline");
  });
}

/** Numbers: the largest first, texts: a to z; once more: the other way. */
export function sortBy(column: Column): void {
  const view = viewId.value;
  const now = sorts.value[view] ?? {
    column: shown.value?.sort ?? "",
    ascending: shown.value?.ascending ?? false,
  };
  const ascending = now.column === column.id ? !now.ascending : column.kind === "text";
  sorts.value = { ...sorts.value, [view]: { column: column.id, ascending } };
}

/* The address: what is shown can be reloaded, sent on and gone back to. */

function readAddress(): void {
  const [id, query] = location.hash.slice(1).split("?");
  const asked = new URLSearchParams(query ?? "");
  batch(() => {
    if (id) viewId.value = decodeURIComponent(id);
    const length = asked.get("window");
    if (length && (WINDOWS as readonly string[]).includes(length))
      windowLength.value = length as WindowLength;
    filterText.value = asked.get("filter") ?? "";
    const [from, to] = [Number(asked.get("from") ?? Number.NaN), Number(asked.get("to") ?? Number.NaN)];
    if (to > from) span.value = { from: from * 1e9, to: to * 1e9 };
    const time = asked.get("clock");
    if (time === "cpu" || time === "wall") clock.value = time;
    const sort = asked.get("sort");
    if (sort) {
      const ascending = asked.get("ascending") === "1";
      sorts.value = { ...sorts.value, [viewId.value]: { column: sort, ascending } };
    }
    const asFunction = Number(asked.get("function") ?? Number.NaN);
    functionId.value = Number.isInteger(asFunction) ? asFunction : functionId.value;
    if (shown.value && shown.value.id !== viewId.value) shown.value = null;
  });
}

/** `start`: what is shown where the address does not say. */
export function followAddress(start?: Wish): void {
  if (start && !location.hash) {
    batch(() => {
      viewId.value = start.view;
      windowLength.value = start.window;
      functionId.value = start.function ?? null;
    });
  }
  readAddress();
  addEventListener("popstate", readAddress);
  let path = "";
  effect(() => {
    const now = wish.value;
    const query = new URLSearchParams();
    if (now.window !== "10") query.set("window", now.window);
    if (now.filter) query.set("filter", now.filter);
    if (now.clock) query.set("clock", now.clock);
    if (now.sort) query.set("sort", now.sort);
    if (now.sort && now.ascending) query.set("ascending", "1");
    if (now.function !== undefined) query.set("function", String(now.function));
    if (now.from && now.to) {
      query.set("from", now.from);
      query.set("to", now.to);
    }
    const text = query.toString();
    const hash = `#${encodeURIComponent(now.view)}${text ? `?${text}` : ""}`;
    const next = `${now.view} ${now.function ?? ""}`;
    if (hash !== location.hash) {
      // Another view is a step that one can go back from; a letter in the filter is not.
      if (path && path !== next) history.pushState(null, "", hash);
      else history.replaceState(null, "", hash);
    }
    path = next;
  });
}
