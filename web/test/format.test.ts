// SPDX-License-Identifier: MIT
import { expect, test } from "vitest";
import { formatBytes, formatCell, formatCount, formatPercent, formatRate, formatTime } from "../src/format";

test("times have three digits and a unit", () => {
  const cases: [number, string][] = [
    [0, "0"],
    [7, "7 ns"],
    [999, "999 ns"],
    [1000, "1.00 µs"],
    [12_340, "12.3 µs"],
    [999_400, "999 µs"],
    [999_960, "1.00 ms"],
    [9_996_000, "10.0 ms"],
    [1_500_000_000, "1.50 s"],
    [59_990_000_000, "60.0 s"],
    [61_000_000_000, "1:01 min"],
    [3_725_000_000_000, "1:02:05 h"],
    [-2_000, "-2.00 µs"],
  ];
  for (const [ns, text] of cases) expect(formatTime(ns), String(ns)).toBe(text);
});

test("counts are exact, rates and sizes short", () => {
  expect(formatCount(1234567)).toBe("1,234,567");
  expect(formatCount(999)).toBe("999");
  expect(formatCount(1000)).toBe("1,000");
  expect(formatRate(41_000)).toBe("41.0 k");
  expect(formatRate(0.5)).toBe("0.50");
  expect(formatRate(999_900)).toBe("1.00 M");
  expect(formatBytes(999)).toBe("999 B");
  expect(formatBytes(1 << 20)).toBe("1.00 MB");
  expect(formatPercent(0)).toBe("0");
  expect(formatPercent(99.94)).toBe("99.9");
  expect(formatPercent(99.96)).toBe("100");
});

test("what is absent is drawn as nothing, not as 0", () => {
  expect(formatCell(null, "time")).toBe("");
  expect(formatCell(undefined, "count")).toBe("");
  expect(formatCell(0, "count")).toBe("0");
  expect(formatCell("main", "text")).toBe("main");
});
