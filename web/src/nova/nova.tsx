// SPDX-License-Identifier: MIT
// Nova: a field of clocks on which each object that is made draws a ray; who makes them, of which type; and the same as a table.

import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { fitCanvas, useSize } from "../canvas";
import type { Connection } from "../connection";
import { formatBytes, formatCount, formatTime } from "../format";
import { rgb, wishesPlain } from "../gl";
import { CanvasPen } from "../pen";
import { picture, Svg } from "../picture";
import { filterText, link, state, target } from "../state";
import { palette, theme } from "../theme";
import { FAMILIES, FAMILY_COLOURS } from "./families";
import type { By } from "./model";
import { drawDials, drawHands, LABEL, type Over, ringsOf } from "./over";
import { type Field, layOut, makeRayPainter, type RayPainter, rayAt, raysOf, SEEN_S } from "./rays";
import { type Choice, Finding, listed, MadeTable, Said, Side, Swatch } from "./side";
import { epochNs, facts, made, matches, nova, rays, takeNewRays, taken, time, topLog } from "./told";

const PALE = 0.1;
const BYS: { id: By; title: string }[] = [
  { id: "task", title: "tasks" },
  { id: "thread", title: "threads" },
  { id: "function", title: "functions" },
];
const TURNS = [
  { ns: 1e7, title: "10 ms" },
  { ns: 1e8, title: "0.1 s" },
  { ns: 1e9, title: "1 s" },
];

function Switch(props: { connection: Connection | null }): JSX.Element | null {
  const isOn = facts.value?.on ?? false;
  const { connection } = props;
  if (!connection || link.value !== "open" || state.value !== "on" || target.value?.read_only) return null;
  const on = (target.value?.sources ?? []).map((one) => one.name);
  return (
    <button
      type="button"
      role="switch"
      aria-checked={isOn}
      class="switch"
      title="Births and deaths are told, in the running target"
      onClick={() =>
        void connection.switchTo({
          events: isOn ? on.filter((one) => one !== "objects") : [...new Set([...on, "objects"])],
        })
      }
    >
      <span class="knob" aria-hidden="true" />
      objects
    </button>
  );
}

function NoClocks(): JSX.Element | null {
  if (!facts.value || facts.value.hasClocks) return null;
  return (
    <p class="hint nova-none">
      {target.value?.recording
        ? "A recording keeps sums, not single births: there are no rays."
        : facts.value.on
          ? "No object has been made while this was looked at."
          : "Births are not told now."}
    </p>
  );
}

/** `turnNs` 0: a ray is a degree. */
function Legend(props: { rings: string; turnNs: number }): JSX.Element {
  const stride = facts.value?.stride ?? 1;
  return (
    <ul class="legend" aria-label="Colours and lines">
      {FAMILIES.map((family, index) => (
        <li key={family.title}>
          <Swatch family={index} />
          {family.title}
        </li>
      ))}
      <li class="said">
        {[
          stride > 1 ? `one of ${formatCount(stride)} births is drawn` : "every birth is drawn",
          "counts are of all",
          props.turnNs ? `a turn for each ${formatTime(props.turnNs)} that it ran` : "a degree for each ray",
          ...(props.rings ? [`rings: ${props.rings}`] : []),
        ].join(" · ")}
      </li>
    </ul>
  );
}

