// SPDX-License-Identifier: MIT
// Nova's model: rays are taken once, hands stand where time has brought them, clocks keep their places, counts are of all.
import { expect, test } from "vitest";
import {
  CAPACITY,
  CLOCKS,
  Nova,
  type NovaPicture,
  type ObjectTuple,
  OTHERS,
  ranAt,
  ShownTime,
} from "../src/nova/model";
import {
  alphaOf,
  CLASSIC_RAYS,
  type Field,
  layOut,
  lengthOf,
  RayList,
  rayAt,
  SEEN_S,
} from "../src/nova/rays";

const S = 1e9;

function picture(over: Partial<NovaPicture> = {}): NovaPicture {
  return {
    on: true,
    kinds: 2,
    births_all: 0,
    bytes_all: 0,
    objects: [
      ["dict", 1, 17, 0, 0, 0, 0, 0, null],
      ["str", 2, 12, 0, 0, 0, 0, 0, 5],
    ],
    stride: 1,
    first: 0,
    from_ns: 0,
    births: [],
    threads: [[1, "MainThread", 0]],
    tasks: [],
    times: {},
    functions: {
      "1": { name: "make_options", file: "/a/b/births.py", line: 16 },
      "2": { name: "make_texts", file: "/a/b/births.py", line: 11 },
    },
    ...over,
  };
}

/** [at_us, object, bytes, thread, task] */
const flat = (births: number[][]) => {
  let last = 0;
  return births.flatMap(([at = 0, ...rest]) => {
    const apart = at - last;
    last = at;
    return [apart, ...rest];
  });
};
const field = (over: Partial<Field> = {}): Field => ({
  width: 400,
  height: 300,
  dials: [{ x: 100, y: 100, radius: 80 }],
  now: 1,
  topLog: 12,
  isLinear: false,
  isClassic: false,
  turnNs: S,
  colours: [],
  ...over,
});

test("what is told twice is taken once, and what was missed leaves no hole", () => {
  const nova = new Nova();
  nova.push(
    picture({
      births: flat([
        [10, 0, 64, 1, 0],
        [20, 1, 50, 1, 0],
      ]),
      births_all: 2,
    }),
    1 * S,
  );
  const again = nova.push(
    picture({
      births: flat([
        [20, 1, 50, 1, 0],
        [30, 0, 64, 1, 0],
      ]),
      first: 1,
      births_all: 3,
    }),
    2 * S,
  );
  expect(nova.total).toBe(3);
  expect([again.from, again.to]).toEqual([2, 3]);
  nova.push(picture({ births: flat([[90, 0, 64, 1, 0]]), first: 400, births_all: 401 }), 3 * S);
  expect(nova.total).toBe(4);
  expect([...nova.at.slice(0, 4)]).toEqual([10_000, 20_000, 30_000, 90_000]);
});

test("a ring of so many rays: the oldest give way", () => {
  const nova = new Nova();
  const births = Array.from({ length: CAPACITY + 100 }, (_, i) => [i, 0, 64, 1, 0]);
  nova.push(picture({ births: flat(births), births_all: births.length }), 1 * S);
  expect(nova.oldest()).toBe(100);
  const list = new RayList();
  list.fill(nova, 0, 0, S, false, () => 1);
  expect(list.count).toBe(CAPACITY);
  expect(list.dirty).toEqual([{ from: 0, to: CAPACITY }]);
  list.dirty = [];
  const more = nova.push(
    picture({ births: flat([[1, 0, 64, 1, 0]]), first: CAPACITY + 100, births_all: CAPACITY + 101 }),
    2 * S,
  );
  list.fill(nova, more.from, 0, S, false, () => 1);
  expect(list.dirty).toEqual([{ from: 100, to: 101 }]);
});

