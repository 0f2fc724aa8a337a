// SPDX-License-Identifier: MIT
// Nova's families as people see them who lack one of the three kinds of cones.
// The matrices: Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB; distances: CIE 1976, where 2.3 is just noticed.
import { expect, test } from "vitest";
import { rgb } from "../src/gl";
import { FAMILIES, FAMILY_COLOURS, familyOf, INSTANCES } from "../src/nova/families";

const EYES: Record<string, number[][]> = {
  "all cones": [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};
const LEAST = 20;
const PAPERS = { light: "#ffffff", dark: "#1b1f24" };

const linear = (colour: string) =>
  rgb(colour).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
const dot = (one: number[], other: number[]) =>
  one.reduce((sum, part, i) => sum + part * (other[i] as number), 0);

function lab(light: number[]): number[] {
  const f = (t: number) => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116);
  const x = f(dot([0.4124, 0.3576, 0.1805], light) / 0.9505);
  const y = f(dot([0.2126, 0.7152, 0.0722], light));
  const z = f(dot([0.0193, 0.1192, 0.9505], light) / 1.089);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

function distance(one: string, other: string, eye: number[][]): number {
  const [a, b] = [one, other].map((colour) =>
    lab(eye.map((row) => Math.min(1, Math.max(0, dot(row, linear(colour)))))),
  ) as [number[], number[]];
  return Math.hypot(...a.map((part, i) => part - (b[i] as number)));
}

for (const theme of ["light", "dark"] as const) {
  const colours = FAMILY_COLOURS[theme];
  for (const [name, eye] of Object.entries(EYES))
    test(`${theme}, ${name}: any two families, and each and the paper, are far enough apart`, () => {
      const all = [...colours, PAPERS[theme]];
      all.forEach((one, i) => {
        for (const other of all.slice(i + 1))
          expect(distance(one, other, eye), `${one} ${other}`).toBeGreaterThan(LEAST);
      });
    });
}

test("no two families have a line of the same pattern", () => {
  expect(FAMILY_COLOURS.light).toHaveLength(FAMILIES.length);
  expect(FAMILY_COLOURS.dark).toHaveLength(FAMILIES.length);
  expect(new Set(FAMILIES.map((family) => family.dash.join())).size).toBe(FAMILIES.length);
});

test("types are of the family that one thinks of", () => {
  const families = (types: string[]) => types.map((type) => FAMILIES[familyOf(type)]?.title);
  expect(new Set(families(["dict", "collections.OrderedDict", "dict_keyiterator"]))).toEqual(
    new Set(["mappings"]),
  );
  expect(
    new Set(families(["list", "tuple", "set", "collections.deque", "list_iterator", "range_iterator"])),
  ).toEqual(new Set(["sequences, sets"]));
  expect(new Set(families(["str", "bytes", "str_ascii_iterator"]))).toEqual(new Set(["text, bytes"]));
  expect(new Set(families(["int", "float", "decimal.Decimal"]))).toEqual(new Set(["numbers"]));
  expect(new Set(families(["function", "generator", "frame", "cell"]))).toEqual(
    new Set(["functions, frames"]),
  );
  expect(familyOf("shop.Order")).toBe(INSTANCES);
});
