// SPDX-License-Identifier: MIT
// The strip above all views: the target's pulse. A brush on it sets the window.

import { signal, useSignal, useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { Chart, type Size } from "./canvas";
import type { Strip as Values } from "./documents";
import { formatBytes, formatCount, formatPercent, formatRate, formatTime } from "./format";
import { type Moment, moments, span, viewId, WINDOWS, type WindowLength, windowLength } from "./state";
import { palette } from "./theme";
import { inTurn } from "./turns";

const SHOWN_S = 60;
const SHOWN_NS = SHOWN_S * 1e9;
const THREADS = 5;
/** What is drawn: all moments, in a turn of their own. */
const pulse = signal<Moment[]>([]);

interface Gauge {
  id: keyof Values;
  title: string;
  help: string;
  value: (strip: Values) => number | null;
  text: (value: number) => string;
  /** The picture's top is at least this, so that noise of nearly nothing looks like nothing. */
  least: number;
  bad?: (value: number) => boolean;
}

const sumOf = (cpu: Values["cpu"]): number | null =>
  cpu.some((one) => one.pct !== null) || cpu.length === 0
    ? cpu.reduce((sum, one) => sum + (one.pct ?? 0), 0)
    : null;

const GAUGES: Gauge[] = [
  {
    id: "cpu",
    title: "cpu",
    help: "processor time of the target's threads",
    value: (strip) => (strip.cpu ? sumOf(strip.cpu) : null),
    text: (value) => `${formatPercent(value)} %`,
    least: 100,
  },
  {
    id: "events_per_s",
    title: "events/s",
    help: "what the probe told of, per second",
    value: (strip) => strip.events_per_s,
    text: formatRate,
    least: 100,
  },
  {
    id: "rss_bytes",
    title: "memory",
    help: "the target's resident memory",
    value: (strip) => strip.rss_bytes,
    text: formatBytes,
    least: 1,
  },
  {
    id: "gc_pct",
    title: "gc",
    help: "share of the time in the garbage collector",
    value: (strip) => strip.gc_pct,
    text: (value) => `${formatPercent(value)} %`,
    least: 5,
  },
  {
    id: "loop_lag_ns",
    title: "longest step",
    help: "of an event loop: for so long nothing else ran on it",
    value: (strip) => strip.loop_lag_ns,
    text: formatTime,
    least: 10e6,
    bad: (value) => value >= 100e6,
  },
  {
    id: "probe_pct",
    title: "probe",
    help: "what profiling costs the target",
    value: (strip) => strip.probe_pct,
    text: (value) => `${formatPercent(value)} %`,
    least: 5,
  },
  {
    id: "lost",
    title: "lost",
    help: "events that were not heard; 0 means that all counts are exact",
    value: (strip) => strip.lost,
    text: formatCount,
    least: 1,
    bad: (value) => value > 0,
  },
];

function busiest(all: Moment[]): string[] {
  const sums = new Map<string, number>();
  for (const { strip } of all)
    for (const { thread, pct } of strip.cpu ?? []) sums.set(thread, (sums.get(thread) ?? 0) + (pct ?? 0));
  return [...sums]
    .sort((one, other) => other[1] - one[1] || (one[0] < other[0] ? -1 : 1))
    .slice(0, THREADS)
    .map(([thread]) => thread);
}

function drawArea(
  context: CanvasRenderingContext2D,
  points: { x: number; low: number; high: number }[],
  fill: string,
): void {
  context.beginPath();
  for (const { x, high } of points) context.lineTo(x, high);
  for (let i = points.length - 1; i >= 0; i--) {
    const point = points[i];
    if (point) context.lineTo(point.x, point.low);
  }
  context.closePath();
  context.fillStyle = fill;
  context.fill();
}

function drawGauge(gauge: Gauge, context: CanvasRenderingContext2D, size: Size): void {
  const all = pulse.value;
  const colours = palette.value;
  const now = all[all.length - 1]?.at ?? 0;
  const recent = all.filter((moment) => moment.at > now - SHOWN_NS - 2e9);
  const { width, height } = size;
  const x = (at: number) => width - ((now - at) / SHOWN_NS) * width;

  if (windowLength.value !== "all") {
    const from = x(now - Number(windowLength.value) * 1e9);
    context.fillStyle = colours.line;
    context.globalAlpha = 0.45;
    context.fillRect(from, 0, width - from, height);
    context.globalAlpha = 1;
  }
  if (viewId.value === "timeline" && span.value) {
    const [from, to] = [Math.max(0, x(span.value.from)), Math.min(width, x(span.value.to))];
    context.fillStyle = colours.accent;
    context.globalAlpha = 0.35;
    if (to > from) context.fillRect(from, 0, Math.max(1.5, to - from), height);
    context.globalAlpha = 1;
  }
  context.fillStyle = colours.line;
  context.fillRect(0, height - 1, width, 1);

  const values = recent.map(({ at, strip }) => ({ at, value: gauge.value(strip) }));
  let top = gauge.least;
  for (const { value } of values) if (value !== null && value > top) top = value;
  const y = (value: number) => height - 1 - (value / (top * 1.06)) * (height - 3);

  if (gauge.id === "cpu") {
    const names = busiest(recent);
    let low = recent.map(() => 0);
    [...names, null].forEach((name, index) => {
      const high = recent.map(({ strip }, i) => {
        const cpu = strip.cpu ?? [];
        const own =
          name === null
            ? cpu.filter((one) => !names.includes(one.thread))
            : cpu.filter((one) => one.thread === name);
        return (low[i] ?? 0) + (sumOf(own) ?? 0);
      });
      const points = recent.map(({ at }, i) => ({ x: x(at), low: y(low[i] ?? 0), high: y(high[i] ?? 0) }));
      drawArea(context, points, name === null ? colours.faint : (colours.series[index] ?? colours.faint));
      low = high;
    });
    return;
  }
  const isBad = gauge.bad && values.some(({ value }) => value !== null && gauge.bad?.(value));
  const colour = isBad ? colours.bad : (colours.series[0] ?? colours.ink);
  const known = values.filter((one): one is { at: number; value: number } => one.value !== null);
  context.globalAlpha = 0.22;
  drawArea(
    context,
    known.map(({ at, value }) => ({ x: x(at), low: height - 1, high: y(value) })),
    colour,
  );
  context.globalAlpha = 1;
  context.beginPath();
  for (const { at, value } of known) context.lineTo(x(at), y(value));
  context.strokeStyle = colour;
  context.lineWidth = 1.25;
  context.stroke();
}

/** The window that a brush of so many seconds stands for. */
export function nearestWindow(seconds: number): WindowLength {
  if (seconds >= SHOWN_S * 0.97) return "all";
  let best: WindowLength = "1";
  let least = Number.POSITIVE_INFINITY;
  for (const length of WINDOWS) {
    if (length === "all") continue;
    const far = Math.abs(Math.log(Number(length) / Math.max(seconds, 0.01)));
    if (far < least) {
      least = far;
      best = length;
    }
  }
  return best;
}

function GaugeBox(props: { gauge: Gauge }): JSX.Element {
  const { gauge } = props;
  const all = pulse.value;
  const latest = all[all.length - 1];
  const value = latest ? gauge.value(latest.strip) : null;
  const text = value === null ? "–" : gauge.text(value);
  const threads = gauge.id === "cpu" && latest ? (latest.strip.cpu ?? []) : [];
  const said =
    threads.length > 1
      ? threads
          .map((one) => `${one.thread} ${one.pct === null ? "–" : `${formatPercent(one.pct)} %`}`)
          .join(", ")
      : "";
  return (
    <div class={`gauge gauge-${gauge.id}`} title={said ? `${gauge.help}: ${said}` : gauge.help}>
      <div class="gauge-head">
        <span class="gauge-title">{gauge.title}</span>
        <span class={`gauge-value ${value !== null && gauge.bad?.(value) ? "is-bad" : ""}`}>{text}</span>
      </div>
      <Chart
        draw={(context, size) => drawGauge(gauge, context, size)}
        label={`${gauge.title}: ${text}${said ? ` (${said})` : ""}, the last ${SHOWN_S} seconds`}
      />
    </div>
  );
}

export function Strip(): JSX.Element {
  const brushing = useSignal(false);
  const bounds = useRef<DOMRect | null>(null);
  const begun = useRef(0);
  useSignalEffect(() => {
    const told = moments.value;
    inTurn("strip", () => {
      pulse.value = told;
    });
  });
  /** In Timeline that very stretch of time; all other views have windows that end now. */
  const timeAt = (event: PointerEvent): number => {
    const box = bounds.current;
    const now = pulse.value[pulse.value.length - 1]?.at ?? 0;
    return box ? now - ((box.right - event.clientX) / box.width) * SHOWN_NS : now;
  };
  const brush = (event: PointerEvent) => {
    const box = bounds.current;
    if (!box) return;
    if (viewId.value === "timeline") {
      const to = timeAt(event);
      const [from, end] = [Math.max(0, Math.min(begun.current, to)), Math.max(begun.current, to)];
      if (end - from > SHOWN_NS / 200) span.value = { from, to: end };
      return;
    }
    const share = Math.min(1, Math.max(0, (box.right - event.clientX) / box.width));
    windowLength.value = nearestWindow(share * SHOWN_S);
  };
  return (
    <section
      class="strip"
      aria-label="The target's last 60 seconds"
      onPointerDown={(event) => {
        const chart = (event.target as Element).closest(".chart");
        if (!chart || event.button !== 0) return;
        bounds.current = chart.getBoundingClientRect();
        brushing.value = true;
        begun.current = timeAt(event);
        event.currentTarget.setPointerCapture(event.pointerId);
        brush(event);
      }}
      onPointerMove={(event) => {
        if (brushing.value) brush(event);
      }}
      onPointerUp={() => {
        brushing.value = false;
      }}
      onPointerCancel={() => {
        brushing.value = false;
      }}
    >
      {GAUGES.map((gauge) => (
        <GaugeBox key={gauge.id} gauge={gauge} />
      ))}
    </section>
  );
}
