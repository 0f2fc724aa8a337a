// SPDX-License-Identifier: MIT
// Nova: a field of clocks on which each object that is made draws a ray; who makes them, of which type; and the same as a table.

import { effect, signal, useSignal, useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { fitCanvas, useSize } from "../canvas";
import type { Connection } from "../connection";
import type { Column, Row, View } from "../documents";
import { formatBytes, formatCount, formatPercent, formatRate, formatTime } from "../format";
import { rgb, wishesPlain } from "../gl";
import { History, WindowSaid } from "../history";
import { CanvasPen } from "../pen";
import { picture, Svg } from "../picture";
import { filterText, link, nowNs, openFunction, shown, state, target, windowLength } from "../state";
import { Table } from "../table";
import { palette, theme } from "../theme";
import { FAMILIES, FAMILY_COLOURS } from "./families";
import { type By, type MadeRow, Nova, type NovaPicture, ShownTime, type Site } from "./model";
import { drawDials, drawHands, LABEL, type Over, ratesOf, ringsOf } from "./over";
import { type Field, layOut, makeRayPainter, RayList, type RayPainter, rayAt, raysOf, SEEN_S } from "./rays";

interface NovaView extends View {
  picture?: NovaPicture;
}

const LISTED = 9;
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
const told = new History<NovaPicture>();
const nova = new Nova();
const time = new ShownTime();
const rays = new RayList();
/** A number for each telling that was taken. */
const taken = signal(0);
let epochNs = 0;
let newRays = { from: 0, isOther: true };
let topLog = 10;
effect(() => {
  const view = shown.value as NovaView | null;
  if (view?.id !== "nova" || !view.picture) return;
  performance.mark("ulma-fold");
  const now = nowNs();
  if (!epochNs || now < epochNs) epochNs = now;
  told.push(now, view.picture);
  time.push(now, performance.now());
  const pushed = nova.push(view.picture, now);
  for (let i = Math.max(pushed.from, nova.oldest()); i < pushed.to; i++)
    while (topLog < 32 && (nova.bytes[i % nova.bytes.length] as number) > 2 ** topLog) topLog += 2;
  newRays = {
    from: Math.min(newRays.from, pushed.from),
    isOther: newRays.isOther || pushed.isOther,
  };
  taken.value = taken.peek() + 1;
  performance.measure("ulma-fold", "ulma-fold");
  performance.clearMarks("ulma-fold");
});

const matches = (site: Site, text: string): boolean =>
  [site.type, site.name, site.place].some((part) => part.toLowerCase().includes(text));
const placed = (site: Site): string => (site.place ? `${site.name}  ${site.place}` : site.name);

function Swatch(props: { family: number }): JSX.Element {
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

interface Made {
  site: Site;
  births: number;
  bytes: number;
}

/** By births, as shares of all that are listed. */
function Sites(props: {
  made: Made[];
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
    }));
}

