// SPDX-License-Identifier: MIT
// Beside Algae's boards: the tile that is chosen, and what is suspended, as a table.

import type { JSX } from "preact";
import type { Column, Row, Tile, View } from "../documents";
import { formatTime } from "../format";
import { filterText, openFunction } from "../state";
import { Table } from "../table";
import { kindOf, scenes, sinceOf } from "./looks";
import type { Scene, Unit } from "./scene";

export function Chosen(props: {
  unit: Unit;
  scene: Scene | null;
  label: string;
  nameOf: (tile: Tile) => string;
  placeOf: (tile: Tile) => string;
}): JSX.Element {
  const { unit, scene, nameOf, placeOf } = props;
  const above: Tile[] = [];
  for (let at = unit.placed.parent; at; at = at.parent) {
    const one = scene?.units.get(at.id);
    if (one) above.push(one.tile);
  }
  const fn = unit.tile.function;
  return (
    <section class="chosen-tile" aria-label="The chosen tile">
      <h3 class="name">{props.label}</h3>
      <p class="place">{placeOf(unit.tile)}</p>
      <dl>
        <dt>is</dt>
        <dd>
          {unit.isRunning ? "running" : unit.isActive ? "on the stack" : "suspended"},{" "}
          {kindOf(unit.tile.kind).title}
        </dd>
        <dt>{sinceOf(unit)}</dt>
        <dd>{formatTime(unit.oldestNs)}</dd>
        {unit.tile.maker && (
          <>
            <dt>task made by</dt>
            <dd>{unit.tile.maker}</dd>
          </>
        )}
        {unit.tile.awaits && (
          <>
            <dt>waits at</dt>
            <dd>{unit.tile.awaits}</dd>
          </>
        )}
      </dl>
      {typeof fn === "number" && (
        <button type="button" onClick={() => openFunction(fn)}>
          Open the function <kbd>f</kbd>
        </button>
      )}
      {above.length > 0 && (
        <>
          <h3>Started or resumed by</h3>
          <ol class="stack">
            {above.map((tile) => (
              <li key={tile.id}>
                <span class="name">{nameOf(tile)}</span> <span class="place">{placeOf(tile)}</span>
              </li>
            ))}
          </ol>
        </>
      )}
    </section>
  );
}

const COLUMNS: Column[] = [
  {
    id: "count",
    title: "how many",
    kind: "count",
    help: "suspended activations of one site that wait in one place",
  },
  { id: "oldest", title: "oldest", kind: "time", help: "for so long the oldest of them has not gone on" },
  { id: "awaits", title: "waits at", kind: "text" },
  { id: "function", title: "suspended", kind: "text" },
  { id: "by", title: "made or resumed by", kind: "text" },
  { id: "thread", title: "thread", kind: "text" },
];

/** What hangs, since when, who started it: the suspended ones by site, the oldest first. */
export function Waiting(props: {
  nameOf: (tile: Tile) => string;
  placeOf: (tile: Tile) => string;
}): JSX.Element {
  const { nameOf, placeOf } = props;
  const text = filterText.value.toLowerCase();
  const found: { oldest: number; row: Row }[] = [];
  for (const scene of scenes.values()) {
    for (const { count, oldestNs: oldest, unit } of scene.waiting.values()) {
      const tile = unit.tile;
      const name = `${nameOf(tile)}  ${placeOf(tile)}`;
      const by = unit.placed.parent ? scene.units.get(unit.placed.parent.id) : undefined;
      const cells = [
        count,
        oldest,
        tile.awaits ?? "",
        name,
        tile.maker ?? (by ? nameOf(by.tile) : ""),
        scene.name,
      ];
      if (text && !cells.join(" ").toLowerCase().includes(text)) continue;
      found.push({
        oldest,
        row: { cells, function: typeof tile.function === "number" ? tile.function : null },
      });
    }
  }
  found.sort((one, other) => other.oldest - one.oldest);
  const rows = found.slice(0, 200).map(({ row }) => row);
  const view: View = { id: "waiting", sort: "oldest", ascending: false, total: rows.length };
  return (
    <section class="algae-table" aria-label="Suspended activations by site, the oldest first">
      {rows.length > 0 ? (
        <Table view={view} columns={COLUMNS} rows={rows} filter={filterText.value} />
      ) : (
        <p class="hint">Nothing is suspended: every activation runs or waits in a call.</p>
      )}
    </section>
  );
}
