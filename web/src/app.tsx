// SPDX-License-Identifier: MIT
// The page's frame: who is profiled, the strip, the tabs, and the view that is open.

import { useSignal, useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Algae } from "./algae/algae";
import type { Connection } from "./connection";
import type { View, ViewEntry } from "./documents";
import { Flame } from "./flame/flame";
import { formatTime } from "./format";
import { FunctionPage } from "./function/function";
import { Io } from "./io/io";
import { Memory } from "./memory/memory";
import { NovaPage } from "./nova/nova";
import { picture } from "./picture";
import { download, fileName, savedPage } from "./saved";
import {
  type Clock,
  clock,
  filterText,
  functionId,
  held,
  hold,
  link,
  openView,
  ownWindow,
  refused,
  refusedSources,
  shown,
  state,
  target,
  trouble,
  viewId,
  views,
  WINDOWS,
  windowLength,
} from "./state";
import { Strip } from "./strip";
import { Table } from "./table";
import { theme, turnTheme } from "./theme";
import { Timeline } from "./timeline/timeline";

const GROUPS: { title: string; ids: string[] }[] = [
  { title: "Where", ids: ["functions", "function", "tree", "flame", "lines", "operators", "methods"] },
  { title: "When", ids: ["timeline", "algae", "requests", "tasks", "waits", "threads", "processes"] },
  { title: "What", ids: ["nova", "objects", "memory", "gc", "io", "verdicts", "escalated"] },
];
/** Of the pictures, which the tables of the terminal do not have. */
const QUESTIONS: Record<string, string> = {
  flame: "Which way leads to where the time is spent?",
  timeline: "What ran when, beside what?",
  algae: "How deep, how wide, where now; what hangs, since when, and who started it?",
  nova: "What is made, of what type, how large, by whom?",
  memory: "What grew, and where was it made?",
  io: "Who reads and writes, how much at a time, and who waits for it?",
};
const WINDOW_TITLES = { "1": "1 s", "10": "10 s", "60": "60 s", all: "all" };

/** The views by question, those that this page does not know yet at the end. */
export function grouped(all: ViewEntry[]): { title: string; entries: ViewEntry[] }[] {
  const known = new Set(GROUPS.flatMap((group) => group.ids));
  const groups = GROUPS.map(({ title, ids }) => ({
    title,
    entries: ids.map((id) => all.find((one) => one.id === id)).filter((one) => one !== undefined),
  }));
  groups.push({ title: "More", entries: all.filter((one) => !known.has(one.id)) });
  return groups.filter((group) => group.entries.length > 0);
}

function StatePill(): JSX.Element {
  const isLost = link.value === "lost" || link.value === "refused";
  let kind: string = state.value;
  let text = { on: "live", off: "paused", ended: "ended", lost: "target lost" }[state.value];
  if (target.value?.replay)
    text = { on: "playing", off: "stands", ended: "played", lost: "target lost" }[state.value];
  if (link.value === "connecting") [kind, text] = ["wait", "connecting"];
  if (isLost) [kind, text] = ["lost", "no connection"];
  if (link.value === "saved") [kind, text] = ["ended", "saved"];
  if (held.value && !isLost) [kind, text] = ["wait", "held still"];
  return (
    <span class={`pill pill-${kind}`} role="status">
      <span class="dot" aria-hidden="true" />
      {text}
    </span>
  );
}