/** The one answer: which type, from which line, most. */
function Finding(props: { made: MadeRow[]; pick: (site: Site) => void }): JSX.Element | null {
  const all = props.made.reduce((sum, row) => sum + row.births, 0);
  const most = props.made.reduce<MadeRow | null>(
    (best, row) => (best && best.births >= row.births ? best : row),
    null,
  );
  if (!most?.births) return <p class="said nova-finding">Nothing has been made in this window.</p>;
  return (
    <p class="nova-finding">
      <strong>{formatPercent((most.births / all) * 100)} %</strong> of what is made is{" "}
      <Swatch family={most.site.family} /> <strong>{most.site.type}</strong>, by{" "}
      <button type="button" class="as-link name" onClick={() => props.pick(most.site)}>
        {most.site.name}
      </button>{" "}
      <span class="place">{most.site.place}</span>
    </p>
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
    const [rayPlace, underPlace, overPlace] = [raysCanvas.current, underCanvas.current, overCanvas.current];
    if (!rayPlace || !underPlace || !overPlace || !size.width) return;
    if (!painter.current) {
      painter.current = makeRayPainter(rayPlace, wishesPlain());
      rayPlace.dataset.painter = painter.current.kind;
    }
    performance.mark("ulma-draw");
    const atNs = time.at(performance.now());
    const now = fieldAt(atNs);
    field.current = now;
    painter.current.paint(rays, now);
    const over = overAt(now, atNs);
    // Rims stay as they are from frame to frame.
    const said = JSON.stringify([size, now.dials, topLog, now.isLinear, over.chosen, theme.peek()]);
    if (said !== underSaid.current) {
      underSaid.current = said;
      const context = fitCanvas(underPlace, size);
      if (context) drawDials(new CanvasPen(context), over);
    }
    const context = fitCanvas(overPlace, size);
    if (context) drawHands(new CanvasPen(context), over);
    performance.measure("ulma-draw", "ulma-draw");
    performance.clearMarks("ulma-draw");
    if (atNs < time.latest) again();
  };
  painting.current = paint;
  const again = () => {
    if (!frame.current) frame.current = requestAnimationFrame(() => painting.current());
  };

  useSignalEffect(() => {
    taken.value;
    performance.mark("ulma-fold");
    refill(newRays.isOther || isClassic.peek() ? 0 : newRays.from);
    newRays = { from: nova.total, isOther: false };
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

  taken.value;
  const view = shown.value as NovaView | null;
  const now = view?.picture ?? null;
  if (!view || !now) return null;
  const before = told.windowBegin(windowLength.value);
  const text = filterText.value.toLowerCase();
  const made = nova.madeBetween(now, before?.value ?? null).filter((row) => !text || matches(row.site, text));
  const ofChosen = chosen.value ? made.filter((row) => row.site.key === chosen.value) : made;
  const columns = view.columns ?? [];
  const rows = tableRows(view, columns, ofChosen);
  const pick = (site: Site) => {
    chosen.value = chosen.value === site.key ? null : site.key;
  };
  const site = chosen.value ? nova.sites.find((one) => one.key === chosen.value) : undefined;
  const clockAt = pointed.value?.clock ?? nova.clocks.findIndex((clock) => clock.key === clockKey.value);
  const clock = nova.clocks[clockAt];
  // Rays come as late as the collector is behind: not less than what rates are reckoned of.
  const windowS =
    windowLength.value === "all" ? SEEN_S : Math.min(SEEN_S, Math.max(2, Number(windowLength.value)));
  const ofClock = clock
    ? nova.madeBy(clockAt, windowS * 1e9).filter((one) => !text || matches(one.site, text))
    : null;
  const listed: Made[] = ofClock ?? [...made].sort((one, other) => other.births - one.births);

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
    else if (event.key === "Enter" && listed[0]) pick(listed[0].site);
    else if (event.key === "Escape") {
      clockKey.value = null;
      chosen.value = null;
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const canSwitch =
    props.connection && link.value === "open" && state.value === "on" && !target.value?.read_only;
  const on = (target.value?.sources ?? []).map((one) => one.name);
  const rings = field.current ? ringsOf(field.current) : [];
  const tip = pointed.value;
  const tipSite = tip && tip.slot >= 0 ? nova.sites[nova.site[tip.slot] as number] : undefined;
  const left = now.kinds - now.objects.length;
  return (
    <div class="nova">
      <div class="tools">
        <Finding made={made} pick={pick} />
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
        {canSwitch && (
          <button
            type="button"
            role="switch"
            aria-checked={now.on}
            class="switch"
            title="Births and deaths are told, in the running target"
            onClick={() =>
              void props.connection?.switchTo({
                events: now.on ? on.filter((one) => one !== "objects") : [...new Set([...on, "objects"])],
              })
            }
          >
            <span class="knob" aria-hidden="true" />
            objects
          </button>
        )}
      </div>
      <div class="nova-middle">
        <div class="nova-board">
          <div
            ref={box}
            id="nova-field"
            class="nova-field"
            data-drawn={Math.min(nova.total, nova.at.length)}
            data-clocks={JSON.stringify(
              (field.current?.dials ?? []).map(({ x, y, radius }, i) => [nova.clocks[i]?.name, x, y, radius]),
            )}
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
            {nova.clocks.length === 0 && (
              <p class="hint nova-none">
                {target.value?.recording
                  ? "A recording keeps sums, not single births: there are no rays."
                  : now.on
                    ? "No object has been made while this was looked at."
                    : "Births are not told now."}
              </p>
            )}
          </div>
          <ul class="legend" aria-label="Colours and lines">
            {FAMILIES.map((family, index) => (
              <li key={family.title}>
                <Swatch family={index} />
                {family.title}
              </li>
            ))}
            <li class="said">
              {[
                now.stride > 1 ? `one of ${formatCount(now.stride)} births is drawn` : "every birth is drawn",
                "counts are of all",
                isClassic.value
                  ? "a degree for each ray"
                  : `a turn for each ${formatTime(turnNs.value)} that it ran`,
                ...(rings.length ? [`rings: ${rings.join(", ")}`] : []),
              ].join(" · ")}
            </li>
          </ul>
        </div>
        <aside class="nova-side" aria-label="Types and the lines that made them">
          <h3>
            {clock ? clock.name : "All"}
            <span class="said">
              {" "}
              {clock
                ? `${ratesOf(nova, clock)}, by its rays of the last ${windowS} s`
                : `${formatRate(nova.birthsPerS)} births/s · ${formatBytes(nova.bytesPerS)}/s`}
            </span>
          </h3>
          <Sites made={listed} about={ofClock !== null} chosen={chosen.value} pick={pick} />
        </aside>
      </div>
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
                chosen.value = null;
              }}
            >
              Show all
            </button>
          </>
        ) : clock && !pointed.value ? (
          `${clock.name}: ${ratesOf(nova, clock)}; most: ${listed[0] ? `${listed[0].site.type} by ${placed(listed[0].site)}` : "nothing"}`
        ) : (
          ""
        )}
      </p>
      <WindowSaid isWhole={before === null} />
      <Table view={{ ...view, total: rows.length }} columns={columns} rows={rows} filter={filterText.value} />
      {left > 0 && !chosen.value && (
        <p class="more">
          The {formatCount(now.objects.length)} types and lines that made most; {formatCount(left)} more are
          in the view Objects.
        </p>
      )}
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
