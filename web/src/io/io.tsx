// SPDX-License-Identifier: MIT
// I/O: who moves little at a time (every row by how much at a time and how often), how long calls took when, and the table.

import { effect, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { Chart, type Size } from "../canvas";
import type { Row, View } from "../documents";
import { formatBytes, formatCount, formatPercent, formatTime } from "../format";
import { History, WindowSaid } from "../history";
import { CanvasPen, drawnCanvas, drawnSvg, type Pen } from "../pen";
import { picture } from "../picture";
import { filterText, nowNs, openFunction, shown, windowLength } from "../state";
import { Table } from "../table";
import { type Palette, palette } from "../theme";
import {
  type Bubble,
  bubbleAt,
  bubblesOf,
  columnsOf,
  type Direction,
  durationFrom,
  extent,
  fieldOf,
  type IoPicture,
  type IoRow,
  type IoTuple,
  keyOf,
  MANY_CALLS,
  meanBytes,
  rowsBetween,
  SMALL_BYTES,
  smallOnes,
  xOf,
  yOf,
} from "./model";

interface IoView extends View {
  picture?: IoPicture;
}

const DIRECTIONS: Record<Direction, { title: string; series: number }> = {
  out: { title: "writes", series: 1 },
  in: { title: "reads", series: 0 },
  wait: { title: "others, waits", series: 6 },
};
const told = new History<IoPicture>();
effect(() => {
  const view = shown.value as IoView | null;
  if (view?.id === "io" && view.picture) told.push(nowNs(), view.picture);
});

const shortEnd = (text: string): string => (text.length > 34 ? `…${text.slice(-33)}` : text);
const sizeText = (row: IoRow): string =>
  row.bytes ? `${formatBytes(meanBytes(row))} at a time` : "no bytes";

function say(row: IoRow): string {
  const errors = row.errors ? `, ${formatCount(row.errors)} errors` : "";
  return (
    `${row.name} ${row.place}: ${formatCount(row.calls)} × ${row.operation} ${row.resource}, ` +
    `${sizeText(row)}, ${formatTime(row.blockedNs)} in them${errors}`
  );
}

function matches(row: IoRow, text: string): boolean {
  const wanted = text.toLowerCase();
  return [row.name, row.place, row.operation, row.resource].some((part) =>
    part.toLowerCase().includes(wanted),
  );
}

function drawField(pen: Pen, size: Size, rows: IoRow[], colours: Palette, chosen: string | null): void {
  const field = fieldOf(rows, size.width, size.height);
  const bubbles = bubblesOf(rows, field);
  const smallTo = xOf(field, SMALL_BYTES);
  const manyFrom = yOf(field, MANY_CALLS);
  const top = 6; // what stands highest is a circle, whose middle is in the field
  pen.polygon(
    [
      [field.left, top],
      [smallTo, top],
      [smallTo, manyFrom],
      [field.left, manyFrom],
    ],
    colours.bad,
    "none",
    0.1,
  );
  pen.text(smallTo - 8, top + 14, "many small ones", colours.bad, 12, "end");
  for (let power = 0; 16 ** power <= field.mostBytes; power++) {
    const x = xOf(field, 16 ** power);
    pen.line(
      [
        [x, top],
        [x, field.bottom],
      ],
      colours.line,
      1,
    );
    pen.text(x, field.bottom + 14, formatBytes(16 ** power), colours.soft, 11, "middle");
  }
  pen.text(field.right, field.bottom + 27, "bytes at a time", colours.soft, 11, "end");
  for (let power = 0; 10 ** power <= field.mostCalls; power++) {
    const y = yOf(field, 10 ** power);
    pen.line(
      [
        [field.left - 60, y],
        [field.right, y],
      ],
      colours.line,
      1,
    );
    pen.text(field.left - 64, y + 4, formatCount(10 ** power), colours.soft, 11, "end");
  }
  pen.text(field.left - 40, field.bottom + 14, "no bytes", colours.soft, 11, "middle");
  pen.text(4, field.bottom + 27, "calls", colours.soft, 11);
  const text = filterText.value;
  for (const { row, x, y, radius } of bubbles) {
    const colour = colours.series[DIRECTIONS[row.direction].series] ?? colours.ink;
    const isFaint = text !== "" && !matches(row, text);
    const isChosen = row.key === chosen;
    pen.circle(
      x,
      y,
      radius,
      colour,
      isChosen ? colours.ink : colour,
      isFaint ? 0.06 : isChosen ? 0.75 : 0.42,
    );
  }
  const named: Bubble[] = [];
  for (const bubble of bubbles) {
    const isChosen = bubble.row.key === chosen;
    if (!isChosen && (named.length === 5 || bubble.radius < 6)) continue;
    if (named.some((one) => Math.abs(one.y - bubble.y) < 15 && Math.abs(one.x - bubble.x) < 240)) continue;
    named.push(bubble);
    const isRight = bubble.x + bubble.radius + 200 > field.right;
    const x = isRight ? bubble.x - bubble.radius - 5 : bubble.x + bubble.radius + 5;
    pen.text(x, bubble.y + 4, bubble.row.name, colours.ink, 12, isRight ? "end" : "start");
  }
}

function mixed(share: number, colours: Palette): string {
  return `color-mix(in oklab, ${colours.series[1]} ${Math.round(18 + 82 * share)}%, ${colours.panel})`;
}

function drawHeat(pen: Pen, size: Size, isWanted: (row: IoTuple) => boolean, colours: Palette): void {
  const now = told.latest?.at ?? 0;
  const leastNs = told.latest?.value.least_ns ?? 0;
  const spanS = told.spanS();
  const columns = columnsOf(told.told, isWanted).filter((column) => column.to > now - spanS * 1e9);
  const range = extent(columns.map((column) => column.counts));
  const [left, right, top, bottom] = [58, size.width - 10, 8, size.height - 30];
  const x = (at: number) => right - ((now - at) / (spanS * 1e9)) * (right - left);
  for (let second = 0; second <= spanS; second += spanS / 3)
    pen.text(
      x(now - second * 1e9),
      bottom + 14,
      second ? `−${second} s` : "now",
      colours.soft,
      11,
      second === 0 ? "end" : second === spanS ? "start" : "middle",
    );
  pen.line(
    [
      [left, bottom],
      [right, bottom],
    ],
    colours.line,
    1,
  );
  if (!range || !leastNs) {
    pen.text(
      (left + right) / 2,
      (top + bottom) / 2,
      "no call ended while this was looked at",
      colours.soft,
      12,
      "middle",
    );
    return;
  }
  const { first, last } = range;
  const height = (bottom - top) / (last - first + 1);
  const most = Math.max(1, ...columns.flatMap((column) => column.counts));
  for (const column of columns) {
    column.counts.forEach((count, i) => {
      if (!count) return;
      const from = Math.max(left, x(column.from));
      const to = x(column.to);
      if (to <= from) return;
      const share = Math.log(1 + count) / Math.log(1 + most);
      pen.rect(
        from,
        bottom - (i - first + 1) * height,
        Math.max(1, to - from + 0.5),
        height - 0.5,
        mixed(share, colours),
      );
    });
  }
  const every = Math.max(1, Math.ceil((last - first + 2) / 7));
  for (let i = first; i <= last + 1; i += every)
    pen.text(
      left - 6,
      bottom - (i - first) * height + 4,
      i === 0 ? "0" : formatTime(durationFrom(leastNs, i)),
      colours.soft,
      11,
      "end",
    );
}

/** The table of a window: what of the view's own is known by the second. */
function windowRows(view: View, rows: IoRow[]): Row[] {
  const text = filterText.value;
  const cells = (row: IoRow): Record<string, string | number | null> => ({
    calls: row.calls,
    bytes: row.bytes || null,
    mean_bytes: row.bytes ? Math.floor(meanBytes(row)) : null,
    blocked_ns: row.blockedNs,
    errors: row.errors || null,
    operation: row.operation,
    resource: row.resource,
    function: row.place ? `${row.name}  ${row.place}` : row.name,
  });
  const sort = view.sort ?? "blocked_ns";
  const way = view.ascending ? 1 : -1;
  return rows
    .filter((row) => !text || matches(row, text))
    .map((row) => ({ row, cells: cells(row) }))
    .sort((one, other) => {
      const [a, b] = [one.cells[sort] ?? null, other.cells[sort] ?? null];
      if (a === null || b === null) return Number(a === null) - Number(b === null);
      return a === b ? 0 : way * (a < b ? -1 : 1);
    })
    .map(({ row, cells }) => ({
      cells: (view.columns ?? []).map((column) => cells[column.id] ?? null),
      function: row.function,
    }));
}

export function Io(): JSX.Element | null {
  const chosen = useSignal<string | null>(null);
  const pointed = useSignal<{ row: IoRow; x: number; y: number } | null>(null);
  const direction = useSignal<Direction | null>(null);
  const view = shown.value as IoView | null;
  const length = windowLength.value;
  const now = view?.picture ?? null;
  const before = told.windowBegin(length);
  const isWhole = before === null;
  const rows = now ? rowsBetween(now, before?.value ?? null) : [];
  const kept = direction.value ? rows.filter((row) => row.direction === direction.value) : rows;
  const everything = now ? rowsBetween(now, null) : [];
  const small = smallOnes(everything);
  const ofChosen = kept.find((row) => row.key === chosen.value);
  const isWanted = (row: IoTuple) => {
    if (ofChosen) return keyOf(row) === ofChosen.key;
    const info = row[0] === null ? undefined : now?.functions[String(row[0])];
    const text = filterText.value.toLowerCase();
    return (
      !text || [info?.name, info?.file, row[2], row[3]].some((part) => part?.toLowerCase().includes(text))
    );
  };
  useEffect(() => {
    const charts = () => [
      {
        width: 640,
        height: 340,
        draw: (pen: Pen) => drawField(pen, { width: 640, height: 340 }, kept, palette.peek(), chosen.peek()),
      },
      {
        width: 640,
        height: 260,
        draw: (pen: Pen) => drawHeat(pen, { width: 640, height: 260 }, isWanted, palette.peek()),
      },
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
  const whole = everything.reduce((sum, row) => sum + (row.direction === "wait" ? 0 : row.blockedNs), 0);
  const order = [...kept].sort((one, other) => other.blockedNs - one.blockedNs);
  const step = (by: number) => {
    const at = order.findIndex((row) => row.key === chosen.value);
    chosen.value = order[Math.min(order.length - 1, Math.max(0, at + by))]?.key ?? null;
  };
  const place = (event: PointerEvent | MouseEvent): Bubble | null => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    const bubbles = bubblesOf(kept, fieldOf(kept, box.width, box.height));
    return bubbleAt(bubbles, event.clientX - box.left, event.clientY - box.top);
  };
  const columns = (view.columns ?? []).filter(
    (column) => isWhole || !/^(blocked_pct|p99_ns|max_ns)$/.test(column.id),
  );
  const tableView = isWhole ? view : { ...view, columns };
  const tableRows = isWhole ? (view.rows ?? []) : windowRows(tableView, rows);
  const tip = pointed.value;
  return (
    <div class="io">
      <div class="tools">
        <ul class="findings">
          {small.slice(0, 2).map((row) => (
            <li key={row.key} class="finding">
              <strong>
                {formatCount(row.calls)} × {row.operation} of {formatBytes(meanBytes(row))}
              </strong>{" "}
              by{" "}
              <button
                type="button"
                class="as-link name"
                onClick={() => {
                  chosen.value = row.key;
                }}
              >
                {row.name}
              </button>{" "}
              <span class="place">{row.place}</span> {row.resource && `to ${shortEnd(row.resource)}`}:{" "}
              {formatTime(row.blockedNs)}, {formatPercent((row.blockedNs / Math.max(1, whole)) * 100)} % of
              all I/O since the start
            </li>
          ))}
          {small.length === 0 && <li class="said">Nobody reads or writes often and little at a time.</li>}
        </ul>
        <div class="segments" role="group" aria-label="Only">
          {(Object.keys(DIRECTIONS) as Direction[]).map((one) => (
            <button
              key={one}
              type="button"
              aria-pressed={direction.value === one}
              onClick={() => {
                direction.value = direction.value === one ? null : one;
              }}
            >
              <span class={`dot-of series-${DIRECTIONS[one].series + 1}`} aria-hidden="true" />
              {DIRECTIONS[one].title}
            </button>
          ))}
        </div>
      </div>
      <div class="pair">
        <section class="chart-box" aria-labelledby="io-field-title">
          <h3 id="io-field-title">How much at a time, how often</h3>
          <p class="hint">
            A circle is a function, a file or address, and an operation; as large as the time in it.
          </p>
          <div
            class="pointable"
            id="io-field"
            role="application"
            aria-label="Rows by bytes at a time and calls. Arrow keys go through them, the dearest first; Enter opens the function."
            aria-describedby="io-said"
            tabIndex={0}
            onKeyDown={(event) => {
              if (event.altKey || event.ctrlKey || event.metaKey) return;
              if (event.key === "ArrowRight" || event.key === "ArrowDown") step(1);
              else if (event.key === "ArrowLeft" || event.key === "ArrowUp") step(-1);
              else if (event.key === "Escape") chosen.value = null;
              else if (event.key === "Enter" && typeof ofChosen?.function === "number")
                openFunction(ofChosen.function);
              else return;
              event.preventDefault();
            }}
            onPointerMove={(event) => {
              const found = place(event);
              pointed.value = found ? { row: found.row, x: event.clientX, y: event.clientY } : null;
            }}
            onPointerLeave={() => {
              pointed.value = null;
            }}
            onClick={(event) => {
              chosen.value = place(event)?.row.key ?? null;
            }}
            onDblClick={(event) => {
              const fn = place(event)?.row.function;
              if (typeof fn === "number") openFunction(fn);
            }}
          >
            <Chart
              class="io-chart"
              label={`${kept.length} rows, the dearest: ${order[0] ? say(order[0]) : "none"}`}
              draw={(context, size) =>
                drawField(new CanvasPen(context), size, kept, palette.value, chosen.value)
              }
            />
          </div>
        </section>
        <section class="chart-box" aria-labelledby="io-heat-title">
          <h3 id="io-heat-title">How long a call took, over time</h3>
          <p class="hint">
            {ofChosen ? `Of ${ofChosen.operation} by ${ofChosen.name}.` : "Of all calls that are shown."} The
            darker, the more calls.
          </p>
          <Chart
            class="io-chart"
            label={`Durations of calls in the last ${told.spanS()} seconds`}
            draw={(context, size) => drawHeat(new CanvasPen(context), size, isWanted, palette.value)}
          />
        </section>
      </div>
      <p id="io-said" class="chosen-line" aria-live="polite">
        {ofChosen ? (
          <>
            {say(ofChosen)}{" "}
            {typeof ofChosen.function === "number" && (
              <button type="button" onClick={() => openFunction(ofChosen.function as number)}>
                Open the function
              </button>
            )}
          </>
        ) : (
          ""
        )}
      </p>
      <WindowSaid isWhole={isWhole} />
      <Table view={tableView} columns={columns} rows={tableRows} filter={filterText.value} />
      {tip && (
        <div
          class="tip"
          style={{
            left: `${Math.min(tip.x + 14, innerWidth - 380)}px`,
            top: `${Math.min(tip.y + 16, innerHeight - 150)}px`,
          }}
        >
          <strong>{tip.row.name}</strong>
          <span class="place">{tip.row.place}</span>
          <dl>
            <dt>{tip.row.operation}</dt>
            <dd>{tip.row.resource}</dd>
            <dt>calls</dt>
            <dd>{formatCount(tip.row.calls)}</dd>
            <dt>bytes</dt>
            <dd>
              {formatBytes(tip.row.bytes)}, {sizeText(tip.row)}
            </dd>
            <dt>in them</dt>
            <dd>{formatTime(tip.row.blockedNs)}</dd>
          </dl>
        </div>
      )}
    </div>
  );
}
