// SPDX-License-Identifier: MIT
import { expect, test } from "vitest";
import { History } from "../src/history";
import {
  bubbleAt,
  bubblesOf,
  columnsOf,
  extent,
  fieldOf,
  type IoPicture,
  type IoTuple,
  isSmall,
  rowsBetween,
  smallOnes,
} from "../src/io/model";

const functions = { "7": { name: "write_rows", file: "/srv/shop/table.py", line: 12 } };
const row = (calls: number, bytes: number, ns: number, ...durations: number[]): IoTuple => [
  7,
  12,
  "write",
  "/tmp/rows.csv",
  calls,
  bytes,
  0,
  ns,
  5,
  ...durations,
];
const told = (...rows: IoTuple[]): IoPicture => ({ least_ns: 4, left_out: 0, rows, functions });

test("a window is the difference of two tellings, to the call", () => {
  const [now] = rowsBetween(told(row(120, 2400, 900, 100, 20)), told(row(100, 2000, 700, 90, 10)));
  expect(now).toMatchObject({ calls: 20, bytes: 400, blockedNs: 200, name: "write_rows", direction: "out" });
  expect(now?.durations.slice(5, 7)).toEqual([10, 10]);
  expect(rowsBetween(told(row(100, 2000, 700, 100)), told(row(100, 2000, 700, 100)))).toEqual([]);
});

test("figures that have begun anew are taken as they are", () => {
  const [now] = rowsBetween(told(row(3, 60, 9, 3)), told(row(100, 2000, 700, 100)));
  expect(now).toMatchObject({ calls: 3, bytes: 60, blockedNs: 9 });
});

test("a hundred thousand small writes are found; one large, and a wait, are not", () => {
  const picture = told(
    row(100_000, 2_000_000, 9e8, 100_000),
    [7, 20, "write", "/tmp/whole.csv", 1, 2_000_000, 0, 5e5, 5, 1],
    [7, 30, "epoll_wait", "epoll", 90_000, 0, 0, 9e9, 5, 90_000],
  );
  const rows = rowsBetween(picture, null);
  expect(rows.map(isSmall)).toEqual([true, false, false]);
  expect(smallOnes(rows).map((one) => one.resource)).toEqual(["/tmp/rows.csv"]);
  const field = fieldOf(rows, 600, 300);
  const bubbles = bubblesOf(rows, field);
  const small = bubbles.find((one) => one.row.resource === "/tmp/rows.csv");
  // Upper left, and the largest of what moves bytes.
  expect(small?.x).toBeLessThan(300);
  expect(small?.y).toBeLessThan(100);
  for (const bubble of bubbles) {
    expect(bubble.radius).toBeLessThanOrEqual(small?.radius ?? 0);
    expect(bubbleAt(bubbles, bubble.x, bubble.y)?.row.key).toBe(bubble.row.key);
  }
  expect(bubbleAt(bubbles, 599, 299)).toBeNull();
});

test("columns of the heat map add up to what was told", () => {
  const history = new History<IoPicture>();
  [10, 30, 30, 75].forEach((calls, second) => {
    history.push(second * 1e9, told(row(calls, calls, calls, calls - 1, 1)));
  });
  const columns = columnsOf(history.told, () => true);
  expect(columns.map((column) => column.counts[5])).toEqual([20, 0, 45]);
  expect(extent(columns.map((column) => column.counts))).toEqual({ first: 5, last: 5 });
  expect(extent([[0, 0]])).toBeNull();
});

test("a history knows when a window began, and forgets", () => {
  const history = new History<number>(5e9);
  for (let at = 0; at <= 20; at++) history.push(at * 1e9, at);
  expect(history.windowBegin("1")?.value).toBe(19);
  expect(history.windowBegin("10")).toBeNull();
  expect(history.windowBegin("all")).toBeNull();
  expect(history.told.length).toBe(6);
  history.push(1e9, 1);
  expect(history.told.map((one) => one.value)).toEqual([1]);
});
