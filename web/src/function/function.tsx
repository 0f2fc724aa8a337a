// SPDX-License-Identifier: MIT
// One function: how long its calls took over time, who calls it and whom it calls, its source, its slowest calls.

import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { Chart, type Size } from "../canvas";
import type { Connection } from "../connection";
import type { Column, FunctionView, LatencySecond, Row, Source, TimelineCall } from "../documents";
import { formatCount, formatRate, formatTime, shortPath } from "../format";
import { picture, Svg } from "../picture";
import { filterText, functionId, link, openFunction, openMoment } from "../state";
import { Table } from "../table";
import { palette } from "../theme";
import { bucketNs, type Heat, labelsOf, makeHeat, shade } from "./latency";
import { sectionsOf } from "./sections";

const SHOWN_NS = 60e9;
const GUTTER = 52;
const AGAIN_MS = 2000;
const STACK_SHOWN = 4;

function geometry(heat: Heat, now: number, size: Size) {
  const rows = heat.high - heat.low + 1;
  const height = size.height - 16;
  return {
    height,
    x: (at: number) => GUTTER + (1 - (now - at) / SHOWN_NS) * (size.width - GUTTER),
    y: (bucket: number) => height - ((bucket - heat.low) / rows) * height,
    row: height / rows,
  };
}

function drawHeat(context: CanvasRenderingContext2D, size: Size, heat: Heat, now: number): void {
  const colours = palette.value;
  const { height, x, y, row } = geometry(heat, now, size);
  context.font = "11px ui-sans-serif, system-ui, sans-serif";
  context.textBaseline = "middle";
  context.textAlign = "right";
  for (const { bucket, ns } of labelsOf(heat)) {
    context.fillStyle = colours.line;
    context.fillRect(GUTTER, y(bucket), size.width - GUTTER, 1);
    context.fillStyle = colours.soft;
    context.fillText(formatTime(ns), GUTTER - 6, y(bucket));
  }
  context.fillStyle = colours.series[0] ?? colours.ink;
  for (const column of heat.columns) {
    const left = Math.max(GUTTER, x(column.from));
    const wide = x(column.to) - left;
    if (wide <= 0) continue;
    for (const [bucket, count] of column.counts) {
      context.globalAlpha = shade(count, heat.most);
      context.fillRect(left, y(bucket + 1), Math.max(1, wide - 1), Math.max(1, row - 1));
    }
  }
  context.globalAlpha = 1;
  context.textAlign = "center";
  context.fillStyle = colours.soft;
  for (let ago = 60; ago >= 0; ago -= size.width < 560 ? 20 : 10) {
    const at = x(now - ago * 1e9);
    context.textAlign = ago === 0 ? "right" : ago === 60 ? "left" : "center";
    context.fillText(ago === 0 ? "now" : `${ago} s ago`, at, height + 9);
  }
}

function drawRates(
  context: CanvasRenderingContext2D,
  size: Size,
  seconds: LatencySecond[],
  now: number,
): void {
  const colours = palette.value;
  const x = (at: number) => GUTTER + (1 - (now - at) / SHOWN_NS) * (size.width - GUTTER);
  const rates = seconds.map((one) => ({
    x: x((one.from_ns + one.to_ns) / 2),
    rate: one.to_ns > one.from_ns ? one.calls / ((one.to_ns - one.from_ns) / 1e9) : 0,
  }));
  const most = Math.max(1, ...rates.map(({ rate }) => rate));
  context.strokeStyle = colours.series[0] ?? colours.ink;
  context.lineWidth = 1.25;
  context.beginPath();
  for (const { x: across, rate } of rates)
    context.lineTo(across, size.height - 2 - (rate / most) * (size.height - 6));
  context.stroke();
  context.fillStyle = colours.soft;
  context.font = "11px ui-sans-serif, system-ui, sans-serif";
  context.textAlign = "right";
  context.textBaseline = "top";
  context.fillText(formatRate(most), GUTTER - 6, 0);
}

