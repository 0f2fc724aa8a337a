// SPDX-License-Identifier: MIT
// The board against two other ways to say the same: the rules written down slowly, and Algae as Jeffery's was
// described, on what Icon's programs can do.
import { expect, test } from "vitest";
import { Board } from "../src/algae/board";
import { randomly } from "./random";

interface Slow {
  id: number;
  under: number;
  row: number;
  column: number;
  /** Behind all with a smaller one among its parent's. */
  order: number;
}

/** Activations as a bare list; every question is answered by looking at all of them. */
class SlowBoard {
  list: Slow[] = [];
  running: number[] = [];
  private clock = 0;

  find(id: number): Slow {
    return this.list.find((one) => one.id === id) as Slow;
  }
  children(id: number): Slow[] {
    return this.list.filter((one) => one.under === id).sort((one, other) => one.order - other.order);
  }
  isFree(row: number, column: number): boolean {
    return this.list.every((one) => one.row !== row || one.column !== column);
  }
  where(under: number): { row: number; column: number } {
    if (under < 0) return { row: -1, column: 0 };
    return this.find(under);
  }
  place(one: Slow): void {
    const above = this.where(one.under);
    const row = above.row + 1;
    let column = one.column;
    if (column < 0 || !this.isFree(row, column)) {
      column = above.column;
      while (!this.isFree(row, column)) column++;
    }
    one.row = row;
    one.column = column;
  }
  top(): number {
    return this.running[this.running.length - 1] ?? -1;
  }
  call(id: number): void {
    const one = { id, under: this.top(), row: -1, column: -1, order: this.clock++ };
    this.place(one);
    this.list.push(one);
    this.running.push(id);
  }
  yield(): void {
    this.running.pop();
  }
  end(id: number): void {
    const gone = this.find(id);
    for (const child of this.children(id)) {
      child.under = gone.under;
      child.order = this.clock++;
    }
    this.list = this.list.filter((one) => one !== gone);
    this.running = this.running.filter((one) => one !== id);
  }
  resume(id: number): void {
    const one = this.find(id);
    if (one.under !== this.top()) {
      one.under = this.top();
      one.order = this.clock++;
      // All of the branch is lifted from the board, then put down from the top.
      const branch: Slow[] = [];
      const gather = (at: Slow) => {
        branch.push(at);
        for (const child of this.children(at.id)) gather(child);
      };
      gather(one);
      for (const at of branch) at.row = -2;
      for (const at of branch) this.place(at);
    }
    this.running.push(id);
  }
}

function same(board: Board, slow: SlowBoard): void {
  const told = slow.list.map((one) => `${one.id} under ${one.under}: ${one.row}, ${one.column}`);
  const drawn = slow.list.map(({ id }) => {
    const tile = board.get(id);
    return `${id} under ${tile?.parent?.id ?? -1}: ${tile?.row}, ${tile?.column}`;
  });
  // One comparison of text: a matcher for each of a million tiles would take minutes.
  if (drawn.join() !== told.join()) expect(drawn).toEqual(told);
  if (new Set(slow.list.map((one) => `${one.row}:${one.column}`)).size !== board.size)
    expect.fail("two tiles in one cell");
  if ((board.current?.id ?? -1) !== slow.top()) expect(board.current?.id ?? -1).toBe(slow.top());
}

test("calls, returns, yields, resumes by anyone, throws and closes: as the rules say", () => {
  randomly(400, (random) => {
    const board = new Board();
    const slow = new SlowBoard();
    let next = 0;
    const many = 1 + random.below(120);
    const start = () => {
      board.call(next);
      slow.call(next);
      next++;
    };
    for (let step = 0; step < many; step++) {
      const suspended = slow.list.filter((one) => !slow.running.includes(one.id));
      const any = () => (suspended[random.below(suspended.length)] as Slow).id;
      const isRunning = slow.running.length > 0;
      switch (random.below(8)) {
        case 0:
        case 1:
        case 2:
          if (slow.running.length < 12) start();
          break;
        case 3: // return, or an exception that goes through
          if (!isRunning) break;
          slow.end(slow.top());
          board.leave();
          break;
        case 4:
          if (!isRunning) break;
          slow.yield();
          board.yield();
          break;
        case 5: // next() or send(), by whoever runs
          if (!suspended.length) break;
          {
            const id = any();
            slow.resume(id);
            board.resume(id);
          }
          break;
        case 6: // throw(): it goes on, and either yields again or ends
          if (!suspended.length) break;
          {
            const id = any();
            slow.resume(id);
            board.resume(id);
            if (random.below(2)) {
              slow.end(id);
              board.leave();
            } else {
              slow.yield();
              board.yield();
            }
          }
          break;
        default: // close() of one that is dropped, running nothing
          if (!suspended.length) break;
          {
            const id = any();
            slow.end(id);
            board.drop(id);
          }
      }
      same(board, slow);
    }
  });
});

