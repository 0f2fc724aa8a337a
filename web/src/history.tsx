// SPDX-License-Identifier: MIT
// What a view told some times a second, so that sums since the start become figures of a window, and curves.
// Rules: oldest first; of what is told closer together than the spacing only the latest is known.

import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { ownWindow, type WindowLength, windowLength } from "./state";

export interface Told<Value> {
  at: number;
  value: Value;
}

const KEPT_NS = 120e9;
const SPACING_NS = 240e6;

export class History<Value> {
  readonly told: Told<Value>[] = [];
  latest: Told<Value> | null = null;

  constructor(
    private readonly keptNs = KEPT_NS,
    private readonly spacingNs = SPACING_NS,
  ) {}

  push(at: number, value: Value): void {
    // A replay that was put back, or a target that came anew.
    if (this.latest && at < this.latest.at) this.told.length = 0;
    this.latest = { at, value };
    const last = this.told[this.told.length - 1];
    if (last && at - last.at < this.spacingNs) return;
    this.told.push(this.latest);
    let old = 0;
    while (old < this.told.length && (this.told[old] as Told<Value>).at < at - this.keptNs) old++;
    if (old) this.told.splice(0, old);
  }

  /** How much of the past a picture shows: it grows with what is known. */
  spanS(): number {
    const known = this.latest ? (this.latest.at - (this.told[0]?.at ?? this.latest.at)) / 1e9 : 0;
    return known <= 15 ? 15 : known <= 30 ? 30 : 60;
  }

  /** What was told when the window began. Null: all since the start counts, since that is what is wished, or since it
   * has not been looked at for so long. */
  windowBegin(length: WindowLength): Told<Value> | null {
    if (length === "all" || !this.latest) return null;
    const begin = this.latest.at - Number(length) * 1e9;
    let found: Told<Value> | null = null;
    for (const one of this.told) {
      if (one.at > begin + this.spacingNs) break;
      found = one;
    }
    return found;
  }
}

/** Of when the figures below it are. */
export function WindowSaid(props: { isWhole: boolean }): JSX.Element {
  useEffect(() => {
    ownWindow.value = !props.isWhole;
    return () => {
      ownWindow.value = false;
    };
  }, [props.isWhole]);
  const wished = windowLength.value;
  return (
    <p class="said table-said">
      {!props.isWhole
        ? `In the last ${wished} s.`
        : wished === "all"
          ? "Since the start."
          : `Since the start, until this has been looked at for ${wished} s.`}
    </p>
  );
}
