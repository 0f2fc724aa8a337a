// SPDX-License-Identifier: MIT
// What Nova draws: rays (births that were sampled), whose clock each is on, and where that clock's hand stood then.
// Why here: the server tells times, and births once; where a hand stands, and for how long a ray is seen, is the page's own.
// Rules: no DOM. Rays are a ring, the oldest give way. What comes twice is taken once, by its number.

import type { FunctionInfo } from "../documents";
import { shortPath } from "../format";
import { familyOf } from "./families";

/** type, function, line, births, deaths, live, bytes, live bytes, median life */
export type ObjectTuple = [
  string,
  number | null,
  number,
  number,
  number,
  number,
  number,
  number,
  number | null,
];

export interface NovaPicture {
  /** The source is on now. */
  on: boolean;
  /** Rows that there are, sent or not. */
  kinds: number;
  births_all: number;
  bytes_all: number;
  objects: ObjectTuple[];
  /** One of so many births is told. */
  stride: number;
  /** The number of the first that is told here. */
  first: number;
  from_ns: number;
  /** In each five: µs since the one before, object, bytes, thread, task. */
  births: number[];
  threads: [number, string, number][];
  tasks: [number, string | null, string | null, number][];
  times: Record<string, number>;
  functions: Record<string, FunctionInfo>;
}

export type By = "task" | "thread" | "function";
export const CAPACITY = 20480;
export const CLOCKS = 24;
/** The clock of all the others. */
export const OTHERS = "others";
const RATE_NS = 2e9;
/** More tasks of one coroutine, whose names nobody chose, are one clock. */
const ALIKE = 6;

export interface Site {
  key: string;
  type: string;
  function: number | null;
  line: number;
  family: number;
  name: string;
  place: string;
}

export interface Clock {
  key: string;
  name: string;
  /** Of the target's time, when: what it has run. The last two. */
  told: { at: number; ns: number }[];
  /** Births that are drawn, ever: for the classic hand. */
  count: number;
  births: number;
  bytes: number;
}

export const siteKey = (object: ObjectTuple): string => `${object[0]} ${object[1] ?? ""}:${object[2]}`;

/** What a clock had run at that time; before and after what was told, as it ran between. */
export function ranAt(told: Clock["told"], at: number): number {
  const [first, last] = [told[0], told[told.length - 1]];
  if (!first || !last) return 0;
  if (first === last) return last.ns * (last.at > 0 ? at / last.at : 1);
  const share = last.at > first.at ? (last.ns - first.ns) / (last.at - first.at) : 0;
  return Math.max(
    0,
    at >= first.at ? first.ns + share * (at - first.at) : first.ns - share * (first.at - at),
  );
}

/** Where a hand stands that turns once in so long. */
export const angleOf = (ranNs: number, turnNs: number): number => ((ranNs % turnNs) / turnNs) * 2 * Math.PI;

/** The target's time as it is shown: it follows what is told, evenly, and stands where nothing is. */
export class ShownTime {
  private from = 0;
  private to = 0;
  private since = 0;
  private span = 100;
  private isBegun = false;

  push(nowNs: number, pageMs: number): void {
    const shown = this.at(pageMs);
    const isBack = nowNs < this.to;
    this.span = Math.min(1000, Math.max(60, pageMs - this.since));
    this.from = this.isBegun && !isBack ? shown : nowNs;
    this.to = nowNs;
    this.since = pageMs;
    this.isBegun = true;
  }

  at(pageMs: number): number {
    const share = Math.min(1, Math.max(0, (pageMs - this.since) / this.span));
    return this.from + (this.to - this.from) * share;
  }

  get latest(): number {
    return this.to;
  }
}

export class Nova {
  readonly sites: Site[] = [];
  /** As it was when it was first told, by site. */
  private readonly firstTold: ObjectTuple[] = [];
  private readonly siteAt = new Map<string, number>();
  /* Of each ray; index: its place in the ring. */
  readonly at = new Float64Array(CAPACITY);
  readonly bytes = new Float64Array(CAPACITY);
  readonly site = new Uint32Array(CAPACITY);
  readonly thread = new Uint32Array(CAPACITY);
  readonly task = new Float64Array(CAPACITY);
  readonly stride = new Float32Array(CAPACITY);
  readonly clockOf = new Uint8Array(CAPACITY);
  readonly ran = new Float64Array(CAPACITY);
  readonly ordinal = new Float64Array(CAPACITY);
  /** Rays, ever. */
  total = 0;
  private next = 0;