test("a hand turns once for each second that its task ran, and stands while it does not", () => {
  const nova = new Nova();
  nova.push(picture({ threads: [[1, "MainThread", 0.5 * S]] }), 10 * S);
  nova.push(
    picture({ threads: [[1, "MainThread", 0.75 * S]], births: flat([[10.5 * 1e6, 0, 64, 1, 0]]) }),
    11 * S,
  );
  expect(nova.ran[0]).toBeCloseTo(0.625 * S);
  const list = new RayList();
  list.fill(nova, 0, 0, S, false, () => 1);
  expect(list.data[1]).toBeCloseTo(0.625 * 2 * Math.PI);
  nova.push(picture({ threads: [[1, "MainThread", 0.75 * S]] }), 12 * S);
  expect(ranAt(nova.clocks[0]?.told ?? [], 11.7 * S)).toBe(0.75 * S);
});

test("classic: a degree for each ray, and it stays until the hand comes round", () => {
  const nova = new Nova();
  const births = Array.from({ length: CLASSIC_RAYS + 2 }, (_, i) => [i, 0, 64, 1, 0]);
  nova.push(picture({ births: flat(births), births_all: births.length }), 1 * S);
  const list = new RayList();
  list.fill(nova, 0, 0, S, true, () => 1);
  const strengths = Array.from({ length: births.length }, (_, i) => list.data[i * 6 + 5]);
  expect(strengths.slice(0, 3)).toEqual([0, 0, 1]);
  expect(list.data[6 + 1]).toBeCloseTo((1 / 360) * 2 * Math.PI);
  expect(alphaOf(0, 1, field({ now: 1000, isClassic: true }))).toBe(1);
});

test("rays are seen from when they were born, and fade", () => {
  expect(alphaOf(1.2, 1, field({ now: 1 }))).toBe(0);
  expect(alphaOf(1, 1, field({ now: 1 }))).toBe(1);
  expect(alphaOf(1, 1, field({ now: 3 }))).toBeLessThan(0.6);
  expect(alphaOf(1, 1, field({ now: 1.1 + SEEN_S }))).toBe(0);
});

test("twice the bytes are a step further out; linear: a pixel for each", () => {
  const log = [6, 7, 8].map((one) => lengthOf(one, field(), 80));
  expect((log[2] as number) - (log[1] as number)).toBeCloseTo((log[1] as number) - (log[0] as number));
  expect(lengthOf(5, field({ isLinear: true }), 80) * 80).toBeCloseTo(32);
  expect(lengthOf(20, field({ isLinear: true }), 80)).toBe(1);
});

test("a ray is found where it is drawn", () => {
  const nova = new Nova();
  nova.push(picture({ threads: [[1, "MainThread", 0]] }), 0.5 * S);
  nova.push(
    picture({ threads: [[1, "MainThread", 0.5 * S]], births: flat([[0.75 * 1e6, 0, 1024, 1, 0]]) }),
    1 * S,
  );
  const list = new RayList();
  list.fill(nova, 0, 0, S, false, () => 1);
  // A quarter turn: to the right.
  expect(rayAt(list, field(), 130, 101)).toBe(0);
  expect(rayAt(list, field(), 130, 120)).toBe(-1);
  expect(rayAt(list, field(), 70, 100)).toBe(-1);
});

test("clocks: tasks with a name their own, threads where there is none, many alike are one", () => {
  const nova = new Nova();
  const tasks: NovaPicture["tasks"] = [[1, "server", "serve", 100]];
  for (let id = 2; id < 12; id++) tasks.push([id, `Task-${id}`, "fetch", 10]);
  const births = tasks.map(([id], i) => [i, 0, 64, 1, id]);
  nova.push(picture({ tasks, births: flat([...births, [99, 0, 64, 1, 0]]), births_all: 12 }), 1 * S);
  expect(nova.clocks.map((clock) => clock.name)).toEqual(["server", "fetch ×", "MainThread"]);
  nova.setBy("thread");
  expect(nova.clocks.map((clock) => clock.name)).toEqual(["MainThread"]);
  nova.setBy("function");
  expect(nova.clocks.map((clock) => clock.name)).toEqual(["make_options"]);
});

