// SPDX-License-Identifier: MIT
// Which colour a function has: of its module, so that a library is one hue; never the only thing that tells.

import type { FunctionInfo } from "./documents";

function hash(text: string): number {
  let value = 2166136261;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 16777619);
  return value >>> 0;
}

/** The top package: `asyncio` of `asyncio.base_events`. */
export const family = (fn: FunctionInfo | undefined): string =>
  (fn?.module || fn?.file || "").split(".")[0] ?? "";

export function functionColour(fn: FunctionInfo | undefined, isDark: boolean): string {
  const name = family(fn);
  if (!name) return isDark ? "hsl(220 8% 32%)" : "hsl(220 12% 86%)";
  // The program itself is warm, whatever it is called; libraries are spread over the rest of the circle.
  const own = name === "__main__";
  const hue = own ? 42 : 150 + (hash(name) % 190);
  const shade = hash(fn?.name ?? "") % 7;
  if (isDark) return `hsl(${hue} ${own ? 62 : 34}% ${30 + shade}%)`;
  return `hsl(${hue} ${own ? 90 : 55}% ${80 - shade * 1.4}%)`;
}
