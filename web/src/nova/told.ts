// SPDX-License-Identifier: MIT
// What Nova was told: births are taken in as they come; what is read of them is renewed apart.
// Why apart: a person reads a table two or three times a second, and making it takes longer than drawing all rays.
// Rules: the answers and then the table, each in a turn of its own (turns.ts); at once where somebody has asked for something else.

import { effect, signal } from "@preact/signals";
import type { View } from "../documents";
import { History } from "../history";
import { filterText, nowNs, shown, windowLength } from "../state";
import { inTurn } from "../turns";
import { type MadeRow, Nova, type NovaPicture, ShownTime, type Site } from "./model";
import { RayList } from "./rays";

interface NovaView extends View {
  picture?: NovaPicture;
}

/** What was made in the window, by types and lines that match the filter. */
export interface Made {
  view: NovaView;
  rows: MadeRow[];
  /** Since the start: that is the window, or it is not known for so long. */
  isWhole: boolean;
}

/** What rarely changes. */
export interface Facts {
  on: boolean;
  stride: number;
  left: number;
  sent: number;
  hasClocks: boolean;
}

const RENEWED_MS = 400;
export const nova = new Nova();
export const time = new ShownTime();
export const rays = new RayList();
/** A number for each telling that was taken. */
export const taken = signal(0);
export const facts = signal<Facts | null>(null);
/** For what is said, and for the table. */
export const made = signal<Made | null>(null);
export const tabled = signal<Made | null>(null);
/** What the list's times are reckoned from. */
export let epochNs = 0;
/** log2 of the bytes that reach the rim. */
export let topLog = 10;
let newRays = { from: 0, isOther: true };
const told = new History<NovaPicture>();
let renewedAt = 0;
let timer = 0;
let asked = "";

export const matches = (site: Site, text: string): boolean =>
  [site.type, site.name, site.place].some((part) => part.toLowerCase().includes(text));

/** Which rays are not in the list as they are; they are taken to be from now on. */
export function takeNewRays(): { from: number; isOther: boolean } {
  const rays = newRays;
  newRays = { from: nova.total, isOther: false };
  return rays;
}

function renew(): void {
  clearTimeout(timer);
  timer = 0;
  renewedAt = performance.now();
  const view = shown.peek() as NovaView | null;
  if (view?.id !== "nova" || !view.picture) return;
  const before = told.windowBegin(windowLength.peek());
  const text = filterText.peek().toLowerCase();
  const rows = nova.madeBetween(view.picture, before?.value ?? null);
  made.value = {
    view,
    rows: text ? rows.filter((row) => matches(row.site, text)) : rows,
    isWhole: before === null,
  };
  inTurn("Nova's table", () => {
    tabled.value = made.peek();
  });
}

const renewInTurn = () => inTurn("Nova's answers", renew);

function sayFacts(picture: NovaPicture): void {
  const now: Facts = {
    on: picture.on,
    stride: picture.stride,
    sent: picture.objects.length,
    left: picture.kinds - picture.objects.length,
    hasClocks: nova.clocks.length > 0,
  };
  if (JSON.stringify(now) !== JSON.stringify(facts.peek())) facts.value = now;
}

effect(() => {
  const view = shown.value as NovaView | null;
  if (view?.id !== "nova" || !view.picture) {
    made.value = tabled.value = facts.value = null;
    return;
  }
  performance.mark("ulma-fold");
  const now = nowNs();
  if (!epochNs || now < epochNs) epochNs = now;
  told.push(now, view.picture);
  time.push(now, performance.now());
  const pushed = nova.push(view.picture, now);
  for (let i = Math.max(pushed.from, nova.oldest()); i < pushed.to; i++)
    while (topLog < 32 && (nova.bytes[i % nova.bytes.length] as number) > 2 ** topLog) topLog += 2;
  newRays = {
    from: Math.min(newRays.from, pushed.from),
    isOther: newRays.isOther || pushed.isOther,
  };
  sayFacts(view.picture);
  const wished = JSON.stringify([view.sort, view.ascending]);
  if (!made.peek() || wished !== asked) renew();
  else if (!timer) timer = setTimeout(renewInTurn, renewedAt + RENEWED_MS - performance.now());
  asked = wished;
  taken.value = taken.peek() + 1;
  performance.measure("ulma-fold", "ulma-fold");
  performance.clearMarks("ulma-fold");
});
effect(() => {
  windowLength.value;
  filterText.value;
  if (made.peek()) renewInTurn();
});
