// SPDX-License-Identifier: MIT
import { expect, test } from "vitest";
import { addUp, byteMarks, holdersByType, type MemoryPicture, stackOf } from "../src/memory/model";

const told = (
  live: number,
  sites: [number, number][],
  runs = 0,
  rss: number | null = 1000,
): MemoryPicture => ({
  rss_bytes: rss,
  live_bytes: live,
  peak_bytes: live,
  before_bytes: 100,
  older_freed: 0,
  on_ns: 1,
  gc: { runs, collected: 0 },
  sites: sites.map(([fn, bytes]) => [fn, 1, bytes, bytes, bytes, 0]),
  functions: {},
});

test("the parts add up to the resident memory, whatever was not touched", () => {
  for (const live of [0, 400, 900, 2000]) {
    const sum = addUp(told(live, []));
    const parts = sum?.parts.reduce((all, part) => all + part.bytes, 0) ?? 0;
    expect(parts - (sum?.untouched ?? 0)).toBe(1000);
  }
  expect(addUp(told(5, [], 0, null))).toBeNull();
});

test("layers add up to all that is live, and keep their order while they change", () => {
  const history = [
    told(100, [
      [1, 60],
      [2, 30],
      [3, 10],
    ]),
    told(200, [
      [2, 150],
      [1, 10],
      [4, 30],
    ]),
  ].map((value, second) => ({ at: second * 1e9, value }));
  const stack = stackOf(history, false, 2);
  expect(stack.layers.map((layer) => layer.key)).toEqual(["2:1", "1:1", null]);
  expect(stack.layers.map((layer) => layer.bytes)).toEqual([
    [30, 150],
    [60, 10],
    [10, 40],
  ]);
  expect(stack.total).toEqual([100, 200]);
});

test("the collector's runs are marked where they were", () => {
  const history = [told(1, [], 3), told(1, [], 3), told(1, [], 5)].map((value, second) => ({
    at: second * 1e9,
    value,
  }));
  expect(stackOf(history, false, 2).gc).toEqual([2e9]);
});

test("types that grew since the window began", () => {
  const before = { ...told(1, []), types: [["builtins.dict", 3, 300]] as [string, number, number][] };
  const now = { ...told(1, []), types: [["builtins.dict", 5, 700]] as [string, number, number][] };
  expect(holdersByType(now, before)[0]).toMatchObject({ live: 700, growth: 400, count: 5 });
});

test("marks are round and few", () => {
  for (const most of [1, 5000, 3e6, 7e9]) {
    const marks = byteMarks(most);
    expect(marks.length).toBeLessThanOrEqual(6);
    expect(marks.every((mark) => mark % 1024 === 0 && mark <= most)).toBe(true);
  }
});
