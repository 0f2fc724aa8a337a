// SPDX-License-Identifier: MIT
// What need not stand in the very frame in which it was told: each frame has room for one such piece of work.
// Why: a table that is made anew takes as long as a whole picture may; one after the other no frame waits for two.
// Rules: in the order in which they were asked for. What waits already is done once, as it was asked for last.

const waiting = new Map<string, () => void>();
let frame = 0;

function next(): void {
  frame = 0;
  for (const [name, work] of waiting) {
    waiting.delete(name);
    if (waiting.size) frame = requestAnimationFrame(next);
    work();
    return;
  }
}

export function inTurn(name: string, work: () => void): void {
  waiting.set(name, work);
  if (!frame) frame = requestAnimationFrame(next);
}
