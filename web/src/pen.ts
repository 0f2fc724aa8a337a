// SPDX-License-Identifier: MIT
// What a picture is drawn with: a canvas or a document of SVG, so that what is saved is what is seen.

import { Svg } from "./picture";

export type Anchor = "start" | "middle" | "end";

export interface Pen {
  rect(x: number, y: number, width: number, height: number, fill: string, title?: string): void;
  polygon(points: [number, number][], fill: string, stroke?: string, opacity?: number, title?: string): void;
  circle(x: number, y: number, radius: number, fill: string, stroke: string, opacity: number): void;
  line(points: [number, number][], stroke: string, width: number, dash?: number[]): void;
  text(x: number, y: number, text: string, fill: string, size?: number, anchor?: Anchor): void;
}

export class CanvasPen implements Pen {
  constructor(private readonly context: CanvasRenderingContext2D) {}

  rect(x: number, y: number, width: number, height: number, fill: string): void {
    this.context.fillStyle = fill;
    this.context.fillRect(x, y, width, height);
  }

  polygon(points: [number, number][], fill: string, stroke = "none", opacity = 1): void {
    const { context } = this;
    context.beginPath();
    for (const [x, y] of points) context.lineTo(x, y);
    context.closePath();
    context.globalAlpha = opacity;
    if (fill !== "none") {
      context.fillStyle = fill;
      context.fill();
    }
    if (stroke !== "none") {
      context.strokeStyle = stroke;
      context.lineWidth = 1;
      context.stroke();
    }
    context.globalAlpha = 1;
  }

  circle(x: number, y: number, radius: number, fill: string, stroke: string, opacity: number): void {
    const { context } = this;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.globalAlpha = opacity;
    context.fillStyle = fill;
    context.fill();
    context.globalAlpha = 1;
    context.strokeStyle = stroke;
    context.lineWidth = 1.5;
    context.stroke();
  }

  line(points: [number, number][], stroke: string, width: number, dash: number[] = []): void {
    const { context } = this;
    context.beginPath();
    for (const [x, y] of points) context.lineTo(x, y);
    context.setLineDash(dash);
    context.strokeStyle = stroke;
    context.lineWidth = width;
    context.stroke();
    context.setLineDash([]);
  }

  text(x: number, y: number, text: string, fill: string, size = 12, anchor: Anchor = "start"): void {
    const { context } = this;
    context.font = `${size}px ui-sans-serif, system-ui, sans-serif`;
    context.textAlign = anchor === "middle" ? "center" : anchor;
    context.fillStyle = fill;
    context.fillText(text, x, y);
  }
}

/** One picture of several charts, each drawn in its place; as a file. */
export function drawnSvg(
  charts: { width: number; height: number; draw: (pen: Pen) => void }[],
  paper: string,
): string {
  const svg = new Svg();
  let top = 0;
  let widest = 0;
  for (const { width, height, draw } of charts) {
    svg.shift(0, top, () => draw(svg));
    top += height + 12;
    widest = Math.max(widest, width);
  }
  return svg.done(widest, top, paper);
}

export function drawnCanvas(
  charts: { width: number; height: number; draw: (pen: Pen) => void }[],
  paper: string,
): HTMLCanvasElement | null {
  const canvas = document.createElement("canvas");
  const scale = Math.max(2, devicePixelRatio || 1);
  const width = Math.max(1, ...charts.map((chart) => chart.width));
  const height = charts.reduce((sum, chart) => sum + chart.height + 12, 0);
  canvas.width = Math.ceil(width * scale);
  canvas.height = Math.ceil(height * scale);
  const context = canvas.getContext("2d");
  if (!context) return null;
  context.scale(scale, scale);
  context.fillStyle = paper;
  context.fillRect(0, 0, width, height);
  for (const chart of charts) {
    chart.draw(new CanvasPen(context));
    context.translate(0, chart.height + 12);
  }
  return canvas;
}

/** Round values of a logarithmic axis, and where a value is on it (0-1). */
export class LogScale {
  constructor(
    readonly least: number,
    readonly most: number,
  ) {}

  at(value: number): number {
    const whole = Math.log(this.most / this.least);
    if (!(whole > 0)) return 0;
    return Math.min(1, Math.max(0, Math.log(Math.max(value, this.least) / this.least) / whole));
  }

  /** Powers of the base between the ends. */
  marks(base: number, most = 8): number[] {
    const from = Math.ceil(Math.log(this.least) / Math.log(base) - 1e-9);
    const to = Math.floor(Math.log(this.most) / Math.log(base) + 1e-9);
    const step = Math.max(1, Math.ceil((to - from + 1) / most));
    const marks: number[] = [];
    for (let power = from; power <= to; power += step) marks.push(base ** power);
    return marks;
  }
}
