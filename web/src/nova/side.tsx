// SPDX-License-Identifier: MIT
// What is said beside the field of clocks: who makes most, of all and of one clock, and the same as a table.
// Rules: each reads what was renewed (told.ts) and what is chosen, and nothing of the field.

import { type ReadonlySignal, type Signal, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { Column, Row, View } from "../documents";
import { formatBytes, formatCount, formatPercent, formatRate } from "../format";
import { WindowSaid } from "../history";
import { filterText, openFunction, windowLength } from "../state";
import { Table } from "../table";
import { theme } from "../theme";
import { FAMILIES, FAMILY_COLOURS } from "./families";
import type { MadeRow, Site } from "./model";
import { ratesOf } from "./over";
import { SEEN_S } from "./rays";
import { facts, made, matches, nova, tabled } from "./told";

const LISTED = 9;
/** So many rows are seen; the others come when they are asked for. */
const ROWS = 40;

const placed = (site: Site): string => (site.place ? `${site.name}  ${site.place}` : site.name);

/** What is chosen: by a key of a site, and by where a clock is among all. */
export interface Choice {
  site: Signal<string | null>;
  clock: ReadonlySignal<number>;
  /** Only while the pointer is on it. */
  isPointed: ReadonlySignal<boolean>;
}

const pickIn = (choice: Choice) => (site: Site) => {
  choice.site.value = choice.site.peek() === site.key ? null : site.key;
};
const chosenSite = (choice: Choice): Site | undefined => {
  const key = choice.site.value;
  return key ? nova.sites.find((one) => one.key === key) : undefined;
};

export function Swatch(props: { family: number }): JSX.Element {
  const family = FAMILIES[props.family];
  return (
    <svg class="nova-swatch" viewBox="0 0 26 12" aria-hidden="true">
      <line
        x1="1"
        x2="25"
        y1="6"
        y2="6"
        stroke={FAMILY_COLOURS[theme.value][props.family]}
        stroke-width="4"
        stroke-dasharray={family?.dash[0] ? family.dash.join(" ") : undefined}
      />
    </svg>
  );
}

interface Listed {
  site: Site;
  births: number;
  bytes: number;
}

/** Rays come as late as the collector is behind: not less than what rates are reckoned of. */
const windowS = (): number =>
  windowLength.value === "all" ? SEEN_S : Math.min(SEEN_S, Math.max(2, Number(windowLength.value)));

/** Most first: of the clock, by its rays, or of all, which are counted. */
export function listed(clockAt: number): Listed[] {
  if (!nova.clocks[clockAt])
    return [...(made.value?.rows ?? [])].sort((one, other) => other.births - one.births);
  const text = filterText.value.toLowerCase();
  return nova.madeBy(clockAt, windowS() * 1e9).filter((one) => !text || matches(one.site, text));
}

/** By births, as shares of all that are listed. */
function Sites(props: {
  made: Listed[];
  about: boolean;
  chosen: string | null;
  pick: (site: Site) => void;
}): JSX.Element {
  const { made, chosen } = props;
  const all = made.reduce((sum, one) => sum + one.births, 0) || 1;
  const families = FAMILIES.map((_, family) =>
    made.reduce((sum, one) => sum + (one.site.family === family ? one.births : 0), 0),
  );
  const about = props.about ? "~" : "";
  return (
    <>
      <div class="nova-bar" aria-hidden="true">
        {families.map((births, family) => (
          <span
            key={FAMILIES[family]?.title}
            style={{
              width: `${(births / all) * 100}%`,
              background: FAMILY_COLOURS[theme.value][family] ?? "",
            }}
          />
        ))}
      </div>
      {made.slice(0, LISTED).map(({ site, births, bytes }) => (
        <button
          key={site.key}
          type="button"
          class="nova-site"
          aria-pressed={chosen === site.key}
          title={`${site.type} by ${placed(site)}: only this in the picture and the table`}
          onClick={() => props.pick(site)}
        >
          <span class="nova-share">
            {about}
            {formatPercent((births / all) * 100)} %
          </span>
          <span class="nova-what">
            <Swatch family={site.family} />
            <span class="name">{site.type}</span>
          </span>
          <span class="nova-who">
            <span class="name">{site.name}</span> <span class="place">{site.place}</span>
          </span>
          <span class="nova-much">
            {about}
            {formatCount(births)} · {about}
            {formatBytes(bytes)}
          </span>
        </button>
      ))}
      {made.length === 0 && <p class="hint">Nothing was made there.</p>}
      {made.length > LISTED && <p class="hint">and {formatCount(made.length - LISTED)} more</p>}
    </>
  );
}

/** The one answer: which type, from which line, most. */
export function Finding(props: { choice: Choice }): JSX.Element | null {
  const rows = made.value?.rows ?? [];
  const all = rows.reduce((sum, row) => sum + row.births, 0);
  const most = rows.reduce<MadeRow | null>(
    (best, row) => (best && best.births >= row.births ? best : row),
    null,
  );
  if (!most?.births) return <p class="said nova-finding">Nothing has been made in this window.</p>;
  return (
    <p class="nova-finding">
      <strong>{formatPercent((most.births / all) * 100)} %</strong> of what is made is{" "}
      <Swatch family={most.site.family} /> <strong>{most.site.type}</strong>, by{" "}
      <button type="button" class="as-link name" onClick={() => pickIn(props.choice)(most.site)}>
        {most.site.name}
      </button>{" "}
      <span class="place">{most.site.place}</span>
    </p>
  );
}

export function Side(props: { choice: Choice }): JSX.Element {
  const { choice } = props;
  made.value; // what clocks make is renewed with it
  const clock = nova.clocks[choice.clock.value];
  return (
    <aside class="nova-side" aria-label="Types and the lines that made them">
      <h3>
        {clock ? clock.name : "All"}
        <span class="said">
          {" "}
          {clock
            ? `${ratesOf(nova, clock)}, by its rays of the last ${windowS()} s`
            : `${formatRate(nova.birthsPerS)} births/s · ${formatBytes(nova.bytesPerS)}/s`}
        </span>
      </h3>
      <Sites
        made={listed(choice.clock.value)}
        about={clock !== undefined}
        chosen={choice.site.value}
        pick={pickIn(choice)}
      />
    </aside>
  );
}

/** What is chosen, in words. */
export function Said(props: { choice: Choice }): JSX.Element {
  const { choice } = props;
  made.value;
  const site = chosenSite(choice);
  const clock = nova.clocks[choice.clock.value];
  const most = clock && listed(choice.clock.value)[0];
  return (
    <p id="nova-said" class="chosen-line" aria-live="polite">
      {site ? (
        <>
          Only <strong>{site.type}</strong> by <span class="name">{site.name}</span>{" "}
          <span class="place">{site.place}</span>{" "}
          {site.function !== null && (
            <button type="button" onClick={() => openFunction(site.function as number)}>
              Open the function
            </button>
          )}{" "}
          <button
            type="button"
            onClick={() => {
              choice.site.value = null;
            }}
          >
            Show all
          </button>
        </>
      ) : clock && !choice.isPointed.value ? (
        `${clock.name}: ${ratesOf(nova, clock)}; most: ${most ? `${most.site.type} by ${placed(most.site)}` : "nothing"}`
      ) : (
        ""
      )}
    </p>
  );
}

const CELLS: Record<string, (row: MadeRow) => string | number | null> = {
  births: (row) => row.births,
  deaths: (row) => row.deaths,
  live: (row) => row.live,
  bytes: (row) => row.bytes,
  live_bytes: (row) => row.liveBytes,
  life_ns: (row) => row.lifeNs,
  type: (row) => row.site.type,
  site: (row) => placed(row.site),
};

function tableRows(view: View, columns: Column[], made: MadeRow[]): Row[] {
  const sort = CELLS[view.sort ?? ""] ?? ((row: MadeRow) => row.births);
  const way = view.ascending ? 1 : -1;
  return [...made]
    .sort((one, other) => {
      const [a, b] = [sort(one), sort(other)];
      if (a === null || b === null) return Number(a === null) - Number(b === null);
      return a === b ? 0 : way * (a < b ? -1 : 1);
    })
    .map((row) => ({
      cells: columns.map((column) => CELLS[column.id]?.(row) ?? null),
      function: row.site.function,
      key: row.site.key,
    }));
}

export function MadeTable(props: { choice: Choice }): JSX.Element | null {
  const isAll = useSignal(false);
  const now = tabled.value;
  if (!now) return null;
  const { view } = now;
  const key = props.choice.site.value;
  const columns = view.columns ?? [];
  const rows = tableRows(view, columns, key ? now.rows.filter((row) => row.site.key === key) : now.rows);
  const { sent = 0, left = 0 } = facts.value ?? {};
  return (
    <>
      <WindowSaid isWhole={now.isWhole} />
      <Table
        view={{ ...view, total: rows.length }}
        columns={columns}
        rows={isAll.value ? rows : rows.slice(0, ROWS)}
        filter={filterText.value}
        onMore={() => {
          isAll.value = true;
        }}
      />
      {left > 0 && !key && (
        <p class="more">
          The {formatCount(sent)} types and lines that made most; {formatCount(left)} more are in the view
          Objects.
        </p>
      )}
    </>
  );
}