function Latency(props: { view: FunctionView }): JSX.Element {
  const { view } = props;
  const pointed = useSignal<{ text: string; x: number; y: number } | null>(null);
  const seconds = view.seconds ?? [];
  const now = view.now_ns ?? 0;
  const heat = makeHeat(seconds);
  const recent = seconds[seconds.length - 2] ?? seconds[seconds.length - 1];
  const worst = Math.max(0, ...seconds.map((one) => one.max_ns));
  useEffect(() => {
    picture.value = {
      canvas: () => document.querySelector<HTMLCanvasElement>(".heat canvas"),
      svg: () => {
        const svg = new Svg();
        const size = { width: 1000, height: 240 };
        const { y, x, row } = geometry(heat, now, size);
        for (const { bucket, ns } of labelsOf(heat))
          svg.text(4, y(bucket) + 4, formatTime(ns), palette.peek().soft, 11);
        for (const column of heat.columns)
          for (const [bucket, count] of column.counts) {
            const wide = Math.max(1, x(column.to) - x(column.from) - 1);
            const title = `${formatCount(count)} calls of ${formatTime(bucketNs(bucket))} to ${formatTime(bucketNs(bucket + 1))}`;
            const strength = Math.round(shade(count, heat.most) * 255)
              .toString(16)
              .padStart(2, "0");
            svg.rect(
              x(column.from),
              y(bucket + 1),
              wide,
              row - 1,
              `${palette.peek().series[0] ?? "#0072b2"}${strength}`,
              title,
            );
          }
        return svg.done(size.width, size.height, palette.peek().panel);
      },
    };
    return () => {
      picture.value = null;
    };
  });
  const said =
    `The last ${seconds.length} seconds: ${recent ? formatCount(recent.calls) : 0} calls in the last whole one, ` +
    `the slowest ${formatTime(worst)}.`;
  return (
    <section class="function-latency" aria-label="How long its calls took, over the last 60 seconds">
      <h3>
        Time of one call <span class="said">each column one second, darker: more calls</span>
      </h3>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: what the pointer tells stands in the label and in the tables */}
      <div
        class="heat"
        onMouseMove={(event) => {
          const bounds = event.currentTarget.getBoundingClientRect();
          const at = now - (1 - (event.clientX - bounds.left - GUTTER) / (bounds.width - GUTTER)) * SHOWN_NS;
          const column = heat.columns.find((one) => at >= one.from && at < one.to);
          const height = bounds.height - 16;
          const bucket = Math.floor(
            heat.low + (1 - (event.clientY - bounds.top) / height) * (heat.high - heat.low + 1),
          );
          const count = column?.counts.get(bucket) ?? 0;
          pointed.value = column
            ? {
                text: count
                  ? `${formatCount(count)} calls took ${formatTime(bucketNs(bucket))} to ${formatTime(bucketNs(bucket + 1))}`
                  : `${formatCount(column.calls)} calls in this second, the slowest ${formatTime(column.max)}`,
                x: event.clientX,
                y: event.clientY,
              }
            : null;
        }}
        onMouseLeave={() => {
          pointed.value = null;
        }}
      >
        <Chart draw={(context, size) => drawHeat(context, size, heat, now)} label={said} />
      </div>
      <h3>Calls per second</h3>
      <div class="rates">
        <Chart
          draw={(context, size) => drawRates(context, size, seconds, now)}
          label={`Calls per second: ${recent ? formatRate(recent.calls) : 0} lately`}
        />
      </div>
      {pointed.value && (
        <div
          class="tip"
          style={{
            left: `${Math.min(pointed.value.x + 14, innerWidth - 340)}px`,
            top: `${pointed.value.y + 16}px`,
          }}
        >
          {pointed.value.text}
        </div>
      )}
    </section>
  );
}