interface Old {
  id: number;
  parent: Old | null;
  children: Old[];
  row: number;
  column: number;
}

/** The last node of a row, from the last child backwards; its column. */
function lastOfRow(node: Old, row: number): number | null {
  if (node.row === row) return node.column;
  for (let i = node.children.length - 1; i >= 0; i--) {
    const found = lastOfRow(node.children[i] as Old, row);
    if (found !== null) return found;
  }
  return null;
}

test("where the last to come is the first to go, the places are those of Icon's Algae", () => {
  let wide = 0;
  randomly(300, (random) => {
    const board = new Board();
    board.call(0);
    const root: Old = { id: 0, parent: null, children: [], row: 0, column: 0 };
    let current = root;
    let next = 1;
    for (let step = 0; step < 80; step++) {
      const last = current.children[current.children.length - 1];
      switch (random.below(5)) {
        case 0:
        case 1: {
          const elder = last;
          const made: Old = { id: next, parent: current, children: [], row: current.row + 1, column: 0 };
          if (elder) made.column = elder.column + 1;
          else {
            const cousin = lastOfRow(root, made.row);
            made.column = cousin === null ? current.column : Math.max(cousin + 1, current.column);
          }
          current.children.push(made);
          current = made;
          board.call(next++);
          break;
        }
        case 2: // In Icon one that returns takes its suspended ones with it: they are removed before.
          if (!current.parent || current.children.length) break;
          current.parent.children.pop();
          current = current.parent;
          board.leave();
          break;
        case 3:
          if (!current.parent) break;
          current = current.parent;
          board.yield();
          break;
        default:
          if (!last) break;
          if (random.below(3) || last.children.length) {
            current = last;
            board.resume(last.id);
          } else {
            current.children.pop();
            board.drop(last.id);
          }
      }
      const compare = (node: Old) => {
        const tile = board.get(node.id);
        if (tile?.row !== node.row || tile.column !== node.column)
          expect([tile?.row, tile?.column], `activation ${node.id}`).toEqual([node.row, node.column]);
        wide = Math.max(wide, node.column);
        node.children.forEach(compare);
      };
      compare(root);
    }
  });
  expect(wide).toBeGreaterThan(5);
});

test("plain calls are one column that rises and falls", () => {
  const board = new Board();
  for (let i = 0; i < 50; i++) {
    for (let depth = 0; depth < 10; depth++) {
      const tile = board.call(`${i}:${depth}`);
      expect([tile.row, tile.column]).toEqual([depth, 0]);
    }
    for (let depth = 0; depth < 10; depth++) board.leave();
  }
  expect(board.size).toBe(0);
  expect(board.trail.size).toBe(10);
});

test("a loop that wakes its tasks finds each in its place, for ever", () => {
  const board = new Board();
  board.call("loop");
  const places = new Map<number, string>();
  const step = (task: number, isFirst: boolean) => {
    board.call(`handle ${Math.random()}`);
    if (isFirst) board.call(task);
    else board.resume(task);
    const tile = board.get(task);
    const place = `${tile?.row}:${tile?.column}`;
    expect(places.get(task) ?? place).toBe(place);
    places.set(task, place);
    board.yield();
    board.leave();
  };
  for (let task = 0; task < 30; task++) step(task, true);
  for (let i = 0; i < 2000; i++) step((i * 17) % 30, false);
  expect(new Set(places.values()).size).toBe(30);
  // A hundred generations more, and the board is no wider than what is alive.
  for (let task = 30; task < 3000; task++) {
    board.drop(task - 30);
    step(task, true);
    expect(board.get(task)?.column).toBeLessThan(31);
  }
});

test("twenty thousand in one row are placed in no time that is seen", () => {
  const board = new Board();
  board.call("main");
  for (let i = 0; i < 20_000; i++) {
    board.call(i);
    board.yield();
  }
  expect(board.get(19_999)?.column).toBe(19_999);
  for (let i = 0; i < 20_000; i += 2) board.drop(i);
  board.call("again");
  expect(board.get("again")?.column).toBe(0);
});
