// SPDX-License-Identifier: MIT
import { expect, test } from "vitest";
import { unpack } from "../src/algae/packed";
import { Scene } from "../src/algae/scene";
import type { AlgaeView, Tile } from "../src/documents";
import { goOn } from "../src/steps";
import { randomly } from "./random";

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
  expect([scene.depth, scene.breadth]).toEqual([2, 3413]);
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

test("lines that the server judges are those that it tells, and are not judged here", () => {
  const scene = new Scene(1, "main");
  const line = { thread: 1, axis: "depth" as const, crossings: [], count: 0, isOver: false };
  scene.lines.push({ ...line, at: 1, judge: "asked" }, { ...line, axis: "breadth", at: 1 });
  scene.hear([]);
  tell(scene, [tile(1, null, 0, { running: true }), tile(2, 1, 1), tile(3, 1, 1)]);
  expect(scene.lines.map((one) => one.count)).toEqual([0, 1]);
  const crossings = [{ at_ns: 2.5e9, left_out: 3, stack: [7, 9] }];
  scene.hear([
    { thread: 1, depth: 1, count: 4000, crossings },
    { thread: 1, depth: 8, count: 0, crossings: [] },
    { thread: 2, depth: 5, count: 1, crossings: [] },
    { thread: 1, width: 8, count: 2, crossings: [] },
  ]);
  expect(scene.lines.map((one) => [one.axis, one.at, one.count])).toEqual([
    ["depth", 1, 4000],
    ["breadth", 1, 1],
    ["depth", 8, 0],
    ["breadth", 8, 2],
  ]);
  expect(scene.lines[0]?.crossings[0]).toEqual({
    at: 2.5,
    leftOut: 3,
    stack: [
      { id: 0, function: 7 },
      { id: 1, function: 9 },
    ],
  });
  scene.hear([{ thread: 1, depth: 8, count: 0, crossings: [] }]);
  expect(scene.lines.map((one) => [one.axis, one.at])).toEqual([
    ["breadth", 1],
    ["depth", 8],
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

test("taken in by steps it is as taken in at once, and until then the telling before stands", () => {
  randomly(40, (random) => {
    const [whole, sliced] = [new Scene(1, "main"), new Scene(1, "main")];
    for (let telling = 1; telling < 5; telling++) {
      const tiles: Tile[] = [tile(1, null, 0, { running: true })];
      for (let id = 2; id < 2 + random.below(600); id++) {
        const above = tiles[random.below(tiles.length)] as Tile;
        if (random.below(4))
          tiles.push(tile(id, above.id as number, above.depth + 1, { function: random.below(3) }));
      }
      const told = { thread: 1, name: `main ${telling}`, tiles };
      whole.sync(told, telling);
      const before = [sliced.units, sliced.depth, sliced.breadth, sliced.name];
      const steps = sliced.take(told, telling);
      while (!goOn(steps, 0))
        expect([sliced.units, sliced.depth, sliced.breadth, sliced.name]).toEqual(before);
      expect([...places(sliced)]).toEqual([...places(whole)]);
      expect([sliced.depth, sliced.breadth, sliced.suspended]).toEqual([
        whole.depth,
        whole.breadth,
        whole.suspended,
      ]);
      const cells = [...sliced.units.values()].map((unit) => unit.placed);
      expect(sliced.board.rows).toBeGreaterThan(Math.max(...cells.map((placed) => placed.row)));
      expect(sliced.board.columns).toBeGreaterThan(Math.max(...cells.map((placed) => placed.column)));
    }
  });
});

test("tiles behind the JSON are read as those in it", () => {
  const head = {
    view: {
      id: "algae",
      threads: [
        { thread: 1, name: "é", tile_count: 1 },
        { thread: 2, name: "b", tile_count: 1 },
      ],
      places: { 4: "wait pool.py:88" },
    },
  };
  const json = new TextEncoder().encode(JSON.stringify(head));
  const at = 4 + Math.ceil(json.length / 4) * 4;
  const bytes = new ArrayBuffer(at + 80);
  new Uint32Array(bytes)[0] = json.length;
  new Uint8Array(bytes).set(json, 4);
  new Uint32Array(bytes, at).set([0xffffffff, 7, 0, 0, 12, 0, 0, 1, 0x80000000, 0]);
  new Uint32Array(bytes, at + 40).set([1, 2, 3, 4, 5, 4, 0, 90, 0x03000002, 0]);
  new Float32Array(bytes)[(at + 76) / 4] = 1.5;
  const { threads } = unpack(bytes).view as AlgaeView;
  const first = { id: 7 * 2 ** 32 + 0xffffffff, parent: null, kind: "python", function: 12, depth: 0 };
  expect(threads[0]?.tiles.at(0)).toEqual({ ...first, age_ns: 0, running: true });
  expect(threads[1]?.tiles.at(0)).toEqual({
    id: 2 * 2 ** 32 + 1,
    parent: 4 * 2 ** 32 + 3,
    kind: "coroutine",
    function: 5,
    depth: 2,
    age_ns: 1.5e9,
    awaits: "wait pool.py:88",
    count: 90,
  });
  expect(threads.map((thread) => thread.name)).toEqual(["é", "b"]);
});
