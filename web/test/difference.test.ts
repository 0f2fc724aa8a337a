// SPDX-License-Identifier: MIT
import { describe, expect, it } from "vitest";
import type { FlameNode } from "../src/documents";
import { differenceColour, differences, signed } from "../src/flame/difference";
import { makeTree } from "../src/flame/layout";

const tree = (...nodes: FlameNode[]) => makeTree(nodes, "total");

describe("the difference of two windows", () => {
  const then = tree([null, null, 0, 1000, 1], [0, 1, 500, 500, 1], [0, 2, 500, 500, 1]);
  // Ten times as long, and 2 has taken time from 1; below 2 there is one more.
  const now = tree(
    [null, null, 0, 10_000, 1],
    [0, 2, 5000, 8000, 1],
    [0, 1, 2000, 2000, 1],
    [1, 3, 3000, 3000, 1],
  );
  it("is of shares, path by path, whatever their order", () => {
    const differs = differences(now, then);
    expect([...differs].map((one) => Number(one.toFixed(3)))).toEqual([0, 0.3, -0.3, 0.3]);
  });
  it("of a window with itself is nothing", () => {
    expect([...differences(now, now)].every((one) => one === 0)).toBe(true);
  });
  it("of a window with an empty one is all of it", () => {
    expect(differences(now, tree())[1]).toBeCloseTo(0.8);
    expect(differences(tree(), now)).toHaveLength(0);
  });
  it("is told by a sign, too", () => {
    expect([signed(0.032), signed(-0.5), signed(0)]).toEqual(["+3.2 %", "−50.0 %", ""]);
    expect(differenceColour(0.2, false)).not.toBe(differenceColour(-0.2, false));
  });
});
