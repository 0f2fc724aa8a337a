// SPDX-License-Identifier: MIT
// The line to the server: one WebSocket that brings the newest state, and single questions beside it.
// Rules: addresses are relative, the token stays in memory and is in no header but ours; what comes in while
// the page is not painted is thrown away but for the newest.

import { effect } from "@preact/signals";
import { unpack } from "./algae/packed";
import type { Live, Switches, View, ViewEntry } from "./documents";
import { link, receive, shown, trouble, views, type Wish, wish } from "./state";
import { inTurn } from "./turns";

const AGAIN_MS = 1000;
// So long without a word, where ten a second are the rule, is a line that is dead though nobody closed it.
const SILENT_MS = 5000;

export class Refused extends Error {}

export class Connection {
  private socket: WebSocket | null = null;
  private newest: string | ArrayBuffer | null = null;
  private heard = 0;
  private stopped = false;

  constructor(private readonly token: string) {}

  start(): void {
    effect(() => this.say(wish.value));
    void this.connect();
  }

  private url(path: string, query: Record<string, string> = {}): URL {
    const url = new URL(path, document.baseURI);
    url.hash = "";
    url.search = new URLSearchParams(query).toString();
    return url;
  }

  async get<Answer>(path: string, query: Record<string, string> = {}): Promise<Answer> {
    return this.ask<Answer>(this.url(path, query), {});
  }

  private async ask<Answer>(url: URL, options: RequestInit): Promise<Answer> {
    const headers: Record<string, string> = { Authorization: `Bearer ${this.token}` };
    if (options.body) headers["Content-Type"] = "application/json";
    const answer = await fetch(url, { ...options, headers, cache: "no-store" });
    if (answer.status === 401) throw new Refused();
    if (!answer.ok)
      throw new Error((await answer.text()).slice(0, 300) || `the server said ${answer.status}`);
    return (await answer.json()) as Answer;
  }

  view(asked: Wish): Promise<View> {
    const query: Record<string, string> = { window: asked.window, limit: String(asked.limit) };
    if (asked.sort) query.sort = asked.sort;
    if (asked.ascending) query.ascending = "1";
    if (asked.filter) query.filter = asked.filter;
    if (asked.clock) query.clock = asked.clock;
    if (asked.function !== undefined) query.function = String(asked.function);
    for (const key of ["from", "to", "columns"] as const)
      if (asked[key] !== undefined) query[key] = String(asked[key]);
    return this.get<View>(`api/views/${encodeURIComponent(asked.view)}`, query);
  }

  async switchTo(change: Switches): Promise<void> {
    try {
      await this.ask(this.url("api/switch"), { method: "POST", body: JSON.stringify(change) });
      trouble.value = "";
      await this.askViews();
    } catch (error) {
      trouble.value = `The switch was not moved: ${(error as Error).message}`;
    }
  }

  /** A shape line, which the server judges. */
  async drawLine(
    line: { thread: number; axis: "depth" | "breadth"; at: number },
    on: boolean,
  ): Promise<boolean> {
    const said = { thread: line.thread, [line.axis === "depth" ? "depth" : "width"]: line.at, on };
    try {
      await this.ask(this.url("api/shape"), { method: "POST", body: JSON.stringify(said) });
      trouble.value = "";
      return true;
    } catch (error) {
      trouble.value = `The line was not ${on ? "set" : "taken away"}: ${(error as Error).message}`;
      return false;
    }
  }

  private async askViews(): Promise<void> {
    const now = await this.get<ViewEntry[]>("api/views");
    if (JSON.stringify(now) !== JSON.stringify(views.peek())) views.value = now;
  }

  private async connect(): Promise<void> {
    try {
      await this.askViews();
    } catch (error) {
      link.value = error instanceof Refused ? "refused" : "lost";
      setTimeout(() => void this.connect(), AGAIN_MS);
      return;
    }
    const url = this.url("live", { token: this.token });
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.heard = performance.now();
    const watch = setInterval(() => {
      if (performance.now() - this.heard > SILENT_MS) socket.close();
      // A view has something to show once its source is on. A line that is lost is told by the socket.
      else this.askViews().catch(() => undefined);
    }, AGAIN_MS);
    socket.onopen = () => {
      link.value = "open";
      trouble.value = "";
      this.say(wish.peek());
    };
    socket.onmessage = (event) => this.hear(event.data);
    socket.onclose = () => {
      clearInterval(watch);
      this.socket = null;
      if (this.stopped) return;
      link.value = "lost";
      setTimeout(() => void this.connect(), AGAIN_MS);
    };
  }

  private say(asked: Wish): void {
    if (this.socket?.readyState === WebSocket.OPEN)
      this.socket.send(JSON.stringify({ ...asked, binary: true }));
  }

  private hear(text: unknown): void {
    if (typeof text !== "string" && !(text instanceof ArrayBuffer)) return;
    this.heard = performance.now();
    this.newest = text;
    inTurn("what was told", () => this.take());
  }

  private take(): void {
    const text = this.newest;
    this.newest = null;
    if (text === null) return;
    performance.mark("ulma-take");
    try {
      const said: Live & { error?: string } = typeof text === "string" ? JSON.parse(text) : unpack(text);
      if (said.error !== undefined) trouble.value = said.error;
      else receive(said);
    } catch (error) {
      trouble.value = `What the server sent could not be read: ${(error as Error).message}`;
    }
    performance.measure("ulma-take", "ulma-take");
    performance.clearMarks("ulma-take");
  }

  /** One answer now, for what the socket would tell a moment later. */
  async refresh(): Promise<void> {
    shown.value = await this.view(wish.peek());
  }
}
