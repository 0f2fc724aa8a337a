// SPDX-License-Identifier: MIT
import { expect, test } from "vitest";
import type { FlameNode } from "../src/documents";
import { findPath, layOut, makeTree, matchedWeight, pathOf } from "../src/flame/layout";
import { randomly } from "./random";

/*  all -> 1 (60) -> 2 (40), 3 (10);  all -> 4 (40) -> 2 (40)  */
const NODES: FlameNode[] = [
  [null, null, 0, 100, 0],
  [0, 1, 10, 60, 1],
  [1, 3, 10, 10, 5],
  [1, 2, 40, 40, 2],
  [0, 4, 0, 40, 1],
  [4, 2, 40, 40, 1],
];

const spans = (nodes: FlameNode[], zoomed = -1) =>
  layOut(makeTree(nodes, "total"), zoomed, 0)
    .boxes.map((box) => [box.function, box.depth, Math.round(box.from * 100), Math.round(box.to * 100)])
    .sort(
      (one, other) => (one[1] as number) - (other[1] as number) || (one[2] as number) - (other[2] as number),
    );

test("a box is as wide as its time, and siblings stand in the order of their functions", () => {
  expect(spans(NODES)).toEqual([
    [null, 0, 0, 100],
    [1, 1, 0, 60],
    [4, 1, 60, 100],
    [2, 2, 0, 40],
    [3, 2, 40, 50],
    [2, 2, 60, 100],
  ]);
});

test("a zoomed node takes the whole width, and those above it stay", () => {
  expect(spans(NODES, 1)).toEqual([
    [null, 0, 0, 100],
    [1, 1, 0, 100],
    [2, 2, 0, 67],
    [3, 2, 67, 83],
  ]);
});

test("a path finds the node again when the numbers of nodes are others", () => {
  const tree = makeTree(NODES, "total");
  const path = pathOf(tree, 5);
  expect(path).toEqual([null, 4, 2]);
  const other = makeTree(
    [
      [null, null, 0, 9, 0],
      [0, 4, 1, 9, 1],
      [1, 9, 4, 4, 1],
      [1, 2, 4, 4, 1],
    ],
    "total",
  );
  expect(findPath(other, path)).toBe(3);
  expect(
    findPath(
      makeTree(
        [
          [null, null, 0, 9, 0],
          [0, 4, 9, 9, 1],
        ],
        "total",
      ),
      path,
    ),
  ).toBe(1);
  expect(findPath(makeTree([], "total"), path)).toBe(-1);
});

test("what matches is weighed once, however deep it recurs", () => {
  const tree = makeTree([...NODES, [3, 2, 5, 5, 1]], "total");
  expect(matchedWeight(tree, (fn) => fn === 2)).toBe(80);
  expect(matchedWeight(tree, (fn) => fn === 1 || fn === 2)).toBe(100);
});

test("no box leaves its parent's or lies over its sibling, whatever the tree", () => {
  randomly(200, (random) => {
    const nodes: FlameNode[] = [[null, null, 0, 0, 0]];
    const count = 1 + random.below(60);
    for (let i = 1; i < count; i++)
      nodes.push([random.below(i), random.below(9), random.below(100), random.below(300), random.below(5)]);
    for (const measure of ["total", "self", "calls"] as const) {
      const tree = makeTree(nodes, measure);
      const { boxes } = layOut(tree, random.below(2) ? random.below(count) : -1, 0);
      const byNode = new Map(boxes.map((box) => [box.node, box]));
      for (const box of boxes) {
        const above = byNode.get(tree.parents[box.node] ?? -1);
        if (above) {
          expect(box.depth).toBe(above.depth + 1);
          expect(box.from).toBeGreaterThanOrEqual(above.from - 1e-9);
          expect(box.to).toBeLessThanOrEqual(above.to + 1e-9);
        }
      }
      const rows = new Map<number, typeof boxes>();
      for (const box of boxes) rows.set(box.depth, [...(rows.get(box.depth) ?? []), box]);
      for (const row of rows.values()) {
        row.sort((one, other) => one.from - other.from || one.to - other.to);
        for (let i = 1; i < row.length; i++)
          expect(row[i]?.from).toBeGreaterThanOrEqual((row[i - 1]?.to ?? 0) - 1e-9);
      }
    }
  });
});
