// SPDX-License-Identifier: MIT
// From what the server tells of a thread, some times a second, to tiles on its board. Pure.
// Rules:
// - What came and went between two tellings is not drawn; what stays keeps its place by the board's rules.
// - One is active if it runs or stands above one that runs; the others are suspended.
// - Beyond 200 suspended ones, those of one site that await in one place are one unit, which is placed as a tile of its own,
//   under whom its oldest stands under, until there are fewer than 150 again or it is unfolded.
// - A telling is taken in by steps, over as many frames as it needs. What is asked of a scene meanwhile is answered as of the
//   telling before; only places may be newer.

import type { AlgaeThread, ShapeLine, Tile } from "../documents";
import { finish, STRIDE, type Steps } from "../steps";
import { Board, type Id, type Placed } from "./board";

export const MERGE_FROM = 200;
export const MERGE_UNTIL = 150;
/** Rows below that one are filled in the order in which they were told. */
const DEEPEST = 1 << 20;

export interface Unit {
  id: Id;
  /** Of several: the oldest. */
  tile: Tile;
  count: number;
  oldestNs: number;
  /** Those that were told apart and can be unfolded. */
  members: number;
  isActive: boolean;
  isRunning: boolean;
  placed: Placed;
}

/** Suspended ones of one site. */
export interface Waiters {
  count: number;
  oldestNs: number;
  /** Of the oldest. */
  unit: Unit;
}

export interface Line {
  thread: number;
  axis: "depth" | "breadth";
  at: number;
  crossings: Crossing[];
  count: number;
  isOver: boolean;
  /** Judged by the server, on every call; asked: it has not told of it yet. */
  judge?: "asked" | "server";
}

export interface Crossing {
  /** Seconds; of the server since the target's start, else since the page was opened. */
  at: number;
  stack: Pick<Tile, "id" | "function" | "name" | "file" | "line">[];
  /** So many stand above the stack that was kept. */
  leftOut?: number;
}

export const siteOf = (tile: Tile): string =>
  `${tile.kind}|${tile.function}|${tile.line ?? ""}|${tile.awaits ?? ""}`;

interface Part {
  id: Id;
  parent: Id | null;
  tile: Tile;
  count: number;
  oldestNs: number;
  members: number;
  isActive: boolean;
}

/** What one telling says, as it is sorted out. */
class Telling {
  readonly byId = new Map<Id, Tile>();
  /** Those that run and all above them. */
  readonly active = new Set<Id>();
  top: Tile | null = null;
  suspended = 0;
  readonly parts = new Map<Id, Part>();
  /** By depth: whoever stands above comes first, whatever order they were told in. */
  readonly rows: Part[][] = [];
  /** Tiles that are drawn as a part of another name. */
  readonly merged = new Map<Id, Id>();

  readonly tiles: Tile[] = [];

  constructor(private readonly told: AlgaeThread["tiles"]) {}

  *read(): Steps {
    const running: Tile[] = [];
    let step = 0;
    for (let i = 0; i < this.told.length; i++) {
      const tile = this.told.at(i) as Tile;
      this.tiles.push(tile);
      this.byId.set(tile.id, tile);
      if (tile.running) running.push(tile);
      if (++step % STRIDE === 0) yield;
    }
    for (const tile of running) {
      if (!this.top || tile.depth > this.top.depth) this.top = tile;
      for (let at: Tile | undefined = tile; at && !this.active.has(at.id); ) {
        this.active.add(at.id);
        at = at.parent === null ? undefined : this.byId.get(at.parent);
        if (++step % STRIDE === 0) yield;
      }
    }
    for (const tile of this.tiles) {
      if (!this.active.has(tile.id)) this.suspended += tile.count ?? 1;
      if (++step % STRIDE === 0) yield;
    }
  }

