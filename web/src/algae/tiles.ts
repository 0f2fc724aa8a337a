// SPDX-License-Identifier: MIT
// Draws many hexagons: with WebGL2 in one call, else on a 2D canvas. Both from the same list.
// A hexagon is 5 units wide and 4 tall, its neighbours stand 4 apart, and odd columns are half a cell lower.

import { bindEach, bindShape, blendOver, clearGl, fitPixels, openGl, type Rgb, useProgram } from "../gl";
import type { Steps } from "../steps";

export { type Rgb, rgb } from "../gl";

export const STYLE = { trail: 0, suspended: 1, active: 2, running: 3 } as const;

/** x, y of the middle, unit, red, green, blue (0-1), style, time it was left (s) */
export const FLOATS = 8;

/** A list that is filled anew for each picture and keeps its memory. */
export class TileList {
  data = new Float32Array(FLOATS * 1024);
  count = 0;

  clear(): void {
    this.count = 0;
  }

  add(x: number, y: number, unit: number, colour: Rgb, style: number, left: number): void {
    let at = this.count * FLOATS;
    if (at + FLOATS > this.data.length) {
      const larger = new Float32Array(this.data.length * 2);
      larger.set(this.data);
      this.data = larger;
    }
    const data = this.data;
    data[at++] = x;
    data[at++] = y;
    data[at++] = unit;
    data[at++] = colour[0];
    data[at++] = colour[1];
    data[at++] = colour[2];
    data[at++] = style;
    data[at] = left;
    this.count++;
  }
}

export interface Scenery {
  width: number;
  height: number;
  scrollX: number;
  scrollY: number;
  now: number;
  paper: Rgb;
  /** Around the one that runs. */
  rim: Rgb;
}

export interface Painter {
  paint(list: TileList, scenery: Scenery, isNew: boolean): void;
  /** Only where drawing is too much for one frame: paint() shows what was drawn last by these steps. */
  draw?(list: TileList, scenery: Scenery): Steps;
  readonly kind: "webgl2" | "2d";
}

/* In units from the middle. */
export const CORNERS: [number, number][] = [
  [-1.5, -2],
  [1.5, -2],
  [2.5, 0],
  [1.5, 2],
  [-1.5, 2],
  [-2.5, 0],
];
const FADE_S = 3;
const FRESH = 0.42;
const FAINT = 0.13;

const VERTEX = `#version 300 es
in vec3 corner;
in vec3 place;
in vec3 colour;
in vec2 state;
uniform vec4 view;
uniform float now;
out vec3 tint;
out float edge;
flat out float style;
flat out float alpha;
flat out float unit;
void main() {
  vec2 at = place.xy + corner.xy * place.z - view.xy;
  gl_Position = vec4(at.x / view.z * 2.0 - 1.0, 1.0 - at.y / view.w * 2.0, 0.0, 1.0);
  tint = colour;
  edge = corner.z;
  style = state.x;
  unit = place.z;
  alpha = state.x > 0.5 ? 1.0 : ${FAINT} + ${(FRESH - FAINT).toFixed(2)} * exp((state.y - now) / ${FADE_S.toFixed(1)});
}`;
const FRAGMENT = `#version 300 es
precision mediump float;
in vec3 tint;
in float edge;
flat in float style;
flat in float alpha;
flat in float unit;
uniform vec3 paper;
uniform vec3 rimColour;
out vec4 result;
void main() {
  float soft = max(fwidth(edge), 0.001);
  float rim = unit < 1.2 ? 1.0 : 0.93;
  float inside = 1.0 - smoothstep(rim - soft, rim, edge);
  vec3 colour = tint;
  if (style > 0.5 && style < 1.5 && unit > 1.2) colour = mix(mix(paper, tint, 0.22), tint, smoothstep(0.66 - soft, 0.66, edge));
  if (style > 2.5 && unit > 1.2) colour = mix(tint, rimColour, smoothstep(0.78 - soft, 0.78, edge));
  result = vec4(colour, 1.0) * inside * alpha;
}`;