  by: By = "task";
  /** In their places, `OTHERS` last where there are more. */
  clocks: Clock[] = [];
  private readonly clockAt = new Map<string, number>();
  private readonly times = new Map<string, Clock["told"]>();
  private readonly taskNames = new Map<number, { key: string; name: string; coroutine: string }>();
  private readonly alike = new Map<string, Set<number>>();
  private readonly threadNames = new Map<number, string>();
  private before: NovaPicture | null = null;
  private beforeAt = 0;
  birthsPerS = 0;
  bytesPerS = 0;
  strideNow = 1;

  /** Places in the ring of the rays that are new: [from, to), numbers that only rise. */
  push(told: NovaPicture, now: number): { from: number; to: number; isOther: boolean } {
    if (this.before && told.births_all < this.before.births_all) this.forget();
    this.strideNow = told.stride;
    this.takeTimes(told, now);
    const isOther = this.takeTasks(told);
    const sites = told.objects.map((object) => this.siteOf(object, told.functions));
    const from = this.total;
    let at = told.from_ns;
    for (let i = 0, number = told.first; i + 4 < told.births.length; i += 5, number++) {
      at += (told.births[i] as number) * 1000;
      if (number < this.next) continue;
      const site = sites[told.births[i + 1] as number];
      if (site === undefined) continue;
      const slot = this.total++ % CAPACITY;
      this.at[slot] = at;
      this.site[slot] = site;
      this.bytes[slot] = told.births[i + 2] as number;
      this.thread[slot] = told.births[i + 3] as number;
      this.task[slot] = told.births[i + 4] as number;
      this.stride[slot] = told.stride;
      this.place(slot);
    }
    this.next = Math.max(this.next, told.first + Math.floor(told.births.length / 5));
    this.takeRates(told, now);
    return { from: isOther ? this.oldest() : from, to: this.total, isOther };
  }

  /** When the last of them was born. */
  newestNs(): number {
    return this.total ? (this.at[(this.total - 1) % CAPACITY] as number) : 0;
  }

  oldest(): number {
    return Math.max(0, this.total - CAPACITY);
  }

  setBy(by: By): void {
    this.by = by;
    this.replace();
  }

  forget(): void {
    this.total = 0;
    this.next = 0;
    this.before = null;
    this.birthsPerS = this.bytesPerS = 0;
    this.replace();
  }

  /** What a ray's clock is called. */
  clockName(slot: number): string {
    return this.clocks[this.clockOf[slot] as number]?.name ?? "";
  }

  /** Types and lines of one clock's rays of the last so many ns until the newest, by estimated births. */
  madeBy(clock: number, lastNs: number): { site: Site; births: number; bytes: number }[] {
    const sums = new Map<number, { site: Site; births: number; bytes: number }>();
    for (let i = this.total - 1; i >= this.oldest(); i--) {
      const slot = i % CAPACITY;
      if ((this.at[slot] as number) < this.newestNs() - lastNs) break;
      if (this.clockOf[slot] !== clock) continue;
      const index = this.site[slot] as number;
      let sum = sums.get(index);
      if (!sum) {
        sum = { site: this.sites[index] as Site, births: 0, bytes: 0 };
        sums.set(index, sum);
      }
      const stride = this.stride[slot] as number;
      sum.births += stride;
      sum.bytes += stride * (this.bytes[slot] as number);
    }
    return [...sums.values()].sort((one, other) => other.births - one.births);
  }

  private siteOf(object: ObjectTuple, functions: NovaPicture["functions"]): number {
    const key = siteKey(object);
    const known = this.siteAt.get(key);
    if (known !== undefined) return known;
    const [type, fn, line] = object;
    const info = fn === null ? undefined : functions[String(fn)];
    this.sites.push({
      key,
      type,
      function: fn,
      line,
      family: familyOf(type),
      name: info?.name ?? (fn === null ? "(no Python function)" : String(fn)),
      place: info?.file ? `${shortPath(info.file)}${line ? `:${line}` : ""}` : "",
    });
    this.siteAt.set(key, this.sites.length - 1);
    this.firstTold.push(object);
    return this.sites.length - 1;
  }

