// SPDX-License-Identifier: MIT
// Work that is done in pieces, so that no frame waits for twenty thousand tiles.
// Rules: whoever writes such work yields after some tens of microseconds; it is the clock that says how many of these a frame
// has room for.

export type Steps = Generator<undefined, void>;

/** So many tiles from one look at the clock to the next. */
export const STRIDE = 32;

/** Goes on with it for so long. True: it is done. */
export function goOn(steps: Steps, budgetMs: number): boolean {
  const until = performance.now() + budgetMs;
  do {
    if (steps.next().done) return true;
  } while (performance.now() < until);
  return false;
}

/** All of it now. */
export function finish(steps: Steps): void {
  while (!steps.next().done);
}
