// SPDX-License-Identifier: MIT
import { expect, test } from "vitest";
import { Scene } from "../src/algae/scene";
import type { Tile } from "../src/documents";

const tile = (id: number, parent: number | null, depth: number, more: Partial<Tile> = {}): Tile => ({
  id,
  parent,
  kind: "coroutine",
  function: 7,
  depth,
  age_ns: 1000 - id,
  running: false,
  awaits: "pool.py:88",
  ...more,
});

const tell = (scene: Scene, tiles: Tile[], now = 0) => scene.sync({ thread: 1, name: "main", tiles }, now);
const places = (scene: Scene) =>
  new Map([...scene.units.values()].map((unit) => [unit.id, `${unit.placed.row}:${unit.placed.column}`]));

test("tiles keep their places while others come and go", () => {
  const scene = new Scene(1, "main");
  const main = tile(1, null, 0, { running: true });
  tell(scene, [main, tile(2, 1, 1), tile(3, 1, 1), tile(4, 1, 1)]);
  expect([...places(scene).values()]).toEqual(["0:0", "1:0", "1:1", "1:2"]);
  tell(scene, [main, tile(2, 1, 1), tile(4, 1, 1), tile(5, 1, 1)]);
  expect([...places(scene)]).toEqual([
    [1, "0:0"],
    [2, "1:0"],
    [4, "1:2"],
    [5, "1:1"],
  ]);
  expect(scene.board.trail.size).toBe(1);
});

test("one whose resumer has returned stays; one that another has resumed moves under it", () => {
  const scene = new Scene(1, "main");
  const main = tile(1, null, 0);
  tell(scene, [main, tile(2, 1, 1), tile(3, 2, 2, { running: true })]);
  tell(scene, [{ ...main, running: true }, tile(3, 2, 2)]);
  expect(places(scene).get(3)).toBe("2:0");
  tell(scene, [main, tile(8, 1, 1), tile(9, 8, 2), tile(3, 9, 3, { running: true })]);
  expect(places(scene).get(3)).toBe("3:0");
  expect([...scene.units.values()].filter((unit) => unit.isActive).map((unit) => unit.id)).toEqual([
    1, 8, 9, 3,
  ]);
});

test("beyond 200 suspended, those of one site are one, counted, oldest first, and can be unfolded", () => {
  const scene = new Scene(1, "main");
  const main = tile(1, null, 0, { running: true, awaits: null });
  const pile = (count: number) => Array.from({ length: count }, (_, i) => tile(10 + i, 1, 1));
  tell(scene, [main, ...pile(200)]);
  expect(scene.units.size).toBe(201);
  const odd = tile(9, 1, 1, { awaits: "lock.py:5" });
  tell(scene, [main, odd, ...pile(3412)]);
  expect(scene.units.size).toBe(3);
  const merged = [...scene.units.values()].find((unit) => unit.count > 1);
  expect([merged?.count, merged?.tile.id, merged?.oldestNs]).toEqual([3412, 10, 990]);
  expect(scene.extent()).toEqual({ depth: 2, breadth: 3413 });
  const place = merged?.placed.column;
  tell(scene, [main, odd, ...pile(160)]);
  const still = [...scene.units.values()].find((unit) => unit.count > 1);
  expect([still?.count, still?.placed.column]).toEqual([160, place]);
  scene.unfolded.add("coroutine|7||pool.py:88");
  tell(scene, [main, odd, ...pile(160)]);
  expect(scene.units.size).toBe(162);
  scene.unfolded.clear();
  tell(scene, [main, odd, ...pile(140)]);
  expect(scene.units.size).toBe(142);
});

test("a shape line keeps the stack of each crossing, not of each telling", () => {
  const scene = new Scene(1, "main");
  scene.lines.push({ thread: 1, axis: "breadth", at: 3, crossings: [], count: 0, isOver: false });
  const main = tile(1, null, 0, { running: true });
  const wide = (count: number) => [main, ...Array.from({ length: count }, (_, i) => tile(10 + i, 1, 1))];
  tell(scene, wide(3), 1);
  expect(scene.lines[0]?.count).toBe(0);
  tell(scene, wide(4), 2);
  tell(scene, wide(9), 3);
  tell(scene, wide(2), 4);
  tell(scene, wide(5), 5);
  expect(scene.lines[0]?.count).toBe(2);
  expect(scene.lines[0]?.crossings.map((one) => [one.at, one.stack.map((at) => at.id)])).toEqual([
    [2, [1]],
    [5, [1]],
  ]);
});

test("a telling that makes no sense is drawn as far as it does", () => {
  const scene = new Scene(1, "main");
  tell(scene, [tile(1, 1, 0), tile(2, 99, 4), tile(3, 4, 1), tile(4, 3, 2)]);
  expect(scene.units.size).toBe(4);
  tell(scene, [tile(3, 4, 1), tile(4, 3, 2)]);
  tell(scene, []);
  expect(scene.units.size).toBe(0);
});