  private takeTimes(told: NovaPicture, now: number): void {
    const take = (key: string, ns: number) => {
      const known = this.times.get(key) ?? [];
      const last = known[known.length - 1];
      if (last && last.at >= now) known.length = 0;
      known.push({ at: now, ns });
      if (known.length > 2) known.shift();
      this.times.set(key, known);
    };
    for (const [number, name, ns] of told.threads) {
      take(`thread ${number}`, ns);
      this.threadNames.set(number, name);
    }
    const sums = new Map<string, number>();
    for (const [id, name, coroutine, ns] of told.tasks) {
      const key = this.taskNames.get(id)?.key ?? this.nameTask(id, name, coroutine);
      sums.set(key, (sums.get(key) ?? 0) + ns);
    }
    for (const [key, ns] of sums) {
      // Of several that are one clock, one that has ended takes its time with it.
      const last = this.times.get(key)?.at(-1);
      take(key, last ? Math.max(last.ns, ns) : ns);
    }
    for (const [fn, ns] of Object.entries(told.times)) {
      take(`function ${fn}`, ns);
      const info = told.functions[fn];
      if (info) this.functionNames.set(Number(fn), info.name);
    }
  }
  private readonly functionNames = new Map<number, string>();

  private nameTask(id: number, name: string | null, coroutine: string | null): string {
    const isOwn = name !== null && !/^Task-\d+$/.test(name);
    const key = isOwn ? `task ${name}` : `task ${id}`;
    const kind = coroutine ?? "task";
    this.taskNames.set(id, { key, name: isOwn ? (name as string) : kind, coroutine: isOwn ? "" : kind });
    return key;
  }

  /** True: some are one clock from now on that had their own. */
  private takeTasks(told: NovaPicture): boolean {
    let isOther = false;
    for (const [id] of told.tasks) {
      const known = this.taskNames.get(id);
      if (!known?.coroutine) continue;
      const all = this.alike.get(known.coroutine) ?? new Set();
      this.alike.set(known.coroutine, all);
      if (all.has(id)) continue;
      all.add(id);
      if (all.size <= ALIKE) continue;
      for (const one of all) {
        const task = this.taskNames.get(one);
        if (task && task.key !== `tasks ${known.coroutine}`) {
          task.key = `tasks ${known.coroutine}`;
          task.name = `${known.coroutine} ×`;
          isOther = true;
        }
      }
    }
    if (isOther) this.replace();
    return isOther;
  }

  private keyOf(slot: number): { key: string; name: string } {
    const thread = this.thread[slot] as number;
    const ofThread = () => ({
      key: `thread ${thread}`,
      name: this.threadNames.get(thread) ?? `thread ${thread}`,
    });
    if (this.by === "function") {
      const site = this.sites[this.site[slot] as number];
      const fn = site?.function;
      if (fn === null || fn === undefined) return { key: "function", name: "(no Python function)" };
      return { key: `function ${fn}`, name: this.functionNames.get(fn) ?? site?.name ?? String(fn) };
    }
    const task = this.task[slot] as number;
    if (this.by === "thread" || !task) return ofThread();
    return this.taskNames.get(task) ?? { key: "tasks that ended", name: "tasks that ended" };
  }

  private clockFor(slot: number): number {
    const { key, name } = this.keyOf(slot);
    const known = this.clockAt.get(key);
    if (known !== undefined) return known;
    const isLast = this.clocks.length >= CLOCKS;
    if (isLast && this.clocks.length > CLOCKS) return CLOCKS;
    const made: Clock = {
      key: isLast ? OTHERS : key,
      name: isLast ? "all others" : name,
      told: [],
      count: 0,
      births: 0,
      bytes: 0,
    };
    this.clocks.push(made);
    if (!isLast) this.clockAt.set(key, this.clocks.length - 1);
    return this.clocks.length - 1;
  }

  private place(slot: number): void {
    const index = this.clockFor(slot);
    const clock = this.clocks[index] as Clock;
    clock.told = this.times.get(clock.key) ?? clock.told;
    this.clockOf[slot] = index;
    this.ordinal[slot] = clock.count++;
    this.ran[slot] = ranAt(clock.told, this.at[slot] as number);
  }

