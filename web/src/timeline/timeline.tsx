// SPDX-License-Identifier: MIT
// Timeline: every thread's calls over time. Drag zooms in, Escape goes along with the time again, `/` finds a function,
// `n` and `N` step through its calls.

import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { fitCanvas, useSize } from "../canvas";
import type { Connection } from "../connection";
import type { TimelineCall, TimelineView } from "../documents";
import { formatCount, formatTime, shortPath } from "../format";
import { picture, Svg } from "../picture";
import { columns, filterText, link, openFunction, type Span, shown, span, target, trouble } from "../state";
import { palette, theme } from "../theme";
import {
  axisText,
  colourOf,
  describe,
  KIND_SERIES,
  KIND_TITLES,
  type Look,
  nameOf,
  paint,
  place,
} from "./draw";
import { infoOf, type Lane, type LaneRow, makeLanes, missing, type Slice } from "./lanes";
import { openInPerfetto } from "./perfetto";

/** So many pixels show one thing. */
const COLUMN = 4;
const LEAST_NS = 200;
const CALLS = 2000;

/** Lanes that were opened stay so while others are looked at. */
const opened = new Set<string>();

interface Found {
  function: number;
  calls: TimelineCall[];
}

export function Timeline(props: { connection: Connection | null }): JSX.Element {
  const [box, size] = useSize<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const width = useSignal(0);
  const version = useSignal(0);
  const drag = useSignal<{ from: number; to: number } | null>(null);
  const chosen = useSignal<{ lane: string; row: string; from: number; what: number | string } | null>(null);
  const pointed = useSignal<{ text: string; x: number; y: number } | null>(null);
  const calls = useSignal<Found | null>(null);
  useEffect(() => {
    width.value = size.width;
    columns.value = Math.max(50, Math.floor(size.width / COLUMN));
  }, [size.width]);

  const view = useComputed(() =>
    shown.value?.id === "timeline" ? (shown.value as unknown as TimelineView) : null,
  );
  const lanes = useComputed(() => {
    version.value;
    return view.value ? makeLanes(view.value, opened) : [];
  });
  const placed = useComputed(() => place(lanes.value));
  const shownSpan = useComputed<Span>(() => {
    const told = view.value;
    return (
      span.value ?? { from: told?.from_ns ?? 0, to: Math.max(told?.to_ns ?? 1, (told?.from_ns ?? 0) + 1) }
    );
  });
  const found = useComputed(() => {
    const text = filterText.value.toLowerCase();
    if (!text || !view.value) return null;
    const ids = new Set<number>();
    for (const [id, fn] of Object.entries(view.value.functions ?? {}))
      if (`${fn.name} ${fn.module ?? ""} ${fn.file ?? ""}`.toLowerCase().includes(text)) ids.add(Number(id));
    return ids;
  });
  /** Figures move on: the chosen slice is found again by where it began. */
  const chosenNow = useComputed(() => {
    const at = chosen.value;
    if (!at) return null;
    for (const lane of lanes.value) {
      if (lane.id !== at.lane) continue;
      for (const row of lane.rows) {
        if (`${row.kind} ${row.depth}` !== at.row) continue;
        for (const slice of row.slices)
          if (slice.what === at.what && Math.abs(slice.from - at.from) < 2000) return { lane, row, slice };
      }
    }
    return null;
  });
  const slowest = useComputed(() => {
    const all = calls.value?.calls ?? [];
    let best: TimelineCall | null = null;
    for (const one of all) if (!best || one.length_ns > best.length_ns) best = one;
    return best;
  });
  const look = (): Look | null =>
    view.value && {
      view: view.value,
      from: shownSpan.value.from,
      to: shownSpan.value.to,
      width: width.value,
      colours: palette.value,
      isDark: theme.value === "dark",
      found: found.value,
      chosen: chosenNow.value?.slice ?? null,
      slowest: slowest.value && { from: slowest.value.from_ns, length: slowest.value.length_ns },
      drag: drag.value,
    };

  useSignalEffect(() => {
    const surface = canvas.current;
    const now = look();
    if (!surface || !width.value || !now) return;
    surface.style.height = `${placed.value.height}px`;
    const context = fitCanvas(surface, { width: width.value, height: placed.value.height });
    if (!context) return;
    performance.mark("ulma-draw");
    paint(context, now, placed.value);
    performance.measure("ulma-draw", "ulma-draw");
    performance.clearMarks("ulma-draw");
  });
  useEffect(() => {
    picture.value = {
      canvas: () => canvas.current,
      svg: () => {
        const now = look();
        const svg = new Svg();
        if (!now) return svg.done(10, 10, palette.peek().panel);
        const wide = Math.max(width.peek(), 600);
        const scale = wide / (now.to - now.from);
        for (const { lane, y } of placed.peek().lanes)
          if (!lane.isThin) svg.text(6, y + 13, lane.title, now.colours.ink);
        for (const { lane, row, y, height } of placed.peek().rows)
          for (const slice of row.slices) {
            const left = Math.max(0, (slice.from - now.from) * scale);
            const right = Math.min(wide, (slice.from + slice.length - now.from) * scale);
            if (right <= 0 || left >= wide) continue;
            const title = describe(now.view, lane, row, slice);
            svg.rect(left, y, Math.max(right - left, 0.75), height - 1, colourOf(now, row, slice), title);
            const letters = Math.floor((right - left - 6) / 6.6);
            if (row.kind === "call" && letters >= 3 && slice.count === 1)
              svg.text(left + 4, y + 12, nameOf(now.view, row, slice).slice(0, letters), now.colours.ink, 11);
          }
        return svg.done(wide, placed.peek().height, now.colours.panel);
      },
    };
    return () => {
      picture.value = null;
    };
  }, []);

  /* Moving through time. */
  const show = (from: number, to: number) => {
    const length = Math.max(LEAST_NS, to - from);
    span.value = { from: Math.max(0, from), to: Math.max(0, from) + length };
  };
  const zoom = (factor: number, at?: number) => {
    const { from, to } = shownSpan.value;
    const middle = at ?? (from + to) / 2;
    show(middle - (middle - from) * factor, middle + (to - middle) * factor);
  };
  const pan = (share: number) => {
    const { from, to } = shownSpan.value;
    const step = (to - from) * share;
    if (from + step >= 0) show(from + step, to + step);
  };
  const follow = () => {
    span.value = null;
    chosen.value = null;
  };

  /* The calls of one function. */
  const matched = (): number | null => {
    const ids = found.value;
    if (!ids?.size) return null;
    const text = filterText.value.toLowerCase();
    const times = new Map<number, number>();
    for (const { row } of placed.value.rows)
      for (const slice of row.slices)
        if (typeof slice.what === "number" && row.kind === "call" && ids.has(slice.what))
          times.set(slice.what, (times.get(slice.what) ?? 0) + slice.busy);
    const score = (id: number) =>
      (infoOf(view.value, id)?.name.toLowerCase() === text ? 1e18 : 0) + (times.get(id) ?? 0);
    return [...ids].sort((one, other) => score(other) - score(one))[0] ?? null;
  };
  const askCalls = async (): Promise<Found | null> => {
    const fn =
      matched() ?? (typeof chosenNow.value?.slice.what === "number" ? chosenNow.value.slice.what : null);
    if (fn === null || !props.connection || link.value !== "open") return null;
    try {
      const told = await props.connection.get<TimelineView>("api/views/timeline", {
        function: String(fn),
        calls: String(CALLS),
        window: "1",
        columns: "1",
        limit: "1",
      });
      calls.value = { function: fn, calls: told.calls ?? [] };
    } catch (error) {
      trouble.value = `The calls are not known: ${(error as Error).message}`;
    }
    return calls.value;
  };
  const goTo = (call: TimelineCall, fn: number) => {
    const { from, to } = shownSpan.value;
    const wide = to - from;
    const fits = call.length_ns < wide * 0.9 && call.length_ns > wide / 300;
    const length = fits && span.value ? wide : Math.max(call.length_ns * 3, 1000);
    const middle = call.from_ns + call.length_ns / 2;
    show(middle - length / 2, middle + length / 2);
    chosen.value = {
      lane: `thread ${call.thread}`,
      row: `call ${call.depth}`,
      from: call.from_ns,
      what: fn,
    };
  };
  const step = async (way: 1 | -1) => {
    const told = (await askCalls()) ?? calls.value;
    if (!told?.calls.length) return;
    const { from, to } = shownSpan.value;
    const at =
      chosen.value && chosen.value.what === told.function
        ? chosen.value.from
        : span.value
          ? (from + to) / 2
          : to;
    const all = told.calls;
    const next =
      way > 0
        ? all.find((one) => one.from_ns > at + 1)
        : [...all].reverse().find((one) => one.from_ns < at - 1);
    const first = way > 0 ? all[0] : all[all.length - 1];
    const call = next ?? first;
    if (call) goTo(call, told.function);
  };
  const goToSlowest = async () => {
    const told = await askCalls();
    if (told && slowest.value) goTo(slowest.value, told.function);
  };

  /* The pointer. */
  const timeAt = (event: MouseEvent): number => {
    const bounds = canvas.current?.getBoundingClientRect();
    const { from, to } = shownSpan.value;
    return bounds ? from + ((event.clientX - bounds.left) / bounds.width) * (to - from) : from;
  };
  const sliceAt = (event: MouseEvent): { lane: Lane; row: LaneRow; slice: Slice } | null => {
    const bounds = canvas.current?.getBoundingClientRect();
    if (!bounds) return null;
    const y = event.clientY - bounds.top;
    const at = timeAt(event);
    const near = ((shownSpan.value.to - shownSpan.value.from) / Math.max(1, width.value)) * 1.5;
    for (const { lane, row, y: top, height } of [...placed.value.rows].reverse()) {
      if (y < top || y >= top + height) continue;
      for (const slice of row.slices)
        if (at >= slice.from - near && at <= slice.from + slice.length + near) return { lane, row, slice };
    }
    return null;
  };
  const choose = (lane: Lane, row: LaneRow, slice: Slice | undefined) => {
    if (!slice) return;
    chosen.value = { lane: lane.id, row: `${row.kind} ${row.depth}`, from: slice.from, what: slice.what };
  };
  const turn = (group: string) => {
    if (!opened.delete(group)) opened.add(group);
    version.value++;
  };
  const moved = useRef(false);

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const now = chosenNow.value;
    const rows = placed.value.rows;
    const first = () => {
      const one = rows.find(({ row }) => row.kind === "call" && row.slices.length);
      if (one) choose(one.lane, one.row, one.row.slices[one.row.slices.length - 1]);
    };
    const beside = (way: 1 | -1) => {
      if (!now) return first();
      choose(now.lane, now.row, now.row.slices[now.row.slices.indexOf(now.slice) + way]);
    };
    /** The row above or below, where it is busy nearest to the chosen one's begin. */
    const vertical = (way: 1 | -1) => {
      if (!now) return first();
      const middle = now.slice.from + Math.min(now.slice.length, shownSpan.value.to - now.slice.from) / 2;
      let at = rows.findIndex(({ row }) => row === now.row) + way;
      while (rows[at] && !rows[at]?.row.slices.length) at += way;
      const next = rows[at];
      if (!next) return undefined;
      const far = (one: Slice) => Math.max(0, one.from - middle, middle - one.from - one.length);
      const best = [...next.row.slices].sort((one, other) => far(one) - far(other))[0];
      return choose(next.lane, next.row, best);
    };
    switch (event.key) {
      case "ArrowLeft":
        if (event.shiftKey) pan(-0.25);
        else beside(-1);
        break;
      case "ArrowRight":
        if (event.shiftKey) pan(0.25);
        else beside(1);
        break;
      case "ArrowUp":
        vertical(-1);
        break;
      case "ArrowDown":
        vertical(1);
        break;
      case "+":
      case "=":
        zoom(0.5, now ? now.slice.from + now.slice.length / 2 : undefined);
        break;
      case "-":
        zoom(2);
        break;
      case "Enter":
        if (now?.lane.group && event.shiftKey) turn(now.lane.group);
        else if (now) show(now.slice.from - now.slice.length * 0.1, now.slice.from + now.slice.length * 1.1);
        break;
      case "f":
        if (now && typeof now.slice.what === "number" && now.row.kind === "call")
          openFunction(now.slice.what);
        break;
      case "Escape":
        if (!span.value && !chosen.value) return;
        follow();
        break;
      default:
        return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  useEffect(() => {
    // Wherever the keyboard is, as the keys of the page.
    const onKey = (event: KeyboardEvent) => {
      if (event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented) return;
      if ((event.target as HTMLElement).matches("input, textarea, select")) return;
      if (event.key === "n" || event.key === "N") {
        event.preventDefault();
        void step(event.key === "n" ? 1 : -1);
      }
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  });

  const told = view.value;
  const gone = told ? missing(told) : null;
  const now = chosenNow.value;
  const wide = shownSpan.value.to - shownSpan.value.from;
  const isCall = now && now.row.kind === "call" && typeof now.slice.what === "number";
  const groups = lanes.value.filter((lane) => lane.group);
  return (
    <div class="timeline">
      <div class="tools">
        <div class="segments" role="group" aria-label="Zoom">
          <button type="button" aria-label="Zoom out" title="-" onClick={() => zoom(2)}>
            −
          </button>
          <button type="button" aria-label="Zoom in" title="+" onClick={() => zoom(0.5)}>
            +
          </button>
          <button type="button" aria-label="Earlier" title="Shift and arrow left" onClick={() => pan(-0.25)}>
            ◂
          </button>
          <button type="button" aria-label="Later" title="Shift and arrow right" onClick={() => pan(0.25)}>
            ▸
          </button>
        </div>
        <button type="button" aria-pressed={span.value === null} class="hold" onClick={follow}>
          {target.value?.recording ? "Whole" : "Follow"} <kbd>Esc</kbd>
        </button>
        {(found.value !== null || isCall) && (
          <>
            <div class="segments" role="group" aria-label="Calls of the function that is searched">
              <button type="button" onClick={() => void step(-1)}>
                Call before <kbd>N</kbd>
              </button>
              <button type="button" onClick={() => void step(1)}>
                Next <kbd>n</kbd>
              </button>
              <button type="button" onClick={() => void goToSlowest()}>
                Slowest ▾
              </button>
            </div>
            <span class="said">
              {found.value?.size === 0 && "no function here matches"}
              {calls.value &&
                `${formatCount(calls.value.calls.length)}${calls.value.calls.length >= CALLS ? " latest" : ""} calls of ${infoOf(told, calls.value.function)?.name ?? calls.value.function} known`}
            </span>
          </>
        )}
        {groups.map((lane) => (
          <button
            key={lane.id}
            type="button"
            aria-expanded={lane.isOpen}
            onClick={() => lane.group && turn(lane.group)}
          >
            {lane.isOpen ? "▾" : "▸"} {lane.title}
          </button>
        ))}
        <span class="push" />
        {told && (
          <button
            type="button"
            title="Opens ui.perfetto.dev in a tab of its own, and hands it what is shown here"
            onClick={() => openInPerfetto(told, lanes.value, shownSpan.value)}
          >
            Open in Perfetto
          </button>
        )}
      </div>
      <p class="hint timeline-hint">
        {formatTime(wide)} from {axisText(shownSpan.value.from, wide / 1000)}.{" "}
        {gone &&
          `Hatched: before ${axisText(gone.before, wide / 1000)} ${
            Number.isFinite(gone.shorter) ? `calls shorter than ${formatTime(gone.shorter)}` : "calls"
          } are known no more. `}
        {(told?.left_out ?? 0) > 0 &&
          `${formatCount(told?.left_out ?? 0)} calls are too short to be drawn here: zoom in. `}
        <span class="timeline-legend">
          {(["gc", "io", "gil", "lock", "off"] as const).map((kind) => (
            <span key={kind}>
              <span class={`swatch-bar series-${KIND_SERIES[kind] + 1}`} /> {KIND_TITLES[kind]}{" "}
            </span>
          ))}
        </span>
      </p>
      <div ref={box} class="timeline-box">
        <canvas
          ref={canvas}
          role="application"
          tabIndex={0}
          aria-label="Calls over time, a lane for each thread and task. Arrow keys go from call to call and from row to row, with Shift through time; plus and minus zoom, Enter zooms to the call, f opens its function, n and N step through the calls of the function that is searched, Escape follows the time again."
          aria-describedby="timeline-said"
          onKeyDown={onKeyDown}
          onWheel={(event) => {
            if (event.ctrlKey || event.altKey || event.shiftKey) {
              event.preventDefault();
              zoom(2 ** ((event.deltaY || event.deltaX) / 300), timeAt(event));
            } else if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
              event.preventDefault();
              pan(event.deltaX / Math.max(1, width.value));
            }
          }}
          onPointerDown={(event) => {
            if (event.button !== 0) return;
            moved.current = false;
            const at = timeAt(event);
            drag.value = { from: at, to: at };
            event.currentTarget.setPointerCapture(event.pointerId);
          }}
          onPointerMove={(event) => {
            if (drag.value) {
              const to = timeAt(event);
              const pixels = (Math.abs(to - drag.value.from) / wide) * width.value;
              if (pixels > 4) moved.current = true;
              drag.value = { ...drag.value, to };
              pointed.value = null;
              return;
            }
            const at = sliceAt(event);
            pointed.value =
              at && told
                ? { text: describe(told, at.lane, at.row, at.slice), x: event.clientX, y: event.clientY }
                : null;
          }}
          onPointerUp={(event) => {
            const range = drag.value;
            drag.value = null;
            if (range && moved.current) {
              show(Math.min(range.from, range.to), Math.max(range.from, range.to));
              return;
            }
            const bounds = event.currentTarget.getBoundingClientRect();
            const y = event.clientY - bounds.top;
            const title = placed.value.lanes.find((one) => one.lane.group && y >= one.y && y < one.y + 18);
            const at = sliceAt(event);
            if (at) choose(at.lane, at.row, at.slice);
            else if (title?.lane.group) turn(title.lane.group);
            else chosen.value = null;
          }}
          onPointerLeave={() => {
            pointed.value = null;
          }}
          onDblClick={(event) => {
            const at = sliceAt(event);
            if (at) show(at.slice.from - at.slice.length * 0.1, at.slice.from + at.slice.length * 1.1);
          }}
        />
        {told && told.rows.length === 0 && <p class="empty">Nothing ran in this time.</p>}
      </div>
      <p id="timeline-said" class="spoken" aria-live="polite">
        {now && told ? describe(told, now.lane, now.row, now.slice) : ""}
      </p>
      {now && told && (
        <section class="timeline-chosen" aria-label="The chosen call">
          <strong class="name">{nameOf(told, now.row, now.slice)}</strong>
          <span class="place">
            {isCall && infoOf(told, now.slice.what)?.file
              ? `${shortPath(infoOf(told, now.slice.what)?.file ?? "")}:${infoOf(told, now.slice.what)?.line ?? ""}`
              : KIND_TITLES[now.row.kind]}
          </span>
          <span>
            {now.slice.count > 1
              ? `${formatCount(now.slice.count)} calls, ${formatTime(now.slice.busy)} together`
              : `${formatTime(now.slice.length)}${now.slice.isOpen ? " so far" : ""}`}
          </span>
          <span class="said">
            at {axisText(now.slice.from, 1e3)}, {now.lane.title}
            {now.slice.task ? `, task ${now.slice.task}` : ""}
          </span>
          <span class="push" />
          {isCall && (
            <button type="button" onClick={() => openFunction(now.slice.what as number)}>
              Open the function <kbd>f</kbd>
            </button>
          )}
          <button
            type="button"
            onClick={() =>
              show(now.slice.from - now.slice.length * 0.1, now.slice.from + now.slice.length * 1.1)
            }
          >
            Zoom to it <kbd>Enter</kbd>
          </button>
        </section>
      )}
      {pointed.value && (
        <div
          class="tip"
          style={{
            left: `${Math.min(pointed.value.x + 14, innerWidth - 380)}px`,
            top: `${Math.min(pointed.value.y + 16, innerHeight - 70)}px`,
          }}
        >
          {pointed.value.text}
        </div>
      )}
    </div>
  );
}
