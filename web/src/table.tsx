// SPDX-License-Identifier: MIT
// Any view's columns and rows. Arrow keys go through the rows, Enter opens the function.

import { useSignal } from "@preact/signals";
import { Component, type JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Column, Row, View } from "./documents";
import { formatCell, formatCount } from "./format";
import { isTimeLine, mostOf, Spark, Sparks } from "./sparks";
import { DEFAULT_LIMIT, limit, nowNs, openFunction, sortBy } from "./state";

const isNumber = (column: Column) => column.kind !== "text";

function keyOf(row: Row, index: number, seen: Map<string, number>): string {
  if (row.key !== undefined) return row.key;
  const base =
    row.function !== null && row.function !== undefined
      ? `f${row.function}:${row.depth ?? 0}`
      : `t${row.text ?? row.cells?.find((cell) => typeof cell === "string") ?? index}`;
  // One function may stand in several rows: of a tree, or as caller and callee.
  const count = seen.get(base) ?? 0;
  seen.set(base, count + 1);
  return count ? `${base}#${count}` : base;
}

/** `name  package/module.py:12` in two tones; a matched filter is marked. */
function Name(props: { text: string; filter: string }): JSX.Element {
  const cut = props.text.search(/\s{2,}|\s\(/);
  const name = cut < 0 ? props.text : props.text.slice(0, cut);
  const place = cut < 0 ? "" : props.text.slice(cut).trim();
  return (
    <>
      <span class="name">
        <Marked text={name} filter={props.filter} />
      </span>
      {place && (
        <span class="place">
          <Marked text={place} filter={props.filter} />
        </span>
      )}
    </>
  );
}

function Marked(props: { text: string; filter: string }): JSX.Element {
  const at = props.filter ? props.text.toLowerCase().indexOf(props.filter.toLowerCase()) : -1;
  if (at < 0) return <>{props.text}</>;
  const end = at + props.filter.length;
  return (
    <>
      {props.text.slice(0, at)}
      <mark>{props.text.slice(at, end)}</mark>
      {props.text.slice(end)}
    </>
  );
}

function CellBox(props: { at: number; column: Column; row: Row; filter: string }): JSX.Element {
  const { at, column, row, filter } = props;
  const value = row.cells?.[at];
  const text = formatCell(value, column.kind);
  if (column.kind === "text") {
    const indent = row.depth ? { paddingLeft: `${8 + row.depth * 14}px` } : {};
    return (
      <td class="text" style={indent} title={text}>
        <Name text={text} filter={filter} />
      </td>
    );
  }
  const isEstimate = row.estimate?.includes(at);
  const holds = row.holds && /^self(_ns)?$/.test(column.id);
  let help: string | undefined;
  if (isEstimate) help = "estimated: the budget mutes this function at times";
  if (holds) help = "holds the time of functions that are left out";
  return (
    <td class={`number ${column.kind === "percent" ? "percent" : ""}`} title={help}>
      {isEstimate ? "~" : ""}
      {text}
      {holds ? "+" : ""}
      {column.kind === "percent" && (
        <span class="track" aria-hidden="true">
          <span class="bar" style={{ width: `${Math.min(100, Number(value) || 0)}%` }} />
        </span>
      )}
    </td>
  );
}

interface RowProps {
  id: string;
  row: Row;
  columns: Column[];
  filter: string;
  isCurrent: boolean;
  isChosen: boolean;
  /** Of a table with spark lines. */
  spark: JSX.Element | null;
  onPress: (id: string, row: Row, isFirst: boolean) => void;
  onOpen: (row: Row) => void;
}

const opens = (row: Row): boolean => row.function !== null && row.function !== undefined;

function isAsBefore(row: Row, before: Row): boolean {
  if (row === before) return true;
  const { cells = [], estimate = [] } = row;
  return (
    row.function === before.function &&
    row.depth === before.depth &&
    row.holds === before.holds &&
    cells.length === before.cells?.length &&
    cells.every((cell, i) => cell === before.cells?.[i]) &&
    estimate.join() === (before.estimate ?? []).join()
  );
}

/** Made anew where something in it has changed: most rows of most tables stay as they are from telling to telling. */
class RowBox extends Component<RowProps> {
  override shouldComponentUpdate(next: RowProps): boolean {
    const now = this.props;
    return (
      next.spark !== null ||
      next.filter !== now.filter ||
      next.isCurrent !== now.isCurrent ||
      next.isChosen !== now.isChosen ||
      next.columns.length !== now.columns.length ||
      next.columns.some((column, i) => column.id !== now.columns[i]?.id) ||
      !isAsBefore(next.row, now.row)
    );
  }

  override render(): JSX.Element {
    const { id, row, columns, filter, isCurrent, isChosen, spark, onPress, onOpen } = this.props;
    return (
      <tr
        tabIndex={isCurrent ? 0 : -1}
        class={`${isChosen ? "chosen" : ""} ${opens(row) ? "opens" : ""}`}
        onClick={(event) => onPress(id, row, event.detail <= 1)}
        onDblClick={() => onOpen(row)}
      >
        {columns.map((column, c) => (
          <CellBox key={column.id} at={c} column={column} row={row} filter={filter} />
        ))}
        {spark && <td class="text">{spark}</td>}
      </tr>
    );
  }
}

/** `onMore`: what brings the rows that are not here; none: they are asked for. */
export function Table(props: {
  view: View;
  columns: Column[];
  rows: Row[];
  filter: string;
  onMore?: () => void;
}): JSX.Element {
  const { view, columns, rows, filter } = props;
  const chosen = useSignal<string | null>(null);
  const body = useRef<HTMLTableSectionElement>(null);
  const sparks = useRef(Sparks.of(view.id));
  const courses = sparks.current?.take(view, nowNs());
  const most = courses ? mostOf(courses) : 0;
  const seen = new Map<string, number>();
  const keys = rows.map((row, index) => keyOf(row, index, seen));
  const index = chosen.value === null ? -1 : keys.indexOf(chosen.value);
  const first = rows.findIndex((row) => !row.heading);
  const current = index >= 0 ? index : first;
  const total = view.total ?? rows.length;
  const sort = view.sort;
  const isAscending = view.ascending ?? false;

  // A row that has the keyboard keeps it when live figures put it elsewhere.
  const hadFocus = useRef(false);
  useLayoutEffect(() => {
    if (!hadFocus.current || document.activeElement?.closest("tbody") === body.current) return;
    if (document.activeElement === document.body)
      (body.current?.rows[current] as HTMLElement | undefined)?.focus();
  });

  const open = (row: Row) => {
    if (row.function !== null && row.function !== undefined) openFunction(row.function);
  };
  // Live rows change places: it is the row of the first click that the second one opens.
  const pressed = useRef<Row | null>(null);
  const onPress = (id: string, row: Row, isFirst: boolean) => {
    if (!isFirst) return;
    pressed.current = row;
    chosen.value = id;
  };
  const go = (to: number, step: number) => {
    let next = Math.min(rows.length - 1, Math.max(0, to));
    while (rows[next]?.heading && next + step >= 0 && next + step < rows.length) next += step;
    const key = keys[next];
    if (key === undefined) return;
    chosen.value = key;
    (body.current?.rows[next] as HTMLElement | undefined)?.focus();
  };
  const page = 15;
  const onKeyDown = (event: KeyboardEvent) => {
    const moves: Record<string, [number, number]> = {
      ArrowDown: [current + 1, 1],
      ArrowUp: [current - 1, -1],
      PageDown: [current + page, 1],
      PageUp: [current - page, -1],
      Home: [0, 1],
      End: [rows.length - 1, -1],
    };
    const move = moves[event.key];
    if (move && !event.altKey && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      go(...move);
    } else if (event.key === "Enter") {
      const row = rows[current];
      if (row) open(row);
    }
  };

  return (
    <div class="table-box">
      <table aria-rowcount={total + 1}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th
                key={column.id}
                scope="col"
                class={isNumber(column) ? "number" : "text"}
                aria-sort={sort === column.id ? (isAscending ? "ascending" : "descending") : "none"}
              >
                <button type="button" title={column.help} onClick={() => sortBy(column)}>
                  {column.title}
                  <span class="arrow" aria-hidden="true">
                    {sort === column.id ? (isAscending ? "▴" : "▾") : ""}
                  </span>
                </button>
              </th>
            ))}
            {courses && (
              <th scope="col" class="text" title={sparks.current?.help}>
                last minute
              </th>
            )}
          </tr>
        </thead>
        <tbody
          ref={body}
          onKeyDown={onKeyDown}
          onFocusIn={() => {
            hadFocus.current = true;
          }}
          onFocusOut={(event) => {
            // Focus that is lost to nothing was lost by redrawing.
            if (event.relatedTarget) hadFocus.current = false;
          }}
        >
          {rows.map((row, i) =>
            row.heading ? (
              <tr key={keys[i]} class="heading">
                <th colSpan={columns.length + (courses ? 1 : 0)} scope="colgroup">
                  {row.text}
                </th>
              </tr>
            ) : (
              <RowBox
                key={keys[i]}
                id={keys[i] ?? ""}
                row={row}
                columns={columns}
                filter={filter}
                isCurrent={i === current}
                isChosen={keys[i] === chosen.value}
                spark={
                  courses ? <Spark points={courses[i] ?? []} most={most} isTime={isTimeLine(view)} /> : null
                }
                onPress={onPress}
                onOpen={(row) => open(pressed.current ?? row)}
              />
            ),
          )}
        </tbody>
      </table>
      {total > rows.length && (
        <p class="more">
          {formatCount(rows.length)} of {formatCount(total)} rows.{" "}
          <button
            type="button"
            onClick={
              props.onMore ??
              (() => {
                limit.value = limit.value >= 2000 ? 0 : limit.value * (limit.value === DEFAULT_LIMIT ? 5 : 2);
              })
            }
          >
            More
          </button>
        </p>
      )}
    </div>
  );
}
