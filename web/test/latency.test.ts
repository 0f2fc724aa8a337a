// SPDX-License-Identifier: MIT
import { describe, expect, it } from "vitest";
import { bucketNs, labelsOf, makeHeat, shade } from "../src/function/latency";
import { sectionsOf } from "../src/function/sections";

const second = (at: number, buckets: number[]) => ({
  from_ns: at * 1e9,
  to_ns: (at + 1) * 1e9,
  calls: buckets.filter((_, i) => i % 2).reduce((sum, count) => sum + count, 0),
  max_ns: 0,
  buckets,
});

describe("the heat map", () => {
  it("has every call in its bucket, and room around them", () => {
    const heat = makeHeat([second(0, [34, 5, 38, 1]), second(1, [36, 7])]);
    expect([heat.low, heat.high, heat.most]).toEqual([33, 39, 7]);
    expect(heat.columns.map((column) => [...column.counts.values()])).toEqual([[5, 1], [7]]);
  });
  it("shows one call among a million", () => {
    expect(shade(1, 1_000_000)).toBeGreaterThan(0.2);
    expect(shade(1_000_000, 1_000_000)).toBeCloseTo(1);
    expect(shade(0, 10)).toBe(0);
  });
  it("labels powers of ten where they are", () => {
    const heat = makeHeat([second(0, [30, 1, 44, 1])]);
    for (const { bucket, ns } of labelsOf(heat)) expect(bucketNs(bucket)).toBeCloseTo(ns, 3);
    expect(labelsOf(heat).map(({ ns }) => ns)).toContain(100_000);
  });
  it("is there before the first call", () => {
    expect(makeHeat([]).high).toBeGreaterThan(makeHeat([]).low);
  });
});

it("a function's table is cut at its headings", () => {
  const rows = [
    { heading: true, text: "called by" },
    { cells: [1] },
    { cells: [2] },
    { heading: true, text: "calls" },
  ];
  expect(sectionsOf(rows).map(({ title, rows: own }) => [title, own.length])).toEqual([
    ["called by", 2],
    ["calls", 0],
  ]);
});
