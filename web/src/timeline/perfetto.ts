// SPDX-License-Identifier: MIT
// What Timeline shows as a trace of Perfetto (TracePacket of its protobuf), handed to its page in a tab of its own.
// Rules: nothing is sent before the reader has pressed the button; the bytes go to that tab alone, by postMessage.

import type { TimelineView } from "../documents";
import { nameOf } from "./draw";
import type { Lane, LaneRow, Slice } from "./lanes";

const PERFETTO = "https://ui.perfetto.dev";
const SEQUENCE = 1;
const BEGIN = 1;
const END = 2;

class Message {
  private readonly bytes: number[] = [];

  private varint(value: number): void {
    let rest = value;
    while (rest >= 128) {
      this.bytes.push((rest % 128) + 128);
      rest = Math.floor(rest / 128);
    }
    this.bytes.push(rest);
  }

  number(field: number, value: number): this {
    this.varint(field * 8);
    this.varint(Math.max(0, Math.round(value)));
    return this;
  }

  bytesOf(field: number, bytes: ArrayLike<number>): this {
    this.varint(field * 8 + 2);
    this.varint(bytes.length);
    for (let i = 0; i < bytes.length; i++) this.bytes.push(bytes[i] as number);
    return this;
  }

  text(field: number, text: string): this {
    return this.bytesOf(field, new TextEncoder().encode(text));
  }

  message(field: number, message: Message): this {
    return this.bytesOf(field, message.bytes);
  }

  done(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.bytes);
  }
}

/** Begins and ends in their order: of one moment the ends first, the outer begin before the inner. */
function eventsOf(
  rows: LaneRow[],
): { at: number; isEnd: boolean; depth: number; row: LaneRow; slice: Slice }[] {
  const events: { at: number; isEnd: boolean; depth: number; row: LaneRow; slice: Slice }[] = [];
  for (const row of rows)
    for (const slice of row.slices) {
      events.push({ at: slice.from, isEnd: false, depth: row.depth, row, slice });
      if (!slice.isOpen)
        events.push({ at: slice.from + slice.length, isEnd: true, depth: row.depth, row, slice });
    }
  return events.sort(
    (one, other) =>
      one.at - other.at ||
      Number(other.isEnd) - Number(one.isEnd) ||
      (one.isEnd ? other.depth - one.depth : one.depth - other.depth),
  );
}

export function perfettoTrace(view: TimelineView, lanes: Lane[]): Uint8Array<ArrayBuffer> {
  const trace = new Message();
  let track = 1;
  const put = (packet: Message) => trace.message(1, packet.number(10, SEQUENCE));
  for (const lane of lanes) {
    const kinds = new Map<string, LaneRow[]>();
    for (const row of lane.rows) {
      const key = row.kind === "call" ? "" : ` ${row.kind}`;
      kinds.set(key, [...(kinds.get(key) ?? []), row]);
    }
    for (const [kind, rows] of kinds) {
      const uuid = ++track;
      put(new Message().message(60, new Message().number(1, uuid).text(2, lane.title + kind)));
      for (const { at, isEnd, row, slice } of eventsOf(rows)) {
        const event = new Message().number(9, isEnd ? END : BEGIN).number(11, uuid);
        if (!isEnd)
          event.text(
            23,
            slice.count > 1 ? `${slice.count} × ${nameOf(view, row, slice)}` : nameOf(view, row, slice),
          );
        put(new Message().number(8, at).message(11, event));
      }
    }
  }
  return trace.done();
}

/** Perfetto's page answers a PING once it listens (perfetto.dev/docs/visualization/deep-linking-to-perfetto-ui). */
export function openInPerfetto(view: TimelineView, lanes: Lane[], span: { from: number; to: number }): void {
  const page = open(PERFETTO);
  if (!page) return;
  const bytes = perfettoTrace(view, lanes);
  const title = `ulma ${(span.from / 1e9).toFixed(3)} s`;
  const ask = setInterval(() => page.postMessage("PING", PERFETTO), 100);
  const stop = () => {
    clearInterval(ask);
    removeEventListener("message", hear);
  };
  const hear = (event: MessageEvent) => {
    if (event.origin !== PERFETTO || event.data !== "PONG") return;
    stop();
    page.postMessage({ perfetto: { buffer: bytes.buffer, title, keepApiOpen: true } }, PERFETTO);
  };
  addEventListener("message", hear);
  setTimeout(stop, 60_000);
}
