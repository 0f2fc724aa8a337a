// SPDX-License-Identifier: MIT
// The calling-context tree as an icicle: where each box stands, from the server's list of nodes. Pure.
// Rules: a box is as wide as what it and all that it called took; siblings stand in the order of their functions'
// first appearance, so that a box keeps its place while figures change. What is thinner than asked is
// left out, and the sum of it is told.

import type { FlameNode } from "../documents";

export type Measure = "total" | "calls" | "self";

export interface Box {
  node: number;
  function: number | null;
  depth: number;
  /** 0 to 1 of the zoomed node's width */
  from: number;
  to: number;
  /** Above the zoomed node: drawn over the whole width, and left by a click. */
  above: boolean;
}

export interface Tree {
  parents: Int32Array;
  children: number[][];
  roots: number[];
  functions: (number | null)[];
  self: Float64Array;
  total: Float64Array;
  calls: Float64Array;
  /** of the measure, with all below */
  weight: Float64Array;
}

export function makeTree(nodes: FlameNode[], measure: Measure): Tree {
  const count = nodes.length;
  const tree: Tree = {
    parents: new Int32Array(count).fill(-1),
    children: Array.from({ length: count }, () => []),
    roots: [],
    functions: new Array(count).fill(null),
    self: new Float64Array(count),
    total: new Float64Array(count),
    calls: new Float64Array(count),
    weight: new Float64Array(count),
  };
  nodes.forEach(([parent, fn, self, total, calls], index) => {
    const above = parent === null || parent < 0 || parent === index ? -1 : parent;
    tree.parents[index] = above;
    tree.functions[index] = fn === null || fn < 0 ? null : fn;
    tree.self[index] = self;
    tree.total[index] = total;
    tree.calls[index] = calls;
    if (above < 0) tree.roots.push(index);
    else tree.children[above]?.push(index);
  });
  const order = (one: number, other: number) =>
    (tree.functions[one] ?? -1) - (tree.functions[other] ?? -1) || one - other;
  for (const children of tree.children) children.sort(order);
  weigh(tree, measure);
  return tree;
}

function weigh(tree: Tree, measure: Measure): void {
  // Children's indexes need not be greater than their parents': the order is found by walking.
  const order: number[] = [...tree.roots];
  for (let i = 0; i < order.length; i++)
    for (const child of tree.children[order[i] as number] ?? []) order.push(child);
  for (let i = order.length - 1; i >= 0; i--) {
    const node = order[i] as number;
    let below = 0;
    for (const child of tree.children[node] ?? []) below += tree.weight[child] ?? 0;
    const own = (measure === "calls" ? tree.calls[node] : tree.self[node]) ?? 0;
    // A node is never narrower than its children, however the figures were cut.
    tree.weight[node] =
      measure === "total" ? Math.max(tree.total[node] ?? 0, below) : Math.max(0, own) + below;
  }
}

/** The functions from the root down to the node: it finds the node again in the next document. */
export function pathOf(tree: Tree, node: number): (number | null)[] {
  const path: (number | null)[] = [];
  for (let at = node; at >= 0; at = tree.parents[at] ?? -1) path.unshift(tree.functions[at] ?? null);
  return path;
}

/** The deepest node of the path that is there; -1: not even its first. */
export function findPath(tree: Tree, path: (number | null)[]): number {
  let found = -1;
  let among = tree.roots;
  for (const fn of path) {
    const next = among.find((node) => (tree.functions[node] ?? null) === fn);
    if (next === undefined) return found;
    found = next;
    among = tree.children[next] ?? [];
  }
  return found;
}

export interface Layout {
  boxes: Box[];
  depth: number;
  /** boxes too thin to be drawn */
  thin: number;
}

export function layOut(tree: Tree, zoomed: number, thinnest: number): Layout {
  const boxes: Box[] = [];
  let deepest = 0;
  let thin = 0;
  const place = (node: number, depth: number, from: number, to: number) => {
    boxes.push({ node, function: tree.functions[node] ?? null, depth, from, to, above: false });
    deepest = Math.max(deepest, depth);
  };
  const stack: { node: number; depth: number; from: number; to: number }[] = [];
  const spread = (among: number[], depth: number, from: number, scale: number) => {
    let at = from;
    for (const node of among) {
      const width = (tree.weight[node] ?? 0) * scale;
      if (width >= thinnest) stack.push({ node, depth, from: at, to: at + width });
      else if (width > 0) thin++;
      at += width;
    }
  };
  if (zoomed >= 0) {
    const above: number[] = [];
    for (let at = tree.parents[zoomed] ?? -1; at >= 0; at = tree.parents[at] ?? -1) above.unshift(at);
    above.forEach((node, depth) => {
      boxes.push({ node, function: tree.functions[node] ?? null, depth, from: 0, to: 1, above: true });
    });
    stack.push({ node: zoomed, depth: above.length, from: 0, to: 1 });
  } else {
    let sum = 0;
    for (const node of tree.roots) sum += tree.weight[node] ?? 0;
    if (sum > 0) spread(tree.roots, 0, 0, 1 / sum);
  }
  for (let box = stack.pop(); box; box = stack.pop()) {
    place(box.node, box.depth, box.from, box.to);
    const weight = tree.weight[box.node] ?? 0;
    if (weight > 0)
      spread(tree.children[box.node] ?? [], box.depth + 1, box.from, (box.to - box.from) / weight);
  }
  return { boxes, depth: deepest + 1, thin };
}

/** What the matching functions weigh, each branch counted once however often they stand in it. */
export function matchedWeight(tree: Tree, matches: (fn: number | null) => boolean): number {
  let sum = 0;
  const stack = [...tree.roots];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (matches(tree.functions[node] ?? null)) sum += tree.weight[node] ?? 0;
    else stack.push(...(tree.children[node] ?? []));
  }
  return sum;
}