function Slowest(props: { view: FunctionView }): JSX.Element {
  const { view } = props;
  const calls = view.slowest ?? [];
  const threads = new Map((view.threads ?? []).map((one) => [one.thread, one.name]));
  const nameOf = (id: number) => view.functions?.[String(id)]?.name ?? `function ${id}`;
  const placeOf = (id: number) => {
    const fn = view.functions?.[String(id)];
    return fn?.file ? `${shortPath(fn.file)}:${fn.line ?? ""}` : "";
  };
  const who = (call: TimelineCall) =>
    `${threads.get(call.thread) || `thread ${call.thread}`}${call.task ? `, task ${call.task}` : ""}`;
  if (calls.length === 0) return <p class="hint">No call of it has ended yet since its calls are kept.</p>;
  return (
    <ol class="slowest">
      {calls.map((call) => {
        const stack = call.stack ?? [];
        const near = stack.slice(-STACK_SHOWN - 1, -1).reverse();
        return (
          <li key={`${call.thread} ${call.from_ns}`}>
            <div class="slowest-head">
              <button
                type="button"
                title="Show this call in Timeline"
                onClick={() => openMoment(call.from_ns, call.length_ns)}
              >
                <strong>{formatTime(call.length_ns)}</strong>
              </button>
              <span class="said">
                {view.now_ns ? `${formatTime(Math.max(0, view.now_ns - call.from_ns))} ago` : ""}, {who(call)}
              </span>
            </div>
            <details>
              <summary>
                {near.length ? `from ${near.map(nameOf).join(" ← ")}` : "from outside of any function"}
                {stack.length > STACK_SHOWN + 1 ? " ← …" : ""}
              </summary>
              <ol class="stack">
                {stack.map((id, i) => (
                  // A function may stand in its stack more than once; the stack itself never changes.
                  <li key={`${i} ${id}`}>
                    <button type="button" class="as-name" onClick={() => openFunction(id)}>
                      {nameOf(id)}
                    </button>{" "}
                    <span class="place">{placeOf(id)}</span>
                  </li>
                ))}
              </ol>
            </details>
          </li>
        );
      })}
    </ol>
  );
}

