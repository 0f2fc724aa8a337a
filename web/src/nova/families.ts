// SPDX-License-Identifier: MIT
// Which family of types an object is of, and how that looks: one hue each, and a pattern of its line, so that colour is never all
// that tells.
// Where the colours are from: hues were chosen, then moved until any two of a theme are far enough apart as
// people without one of the three cones see them; web/test/nova_colours.test.ts holds them to it.

import type { Theme } from "../theme";

export interface Family {
  title: string;
  letter: string;
  /** Of the line, in pixels: drawn, left out; 0: whole. */
  dash: [number, number];
}

export const FAMILIES: Family[] = [
  { title: "mappings", letter: "M", dash: [0, 0] },
  { title: "sequences, sets", letter: "S", dash: [9, 3] },
  { title: "text, bytes", letter: "T", dash: [4, 2] },
  { title: "numbers", letter: "N", dash: [2, 2] },
  { title: "functions, frames", letter: "F", dash: [2, 4] },
  { title: "instances", letter: "I", dash: [14, 3] },
];
export const INSTANCES = 5;

export const FAMILY_COLOURS: Record<Theme, string[]> = {
  light: ["#006ca9", "#c0392b", "#1ba87c", "#c675ec", "#30343a", "#d99a00"],
  dark: ["#007ef8", "#ff7a59", "#32c29a", "#c77bdc", "#f0f0f0", "#f0d050"],
};

const KNOWN: string[] = [
  "dict mappingproxy collections.defaultdict collections.OrderedDict collections.Counter collections.ChainMap frozendict " +
    "dict_keys dict_values dict_items weakref.WeakKeyDictionary weakref.WeakValueDictionary",
  "list tuple set frozenset range slice enumerate zip map filter reversed collections.deque array.array memoryview",
  "str bytes bytearray re.Match re.Pattern io.StringIO _io.StringIO _io.BytesIO string.Template",
  "int float complex bool decimal.Decimal fractions.Fraction",
  "function method builtin_function_or_method generator coroutine async_generator cell code frame traceback staticmethod " +
    "classmethod property functools.partial method-wrapper wrapper_descriptor method_descriptor coroutine_wrapper " +
    "async_generator_asend async_generator_athrow lambda",
];
const familyByName = new Map<string, number>();
KNOWN.forEach((names, family) => {
  for (const name of names.split(" ")) familyByName.set(name, family);
});

/** An iterator is of the family of what it goes through. */
export function familyOf(type: string): number {
  const name = type.startsWith("builtins.") ? type.slice(9) : type;
  const known = familyByName.get(name);
  if (known !== undefined) return known;
  const base = /^(dict|list|tuple|set|str|bytes|bytearray|range)_?.*iterator$/i.exec(name)?.[1];
  if (base) return familyByName.get(base.toLowerCase()) ?? INSTANCES;
  if (/^numpy\.(u?int|float|complex|bool)/.test(name)) return 3;
  if (/^numpy\.(ndarray|matrix)/.test(name)) return 1;
  return INSTANCES;
}
