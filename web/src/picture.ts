// SPDX-License-Identifier: MIT
// The picture that is open, as a file: the view that draws it says how.

import { signal } from "@preact/signals";

export interface Picture {
  svg: () => string;
  /** Drawn now, as it is on the screen. */
  canvas: () => HTMLCanvasElement | null;
}

export const picture = signal<Picture | null>(null);

const escapeText = (text: string): string =>
  text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");

/** Collects shapes into one document. */
export class Svg {
  private readonly parts: string[] = [];

  /** What is drawn meanwhile stands so far away. */
  shift(x: number, y: number, draw: () => void): void {
    this.parts.push(`<g transform="translate(${x.toFixed(1)} ${y.toFixed(1)})">`);
    draw();
    this.parts.push("</g>");
  }

  circle(x: number, y: number, radius: number, fill: string, stroke: string, opacity: number): void {
    this.parts.push(
      `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="${radius.toFixed(1)}" fill="${escapeText(fill)}" fill-opacity="${opacity}" stroke="${escapeText(stroke)}" stroke-width="1.5"/>`,
    );
  }

  line(points: [number, number][], stroke: string, width: number, dash: number[] = []): void {
    const list = points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
    const dashed = dash.length ? ` stroke-dasharray="${dash.join(" ")}"` : "";
    this.parts.push(
      `<polyline points="${list}" fill="none" stroke="${escapeText(stroke)}" stroke-width="${width}"${dashed}/>`,
    );
  }

  rect(x: number, y: number, width: number, height: number, fill: string, title = ""): void {
    const told = title ? `<title>${escapeText(title)}</title>` : "";
    this.parts.push(
      `<rect x="${x.toFixed(2)}" y="${y.toFixed(2)}" width="${width.toFixed(2)}" height="${height.toFixed(2)}" fill="${escapeText(fill)}">${told}</rect>`,
    );
  }

  polygon(points: [number, number][], fill: string, stroke = "none", opacity = 1, title = ""): void {
    const told = title ? `<title>${escapeText(title)}</title>` : "";
    const list = points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
    this.parts.push(
      `<polygon points="${list}" fill="${escapeText(fill)}" stroke="${escapeText(stroke)}" opacity="${opacity}">${told}</polygon>`,
    );
  }

  text(x: number, y: number, text: string, fill: string, size = 12, anchor = "start"): void {
    this.parts.push(
      `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" font-size="${size}" text-anchor="${anchor}" fill="${escapeText(fill)}">${escapeText(text)}</text>`,
    );
  }

  done(width: number, height: number, paper: string): string {
    return (
      `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${Math.ceil(width)} ${Math.ceil(height)}" ` +
      `width="${Math.ceil(width)}" height="${Math.ceil(height)}" font-family="system-ui, sans-serif">` +
      `<rect width="100%" height="100%" fill="${escapeText(paper)}"/>${this.parts.join("\n")}</svg>\n`
    );
  }
}
