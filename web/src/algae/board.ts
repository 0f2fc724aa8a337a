// SPDX-License-Identifier: MIT
// Algae's board: where each activation of a thread stands. Pure.
// Why: a place that means something must not move by itself, whatever else comes and goes.
// Rules:
// - Row: one below whoever called or resumed it; the outermost is in row 0.
// - Column of a call: the first free one of that row, from its caller's column on. Where activations end in the order
//   in which Icon ends them, the last first, that is the elder sibling's next, which is Algae's own rule
//   (test/board.test.ts compares them); a generator that ends before younger ones leaves a hole,
//   and the next to come fills it: a server that runs for days does not grow to the right.
// - Resumed by whoever it stands under: it stays. By another: it moves into the row below that one, with all that stands
//   under it, and keeps its column if that is free; else it gets one as a call does.
// - Yield: it stays. Return, throw out, close: its cell is vacated; what is suspended under it is handed to its
//   parent, behind that one's others, and stays where it stands.
// - A tile's identity is the activation's own: which of its parent's children it is does not matter.

export type Id = number | string;

export interface Placed {
  id: Id;
  parent: Placed | null;
  /** In the order in which they came. */
  children: Set<Placed>;
  row: number;
  column: number;
}

const MOST_TRAIL = 200_000;

export class Board {
  private readonly tiles = new Map<Id, Placed>();
  private readonly taken: Map<number, Placed>[] = [];
  /** By row: all columns below it are taken. */
  private readonly low: number[] = [];
  private readonly outermost = new Set<Placed>();
  /** Cells that were left, by row and column, and when. A cell that is taken again is still in it. */
  readonly trail = new Map<number, number>();
  current: Placed | null = null;
  /** As far as any tile has been, down and to the right. */
  rows = 1;
  columns = 1;

  get size(): number {
    return this.tiles.size;
  }

  all(): IterableIterator<Placed> {
    return this.tiles.values();
  }

  get(id: Id): Placed | undefined {
    return this.tiles.get(id);
  }

  isTaken(row: number, column: number): boolean {
    return this.taken[row]?.has(column) ?? false;
  }

  at(row: number, column: number): Placed | undefined {
    return this.taken[row]?.get(column);
  }

  static cell(row: number, column: number): number {
    return row * 1_048_576 + column;
  }

  /* What happens in the thread. */

  call(id: Id): Placed {
    const tile = this.add(id, this.current);
    this.current = tile;
    return tile;
  }

  /** The current one returns, raises or is closed. */
  leave(now = 0): void {
    const left = this.current;
    if (!left) return;
    this.current = left.parent;
    this.remove(left, now);
  }

  yield(): void {
    if (this.current) this.current = this.current.parent;
  }

  /** next(), send(), throw() or await, by the current one. */
  resume(id: Id): void {
    const tile = this.tiles.get(id);
    if (!tile) return;
    if (tile.parent !== this.current) this.move(tile, this.current);
    this.current = tile;
  }

  /** One that does not run is dropped, without a word of its own. */
  drop(id: Id, now = 0): void {
    const tile = this.tiles.get(id);
    if (tile) this.remove(tile, now);
  }

  /* The same, by name: for boards that are told the outcome alone. */

  add(id: Id, parent: Placed | null, row = parent ? parent.row + 1 : 0): Placed {
    const tile: Placed = { id, parent, children: new Set(), row, column: 0 };
    tile.column = this.firstFree(row, parent ? parent.column : 0);
    this.take(tile);
    (parent ? parent.children : this.outermost).add(tile);
    this.tiles.set(id, tile);
    return tile;
  }

  remove(tile: Placed, now: number): void {
    this.unlink(tile);
    const heirs = tile.parent ? tile.parent.children : this.outermost;
    for (const child of tile.children) {
      child.parent = tile.parent;
      heirs.add(child);
    }
    tile.children.clear();
    this.vacate(tile, now);
    this.tiles.delete(tile.id);
  }

  move(tile: Placed, parent: Placed | null, now = 0): void {
    this.unlink(tile);
    tile.parent = parent;
    (parent ? parent.children : this.outermost).add(tile);
    // The whole branch leaves its cells before it takes others, so that it is not in its own way.
    const branch: Placed[] = [tile];
    for (let i = 0; i < branch.length; i++) branch.push(...(branch[i] as Placed).children);
    for (const one of branch) this.vacate(one, now);
    const stack: Placed[] = [tile];
    for (let one = stack.pop(); one; one = stack.pop()) {
      one.row = one.parent ? one.parent.row + 1 : 0;
      if (this.isTaken(one.row, one.column)) one.column = this.firstFree(one.row, one.parent?.column ?? 0);
      this.take(one);
      stack.push(...[...one.children].reverse());
    }
  }

  forgetTrail(): void {
    this.trail.clear();
    this.rows = 1;
    this.columns = 1;
    for (const tile of this.tiles.values()) this.reach(tile);
  }

  private reach(tile: Placed): void {
    if (tile.row >= this.rows) this.rows = tile.row + 1;
    if (tile.column >= this.columns) this.columns = tile.column + 1;
  }

  private unlink(tile: Placed): void {
    (tile.parent ? tile.parent.children : this.outermost).delete(tile);
  }

  private take(tile: Placed): void {
    let row = this.taken[tile.row];
    if (!row) {
      for (let i = this.taken.length; i <= tile.row; i++) {
        this.taken.push(new Map());
        this.low.push(0);
      }
      row = this.taken[tile.row] as Map<number, Placed>;
    }
    row.set(tile.column, tile);
    this.reach(tile);
  }

  private vacate(tile: Placed, now: number): void {
    this.taken[tile.row]?.delete(tile.column);
    if (tile.column < (this.low[tile.row] ?? 0)) this.low[tile.row] = tile.column;
    if (this.trail.size < MOST_TRAIL) this.trail.set(Board.cell(tile.row, tile.column), now);
  }

  private firstFree(row: number, from: number): number {
    const taken = this.taken[row];
    if (!taken) return from;
    let low = this.low[row] ?? 0;
    while (taken.has(low)) low++;
    this.low[row] = low;
    let column = Math.max(from, low);
    while (taken.has(column)) column++;
    return column;
  }
}
