// SPDX-License-Identifier: MIT
// Numbers as a person reads them: three digits that count, and a unit.

import type { Cell, CellKind } from "./documents";

function threeDigits(value: number): string {
  const size = Math.abs(value);
  if (size >= 99.95) return value.toFixed(0);
  return size >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}

function scaled(value: number, units: [number, string][]): string {
  for (const [factor, unit] of units) {
    // 999.6 of a unit would be printed as 1000 of it: it is one of the next.
    if (Math.abs(value) >= factor * 0.9995) return threeDigits(value / factor) + unit;
  }
  const [factor, unit] = units[units.length - 1] as [number, string];
  return threeDigits(value / factor) + unit;
}

export function formatTime(ns: number): string {
  if (ns === 0) return "0";
  if (Math.abs(ns) < 1000) return `${Math.round(ns)} ns`;
  if (Math.abs(ns) >= 60e9) {
    const seconds = Math.round(ns / 1e9);
    const minutes = Math.floor(seconds / 60);
    const two = (part: number) => String(part).padStart(2, "0");
    if (minutes < 60) return `${minutes}:${two(seconds % 60)} min`;
    return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)} h`;
  }
  return scaled(ns, [
    [1e9, " s"],
    [1e6, " ms"],
    [1e3, " µs"],
  ]);
}

export function formatBytes(bytes: number): string {
  if (Math.abs(bytes) < 1000) return `${Math.round(bytes)} B`;
  return scaled(bytes, [
    [2 ** 40, " TB"],
    [2 ** 30, " GB"],
    [2 ** 20, " MB"],
    [2 ** 10, " kB"],
  ]);
}

export const formatCount = (count: number): string =>
  Math.round(count)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ",");

export function formatRate(rate: number): string {
  if (rate === 0) return "0";
  if (Math.abs(rate) < 1000) return threeDigits(rate);
  return scaled(rate, [
    [1e9, " G"],
    [1e6, " M"],
    [1e3, " k"],
  ]);
}

export const formatPercent = (percent: number): string =>
  percent === 0 ? "0" : percent.toFixed(percent >= 99.95 ? 0 : 1);

export function formatCell(value: Cell | undefined, kind: CellKind): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "string") return value;
  switch (kind) {
    case "time":
      return formatTime(value);
    case "bytes":
      return formatBytes(value);
    case "percent":
      return formatPercent(value);
    case "rate":
      return formatRate(value);
    default:
      return formatCount(value);
  }
}

/** `package/module.py`: as much as tells one from another, as in the tables. */
export const shortPath = (path: string): string => path.split("/").slice(-2).join("/");