/** One file that opens without a server, and the open picture as a file. */
function Save(props: { connection: Connection | null }): JSX.Element | null {
  const dialog = useRef<HTMLDialogElement>(null);
  const isBusy = useSignal(false);
  const { connection } = props;
  const canSave = connection !== null && link.value === "open";
  if (!canSave && !picture.value) return null;
  const save = async (kind: "html" | "svg" | "png") => {
    isBusy.value = true;
    try {
      if (kind === "html" && connection)
        download(fileName("html"), new Blob([await savedPage(connection)], { type: "text/html" }));
      if (kind === "svg" && picture.value)
        download(fileName("svg"), new Blob([picture.value.svg()], { type: "image/svg+xml" }));
      if (kind === "png") {
        const canvas = picture.value?.canvas();
        const blob = canvas && (await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/png")));
        if (blob) download(fileName("png"), blob);
      }
      dialog.current?.close();
    } catch (error) {
      trouble.value = `Nothing was saved: ${(error as Error).message}`;
    }
    isBusy.value = false;
  };
  return (
    <>
      <button type="button" title="Save (s)" id="save" onClick={() => dialog.current?.showModal()}>
        Save
      </button>
      <dialog ref={dialog} class="help" aria-labelledby="save-title">
        <h2 id="save-title">Save</h2>
        <div class="choices">
          {canSave && (
            <button type="button" disabled={isBusy.value} onClick={() => void save("html")}>
              <strong>This page as one HTML file</strong>
              <span>all views, as they are now; opens without a server</span>
            </button>
          )}
          {picture.value && (
            <>
              <button type="button" disabled={isBusy.value} onClick={() => void save("png")}>
                <strong>This picture as PNG</strong>
                <span>as it is on the screen</span>
              </button>
              <button type="button" disabled={isBusy.value} onClick={() => void save("svg")}>
                <strong>This picture as SVG</strong>
                <span>sharp at any size</span>
              </button>
            </>
          )}
        </div>
        <form method="dialog">
          <button type="submit">Close</button>
        </form>
      </dialog>
    </>
  );
}

function Head(props: { connection: Connection | null; onHelp: () => void }): JSX.Element {
  const who = target.value;
  const isOn = state.value === "on";
  const canSwitch =
    props.connection &&
    link.value === "open" &&
    !who?.read_only &&
    (state.value === "on" || state.value === "off");
  return (
    <header class="head">
      <span class="brand">
        <svg viewBox="0 0 16 16" aria-hidden="true">
          <path d="M4 1h8l4 7-4 7H4L0 8z" />
        </svg>
        ulma
      </span>
      <h1 class="who" title={who?.command}>
        {who ? who.command : "…"}
      </h1>
      {who && (
        <span class="facts">
          {who.pid ? `pid ${who.pid}` : ""}
          {who.python ? ` · Python ${who.python}` : ""}
          {who.duration_ns ? ` · ${formatTime(who.duration_ns)}` : ""}
        </span>
      )}
      <span class="push" />
      <StatePill />
      {canSwitch && (
        <button
          type="button"
          role="switch"
          aria-checked={isOn}
          class="switch"
          title="Recording in the running target, on or off (o)"
          onClick={() => void props.connection?.switchTo({ on: !isOn })}
        >
          <span class="knob" aria-hidden="true" />
          recording
        </button>
      )}
      <Save connection={props.connection} />
      <button
        type="button"
        class="icon"
        title="Light or dark (t)"
        aria-label={theme.value === "dark" ? "Light colours" : "Dark colours"}
        onClick={turnTheme}
      >
        {theme.value === "dark" ? "☀" : "☾"}
      </button>
      <button type="button" class="icon" title="Keys (?)" aria-label="Keys" onClick={props.onHelp}>
        ?
      </button>
    </header>
  );
}

function Notices(): JSX.Element | null {
  const said: { kind: string; text: string }[] = [];
  if (link.value === "lost")
    said.push({
      kind: "bad",
      text: "The connection to ulma is lost. What you see is the last that came. It is tried again every second.",
    });
  if (link.value === "refused")
    said.push({
      kind: "bad",
      text: "ulma refuses this page: its token is not right. Open the address that `ulma web` printed.",
    });
  if (target.value?.inexact && !refused.value)
    said.push({ kind: "warn", text: `Not exact: ${target.value.inexact}` });
  if (link.value === "open" && state.value === "ended" && !target.value?.recording) {
    const who = target.value;
    const how = who?.signal
      ? `by signal ${who.signal}`
      : who?.exit_status !== null && who?.exit_status !== undefined
        ? `with exit status ${who.exit_status}`
        : "";
    const ended = who?.replay
      ? `The trace has been played to its end: the program ended ${how}.`
      : `The target has ended ${how}. All that it told is here.`;
    said.push({ kind: "calm", text: ended.replace("  ", " ").replace(" .", ".") });
  }
  if (link.value === "open" && state.value === "lost")
    said.push({ kind: "bad", text: "ulma has lost the target. What you see is the last that came." });
  if (refused.value) said.push({ kind: "bad", text: `The target is not followed: ${refused.value}.` });
  else if (link.value === "open" && state.value === "off")
    said.push({
      kind: "calm",
      text: target.value?.replay
        ? `The trace is played up to ${formatTime(target.value.duration_ns ?? 0)}, and stands there.`
        : "Recording is off: the target runs at its full speed, and figures stand still.",
    });
  for (const { name, reason } of refusedSources.value)
    said.push({ kind: "warn", text: `${name} is not on: ${reason}.` });
  if (trouble.value) said.push({ kind: "bad", text: trouble.value });
  if (!said.length) return null;
  return (
    <div class="notices" aria-live="polite">
      {said.map(({ kind, text }) => (
        <p key={text} class={`notice notice-${kind}`}>
          {text}
        </p>
      ))}
    </div>
  );
}

function Tabs(): JSX.Element {
  const list = useRef<HTMLDivElement>(null);
  const order = grouped(views.value).flatMap((group) => group.entries);
  const onKeyDown = (event: KeyboardEvent) => {
    const at = order.findIndex((one) => one.id === viewId.value);
    const to = {
      ArrowDown: at + 1,
      ArrowRight: at + 1,
      ArrowUp: at - 1,
      ArrowLeft: at - 1,
      Home: 0,
      End: order.length - 1,
    }[event.key];
    if (to === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const next = order[(to + order.length) % order.length];
    if (!next) return;
    openView(next.id);
    list.current?.querySelector<HTMLElement>(`[data-view="${CSS.escape(next.id)}"]`)?.focus();
  };
  useSignalEffect(() => {
    const tab = list.current?.querySelector<HTMLElement>(`[data-view="${CSS.escape(viewId.value)}"]`);
    tab?.scrollIntoView({ block: "nearest", inline: "nearest" });
  });
  return (
    <nav class="rail" aria-label="Views">
      <div ref={list} role="tablist" aria-orientation="vertical" aria-label="Views" onKeyDown={onKeyDown}>
        {grouped(views.value).map((group) => (
          <div key={group.title} class="rail-group" role="presentation">
            <span class="rail-title" aria-hidden="true">
              {group.title}
            </span>
            {group.entries.map((entry) => {
              const isOpen = entry.id === viewId.value;
              return (
                <button
                  key={entry.id}
                  type="button"
                  role="tab"
                  id={`tab-${entry.id}`}
                  data-view={entry.id}
                  aria-selected={isOpen}
                  aria-controls="view"
                  tabIndex={isOpen ? 0 : -1}
                  class={entry.available ? "" : "is-not"}
                  title={entry.available ? undefined : (entry.reason ?? undefined)}
                  onClick={() => openView(entry.id)}
                >
                  {entry.title}
                  {!entry.available && <span class="spoken"> (nothing to show)</span>}
                </button>
              );
            })}
          </div>
        ))}
      </div>
    </nav>
  );
}

const CLOCKS: { id: Clock; help: string }[] = [
  { id: "cpu", help: "times without what a thread was blocked or waited for the GIL" },
  { id: "wall", help: "times as on the clock on the wall" },
];

function Toolbar(props: { entry: ViewEntry | undefined; view: View | null }): JSX.Element {
  const { entry, view } = props;
  return (
    <div class="toolbar">
      <div class="titles">
        <h2>{view?.title ?? entry?.title ?? viewId.value}</h2>
        <p class="question">
          {view?.question ?? QUESTIONS[viewId.value] ?? ""}
          {view?.window === "all" &&
            windowLength.value !== "all" &&
            !ownWindow.value &&
            view.available !== false && <span class="note">since the start</span>}
        </p>
      </div>
      <label class="filter">
        <span class="spoken">Filter by name, module or file</span>
        <input
          id="filter"
          type="search"
          placeholder="filter  /"
          value={filterText.value}
          spellcheck={false}
          autocomplete="off"
          onInput={(event) => {
            filterText.value = event.currentTarget.value;
          }}
          onKeyDown={(event) => {
            if (event.key !== "Escape") return;
            filterText.value = "";
            event.currentTarget.blur();
          }}
        />
      </label>
      <div class="segments" role="group" aria-label="Times count">
        {CLOCKS.map(({ id, help }) => (
          <button
            key={id}
            type="button"
            title={help}
            aria-pressed={(clock.value ?? view?.clock) === id}
            onClick={() => {
              clock.value = id;
            }}
          >
            {id}
          </button>
        ))}
      </div>
      <div class="segments" role="group" aria-label="Window: the last">
        {WINDOWS.map((length) => (
          <button
            key={length}
            type="button"
            aria-pressed={windowLength.value === length}
            onClick={() => {
              windowLength.value = length;
            }}
          >
            {WINDOW_TITLES[length]}
          </button>
        ))}
      </div>
      <button
        type="button"
        class="hold"
        aria-pressed={held.value}
        title="Hold the picture still, to read it (space)"
        onClick={() => hold(!held.value)}
      >
        {held.value ? "Go on" : "Hold"}
      </button>
    </div>
  );
}

/** Why there is nothing, and what would bring it. */
function Nothing(props: {
  reason: string;
  entry: ViewEntry | undefined;
  connection: Connection | null;
}): JSX.Element {
  const { entry, connection } = props;
  const source = entry?.source;
  const who = target.value;
  const canSwitch =
    source && connection && link.value === "open" && state.value !== "ended" && !who?.read_only;
  const on = (who?.sources ?? []).map((one) => one.name);
  return (
    <div class="empty">
      <p class="empty-title">Nothing to show here</p>
      <p>{props.reason}</p>
      {canSwitch && !on.includes(source) && (
        <button type="button" onClick={() => void connection.switchTo({ events: [...on, source] })}>
          Switch {source} on in the running target
        </button>
      )}
    </div>
  );
}

function Content(props: {
  entry: ViewEntry | undefined;
  view: View | null;
  connection: Connection | null;
}): JSX.Element {
  const { entry, view } = props;
  if (entry && !entry.available)
    return (
      <Nothing
        reason={entry.reason ?? "The target cannot tell this."}
        entry={entry}
        connection={props.connection}
      />
    );
  if (viewId.value === "function" && functionId.value === null)
    return (
      <p class="empty">
        Open a function from any table or picture: press Enter on its row, or double-click it.
      </p>
    );
  if (view?.available === false)
    return (
      <Nothing
        reason={view.reason ?? "The target cannot tell this."}
        entry={entry}
        connection={props.connection}
      />
    );
  if (viewId.value === "flame") return <Flame connection={props.connection} />;
  if (viewId.value === "algae") return <Algae connection={props.connection} />;
  if (viewId.value === "timeline") return <Timeline connection={props.connection} />;
  if (viewId.value === "nova" && view) return <NovaPage connection={props.connection} />;
  if (!view) return <p class="empty">{link.value === "open" ? "One moment …" : ""}</p>;
  const columns = view.columns ?? [];
  const rows = view.rows ?? [];
  if (!rows.length)
    return (
      <p class="empty">
        {view.reason ??
          (filterText.value ? `Nothing here matches “${filterText.value}”.` : "Nothing ran in this window.")}
      </p>
    );
  if (view.id === "io") return <Io />;
  if (view.id === "memory") return <Memory connection={props.connection} />;
  if (view.id === "function") return <FunctionPage view={view} connection={props.connection} />;
  return <Table key={view.id} view={view} columns={columns} rows={rows} filter={filterText.value} />;
}

const KEYS: [string, string][] = [
  ["/", "filter; Esc clears it"],
  ["w", "next window: 1 s, 10 s, 60 s, all"],
  ["o", "recording on or off, in the running target"],
  ["space", "hold the picture still"],
  ["[ and ]", "view before, view after"],
  ["arrows", "rows, boxes, tiles, tabs"],
  ["Enter", "open the function, zoom in"],
  ["n and N", "the next call, the one before, in Timeline"],
  ["s", "save the page or the picture"],
  ["t", "light or dark"],
  ["?", "these keys"],
];

function Help(props: { dialog: { current: HTMLDialogElement | null } }): JSX.Element {
  return (
    <dialog ref={props.dialog} class="help" aria-labelledby="help-title">
      <h2 id="help-title">Keys</h2>
      <dl>
        {KEYS.map(([key, text]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      <form method="dialog">
        <button type="submit">Close</button>
      </form>
    </dialog>
  );
}

export function App(props: { connection: Connection | null }): JSX.Element {
  const help = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented) return;
      const place = event.target as HTMLElement;
      if (place.matches("input, textarea, select") || help.current?.open) return;
      const order = grouped(views.value).flatMap((group) => group.entries);
      const at = order.findIndex((one) => one.id === viewId.value);
      const onButton = place.matches("button, [role=tab], [role=switch]");
      switch (event.key) {
        case "/":
          document.getElementById("filter")?.focus();
          break;
        case "w":
          windowLength.value = WINDOWS[(WINDOWS.indexOf(windowLength.value) + 1) % WINDOWS.length] ?? "10";
          break;
        case "o":
          if (props.connection && link.value === "open")
            void props.connection.switchTo({ on: state.value !== "on" });
          break;
        case " ":
          if (onButton) return;
          hold(!held.value);
          break;
        case "[":
        case "]": {
          const next = order[(at + (event.key === "]" ? 1 : -1) + order.length) % order.length];
          if (next) openView(next.id);
          break;
        }
        case "s":
          document.getElementById("save")?.click();
          break;
        case "t":
          turnTheme();
          break;
        case "?":
          help.current?.showModal();
          break;
        default:
          return;
      }
      event.preventDefault();
    };
    addEventListener("keydown", onKeyDown);
    return () => removeEventListener("keydown", onKeyDown);
  }, []);
  useSignalEffect(() => {
    const who = target.value;
    document.title = who ? `${who.command} – ulma` : "ulma";
  });
  const entry = views.value.find((one) => one.id === viewId.value);
  const view = shown.value;
  return (
    <div class={`page link-${link.value}`}>
      <Head connection={props.connection} onHelp={() => help.current?.showModal()} />
      <Strip />
      <Notices />
      <div class="middle">
        <Tabs />
        <main
          id="view"
          class="view"
          role="tabpanel"
          aria-labelledby={`tab-${viewId.value}`}
          data-view={viewId.value}
          data-shown={view?.id}
          data-window={view?.window}
        >
          <Toolbar entry={entry} view={view} />
          <div class="content">
            <Content entry={entry} view={view} connection={props.connection} />
          </div>
        </main>
      </div>
      <Help dialog={help} />
    </div>
  );
}
