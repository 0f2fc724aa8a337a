// SPDX-License-Identifier: MIT
// The heat map of latency: which bucket of which second holds how many calls. Pure.

import type { LatencySecond } from "../documents";

export interface Heat {
  /** Buckets from `low` to `high`; bucket i is from 2^(i/2) ns on. */
  low: number;
  high: number;
  most: number;
  columns: { from: number; to: number; calls: number; max: number; counts: Map<number, number> }[];
}

export const bucketNs = (bucket: number): number => 2 ** (bucket / 2);

export function makeHeat(seconds: LatencySecond[]): Heat {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  let most = 0;
  const columns = seconds.map((second) => {
    const counts = new Map<number, number>();
    for (let i = 0; i + 1 < second.buckets.length; i += 2) {
      const bucket = second.buckets[i] as number;
      const count = second.buckets[i + 1] as number;
      if (count <= 0) continue;
      counts.set(bucket, count);
      low = Math.min(low, bucket);
      high = Math.max(high, bucket);
      most = Math.max(most, count);
    }
    return { from: second.from_ns, to: second.to_ns, calls: second.calls, max: second.max_ns, counts };
  });
  if (low > high) [low, high] = [20, 30];
  // A picture of one row says nothing: there is always an octave of room.
  return { low: low - 1, high: high + 1, most, columns };
}

/** Few calls are seen, too: they are what is looked for. */
export const shade = (count: number, most: number): number =>
  count <= 0 ? 0 : 0.22 + 0.78 * (Math.log1p(count) / Math.log1p(Math.max(1, most)));

/** A hundred nanoseconds, a microsecond, ten … : the rows that have a label. */
export function labelsOf(heat: Heat): { bucket: number; ns: number }[] {
  const labels: { bucket: number; ns: number }[] = [];
  for (let power = 0; power <= 13; power++) {
    const ns = 10 ** power;
    const bucket = 2 * Math.log2(ns);
    if (bucket >= heat.low && bucket <= heat.high + 1) labels.push({ bucket, ns });
  }
  return labels;
}
