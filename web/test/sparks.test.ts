// SPDX-License-Identifier: MIT
import { expect, it } from "vitest";
import type { View } from "../src/documents";
import { mostOf, SPARK_POINTS, Sparks } from "../src/sparks";

const view = (rows: [string, number][]): View => ({
  id: "processes",
  columns: [
    { id: "pid", title: "pid", kind: "text" },
    { id: "calls", title: "calls", kind: "count" },
  ],
  rows: rows.map((cells) => ({ cells })),
});

it("has what each row grew by, per second, wherever the row stands", () => {
  const sparks = Sparks.of("processes") as Sparks;
  expect(
    sparks.take(
      view([
        ["7", 100],
        ["8", 0],
      ]),
      1e9,
    ),
  ).toEqual([[], []]);
  expect(
    sparks.take(
      view([
        ["8", 10],
        ["7", 300],
      ]),
      3e9,
    ),
  ).toEqual([[5], [100]]);
  // Told again too soon: nothing is added, and nothing lost.
  expect(
    sparks.take(
      view([
        ["7", 320],
        ["8", 10],
      ]),
      3.1e9,
    ),
  ).toEqual([[100], [5]]);
  expect(
    mostOf(
      sparks.take(
        view([
          ["7", 400],
          ["8", 10],
        ]),
        4e9,
      ),
    ),
  ).toBe(100);
});

it("forgets rows that have gone, keeps a minute, and begins anew with the target", () => {
  const sparks = Sparks.of("processes") as Sparks;
  for (let second = 1; second < 100; second++) sparks.take(view([["7", second * 10]]), second * 1e9);
  expect(sparks.take(view([["7", 1000]]), 100e9)[0]).toHaveLength(SPARK_POINTS);
  sparks.take(view([]), 101e9);
  expect(sparks.take(view([["7", 1010]]), 102e9)).toEqual([[]]);
  expect(sparks.take(view([["7", 3]]), 1e9)).toEqual([[]]);
});

it("is of tasks and processes", () => {
  expect(Sparks.of("functions")).toBeNull();
});