export function NovaPage(props: { connection: Connection | null }): JSX.Element | null {
  const [box, size] = useSize<HTMLDivElement>();
  const raysCanvas = useRef<HTMLCanvasElement>(null);
  const underCanvas = useRef<HTMLCanvasElement>(null);
  const overCanvas = useRef<HTMLCanvasElement>(null);
  const painter = useRef<RayPainter | null>(null);
  const frame = useRef(0);
  const painting = useRef<() => void>(() => undefined);
  const field = useRef<Field | null>(null);
  const underSaid = useRef("");
  const overSaid = useRef("");
  const by = useSignal<By>(nova.by);
  const isLinear = useSignal(false);
  const isClassic = useSignal(false);
  const turnNs = useSignal(1e9);
  const chosen = useSignal<string | null>(null);
  const clockKey = useSignal<string | null>(null);
  const rings = useSignal("");
  const pointed = useSignal<{ slot: number; clock: number; x: number; y: number } | null>(null);

  const strengthOf = (slot: number): number => {
    const site = nova.sites[nova.site[slot] as number];
    if (!site) return 1;
    if (chosen.peek()) return site.key === chosen.peek() ? 1 : PALE;
    const text = filterText.peek().toLowerCase();
    return !text || matches(site, text) ? 1 : PALE;
  };
  const refill = (from: number) =>
    rays.fill(nova, from, epochNs, turnNs.peek(), isClassic.peek(), strengthOf);
  const fieldAt = (atNs: number): Field => ({
    width: size.width,
    height: size.height,
    dials: layOut(nova.clocks.length, size.width, size.height, LABEL),
    now: (atNs - epochNs) / 1e9,
    topLog,
    isLinear: isLinear.peek(),
    isClassic: isClassic.peek(),
    turnNs: turnNs.peek(),
    colours: FAMILY_COLOURS[theme.peek()].map(rgb),
  });
  const overAt = (now: Field, atNs: number): Over => ({
    nova,
    field: now,
    atNs,
    ink: palette.peek(),
    chosen: clockKey.peek(),
    by: nova.by,
  });

  const paint = () => {
    frame.current = 0;
    const place = box.current;
    const [rayPlace, underPlace, overPlace] = [raysCanvas.current, underCanvas.current, overCanvas.current];
    if (!place || !rayPlace || !underPlace || !overPlace || !size.width) return;
    if (!painter.current) {
      painter.current = makeRayPainter(rayPlace, wishesPlain());
      rayPlace.dataset.painter = painter.current.kind;
    }
    performance.mark("ulma-draw");
    const atNs = time.at(performance.now());
    const now = fieldAt(atNs);
    field.current = now;
    const isAtWork = painter.current.paint(rays, now);
    const over = overAt(now, atNs);
    // Rims stay as they are from frame to frame.
    const names = nova.clocks.map((clock) => clock.name);
    const said = JSON.stringify([size, now.dials, names, topLog, now.isLinear, over.chosen, theme.peek()]);
    if (said !== underSaid.current) {
      underSaid.current = said;
      rings.value = ringsOf(now).join(", ");
      place.dataset.clocks = JSON.stringify(
        now.dials.map(({ x, y, radius }, i) => [nova.clocks[i]?.name, x, y, radius]),
      );
      const context = fitCanvas(underPlace, size);
      if (context) drawDials(new CanvasPen(context), over);
    }
    const context = fitCanvas(overPlace, size);
    if (context) drawHands(new CanvasPen(context), over);
    place.dataset.drawn = String(rays.count);
    performance.measure("ulma-draw", "ulma-draw");
    performance.clearMarks("ulma-draw");
    if (atNs < time.latest || isAtWork) again();
  };
  painting.current = paint;
  const again = () => {
    if (!frame.current) frame.current = requestAnimationFrame(() => painting.current());
  };

  useSignalEffect(() => {
    taken.value;
    performance.mark("ulma-fold");
    const { from, isOther } = takeNewRays();
    refill(isOther || isClassic.peek() ? 0 : from);
    // Idle means still: where nothing is seen any more and no hand has moved, nothing is drawn.
    const hands = JSON.stringify(nova.clocks.map((clock) => [clock.told.at(-1)?.ns, clock.births > 0]));
    if (hands !== overSaid.current || time.latest - nova.newestNs() < (SEEN_S + 1) * 1e9) again();
    overSaid.current = hands;
    performance.measure("ulma-fold", "ulma-fold");
    performance.clearMarks("ulma-fold");
  });
  useSignalEffect(() => {
    palette.value;
    filterText.value;
    chosen.value;
    clockKey.value;
    isLinear.value;
    isClassic.value;
    turnNs.value;
    by.value;
    refill(0);
    again();
  });
  useEffect(() => {
    again();
    return () => {
      cancelAnimationFrame(frame.current);
      frame.current = 0;
    };
  }, [size.width, size.height]);
  useEffect(() => {
    picture.value = {
      canvas: () => {
        // What WebGL has drawn is there until the browser has shown it: it is drawn again, and copied at once.
        painting.current();
        const whole = document.createElement("canvas");
        const layers = [underCanvas.current, raysCanvas.current, overCanvas.current];
        const context = whole.getContext("2d");
        if (!layers[0] || !context) return null;
        whole.width = layers[0].width;
        whole.height = layers[0].height;
        context.fillStyle = palette.peek().panel;
        context.fillRect(0, 0, whole.width, whole.height);
        for (const layer of layers) if (layer) context.drawImage(layer, 0, 0);
        return whole;
      },
      svg: () => {
        const svg = new Svg();
        const now = field.current;
        if (!now) return svg.done(1, 1, palette.peek().panel);
        const over = overAt(now, time.at(performance.now()));
        drawDials(svg, over);
        for (const ray of raysOf(rays, now)) {
          const dash = FAMILIES[ray.family]?.dash ?? [0, 0];
          const colour = FAMILY_COLOURS[theme.peek()][ray.family] ?? "#888888";
          const alpha = Math.round(ray.alpha * 255)
            .toString(16)
            .padStart(2, "0");
          svg.line([ray.from, ray.to], colour + alpha, 1.4, dash[0] ? dash : []);
        }
        drawHands(svg, over);
        return svg.done(now.width, now.height, palette.peek().panel);
      },
    };
    return () => {
      picture.value = null;
    };
  }, []);

  const clockAt = useComputed(() => {
    made.value; // clocks come and go with what is told
    return pointed.value?.clock ?? nova.clocks.findIndex((clock) => clock.key === clockKey.value);
  });
  const isPointed = useComputed(() => pointed.value !== null);
  const choice = useRef<Choice>({ site: chosen, clock: clockAt, isPointed }).current;
  if (!facts.value) return null;

  const placeOf = (event: PointerEvent | MouseEvent) => {
    const bounds = box.current?.getBoundingClientRect();
    const [x, y] = [event.clientX - (bounds?.left ?? 0), event.clientY - (bounds?.top ?? 0)];
    const at = field.current;
    if (!at) return null;
    const index = at.dials.findIndex((dial) => {
      const away = Math.hypot(x - dial.x, y - dial.y);
      const isBelow = Math.abs(x - dial.x) < dial.radius && y > dial.y && y < dial.y + dial.radius + LABEL;
      return away <= dial.radius + 6 || isBelow;
    });
    return index < 0
      ? null
      : { clock: index, slot: rayAt(rays, at, x, y), x: event.clientX, y: event.clientY };
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey || !nova.clocks.length) return;
    const at = nova.clocks.findIndex((one) => one.key === clockKey.value);
    const last = nova.clocks.length - 1;
    const to = {
      ArrowRight: at + 1,
      ArrowDown: at + 1,
      ArrowLeft: at - 1,
      ArrowUp: at - 1,
      Home: 0,
      End: last,
    }[event.key];
    if (to !== undefined) clockKey.value = nova.clocks[Math.min(last, Math.max(0, to))]?.key ?? null;
    else if (event.key === "Enter") {
      const key = listed(clockAt.peek())[0]?.site.key;
      if (key) chosen.value = chosen.value === key ? null : key;
    } else if (event.key === "Escape") {
      clockKey.value = null;
      chosen.value = null;
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const tip = pointed.value;
  const tipSite = tip && tip.slot >= 0 ? nova.sites[nova.site[tip.slot] as number] : undefined;
  return (
    <div class="nova">
      <div class="tools">
        <Finding choice={choice} />
        <div class="segments" role="group" aria-label="A clock for each of">
          {BYS.map(({ id, title }) => (
            <button
              key={id}
              type="button"
              aria-pressed={by.value === id}
              onClick={() => {
                nova.setBy(id);
                clockKey.value = null;
                by.value = id;
              }}
            >
              {title}
            </button>
          ))}
        </div>
        <div class="segments" role="group" aria-label="The hand turns once in">
          {TURNS.map(({ ns, title }) => (
            <button
              key={ns}
              type="button"
              aria-pressed={!isClassic.value && turnNs.value === ns}
              title={`a hand turns once while its task runs for ${title}`}
              onClick={() => {
                isClassic.value = false;
                turnNs.value = ns;
              }}
            >
              {title}
            </button>
          ))}
          <button
            type="button"
            aria-pressed={isClassic.value}
            title="As in 1996: the hand goes one degree for each birth that is drawn, and rays stay until it comes round"
            onClick={() => {
              isClassic.value = true;
            }}
          >
            classic
          </button>
        </div>
        <div class="segments" role="group" aria-label="Length of a ray">
          <button
            type="button"
            aria-pressed={!isLinear.value}
            title="twice the bytes are a step further, whatever the size"
            onClick={() => {
              isLinear.value = false;
            }}
          >
            log bytes
          </button>
          <button
            type="button"
            aria-pressed={isLinear.value}
            title="a pixel for each byte"
            onClick={() => {
              isLinear.value = true;
            }}
          >
            linear
          </button>
        </div>
        <Switch connection={props.connection} />
      </div>
      <div class="nova-middle">
        <div class="nova-board">
          <div
            ref={box}
            id="nova-field"
            class="nova-field"
            role="application"
            tabIndex={0}
            aria-label="Clocks, on which each object that is made draws a ray. Arrow keys go from clock to clock, Enter shows only what it makes most, Escape all."
            aria-describedby="nova-said"
            onKeyDown={onKeyDown}
            onPointerMove={(event) => {
              pointed.value = placeOf(event);
            }}
            onPointerLeave={() => {
              pointed.value = null;
            }}
            onClick={(event) => {
              const found = placeOf(event);
              const hit = found && found.slot >= 0 ? nova.sites[nova.site[found.slot] as number] : undefined;
              if (hit) chosen.value = hit.key;
              else if (found) clockKey.value = nova.clocks[found.clock]?.key ?? null;
              else {
                chosen.value = null;
                clockKey.value = null;
              }
            }}
          >
            <canvas ref={underCanvas} />
            <canvas ref={raysCanvas} />
            <canvas ref={overCanvas} />
            <NoClocks />
          </div>
          <Legend rings={rings.value} turnNs={isClassic.value ? 0 : turnNs.value} />
        </div>
        <Side choice={choice} />
      </div>
      <Said choice={choice} />
      <MadeTable choice={choice} />
      {tip && tipSite && (
        <div
          class="tip"
          style={{
            left: `${Math.min(tip.x + 14, innerWidth - 380)}px`,
            top: `${Math.min(tip.y + 16, innerHeight - 130)}px`,
          }}
        >
          <strong>
            <Swatch family={tipSite.family} /> {tipSite.type}, {formatBytes(nova.bytes[tip.slot] as number)}
          </strong>
          <span class="name">{tipSite.name}</span>
          <span class="place">{tipSite.place}</span>
          <dl>
            <dt>during</dt>
            <dd>{nova.clockName(tip.slot)}</dd>
            <dt>click</dt>
            <dd>only this, in the picture and the table</dd>
          </dl>
        </div>
      )}
    </div>
  );
}
