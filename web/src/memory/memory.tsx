// SPDX-License-Identifier: MIT
// Memory: what adds up to the resident memory, what holds it by line or type over time, what was alive at the peak, the table.

import { effect, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { Chart, type Size } from "../canvas";
import type { Connection } from "../connection";
import type { View } from "../documents";
import { formatBytes, formatCount, formatTime } from "../format";
import { History } from "../history";
import { CanvasPen, drawnCanvas, drawnSvg, type Pen } from "../pen";
import { picture } from "../picture";
import { filterText, link, nowNs, openFunction, shown, state, target, windowLength } from "../state";
import { Table } from "../table";
import { type Palette, palette } from "../theme";
import {
  addUp,
  byteMarks,
  type Holder,
  holdersBySite,
  holdersByType,
  type MemoryPicture,
  stackOf,
} from "./model";

interface MemoryView extends View {
  picture?: MemoryPicture;
}

const LAYERS = 6;
const LISTED = 12;
const told = new History<MemoryPicture>();
effect(() => {
  const view = shown.value as MemoryView | null;
  if (view?.id === "memory" && view.picture) told.push(nowNs(), view.picture);
});

const signed = (bytes: number): string =>
  bytes === 0 ? "0" : `${bytes > 0 ? "+" : "−"}${formatBytes(Math.abs(bytes))}`;

function colourOf(index: number, colours: Palette): string {
  return index < 0 || index >= LAYERS ? colours.faint : (colours.series[index] ?? colours.faint);
}

function recent() {
  const now = told.latest?.at ?? 0;
  const all = told.told.filter((one) => one.at > now - told.spanS() * 1e9);
  if (told.latest && all[all.length - 1] !== told.latest) all.push(told.latest);
  return all;
}

function draw(pen: Pen, size: Size, byType: boolean, chosen: string | null, colours: Palette): void {
  const stack = stackOf(recent(), byType, LAYERS);
  const latest = told.latest;
  const peak = byType ? 0 : (latest?.value.peak_bytes ?? 0);
  const now = latest?.at ?? 0;
  const [left, right, top, bottom] = [70, size.width - 10, 18, size.height - 26];
  const most = Math.max(1, peak, ...stack.total) * 1.04;
  const y = (bytes: number) => bottom - (bytes / most) * (bottom - top);
  const spanS = told.spanS();
  const x = (at: number) => right - ((now - at) / (spanS * 1e9)) * (right - left);
  for (const mark of byteMarks(most)) {
    pen.line(
      [
        [left, y(mark)],
        [right, y(mark)],
      ],
      colours.line,
      1,
    );
    pen.text(left - 6, y(mark) + 4, mark ? formatBytes(mark) : "0", colours.soft, 11, "end");
  }
  for (let second = 0; second <= spanS; second += spanS / 3)
    pen.text(
      x(now - second * 1e9),
      bottom + 15,
      second ? `−${second} s` : "now",
      colours.soft,
      11,
      second ? "middle" : "end",
    );
  let low = stack.total.map(() => 0);
  stack.layers.forEach((layer, i) => {
    const high = layer.bytes.map((bytes, at) => (low[at] ?? 0) + bytes);
    const points: [number, number][] = high.map((bytes, at) => [x(stack.at[at] ?? 0), y(bytes)]);
    for (let at = low.length - 1; at >= 0; at--) points.push([x(stack.at[at] ?? 0), y(low[at] ?? 0)]);
    const isFaint = chosen !== null && layer.key !== chosen;
    const colour = layer.key === null ? colours.faint : colourOf(i, colours);
    if (points.length > 2) pen.polygon(points, colour, colours.panel, isFaint ? 0.25 : 0.9);
    low = high;
  });
  if (peak > 0) {
    pen.line(
      [
        [left, y(peak)],
        [right, y(peak)],
      ],
      colours.ink,
      1.25,
      [5, 4],
    );
    pen.text(left + 6, y(peak) - 4, `the most at one time: ${formatBytes(peak)}`, colours.ink, 11);
  }
  for (const at of stack.gc)
    pen.polygon(
      [
        [x(at) - 3, bottom + 7],
        [x(at) + 3, bottom + 7],
        [x(at), bottom + 1],
      ],
      colours.ink,
    );
}

function AddingUp(props: { now: MemoryPicture }): JSX.Element {
  const { now } = props;
  const sums = addUp(now);
  const since = `live: given out since ulma came, ${formatTime(now.on_ns)} of recording`;
  if (!sums)
    return (
      <p class="hint add-up-none">
        The resident memory is looked at once a second and is not known yet; {formatBytes(now.live_bytes)} are{" "}
        {since}.
      </p>
    );
  const whole = Math.max(sums.rss, now.live_bytes + now.before_bytes, 1);
  return (
    <section class="add-up" aria-label="What adds up to the resident memory">
      <p>
        <strong>{formatBytes(sums.rss)}</strong> resident =
        {sums.parts.map((part, i) => (
          <span key={part.id}>
            {i ? " + " : " "}
            <span class={`dot-of part-${part.id}`} aria-hidden="true" />
            <strong>{formatBytes(part.bytes)}</strong> {part.title}
          </span>
        ))}
        {sums.untouched > 0 && <span> (− {formatBytes(sums.untouched)} given out and not touched)</span>}
        <span class="said"> · {since}</span>
        {now.older_freed > 0 && (
          <span class="said"> · {formatCount(now.older_freed)} older blocks were freed</span>
        )}
      </p>
      <div class="add-up-bar" aria-hidden="true">
        {sums.parts.map((part) => (
          <span
            key={part.id}
            class={`part-${part.id}`}
            style={{ width: `${(part.bytes / whole) * 100}%` }}
            title={`${part.title}: ${formatBytes(part.bytes)}`}
          />
        ))}
      </div>
    </section>
  );
}

type Order = "live" | "peak" | "growth";

export function Memory(props: { connection: Connection | null }): JSX.Element | null {
  const byType = useSignal(false);
  const order = useSignal<Order>("live");
  const chosen = useSignal<string | null>(null);
  const view = shown.value as MemoryView | null;
  const now = view?.picture ?? null;
  const hasTypes = now?.types !== undefined;
  const isByType = byType.value && hasTypes;
  useEffect(() => {
    const size = { width: 900, height: 320 };
    const charts = () => [
      { ...size, draw: (pen: Pen) => draw(pen, size, isByType, chosen.peek(), palette.peek()) },
    ];
    picture.value = {
      svg: () => drawnSvg(charts(), palette.peek().panel),
      canvas: () => drawnCanvas(charts(), palette.peek().panel),
    };
    return () => {
      picture.value = null;
    };
  });
  if (!view || !now) return null;
  const before = told.windowBegin(windowLength.value)?.value ?? null;
  const layers = stackOf(recent(), isByType, LAYERS).layers.map((layer) => layer.key);
  const text = filterText.value.toLowerCase();
  const holders = (isByType ? holdersByType(now, before) : holdersBySite(now))
    .filter((one) => !text || `${one.name} ${one.place}`.toLowerCase().includes(text))
    .sort((one, other) =>
      order.value === "peak"
        ? (other.atPeak ?? 0) - (one.atPeak ?? 0)
        : order.value === "growth"
          ? other.growth - one.growth
          : other.live - one.live,
    );
  const most = Math.max(1, ...holders.map((one) => Math.max(one.live, one.atPeak ?? 0)));
  const canSwitch = props.connection && link.value === "open" && state.value !== "ended";
  const on = (target.value?.sources ?? []).map((one) => one.name);
  const pick = (one: Holder) => {
    chosen.value = chosen.value === one.key ? null : one.key;
  };
  return (
    <div class="memory">
      <AddingUp now={now} />
      <div class="tools">
        <div class="segments" role="group" aria-label="Layers">
          <button
            type="button"
            aria-pressed={!isByType}
            onClick={() => {
              byType.value = false;
              chosen.value = null;
            }}
          >
            by line
          </button>
          <button
            type="button"
            aria-pressed={isByType}
            disabled={!hasTypes && !canSwitch}
            title={hasTypes ? undefined : "switches the source objects on in the running target"}
            onClick={() => {
              byType.value = true;
              chosen.value = null;
              if (!hasTypes) void props.connection?.switchTo({ events: [...on, "objects"] });
            }}
          >
            by type
          </button>
        </div>
        <div class="segments" role="group" aria-label="List by">
          {(
            [
              ["live", "live now"],
              ["growth", "what grew"],
              ["peak", "at the peak"],
            ] as [Order, string][]
          ).map(([id, title]) => (
            <button
              key={id}
              type="button"
              aria-pressed={order.value === id}
              disabled={id === "peak" && isByType}
              onClick={() => {
                order.value = id;
              }}
            >
              {title}
            </button>
          ))}
        </div>
        <span class="said push">
          {now.gc ? "▴ the garbage collector ran" : "with the source gc on, its runs are marked"}
        </span>
      </div>
      <div class="pair">
        <section class="chart-box" aria-labelledby="memory-chart-title">
          <h3 id="memory-chart-title">
            {isByType ? "Live objects' bytes by type" : "Live bytes by the line that asked for them"}
          </h3>
          <Chart
            class="memory-chart"
            label={`Live bytes over the last ${told.spanS()} seconds: now ${formatBytes(now.live_bytes)}, the most ${formatBytes(now.peak_bytes)}`}
            draw={(context, size) =>
              draw(new CanvasPen(context), size, isByType, chosen.value, palette.value)
            }
          />
        </section>
        <section class="holders" aria-label="What holds it">
          <div class="holder holder-head" aria-hidden="true">
            <span>{isByType ? "type" : "line"}</span>
            <span>live</span>
            <span>{isByType ? "objects" : "at peak"}</span>
            <span>{windowLength.value === "all" ? "grew" : `in ${windowLength.value} s`}</span>
          </div>
          {holders.slice(0, LISTED).map((one) => {
            const layer = layers.indexOf(one.key);
            return (
              <button
                key={one.key}
                type="button"
                class="holder"
                aria-pressed={chosen.value === one.key}
                title={`${one.name} ${one.place}`}
                onClick={() => pick(one)}
                onDblClick={() => {
                  if (one.function !== null) openFunction(one.function);
                }}
                onKeyDown={(event) => {
                  if (event.key !== "Enter" || one.function === null || chosen.value !== one.key) return;
                  event.preventDefault();
                  openFunction(one.function);
                }}
              >
                <span class="holder-name">
                  <span
                    class={`dot-of ${layer >= 0 ? `series-${layer + 1}` : "series-7"}`}
                    aria-hidden="true"
                  />
                  <span class="name">{one.name}</span>
                  <span class="place">{one.place}</span>
                </span>
                <span>{formatBytes(one.live)}</span>
                <span>
                  {isByType
                    ? formatCount(one.count ?? 0)
                    : one.atPeak === null
                      ? ""
                      : formatBytes(one.atPeak)}
                </span>
                <span class={one.growth > 0 ? "grew" : ""}>{signed(one.growth)}</span>
                <span
                  class="holder-bar"
                  aria-hidden="true"
                  style={{
                    width: `${((order.value === "peak" ? (one.atPeak ?? 0) : one.live) / most) * 100}%`,
                  }}
                />
              </button>
            );
          })}
          {holders.length === 0 && <p class="hint">Nothing here matches.</p>}
        </section>
      </div>
      <Table view={view} columns={view.columns ?? []} rows={view.rows ?? []} filter={filterText.value} />
    </div>
  );
}
