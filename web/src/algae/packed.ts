// SPDX-License-Identifier: MIT
// Tiles as the server packs them behind its JSON: words of 32 bits (src/web/view_json.h). One is made when it is asked for.

import type { AlgaeThread, AlgaeView, Live, Tile } from "../documents";

const WORDS = 10;
const KINDS = ["python", "c", "generator", "coroutine", "async_generator"];
const RUNNING = 0x80000000;
const DEPTHS = 0x1000000;

/** Names its activation among all that are alive. */
const idOf = (frame: number, number: number) => number * 2 ** 32 + frame;

class PackedTiles {
  constructor(
    private readonly words: Uint32Array,
    private readonly floats: Float32Array,
    readonly length: number,
    private readonly places: Record<string, string>,
  ) {}

  at(i: number): Tile {
    const { words, places } = this;
    const at = i * WORDS;
    const word = (place: number) => words[at + place] as number;
    const last = word(8);
    const tile: Tile = {
      id: idOf(word(0), word(1)),
      parent: word(3) ? idOf(word(2), word(3)) : null,
      kind: KINDS[(last >>> 24) & 127] ?? "python",
      function: word(4),
      depth: last % DEPTHS,
      age_ns: (this.floats[at + 9] as number) * 1e9,
    };
    if (last >= RUNNING) tile.running = true;
    if (word(5)) tile.awaits = places[word(5)] ?? "";
    if (word(6)) tile.maker = places[word(6)] ?? "";
    if (word(7) > 1) tile.count = word(7);
    return tile;
  }
}

/** A message that is not text: the size of its JSON, the JSON, and the tiles of the threads in it, one after the other. */
export function unpack(bytes: ArrayBuffer): Live {
  const size = new DataView(bytes).getUint32(0, true);
  const live = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 4, size))) as Live;
  const view = live.view as AlgaeView;
  let at = 4 + Math.ceil(size / 4) * 4;
  for (const thread of view.threads as (AlgaeThread & { tile_count: number })[]) {
    const count = thread.tile_count * WORDS;
    const words = new Uint32Array(bytes, at, count);
    thread.tiles = new PackedTiles(
      words,
      new Float32Array(bytes, at, count),
      thread.tile_count,
      view.places ?? {},
    );
    at += count * 4;
  }
  return live;
}