  /** `unfolded` null: none are merged. */
  *sort(unfolded: Set<string> | null): Steps {
    let step = 0;
    if (unfolded) {
      const groups = new Map<string, Tile[]>();
      for (const tile of this.tiles) {
        if (++step % STRIDE === 0) yield;
        if (this.active.has(tile.id)) continue;
        const site = siteOf(tile);
        if (unfolded.has(site)) continue;
        const group = groups.get(site);
        if (group) group.push(tile);
        else groups.set(site, [tile]);
      }
      for (const [site, members] of groups)
        if (members.length > 1) yield* this.merge(`site ${site}`, members);
    }
    for (const tile of this.tiles) {
      if (++step % STRIDE === 0) yield;
      if (this.merged.has(tile.id)) continue;
      this.add({
        id: tile.id,
        parent: tile.parent,
        tile,
        count: tile.count ?? 1,
        oldestNs: tile.oldest_ns ?? tile.age_ns,
        members: 1,
        isActive: this.active.has(tile.id),
      });
    }
    if (!this.merged.size) return;
    for (const part of this.parts.values()) {
      if (part.parent !== null) part.parent = this.merged.get(part.parent) ?? part.parent;
      if (++step % STRIDE === 0) yield;
    }
  }

  private *merge(id: Id, members: Tile[]): Steps {
    let oldest = members[0] as Tile;
    let count = 0;
    let step = 0;
    for (const member of members) {
      this.merged.set(member.id, id);
      count += member.count ?? 1;
      if (member.age_ns > oldest.age_ns) oldest = member;
      if (++step % STRIDE === 0) yield;
    }
    const oldestNs = oldest.oldest_ns ?? oldest.age_ns;
    this.add({
      id,
      parent: oldest.parent,
      tile: oldest,
      count,
      oldestNs,
      members: members.length,
      isActive: false,
    });
  }

  private add(part: Part): void {
    const row = Math.min(part.tile.depth, DEEPEST);
    while (this.rows.length <= row) this.rows.push([]);
    this.parts.set(part.id, part);
    this.rows[row]?.push(part);
  }
}

export class Scene {
  readonly board = new Board();
  readonly unfolded = new Set<string>();
  readonly lines: Line[] = [];
  units = new Map<Id, Unit>();
  /** Those of several. */
  merged: Unit[] = [];
  /** By site. */
  waiting = new Map<string, Waiters>();
  top: Tile | null = null;
  suspended = 0;
  /** How deep and how wide it is now. Width counts what is merged, too. */
  depth = 0;
  breadth = 0;
  private isMerging = false;

  constructor(
    readonly thread: number,
    public name: string,
  ) {}

  sync(told: AlgaeThread, now: number): void {
    finish(this.take(told, now));
  }

  *take(told: AlgaeThread, now: number): Steps {
    const telling = new Telling(told.tiles);
    yield* telling.read();
    const suspended = telling.suspended;
    this.isMerging = this.isMerging ? suspended >= MERGE_UNTIL : suspended > MERGE_FROM;
    yield* telling.sort(this.isMerging ? this.unfolded : null);
    yield* this.clear(telling, now);
    yield* this.place(telling, now);
    this.name = told.name;
    for (const line of this.lines) this.watch(line, telling, now);
  }

  private *clear(telling: Telling, now: number): Steps {
    let step = 0;
    for (const placed of this.board.all()) {
      if (!telling.parts.has(placed.id)) this.board.remove(placed, now);
      if (++step % STRIDE === 0) yield;
    }
  }

