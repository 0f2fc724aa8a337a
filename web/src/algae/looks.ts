// SPDX-License-Identifier: MIT
// What Algae's parts share: how kinds look, and the scenes.

import type { Scene, Unit } from "./scene";

export const KINDS: Record<string, { series: number; letter: string; title: string }> = {
  python: { series: 0, letter: "f", title: "function" },
  generator: { series: 2, letter: "g", title: "generator" },
  coroutine: { series: 3, letter: "c", title: "coroutine" },
  async_generator: { series: 5, letter: "a", title: "async generator" },
  c: { series: 1, letter: "C", title: "C function" },
};
/** The one that runs; it has a rim, too. */
export const RUNNING = "#ffd43b";
export const kindOf = (kind: string) => KINDS[kind] ?? { series: 0, letter: "f", title: kind };

export const sinceOf = (one: Unit) => (one.isActive ? "on the stack for" : "suspended for");

/** Scenes outlive the view: coming back to Algae finds everything where it stood. */
export const scenes = new Map<number, Scene>();
