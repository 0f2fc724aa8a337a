// SPDX-License-Identifier: MIT
// What differs between two calling-context trees: how much more or less of the whole each path takes. Pure.
// Rules: shares, not times, since two windows are of different lengths; a path is found by its functions from the root on.

import type { Tree } from "./layout";

const wholeOf = (tree: Tree): number => tree.roots.reduce((sum, node) => sum + (tree.weight[node] ?? 0), 0);

/** By node of `tree`: its share of the whole less the same path's share in `other`; -1 to 1. */
export function differences(tree: Tree, other: Tree): Float64Array {
  const differs = new Float64Array(tree.functions.length);
  const [whole, otherWhole] = [wholeOf(tree), wholeOf(other)];
  const stack: [number, number][] = [];
  const pair = (nodes: number[], others: number[]) => {
    const byFunction = new Map(others.map((node) => [other.functions[node] ?? null, node]));
    for (const node of nodes) stack.push([node, byFunction.get(tree.functions[node] ?? null) ?? -1]);
  };
  pair(tree.roots, other.roots);
  for (let next = stack.pop(); next; next = stack.pop()) {
    const [node, same] = next;
    const now = whole > 0 ? (tree.weight[node] ?? 0) / whole : 0;
    const then = same >= 0 && otherWhole > 0 ? (other.weight[same] ?? 0) / otherWhole : 0;
    differs[node] = now - then;
    pair(tree.children[node] ?? [], same >= 0 ? (other.children[same] ?? []) : []);
  }
  return differs;
}

/** More is orange, less is blue, and the same is grey; the sign stands beside it. A tenth of the whole is the full colour. */
export function differenceColour(differs: number, isDark: boolean): string {
  const strength = Math.min(1, Math.abs(differs) / 0.1) ** 0.5;
  if (Math.abs(differs) < 0.001) return isDark ? "hsl(220 8% 30%)" : "hsl(220 12% 90%)";
  const hue = differs > 0 ? 24 : 212;
  return isDark
    ? `hsl(${hue} ${30 + 45 * strength}% ${30 + 10 * strength}%)`
    : `hsl(${hue} ${45 + 45 * strength}% ${90 - 22 * strength}%)`;
}

/** `+3.2 %`; nothing where nothing differs that could be seen. */
export const signed = (differs: number): string =>
  Math.abs(differs) < 0.0005 ? "" : `${differs > 0 ? "+" : "−"}${(Math.abs(differs) * 100).toFixed(1)} %`;
