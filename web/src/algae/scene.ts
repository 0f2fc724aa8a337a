// SPDX-License-Identifier: MIT
// From what the server tells of a thread, some times a second, to tiles on its board. Pure.
// Rules:
// - What came and went between two tellings is not drawn; what stays keeps its place by the board's rules.
// - One is active if it runs or stands above one that runs; the others are suspended.
// - Beyond 200 suspended ones, those of one site that await in one place are one unit, which is placed as a tile of its own,
//   under whom its oldest stands under, until there are fewer than 150 again or it is unfolded.

import type { AlgaeThread, Tile } from "../documents";
import { Board, type Id, type Placed } from "./board";

export const MERGE_FROM = 200;
export const MERGE_UNTIL = 150;

export interface Unit {
  id: Id;
  /** Of several: the oldest. */
  tile: Tile;
  count: number;
  oldestNs: number;
  members: Tile[];
  isActive: boolean;
  isRunning: boolean;
  placed: Placed;
}

export interface Line {
  thread: number;
  axis: "depth" | "breadth";
  at: number;
  crossings: Crossing[];
  count: number;
  isOver: boolean;
}

export interface Crossing {
  at: number;
  stack: Tile[];
}

export const siteOf = (tile: Tile): string =>
  `${tile.kind}|${tile.function}|${tile.line ?? ""}|${tile.awaits ?? ""}`;

/** Those that run and all above them. */
export function activeOf(tiles: Tile[]): { active: Set<Id>; top: Tile | null } {
  const byId = new Map(tiles.map((tile) => [tile.id, tile]));
  const active = new Set<Id>();
  let top: Tile | null = null;
  for (const tile of tiles) {
    if (!tile.running) continue;
    if (!top || tile.depth > top.depth) top = tile;
    for (let at: Tile | undefined = tile; at && !active.has(at.id); ) {
      active.add(at.id);
      at = at.parent === null ? undefined : byId.get(at.parent);
    }
  }
  return { active, top };
}

interface Part {
  id: Id;
  parent: Id | null;
  tile: Tile;
  count: number;
  oldestNs: number;
  members: Tile[];
  isActive: boolean;
}

export class Scene {
  readonly board = new Board();
  readonly unfolded = new Set<string>();
  readonly lines: Line[] = [];
  units = new Map<Id, Unit>();
  /** Those of several. */
  merged: Unit[] = [];
  top: Tile | null = null;
  suspended = 0;
  private isMerging = false;

  constructor(
    readonly thread: number,
    public name: string,
  ) {}

  sync(told: AlgaeThread, now: number): void {
    this.name = told.name;
    const { active, top } = activeOf(told.tiles);
    this.top = top;
    this.suspended = told.tiles.reduce((sum, tile) => sum + (active.has(tile.id) ? 0 : (tile.count ?? 1)), 0);
    this.isMerging = this.isMerging ? this.suspended >= MERGE_UNTIL : this.suspended > MERGE_FROM;
    const parts = this.partsOf(told.tiles, active);
    this.place(parts, now);
    for (const line of this.lines) this.watch(line, told.tiles, now);
  }

  private partsOf(tiles: Tile[], active: Set<Id>): Part[] {
    const groups = new Map<string, Tile[]>();
    if (this.isMerging) {
      for (const tile of tiles) {
        const site = siteOf(tile);
        if (active.has(tile.id) || this.unfolded.has(site)) continue;
        const group = groups.get(site);
        if (group) group.push(tile);
        else groups.set(site, [tile]);
      }
    }
    const merged = new Map<Id, Id>();
    const parts: Part[] = [];
    for (const [site, members] of groups) {
      if (members.length < 2) continue;
      members.sort((one, other) => other.age_ns - one.age_ns);
      const oldest = members[0] as Tile;
      const id = `site ${site}`;
      for (const member of members) merged.set(member.id, id);
      const count = members.reduce((sum, member) => sum + (member.count ?? 1), 0);
      const oldestNs = Math.max(...members.slice(0, 1).map((member) => member.oldest_ns ?? member.age_ns));
      parts.push({ id, parent: oldest.parent, tile: oldest, count, oldestNs, members, isActive: false });
    }
    for (const tile of tiles) {
      if (merged.has(tile.id)) continue;
      const count = tile.count ?? 1;
      const oldestNs = tile.oldest_ns ?? tile.age_ns;
      const isActive = active.has(tile.id);
      parts.push({ id: tile.id, parent: tile.parent, tile, count, oldestNs, members: [tile], isActive });
    }
    for (const part of parts) if (part.parent !== null) part.parent = merged.get(part.parent) ?? part.parent;
    // Whoever stands above comes first, whatever order they were told in.
    return parts.sort((one, other) => one.tile.depth - other.tile.depth);
  }

  private place(parts: Part[], now: number): void {
    const told = new Set(parts.map((part) => part.id));
    for (const placed of [...this.board.all()]) if (!told.has(placed.id)) this.board.remove(placed, now);
    const units = new Map<Id, Unit>();
    for (const part of parts) {
      const parent =
        part.parent === null || part.parent === part.id ? null : (this.board.get(part.parent) ?? null);
      let placed = this.board.get(part.id);
      if (!placed) placed = this.board.add(part.id, parent, parent ? parent.row + 1 : part.tile.depth);
      // Without a parent that is there it stays: its resumer has returned.
      else if (parent && placed.parent !== parent && !isBelow(parent, placed))
        this.board.move(placed, parent, now);
      units.set(part.id, {
        id: part.id,
        tile: part.tile,
        count: part.count,
        oldestNs: part.oldestNs,
        members: part.members,
        isActive: part.isActive,
        isRunning: part.tile === this.top,
        placed,
      });
    }
    this.units = units;
    this.merged = [...units.values()].filter((unit) => unit.count > 1);
  }

  /** How deep and how wide it is now. Width counts what is merged, too. */
  extent(): { depth: number; breadth: number } {
    let depth = 0;
    const rows = new Map<number, number>();
    for (const unit of this.units.values()) {
      depth = Math.max(depth, unit.placed.row + 1);
      rows.set(unit.placed.row, (rows.get(unit.placed.row) ?? 0) + unit.count);
    }
    let breadth = 0;
    for (const count of rows.values()) breadth = Math.max(breadth, count);
    return { depth, breadth };
  }

  private watch(line: Line, tiles: Tile[], now: number): void {
    const { depth, breadth } = this.extent();
    const isOver = line.axis === "depth" ? depth > line.at : breadth > line.at;
    if (isOver && !line.isOver) {
      line.count++;
      if (line.crossings.length < 20) line.crossings.push({ at: now, stack: this.stackOf(tiles, line) });
    }
    line.isOver = isOver;
  }

  /** Outermost first: of who runs, or, where none does, of the deepest. */
  private stackOf(tiles: Tile[], line: Line): Tile[] {
    const byId = new Map(tiles.map((tile) => [tile.id, tile]));
    let from = this.top;
    if (!from || (line.axis === "depth" && from.depth < line.at))
      for (const tile of tiles) if (!from || tile.depth > from.depth) from = tile;
    const stack: Tile[] = [];
    for (
      let at = from;
      at && stack.length < 1000;
      at = at.parent === null ? null : (byId.get(at.parent) ?? null)
    )
      stack.unshift(at);
    return stack;
  }
}

function isBelow(tile: Placed, above: Placed): boolean {
  for (let at: Placed | null = tile; at; at = at.parent) if (at === above) return true;
  return false;
}
