// SPDX-License-Identifier: MIT
import { describe, expect, it } from "vitest";
import type { TimelineRow, TimelineView } from "../src/documents";
import { axisText, place } from "../src/timeline/draw";
import { familyOf, makeLanes, missing, slicesOf, ticksOf } from "../src/timeline/lanes";
import { perfettoTrace } from "../src/timeline/perfetto";

const row = (
  thread: number,
  depth: number,
  slices: (number | string)[],
  kind: TimelineRow["kind"] = "call",
): TimelineRow => ({ thread, depth, kind, slices });

const view = (rows: TimelineRow[], names: string[] = ["MainThread"]): TimelineView => ({
  id: "timeline",
  now_ns: 2000,
  from_ns: 1000,
  to_ns: 2000,
  rows,
  threads: names.map((name, i) => ({ thread: i + 1, name, pid: 7, ended: false })),
  tasks: [[4, "worker 4"]],
  functions: { 10: { name: "main" }, 11: { name: "handle" }, 12: { name: "price" } },
  details: [
    [0, 1500],
    [50, 1200],
    [400, 0],
  ],
});

describe("slices", () => {
  it("are since the start, and one that goes on is open", () => {
    const [open, several] = slicesOf(row(1, 0, [-900, 1900, 10, 0, 0, 0, 100, 50, 11, 4, 3, 30]), 1000);
    expect(open).toMatchObject({ from: 100, length: 1900, isOpen: true, count: 1, busy: 1900 });
    expect(several).toMatchObject({ from: 1100, isOpen: false, count: 3, busy: 30, task: 4 });
  });
});

describe("lanes", () => {
  it("begin with what was not Python, then depth by depth", () => {
    const lanes = makeLanes(
      view([
        row(1, 1, [0, 10, 11, 0, 1, 0]),
        row(1, 0, [0, 100, 10, 0, 1, 0]),
        row(1, 0, [5, 2, 2, 0, 1, 0], "gc"),
        row(1, 0, [9, 2, "queue", 0, 1, 0], "lock"),
        row(1, 0, [9, 2, "GIL", 0, 1, 0], "gil"),
        row(1, 0, [7, 2, "read", 0, 1, 0], "io"),
      ]),
      new Set(),
    );
    expect(lanes.map((lane) => lane.title)).toEqual(["MainThread"]);
    expect(lanes[0]?.rows.map((one) => `${one.kind} ${one.depth}`)).toEqual([
      "gc 0",
      "io 0",
      "gil 0",
      "lock 0",
      "call 0",
      "call 1",
    ]);
  });

  it("has tasks of one coroutine together, by what they are outermost, until they are opened", () => {
    const rows = [
      row(1, 0, [0, 900, 10, 0, 1, 0]),
      row(1, 1, [0, 100, 11, 4, 1, 0, 200, 100, 11, 5, 1, 0]),
      row(1, 2, [10, 20, 12, 4, 1, 0]),
    ];
    const closed = makeLanes(view(rows), new Set());
    expect(closed.map((lane) => lane.title)).toEqual(["MainThread", "2 tasks handle"]);
    expect(closed[1]?.rows.map((one) => one.slices.length)).toEqual([2, 1]);
    const group = closed[1]?.group ?? "";
    const opened = makeLanes(view(rows), new Set([group]));
    expect(opened.map((lane) => lane.title)).toEqual(["MainThread", "2 tasks handle", "worker 4", "task 5"]);
    expect(opened[2]?.rows.map((one) => one.slices.length)).toEqual([1, 1]);
  });

  it("beyond twelve are thin lines of one group, and full ones once it is opened", () => {
    const names = Array.from({ length: 14 }, (_, i) => `pool-${i}`);
    const rows = names.map((_, i) => row(i + 1, 0, [0, 10, 10, 0, 1, 0]));
    const closed = makeLanes(view(rows, names), new Set());
    expect(closed[0]?.title).toBe("14 threads pool-…");
    expect(closed.filter((lane) => lane.isThin)).toHaveLength(14);
    const opened = makeLanes(view(rows, names), new Set(["threads pool-…"]));
    expect(opened.filter((lane) => lane.isThin)).toHaveLength(0);
    expect(place(opened).height).toBeGreaterThan(2 * place(closed).height);
  });

  it("overlap in no row", () => {
    const rows = [0, 1, 2].map((depth) => row(1, depth, [0, 10, 10, depth ? 4 : 0, 1, 0]));
    const placed = place(makeLanes(view(rows), new Set())).rows;
    for (let i = 1; i < placed.length; i++)
      expect(placed[i]?.y).toBeGreaterThanOrEqual((placed[i - 1]?.y ?? 0) + (placed[i - 1]?.height ?? 0));
  });
});

it("names that differ in digits are of one family", () => {
  expect(familyOf("Thread-12 (job)")).toBe(familyOf("Thread-3 (job)"));
});

describe("what is missing", () => {
  it("is told by the longest calls that are", () => {
    expect(missing(view([]))).toEqual({ before: 1200, shorter: 400 });
    expect(missing({ ...view([]), from_ns: 1600 })).toBeNull();
  });
});

describe("the axis", () => {
  it("has round times, and as many digits as tell them apart", () => {
    const ticks = ticksOf(1_000_000_000, 2_000_000_000, 10);
    expect(ticks).toContain(1_500_000_000);
    expect(ticks.length).toBeGreaterThan(5);
    expect(ticks.length).toBeLessThanOrEqual(11);
    expect(axisText(1_500_000_000, 1e8)).toBe("1.5 s");
    expect(axisText(1_500_000_000, 1e3)).toBe("1.500000 s");
  });
});

/** The fields of a protobuf message: [number, value or bytes]. */
function fields(bytes: Uint8Array): [number, number | Uint8Array][] {
  const found: [number, number | Uint8Array][] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    if ((key & 7) === 0) found.push([key >> 3, varint()]);
    else {
      const size = varint();
      found.push([key >> 3, bytes.slice(at, at + size)]);
      at += size;
    }
  }
  return found;
}

it("Perfetto gets a track for each lane, and slices that nest", () => {
  const told = view([row(1, 0, [0, 100, 10, 0, 1, 0]), row(1, 1, [0, 40, 11, 0, 1, 0, 40, 60, 12, 0, 1, 0])]);
  const packets = fields(perfettoTrace(told, makeLanes(told, new Set()))).map(([, bytes]) =>
    Object.fromEntries(fields(bytes as Uint8Array)),
  );
  expect(packets.filter((packet) => packet[60])).toHaveLength(1);
  const events = packets
    .filter((packet) => packet[11])
    .map((packet) => {
      const event = Object.fromEntries(fields(packet[11] as Uint8Array));
      const name = event[23] ? new TextDecoder().decode(event[23] as Uint8Array) : "end";
      return `${packet[8]} ${name}`;
    });
  expect(events).toEqual(["1000 main", "1000 handle", "1040 end", "1040 price", "1100 end", "1100 end"]);
});