test("the busiest have a clock each, the rest one, and who gets busy gets one", () => {
  const nova = new Nova();
  const threads: NovaPicture["threads"] = Array.from({ length: 40 }, (_, i) => [i + 1, `worker-${i + 1}`, 0]);
  const births = threads.map(([number], i) => [i, 0, 64, number, 0]);
  nova.push(picture({ threads, births: flat(births), births_all: 40 }), 1 * S);
  expect(nova.clocks).toHaveLength(CLOCKS + 1);
  expect(nova.clocks.at(-1)?.key).toBe(OTHERS);
  const busy = Array.from({ length: 200 }, (_, i) => [1.5 * 1e6 + i, 0, 64, 40, 0]);
  nova.push(picture({ threads, births: flat(busy), first: 40, births_all: 240 }), 2 * S);
  nova.push(picture({ threads, first: 240, births_all: 240 }), 2.5 * S);
  expect(nova.clocks.map((clock) => clock.name)).toContain("worker-40");
});

test("rates are of all births, shared out by the rays", () => {
  const nova = new Nova();
  const threads: NovaPicture["threads"] = [
    [1, "MainThread", 0],
    [2, "log", 0],
  ];
  nova.push(picture({ threads, births_all: 1000, bytes_all: 64_000, stride: 10 }), 1 * S);
  const births = [1, 1, 1, 2].map((thread, i) => [1.5 * 1e6 + i, 0, 64, thread, 0]);
  nova.push(
    picture({ threads, births: flat(births), births_all: 5000, bytes_all: 320_000, stride: 10 }),
    2 * S,
  );
  expect(nova.birthsPerS).toBe(4000);
  expect(nova.clocks.map((clock) => clock.births)).toEqual([3000, 1000]);
  expect(nova.madeBy(0, S)[0]).toMatchObject({ births: 30, bytes: 1920, site: { type: "dict" } });
});

test("a window's rows are differences; what was not sent before counts from when it was, or from nothing", () => {
  const nova = new Nova();
  const dict = (births: number): ObjectTuple => ["dict", 1, 17, births, births, 0, births * 64, 0, 9];
  const str = (births: number): ObjectTuple => [
    "str",
    2,
    12,
    births,
    0,
    births,
    births * 50,
    births * 50,
    null,
  ];
  const before = picture({ objects: [dict(100)], kinds: 1 });
  const now = picture({ objects: [dict(160), str(7)], kinds: 2 });
  nova.push(before, 1 * S);
  nova.push(now, 2 * S);
  expect(nova.madeBetween(now, before).map((row) => [row.site.type, row.births, row.bytes])).toEqual([
    ["dict", 60, 3840],
    ["str", 7, 350],
  ]);
  expect(nova.madeBetween(now, null).map((row) => row.births)).toEqual([160, 7]);
  expect(nova.madeBetween(now, { ...before, kinds: 9 }).map((row) => row.births)).toEqual([60]);
});

test("a target that counts anew begins anew", () => {
  const nova = new Nova();
  nova.push(picture({ births: flat([[10, 0, 64, 1, 0]]), births_all: 500 }), 5 * S);
  nova.push(picture({ births: flat([[3, 0, 64, 1, 0]]), births_all: 1 }), 1 * S);
  expect(nova.total).toBe(1);
  expect(nova.at[0]).toBe(3000);
});

test("shown time goes evenly to what was told, and stands there", () => {
  const time = new ShownTime();
  time.push(1 * S, 0);
  expect(time.at(50)).toBe(1 * S);
  time.push(1.1 * S, 100);
  expect(time.at(150)).toBeCloseTo(1.05 * S);
  expect(time.at(900)).toBe(1.1 * S);
  time.push(0.2 * S, 1000);
  expect(time.at(1010)).toBe(0.2 * S);
});

test("clocks are as large as they can be and stand within the field", () => {
  for (const count of [1, 2, 5, 24, 25]) {
    const dials = layOut(count, 800, 400, 36);
    expect(dials).toHaveLength(count);
    for (const { x, y, radius } of dials) {
      expect(x - radius).toBeGreaterThanOrEqual(0);
      expect(x + radius).toBeLessThanOrEqual(800);
      expect(y - radius).toBeGreaterThanOrEqual(0);
      expect(y + radius + 36).toBeLessThanOrEqual(400);
    }
  }
});
