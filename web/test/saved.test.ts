// SPDX-License-Identifier: MIT
import { beforeAll, expect, test, vi } from "vitest";
import type { View } from "../src/documents";
import type { Saved } from "../src/saved";
import type { Wish } from "../src/state";

let answer: (saved: Saved, asked: Wish) => View | null;
beforeAll(async () => {
  // The module stands on the page's state, which asks the browser for nothing but this.
  vi.stubGlobal("location", { hash: "" });
  ({ answer } = await import("../src/saved"));
});

const wish = (more: Partial<Wish>): Wish => ({
  view: "functions",
  window: "10",
  sort: "",
  ascending: false,
  filter: "",
  limit: 200,
  ...more,
});
const columns = [
  { id: "self_ns", title: "self", kind: "time" as const },
  { id: "function", title: "function", kind: "text" as const },
];
const rows = [
  { function: 1, cells: [5, "price"] },
  { function: 2, cells: [null, "idle"] },
  { function: 3, cells: [9, "Handle"] },
];
const saved: Saved = {
  at: "",
  state: "ended",
  target: null,
  moments: [],
  views: [],
  wish: wish({}),
  documents: {
    "functions 10 ": { id: "functions", columns, rows, total: 3, window: "10" },
    "tree all ": { id: "tree", columns, rows: rows.map((row, depth) => ({ ...row, depth })) },
    "function all 3": { id: "function", columns, rows: [] },
  },
};
const order = (asked: Partial<Wish>) => answer(saved, wish(asked))?.rows?.map((row) => row.cells?.[1]);

test("what was saved is sorted and filtered as the server would", () => {
  expect(order({})).toEqual(["price", "idle", "Handle"]);
  expect(order({ sort: "self_ns" })).toEqual(["Handle", "price", "idle"]);
  expect(order({ sort: "self_ns", ascending: true })).toEqual(["price", "Handle", "idle"]);
  expect(order({ filter: "HAN" })).toEqual(["Handle"]);
  expect(answer(saved, wish({ filter: "nobody" }))?.total).toBe(0);
});

test("a window that was not saved is the one that was, and a tree keeps its order", () => {
  expect(answer(saved, wish({ window: "60" }))?.window).toBe("10");
  expect(order({ view: "tree", sort: "self_ns" })).toEqual(["price", "idle", "Handle"]);
});

test("what was not saved says so", () => {
  expect(answer(saved, wish({ view: "function", function: 3 }))?.available).toBeUndefined();
  expect(answer(saved, wish({ view: "function", function: 9 }))).toMatchObject({
    available: false,
    reason: "This function's view was not saved.",
  });
});
