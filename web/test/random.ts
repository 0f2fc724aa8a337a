// SPDX-License-Identifier: MIT
// Random runs that can be repeated: a failure names its seed.

export interface Random {
  /** 0 to limit - 1 */
  below(limit: number): number;
}

export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return {
    below(limit) {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
    },
  };
}

export function randomly(times: number, run: (random: Random) => void): void {
  for (let seed = 1; seed <= times; seed++) {
    try {
      run(randomOf(seed));
    } catch (error) {
      (error as Error).message = `seed ${seed}: ${(error as Error).message}`;
      throw error;
    }
  }
}