  /** All rays anew, the busiest of late first where there are more keys than clocks. */
  private replace(): void {
    const weights = new Map<string, { name: string; weight: number; first: number }>();
    for (let i = this.oldest(); i < this.total; i++) {
      const slot = i % CAPACITY;
      const { key, name } = this.keyOf(slot);
      const known = weights.get(key) ?? { name, weight: 0, first: i };
      known.weight += this.stride[slot] as number;
      weights.set(key, known);
    }
    const busiest = [...weights].sort(([, one], [, other]) => other.weight - one.weight).slice(0, CLOCKS);
    busiest.sort(([, one], [, other]) => one.first - other.first);
    this.clocks = busiest.map(([key, { name }]) => ({
      key,
      name,
      told: this.times.get(key) ?? [],
      count: 0,
      births: 0,
      bytes: 0,
    }));
    this.clockAt.clear();
    this.clocks.forEach((clock, index) => {
      this.clockAt.set(clock.key, index);
    });
    for (let i = this.oldest(); i < this.total; i++) this.place(i % CAPACITY);
    this.shareOut();
  }

  /** Births and bytes a second: all of them counted; whose they are, as the rays have it. */
  private takeRates(told: NovaPicture, now: number): void {
    const since = this.before ? now - this.beforeAt : 0;
    if (!this.before || since < 0) {
      this.before = told;
      this.beforeAt = now;
      return;
    }
    if (since >= 0.4e9) {
      this.birthsPerS = ((told.births_all - this.before.births_all) / since) * 1e9;
      this.bytesPerS = ((told.bytes_all - this.before.bytes_all) / since) * 1e9;
      this.before = told;
      this.beforeAt = now;
    }
    this.shareOut();
    this.makeRoom();
  }

  /** Of the newest rays, which may be late: the collector may be behind. */
  private shareOut(): void {
    for (const clock of this.clocks) clock.births = clock.bytes = 0;
    const newest = this.newestNs();
    let [births, bytes] = [0, 0];
    for (let i = this.total - 1; i >= this.oldest(); i--) {
      const slot = i % CAPACITY;
      if ((this.at[slot] as number) < newest - RATE_NS) break;
      const stride = this.stride[slot] as number;
      const weight = stride * (this.bytes[slot] as number);
      const clock = this.clocks[this.clockOf[slot] as number];
      births += stride;
      bytes += weight;
      if (!clock) continue;
      clock.births += stride;
      clock.bytes += weight;
    }
    for (const clock of this.clocks) {
      clock.births = births ? (clock.births / births) * this.birthsPerS : 0;
      clock.bytes = bytes ? (clock.bytes / bytes) * this.bytesPerS : 0;
    }
  }

  /** One of the others that is far busier than the idlest clock takes its place. */
  private makeRoom(): void {
    if (this.clocks.length <= CLOCKS) return;
    const others = this.clocks[CLOCKS] as Clock;
    const idlest = Math.min(...this.clocks.slice(0, CLOCKS).map((clock) => clock.births));
    if (others.births > 4 * idlest + 10) this.replace();
  }

  /** What was made since `before`; null: since the start. */
  madeBetween(now: NovaPicture, before: NovaPicture | null): MadeRow[] {
    const then = new Map((before?.objects ?? []).map((object) => [siteKey(object), object]));
    const isWhole = before !== null && before.objects.length >= before.kinds;
    const rows: MadeRow[] = [];
    for (const object of now.objects) {
      const index = this.siteAt.get(siteKey(object));
      const site = index === undefined ? undefined : this.sites[index];
      if (index === undefined || !site) continue;
      // What was not among those that are sent may have been there: it counts from when it was.
      const was = before && (then.get(site.key) ?? (isWhole ? undefined : this.firstTold[index]));
      const row = {
        site,
        births: object[3] - (was?.[3] ?? 0),
        deaths: object[4] - (was?.[4] ?? 0),
        live: object[5],
        bytes: object[6] - (was?.[6] ?? 0),
        liveBytes: object[7],
        lifeNs: object[8],
      };
      if (!before || row.births || row.deaths) rows.push(row);
    }
    return rows;
  }
}

/** A table's row of a window. */
export interface MadeRow {
  site: Site;
  births: number;
  deaths: number;
  live: number;
  bytes: number;
  liveBytes: number;
  lifeNs: number | null;
}