class WebGlPainter implements Painter {
  readonly kind = "webgl2";
  private readonly buffer: WebGLBuffer | null;
  private readonly uniforms: Record<string, WebGLUniformLocation | null>;

  constructor(private readonly gl: WebGL2RenderingContext) {
    const program = useProgram(gl, VERTEX, FRAGMENT);
    this.uniforms = Object.fromEntries(
      ["view", "now", "paper", "rimColour"].map((name) => [name, gl.getUniformLocation(program, name)]),
    );
    const fan: number[] = [];
    CORNERS.forEach(([x, y], i) => {
      const [nextX, nextY] = CORNERS[(i + 1) % CORNERS.length] as [number, number];
      fan.push(0, 0, 0, x, y, 1, nextX, nextY, 1);
    });
    bindShape(gl, program, "corner", 3, fan);
    this.buffer = bindEach(gl, program, [
      ["place", 3],
      ["colour", 3],
      ["state", 2],
    ]);
    blendOver(gl);
  }

  paint(list: TileList, scenery: Scenery, isNew: boolean): void {
    const { gl } = this;
    clearGl(gl, scenery.width, scenery.height);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
    if (isNew) gl.bufferData(gl.ARRAY_BUFFER, list.data.subarray(0, list.count * FLOATS), gl.DYNAMIC_DRAW);
    gl.uniform4f(this.uniforms.view ?? null, scenery.scrollX, scenery.scrollY, scenery.width, scenery.height);
    gl.uniform1f(this.uniforms.now ?? null, scenery.now);
    gl.uniform3f(this.uniforms.paper ?? null, ...scenery.paper);
    gl.uniform3f(this.uniforms.rimColour ?? null, ...scenery.rim);
    gl.drawArraysInstanced(gl.TRIANGLES, 0, CORNERS.length * 3, list.count);
  }
}

/** A colour, how strong it is, and the hexagons that have it. */
interface Look {
  path: Path2D;
  colour: string;
  alpha: number;
}

/** So many tiles are filled together: a fill for each of 20,000 would take a frame's whole time. */
const FILLED_TOGETHER = 128;
const ALPHAS = 12;

const packed = (red: number, green: number, blue: number) =>
  (Math.round(red * 255) << 16) | (Math.round(green * 255) << 8) | Math.round(blue * 255);
const textOf = (colour: number) => `rgb(${colour >> 16} ${(colour >> 8) & 255} ${colour & 255})`;

class PlainPainter implements Painter {
  readonly kind = "2d";
  private front = document.createElement("canvas");
  private back = document.createElement("canvas");
  /** Where `front` was scrolled to. */
  private place = { x: 0, y: 0 };

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly context: CanvasRenderingContext2D,
  ) {}

  paint(_: TileList, scenery: Scenery): void {
    const scale = fitPixels(this.canvas, scenery.width, scenery.height);
    this.context.setTransform(1, 0, 0, 1, 0, 0);
    this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    if (!this.front.width || !this.front.height) return;
    const x = Math.round((this.place.x - scenery.scrollX) * scale);
    const y = Math.round((this.place.y - scenery.scrollY) * scale);
    this.context.drawImage(this.front, x, y);
  }

  *draw(list: TileList, scenery: Scenery): Steps {
    const scale = fitPixels(this.back, scenery.width, scenery.height);
    const context = this.back.getContext("2d");
    if (!context) return;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, scenery.width, scenery.height);
    const looks = new Map<number, Look>();
    for (let i = 0, drawn = 0; i < list.count; i++) {
      if (!addTile(looks, list.data, i * FLOATS, scenery) || ++drawn % FILLED_TOGETHER) {
        if (i % 256 === 255) yield;
        continue;
      }
      fillLooks(context, looks);
      yield;
    }
    fillLooks(context, looks);
    [this.front, this.back] = [this.back, this.front];
    this.place = { x: scenery.scrollX, y: scenery.scrollY };
  }
}