  private *place(telling: Telling, now: number): Steps {
    const units = new Map<Id, Unit>();
    const wide: number[] = [];
    const waiting = new Map<string, Waiters>();
    const merged: Unit[] = [];
    let breadth = 0;
    let step = 0;
    for (const row of telling.rows) {
      for (const part of row) {
        if (++step % STRIDE === 0) yield;
        const { id, tile, count, oldestNs, members, isActive } = part;
        const placed = this.placeOf(part, now);
        const unit: Unit = {
          id,
          tile,
          count,
          oldestNs,
          members,
          isActive,
          isRunning: tile === telling.top,
          placed,
        };
        units.set(id, unit);
        while (wide.length <= placed.row) wide.push(0);
        const all = (wide[placed.row] ?? 0) + count;
        wide[placed.row] = all;
        breadth = Math.max(breadth, all);
        if (count > 1) merged.push(unit);
        if (!isActive) wait(waiting, unit);
      }
    }
    Object.assign(this, { units, merged, waiting, breadth, depth: wide.length });
    this.top = telling.top;
    this.suspended = telling.suspended;
  }

  private placeOf(part: Part, now: number): Placed {
    const above = part.parent === null || part.parent === part.id ? null : part.parent;
    const parent = above === null ? null : (this.board.get(above) ?? null);
    const placed = this.board.get(part.id);
    if (!placed) return this.board.add(part.id, parent, parent ? parent.row + 1 : part.tile.depth);
    // Without a parent that is there it stays: its resumer has returned.
    if (parent && placed.parent !== parent && !isBelow(parent, placed)) this.board.move(placed, parent, now);
    return placed;
  }

  /** What the server says of the lines of this thread: they are those that it has. */
  hear(told: ShapeLine[]): void {
    const isOf = (line: Line, one: ShapeLine) =>
      (line.axis === "depth" ? one.depth : one.width) === line.at && one.thread === this.thread;
    const isTold = (line: Line) => told.some((one) => isOf(line, one));
    for (const line of [...this.lines])
      if (line.judge === "server" && !isTold(line)) this.lines.splice(this.lines.indexOf(line), 1);
    for (const one of told) {
      if (one.thread !== this.thread) continue;
      let line = this.lines.find((line) => isOf(line, one));
      if (!line) {
        const [axis, at] = one.width ? ["breadth" as const, one.width] : ["depth" as const, one.depth ?? 0];
        line = { thread: one.thread, axis, at, crossings: [], count: 0, isOver: false };
        this.lines.push(line);
      }
      line.judge = "server";
      line.count = one.count;
      line.crossings = one.crossings.map((crossing) => ({
        at: crossing.at_ns / 1e9,
        leftOut: crossing.left_out,
        stack: crossing.stack.map((fn, i) => ({ id: i, function: fn })),
      }));
    }
  }

  private watch(line: Line, telling: Telling, now: number): void {
    const isOver = (line.axis === "depth" ? this.depth : this.breadth) > line.at;
    if (isOver && !line.isOver && !line.judge) {
      line.count++;
      if (line.crossings.length < 20) line.crossings.push({ at: now, stack: this.stackOf(telling, line) });
    }
    line.isOver = isOver;
  }

  /** Outermost first: of who runs, or, where none does, of the deepest. */
  private stackOf(telling: Telling, line: Line): Tile[] {
    let from = this.top;
    if (!from || (line.axis === "depth" && from.depth < line.at))
      for (const tile of telling.tiles) if (!from || tile.depth > from.depth) from = tile;
    const stack: Tile[] = [];
    for (
      let at = from;
      at && stack.length < 1000;
      at = at.parent === null ? null : (telling.byId.get(at.parent) ?? null)
    )
      stack.unshift(at);
    return stack;
  }
}

function wait(waiting: Map<string, Waiters>, unit: Unit): void {
  const site = siteOf(unit.tile);
  const group = waiting.get(site);
  if (!group) {
    waiting.set(site, { count: unit.count, oldestNs: unit.oldestNs, unit });
    return;
  }
  group.count += unit.count;
  if (unit.oldestNs > group.oldestNs) Object.assign(group, { oldestNs: unit.oldestNs, unit });
}

function isBelow(tile: Placed, above: Placed): boolean {
  for (let at: Placed | null = tile; at; at = at.parent) if (at === above) return true;
  return false;
}
