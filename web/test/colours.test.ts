// SPDX-License-Identifier: MIT
// Colours that stand for something are told apart by colour-blind people, too: any two of a set are as far apart, seen without
// one kind of cones, as a set's nearest neighbours should be.
import { describe, expect, it } from "vitest";
import { RUNNING } from "../src/algae/looks";
import { differenceColour } from "../src/flame/difference";
import css from "../src/page.css?raw";

type Three = [number, number, number];

/* Machado, Oliveira and Fernandes 2009, of full strength; on linear light. */
const EYES: Record<string, [Three, Three, Three]> = {
  "of most people": [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  "without red": [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  "without green": [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  "without blue": [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};
/** In OKLab, where 0.02 is just seen side by side. */
const APART = 0.08;

const linear = (text: string): Three =>
  [1, 3, 5].map((at) => {
    const part = Number.parseInt(text.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  }) as Three;

const times = (rows: [Three, Three, Three], by: Three): Three =>
  rows.map((row) => row[0] * by[0] + row[1] * by[1] + row[2] * by[2]) as Three;

function oklab(light: Three): Three {
  const bounded = light.map((part) => Math.min(1, Math.max(0, part))) as Three;
  const cones = times(
    [
      [0.4122214708, 0.5363325363, 0.0514459929],
      [0.2119034982, 0.6806995451, 0.1073969566],
      [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    bounded,
  ).map(Math.cbrt) as Three;
  return times(
    [
      [0.2104542553, 0.793617785, -0.0040720468],
      [1.9779984951, -2.428592205, 0.4505937099],
      [0.0259040371, 0.7827717662, -0.808675766],
    ],
    cones,
  );
}

function tooNear(colours: Record<string, string>): string[] {
  const names = Object.keys(colours);
  const found: string[] = [];
  for (const [eye, rows] of Object.entries(EYES)) {
    const seen = names.map((name) => oklab(times(rows, linear(colours[name] as string))));
    for (let i = 0; i < names.length; i++)
      for (let j = 0; j < i; j++) {
        const apart = Math.hypot(...[0, 1, 2].map((k) => (seen[i]?.[k] ?? 0) - (seen[j]?.[k] ?? 0)));
        if (apart < APART) found.push(`${names[j]} and ${names[i]}, ${eye}: ${apart.toFixed(3)}`);
      }
  }
  return found;
}

/** Of `hsl(20 30% 40%)`. */
function hex(text: string): string {
  const [hue, saturation, lightness] = (text.match(/[\d.]+/g) ?? []).map(Number) as Three;
  const most = (saturation / 100) * Math.min(lightness / 100, 1 - lightness / 100);
  const part = (n: number) => {
    const k = (n + hue / 30) % 12;
    const value = lightness / 100 - most * Math.max(-1, Math.min(k - 3, 9 - k, 1));
    return Math.round(value * 255)
      .toString(16)
      .padStart(2, "0");
  };
  return `#${part(0)}${part(8)}${part(4)}`;
}

const [light, dark] = css.split(':root[data-theme="dark"]') as [string, string];
const read = (text: string, names: string[]): Record<string, string> =>
  Object.fromEntries(
    names.map((name) => [name, new RegExp(`--${name}: (#[0-9a-f]{6});`).exec(text)?.[1] ?? "none"]),
  );
const SERIES = [1, 2, 3, 4, 5, 6, 7].map((index) => `series-${index}`);

describe.each([
  ["light", light],
  ["dark", dark],
])("%s", (name, text) => {
  it("has series, kinds of tiles, circles, lanes and layers that differ", () => {
    expect(tooNear({ ...read(text, SERIES), running: RUNNING })).toEqual([]);
  });

  it("has states that differ from one another", () => {
    expect(tooNear(read(text, ["good", "warn", "bad"]))).toEqual([]);
  });

  it("has a difference's two ways", () => {
    const [more, less, same] = [0.1, -0.1, 0].map((differs) =>
      hex(differenceColour(differs, name === "dark")),
    );
    expect(tooNear({ more, less, same } as Record<string, string>)).toEqual([]);
  });
});

it("finds what only most people tell apart", () => {
  expect(tooNear({ red: "#c02020", green: "#5a7a10" })).not.toEqual([]);
});