/** The last part of a qualified name, as it stands in a call. */
const calledAs = (label: string): string => {
  const name = label.split(/\s{2,}|\s\(/)[0] ?? "";
  const built = name.match(/built-in method (?:[\w.]+\.)?(\w+)|method '(\w+)'/);
  return built ? (built[1] ?? built[2] ?? "") : (name.split(".").pop() ?? "").replace(/[<>]/g, "");
};

function SourceBox(props: {
  source: Source | null;
  callees: { name: string; function: number; total: string }[];
}): JSX.Element {
  const { source, callees } = props;
  if (!source) return <p class="hint">…</p>;
  if (source.reason || source.lines.length === 0)
    return <p class="hint">No source to show: {source.reason ?? "there are no lines"}.</p>;
  const byName = new Map(callees.filter((one) => one.name.length > 1).map((one) => [one.name, one]));
  const indent = Math.min(
    ...source.lines
      .filter((one) => one.text.trim())
      .map((one) => one.text.length - one.text.trimStart().length),
  );
  const parts = (text: string) => text.slice(indent).split(/(\b[A-Za-z_]\w*(?=\s*\())/);
  const most = Math.max(1, ...source.lines.map((one) => one.self_ns ?? 0));
  return (
    <table class="source">
      <thead>
        <tr>
          <th scope="col">line</th>
          {source.has_lines && <th scope="col">hits</th>}
          {source.has_lines && <th scope="col">self</th>}
          <th scope="col" class="text">
            {shortPath(source.file ?? "")}
          </th>
        </tr>
      </thead>
      <tbody>
        {source.lines.map((one) => (
          <tr key={one.line}>
            <td class="number">{one.line}</td>
            {source.has_lines && <td class="number">{one.hits ? formatCount(one.hits) : ""}</td>}
            {source.has_lines && (
              <td class="number" style={{ "--share": `${(100 * (one.self_ns ?? 0)) / most}%` }}>
                {one.self_ns ? formatTime(one.self_ns) : ""}
              </td>
            )}
            <td class="text">
              <code>
                {parts(one.text).map((part, i) => {
                  const callee = i % 2 ? byName.get(part) : undefined;
                  return callee ? (
                    <button
                      type="button"
                      // A line's parts never change.
                      key={`${i} ${part}`}
                      class="as-name calls"
                      title={`calls ${part}: ${callee.total} in all`}
                      onClick={() => openFunction(callee.function)}
                    >
                      {part}
                    </button>
                  ) : (
                    part
                  );
                })}
              </code>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function FunctionPage(props: { view: FunctionView; connection: Connection | null }): JSX.Element {
  const { view, connection } = props;
  const source = useSignal<Source | null>(null);
  const asked = useComputed(() => functionId.value);
  useSignalEffect(() => {
    const id = asked.value;
    source.value = null;
    if (id === null || !connection) return undefined;
    let isWhole = false;
    const ask = () => {
      if (link.peek() !== "open" || isWhole) return;
      connection
        .get<Source>("api/source", { function: String(id) })
        .then((told) => {
          if (asked.peek() !== id) return;
          source.value = told;
          isWhole = !told.has_lines;
        })
        .catch((error: Error) => {
          if (!source.peek())
            source.value = { function: id, file: null, has_lines: false, reason: error.message, lines: [] };
        });
    };
    ask();
    const timer = setInterval(ask, AGAIN_MS);
    return () => clearInterval(timer);
  });
  const columns = view.columns ?? [];
  const sections = sectionsOf(view.rows ?? []);
  const named = (title: string) => sections.find((one) => one.title === title)?.rows ?? [];
  const callees = named("calls");
  const at = (id: string) => columns.findIndex((column) => column.id === id);
  const called = callees
    .filter((row) => typeof row.function === "number")
    .map((row) => ({
      name: calledAs(String(row.cells?.[at("function")] ?? "")),
      function: row.function as number,
      total: formatTime(Number(row.cells?.[at("total_ns")] ?? 0)),
    }));
  const table = (rows: Row[], id: string, empty: string, of: Column[] = columns) =>
    rows.length ? (
      <Table view={{ ...view, id, total: rows.length }} columns={of} rows={rows} filter={filterText.value} />
    ) : (
      <p class="hint">{filterText.value ? `None that matches “${filterText.value}”.` : empty}</p>
    );
  return (
    <div class="function-page">
      {view.seconds && <Latency view={view} />}
      <section aria-label="Figures of this function">
        {table(
          [...named("this function"), ...named("time of one call")],
          "function-figures",
          "Nothing is known of it.",
        )}
      </section>
      <div class="sandwich">
        <section aria-label="Who calls it">
          <h3>
            Called by <span class="said">time in it when called so</span>
          </h3>
          {table(named("called by"), "function-callers", "Nobody: it is the outermost.")}
        </section>
        <section aria-label="Whom it calls">
          <h3>Calls</h3>
          {table(callees, "function-callees", "Nothing that is seen.")}
        </section>
      </div>
      <div class="sandwich">
        <section aria-label="Its slowest calls">
          <h3>
            Slowest calls{" "}
            <span class="said">
              since the start, by the clock on the wall; a click shows the call in Timeline
            </span>
          </h3>
          {view.slowest ? (
            <Slowest view={view} />
          ) : (
            <p class="hint">They are kept by who records the process.</p>
          )}
        </section>
        {connection && (
          <section aria-label="Its source">
            <h3>
              Source{" "}
              {source.value && !source.value.has_lines && !source.value.reason && (
                <span class="said">
                  the source “lines” counts each line; names that are called lead there
                </span>
              )}
            </h3>
            <SourceBox source={source.value} callees={called} />
          </section>
        )}
      </div>
    </div>
  );
}
