// SPDX-License-Identifier: MIT
// Light, dark or as the system has it; and the colours that canvases need as numbers.

import { computed, effect, signal } from "@preact/signals";

export type Theme = "light" | "dark";
const system = matchMedia("(prefers-color-scheme: dark)");
const systemIsDark = signal(system.matches);
system.addEventListener("change", () => {
  systemIsDark.value = system.matches;
});
const chosen = signal<Theme | null>(null);
export const theme = computed<Theme>(() => chosen.value ?? (systemIsDark.value ? "dark" : "light"));
effect(() => {
  document.documentElement.dataset.theme = theme.value;
});

export function turnTheme(): void {
  chosen.value = theme.value === "dark" ? "light" : "dark";
}

export interface Palette {
  ink: string;
  soft: string;
  faint: string;
  line: string;
  paper: string;
  panel: string;
  accent: string;
  warn: string;
  bad: string;
  series: string[];
}

const NAMES = ["ink", "soft", "faint", "line", "paper", "panel", "accent", "warn", "bad"] as const;

/** The style sheet's colours; read again for each theme. */
export const palette = computed<Palette>(() => {
  theme.value;
  document.documentElement.dataset.theme = theme.value;
  const style = getComputedStyle(document.documentElement);
  const read = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const colours = Object.fromEntries(NAMES.map((name) => [name, read(name)])) as Omit<Palette, "series">;
  return { ...colours, series: [1, 2, 3, 4, 5, 6, 7].map((index) => read(`series-${index}`)) };
});
