// SPDX-License-Identifier: MIT
// The page as one file: its own script and style, and all that it was told, in one HTML document that opens without a server.
// Rules: nothing in it asks for anything; filter and order work on what was saved, and windows are those that were saved.

import { batch, effect } from "@preact/signals";
import type { Connection } from "./connection";
import type { State, Target, View, ViewEntry } from "./documents";
import {
  followAddress,
  link,
  type Moment,
  moments,
  shown,
  state,
  target,
  views,
  type Wish,
  wish,
} from "./state";

const ELEMENT = "ulma-saved";
const ROWS = 2000;
const FUNCTIONS = 100;

export interface Saved {
  at: string;
  state: State;
  target: Target | null;
  moments: Moment[];
  views: ViewEntry[];
  documents: Record<string, View>;
  wish: Wish;
}

const keyOf = (view: string, window: string, fn?: number): string => `${view} ${window} ${fn ?? ""}`;

async function gather(connection: Connection): Promise<Saved> {
  const documents: Record<string, View> = {};
  const now = wish.peek();
  const windows = [...new Set([now.window, "all" as const])];
  const ask = async (view: string, window: Wish["window"], fn?: number) => {
    const asked: Wish = { ...now, view, window, sort: "", ascending: false, filter: "", limit: ROWS };
    delete asked.function;
    if (fn !== undefined) asked.function = fn;
    const told = await connection.view(asked);
    documents[keyOf(view, window, fn)] = told;
    return told;
  };
  for (const entry of views.peek()) {
    if (!entry.available || entry.id === "function") continue;
    for (const window of windows) await ask(entry.id, window);
  }
  const rows = documents[keyOf("functions", now.window)]?.rows ?? [];
  const functions = new Set(rows.slice(0, FUNCTIONS).map((row) => row.function));
  if (now.function !== undefined) functions.add(now.function);
  for (const fn of functions) if (typeof fn === "number") await ask("function", "all", fn);
  return {
    at: new Date().toISOString(),
    state: state.peek(),
    target: target.peek(),
    moments: moments.peek(),
    views: views.peek(),
    documents,
    wish: now,
  };
}

async function textOf(address: string): Promise<string> {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${new URL(address).pathname}: ${answer.status}`);
  return answer.text();
}

/** The document. */
export async function savedPage(connection: Connection): Promise<string> {
  const script = document.querySelector<HTMLScriptElement>("script[src]");
  const style = document.querySelector<HTMLLinkElement>("link[rel=stylesheet]");
  const icon = document.querySelector<HTMLLinkElement>("link[rel=icon]");
  if (!script || !style) throw new Error("the page does not find itself");
  const [code, sheet, saved] = await Promise.all([
    textOf(script.src),
    textOf(style.href),
    gather(connection),
  ]);
  const data = JSON.stringify(saved).replace(/</g, "\\u003c");
  const title = (saved.target?.command ?? "ulma").replace(/&/g, "&amp;").replace(/</g, "&lt;");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:">
<title>${title} – ulma</title>
<link rel="icon" href="${icon?.getAttribute("href") ?? "data:,"}">
<style>${sheet.replace(/<\/style/g, "<\\/style")}</style>
</head>
<body>
<script type="application/json" id="${ELEMENT}">${data}</script>
<script type="module">${code.replace(/<\/script/g, "<\\/script")}</script>
</body>
</html>
`;
}

export function findSaved(): Saved | null {
  const element = document.getElementById(ELEMENT);
  return element ? (JSON.parse(element.textContent ?? "null") as Saved | null) : null;
}

/** What the server would answer, from what it has answered. */
export function answer(saved: Saved, asked: Wish): View | null {
  const found =
    saved.documents[keyOf(asked.view, asked.window, asked.function)] ??
    saved.documents[keyOf(asked.view, "all", asked.function)] ??
    saved.documents[keyOf(asked.view, saved.wish.window, asked.function)];
  if (!found) {
    const reason = asked.view === "function" ? "This function's view was not saved." : "This was not saved.";
    return { id: asked.view, available: false, reason, columns: [], rows: [] };
  }
  // Of trees and of tables with headings the order is the meaning.
  const rows = found.rows ?? [];
  const columns = found.columns ?? [];
  if (asked.view === "timeline" || rows.some((row) => row.heading || row.depth)) return found;
  const text = asked.filter.toLowerCase();
  const kept = rows.filter(
    (row) =>
      !text || row.cells?.some((cell) => typeof cell === "string" && cell.toLowerCase().includes(text)),
  );
  const at = columns.findIndex((column) => column.id === asked.sort);
  if (at < 0) return { ...found, rows: kept, total: kept.length };
  const way = asked.ascending ? 1 : -1;
  kept.sort((one, other) => {
    const [a, b] = [one.cells?.[at] ?? null, other.cells?.[at] ?? null];
    if (a === null || b === null) return Number(a === null) - Number(b === null);
    return a === b ? 0 : way * (a < b ? -1 : 1);
  });
  return { ...found, rows: kept, total: kept.length, sort: asked.sort, ascending: asked.ascending };
}

export function openSaved(saved: Saved): void {
  batch(() => {
    link.value = "saved";
    state.value = saved.state;
    target.value = saved.target;
    moments.value = saved.moments;
    views.value = saved.views;
  });
  followAddress(saved.wish);
  effect(() => {
    shown.value = answer(saved, wish.value);
  });
}

export function download(name: string, content: Blob): void {
  const url = URL.createObjectURL(content);
  const anchor = document.createElement("a");
  anchor.href = url;
  anchor.download = name;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

export function fileName(kind: string): string {
  const command = (target.peek()?.command ?? "ulma").split(/\s/)[0] ?? "";
  const base = (command.split("/").pop() ?? "").replace(/[^\w.-]/g, "") || "ulma";
  const at = new Date().toISOString().replace(/[-:]/g, "").slice(0, 15);
  return `ulma-${base}-${at}.${kind}`;
}