/** False: it is not in the picture. */
function addTile(looks: Map<number, Look>, data: Float32Array, at: number, scenery: Scenery): boolean {
  const unit = data[at + 2] as number;
  const x = (data[at] as number) - scenery.scrollX;
  const y = (data[at + 1] as number) - scenery.scrollY;
  if (x < -3 * unit || y < -3 * unit || x > scenery.width + 3 * unit || y > scenery.height + 3 * unit)
    return false;
  const style = data[at + 6] as number;
  const [red, green, blue] = [data[at + 3] as number, data[at + 4] as number, data[at + 5] as number];
  let alpha = ALPHAS;
  if (style === STYLE.trail) {
    const fresh = Math.exp(((data[at + 7] as number) - scenery.now) / FADE_S);
    alpha = Math.round((FAINT + (FRESH - FAINT) * fresh) * ALPHAS);
  }
  if (style === STYLE.running) addHexagon(looks, x, y, unit * 0.93, packed(...scenery.rim), ALPHAS, 0);
  const part = style === STYLE.running ? 0.78 : 0.93;
  addHexagon(looks, x, y, unit * part, packed(red, green, blue), alpha, 1);
  if (style === STYLE.suspended && unit > 1.2) {
    const paper = scenery.paper;
    const pale = (one: number, other: number) => one * 0.78 + other * 0.22;
    const core = packed(pale(paper[0], red), pale(paper[1], green), pale(paper[2], blue));
    addHexagon(looks, x, y, unit * 0.66, core, ALPHAS, 2);
  }
  return true;
}

/** Of one tile what lies below comes first, so its layer's looks do, too. */
function addHexagon(
  looks: Map<number, Look>,
  x: number,
  y: number,
  size: number,
  colour: number,
  alpha: number,
  layer: number,
): void {
  const key = ((layer << 4) | alpha) * 0x1000000 + colour;
  let look = looks.get(key);
  if (!look) {
    look = { path: new Path2D(), colour: textOf(colour), alpha: alpha / ALPHAS };
    looks.set(key, look);
  }
  const { path } = look;
  path.moveTo(x - 1.5 * size, y - 2 * size);
  path.lineTo(x + 1.5 * size, y - 2 * size);
  path.lineTo(x + 2.5 * size, y);
  path.lineTo(x + 1.5 * size, y + 2 * size);
  path.lineTo(x - 1.5 * size, y + 2 * size);
  path.lineTo(x - 2.5 * size, y);
  path.closePath();
}

function fillLooks(context: CanvasRenderingContext2D, looks: Map<number, Look>): void {
  for (const [, look] of [...looks].sort(([one], [other]) => one - other)) {
    context.globalAlpha = look.alpha;
    context.fillStyle = look.colour;
    context.fill(look.path);
  }
  looks.clear();
}

/** `isPlain`: as where there is no WebGL2. */
export function makePainter(canvas: HTMLCanvasElement, isPlain: boolean): Painter {
  const gl = openGl(canvas, isPlain);
  if (gl) return new WebGlPainter(gl);
  const context = canvas.getContext("2d");
  if (!context) throw new Error("this browser draws on no canvas");
  return new PlainPainter(canvas, context);
}

export const middleOf = (row: number, column: number, unit: number): { x: number; y: number } => ({
  x: (4 * column + 2.5) * unit,
  y: (4 * row + 2 + (column % 2 ? 2 : 0)) * unit,
});

/** The cell whose hexagon holds the point; the point is from the board's corner. */
export function cellAt(x: number, y: number, unit: number): { row: number; column: number } | null {
  const guess = Math.floor(x / unit / 4);
  for (const column of [guess, guess - 1]) {
    if (column < 0) continue;
    const row = Math.floor((y / unit - (column % 2 ? 2 : 0)) / 4);
    if (row < 0) continue;
    const middle = middleOf(row, column, unit);
    const across = Math.abs(x - middle.x) / unit;
    const down = Math.abs(y - middle.y) / unit;
    // Its slanted sides go from (1.5, 2) to (2.5, 0).
    if (down <= 2 && across <= 2.5 - down / 2) return { row, column };
  }
  return null;
}
