// SPDX-License-Identifier: MIT
// Draws the rays: with WebGL2 in one call, else on a 2D canvas. Both from the same list, a ring as the model's.
// Why a ring: some hundreds are new ten times a second; only these are written and sent to the GPU. Where a clock stands, how
// long a ray may be and how pale it is by now is reckoned while drawing, so that neither time nor size touches the list.

import { bindEach, bindShape, blendOver, clearGl, fitPixels, openGl, type Rgb, useProgram } from "../gl";
import { goOn, type Steps } from "../steps";
import { FAMILIES } from "./families";
import { angleOf, CAPACITY, CLOCKS, type Nova } from "./model";

/** clock, angle, log2 of bytes, seconds it was born at, family, strength (0: not drawn) */
const FLOATS = 6;
export const SEEN_S = 10;
const FADE_S = 2.6;
const LEAST_LOG = 4;
export const CLASSIC_RAYS = 360;
/** What is paler is not drawn. */
const LEAST_ALPHA = 0.02;

export interface Dial {
  x: number;
  y: number;
  radius: number;
}

export interface Field {
  width: number;
  height: number;
  dials: Dial[];
  /** Seconds of the list's time. */
  now: number;
  /** log2 of the bytes that reach the rim. */
  topLog: number;
  isLinear: boolean;
  isClassic: boolean;
  /** A hand turns once in so long. */
  turnNs: number;
  colours: Rgb[];
}

export class RayList {
  readonly data = new Float32Array(FLOATS * CAPACITY);
  count = 0;
  /** Rays, ever; as the model numbers them. */
  total = 0;
  /** A number for each time that all were written. */
  version = 0;
  /** Places that were written since the last drawing. */
  dirty: { from: number; to: number }[] = [];

  /** Of the model's rays those numbered from `from` on. */
  fill(
    nova: Nova,
    from: number,
    epochNs: number,
    turnNs: number,
    isClassic: boolean,
    strengthOf: (slot: number) => number,
  ): void {
    const { data } = this;
    const begin = Math.max(from, nova.oldest());
    for (let i = begin; i < nova.total; i++) {
      const slot = i % CAPACITY;
      const at = slot * FLOATS;
      const clock = nova.clockOf[slot] as number;
      const ordinal = nova.ordinal[slot] as number;
      data[at] = clock;
      data[at + 1] = isClassic
        ? ((ordinal % CLASSIC_RAYS) / CLASSIC_RAYS) * 2 * Math.PI
        : angleOf(nova.ran[slot] as number, turnNs);
      data[at + 2] = Math.log2(Math.max(1, nova.bytes[slot] as number));
      data[at + 3] = ((nova.at[slot] as number) - epochNs) / 1e9;
      data[at + 4] = nova.sites[nova.site[slot] as number]?.family ?? 0;
      const isOver = isClassic && ordinal < (nova.clocks[clock]?.count ?? 0) - CLASSIC_RAYS;
      data[at + 5] = isOver ? 0 : strengthOf(slot);
    }
    this.count = Math.min(nova.total, CAPACITY);
    this.total = nova.total;
    if (from === 0) this.version++;
    if (nova.total - begin >= CAPACITY || begin === nova.oldest()) this.dirty = [{ from: 0, to: this.count }];
    else if (begin < nova.total) {
      const [first, last] = [begin % CAPACITY, nova.total % CAPACITY || CAPACITY];
      if (first < last) this.dirty.push({ from: first, to: last });
      else this.dirty.push({ from: first, to: CAPACITY }, { from: 0, to: last });
    }
  }
}

/** How far out a ray goes, 0-1; in the shader the same. */
export function lengthOf(log: number, field: Field, radius: number): number {
  if (field.isLinear) return Math.min(1, 2 ** log / radius);
  return Math.min(1, Math.max(0.06, (log - LEAST_LOG) / (field.topLog - LEAST_LOG)));
}

export function alphaOf(born: number, strength: number, field: Field): number {
  const age = field.now - born;
  if (age < -0.0005 || strength <= 0) return 0;
  if (field.isClassic) return strength;
  return age > SEEN_S
    ? 0
    : strength * (0.12 + 0.88 * Math.exp(-age / FADE_S)) * Math.min(1, (SEEN_S - age) / 2);
}

export interface RayPainter {
  /** True: the picture is not yet of now; the next frame goes on with it. */
  paint(list: RayList, field: Field): boolean;
  readonly kind: "webgl2" | "2d";
}

const VERTEX = `#version 300 es
in vec2 corner;
in vec2 hand;
in vec2 told;
in vec2 look;
uniform vec2 size;
uniform float now;
uniform float topLog;
uniform float linear;
uniform float classic;
uniform vec3 dials[${CLOCKS + 1}];
uniform vec3 colours[${FAMILIES.length}];
uniform vec2 dashes[${FAMILIES.length}];
out vec3 tint;
out float along;
out float across;
flat out float alpha;
flat out vec2 dash;
void main() {
  vec3 dial = dials[int(hand.x + 0.5)];
  int family = int(look.x + 0.5);
  float share = linear > 0.5 ? exp2(told.x) / dial.z : max(0.06, (told.x - ${LEAST_LOG}.0) / (topLog - ${LEAST_LOG}.0));
  float reach = dial.z * clamp(share, 0.0, 1.0);
  float age = now - told.y;
  alpha = look.y;
  if (classic < 0.5) alpha *= (0.12 + 0.88 * exp(-age / ${FADE_S})) * clamp((${SEEN_S}.0 - age) / 2.0, 0.0, 1.0);
  if (age < -0.0005) alpha = 0.0;
  vec2 way = vec2(sin(hand.y), -cos(hand.y));
  along = corner.x * reach;
  across = corner.y;
  vec2 at = dial.xy + way * along + vec2(-way.y, way.x) * corner.y * 1.1;
  tint = colours[family];
  dash = dashes[family];
  gl_Position = alpha > 0.003
    ? vec4(at.x / size.x * 2.0 - 1.0, 1.0 - at.y / size.y * 2.0, 0.0, 1.0)
    : vec4(2.0, 2.0, 2.0, 1.0);
}`;
const FRAGMENT = `#version 300 es
precision mediump float;
in vec3 tint;
in float along;
in float across;
flat in float alpha;
flat in vec2 dash;
out vec4 result;
void main() {
  float whole = dash.x + dash.y;
  float drawn = whole < 0.5 ? 1.0 : step(mod(along, whole), dash.x);
  float soft = 1.0 - smoothstep(0.55, 1.0, abs(across));
  result = vec4(tint, 1.0) * alpha * drawn * soft;
}`;

class WebGlRays implements RayPainter {
  readonly kind = "webgl2";
  private readonly buffer: WebGLBuffer | null;
  private readonly uniforms = new Map<string, WebGLUniformLocation | null>();
  private readonly dials = new Float32Array(3 * (CLOCKS + 1));

  constructor(private readonly gl: WebGL2RenderingContext) {
    const program = useProgram(gl, VERTEX, FRAGMENT);
    for (const name of ["size", "now", "topLog", "linear", "classic", "dials", "colours", "dashes"])
      this.uniforms.set(name, gl.getUniformLocation(program, name));
    bindShape(gl, program, "corner", 2, [0, -1, 1, -1, 1, 1, 0, -1, 1, 1, 0, 1]);
    this.buffer = bindEach(gl, program, [
      ["hand", 2],
      ["told", 2],
      ["look", 2],
    ]);
    gl.bufferData(gl.ARRAY_BUFFER, FLOATS * 4 * CAPACITY, gl.DYNAMIC_DRAW);
    gl.uniform2fv(
      this.uniforms.get("dashes") ?? null,
      FAMILIES.flatMap((family) => family.dash),
    );
    blendOver(gl);
  }

  paint(list: RayList, field: Field): boolean {
    const { gl, uniforms } = this;
    clearGl(gl, field.width, field.height);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
    for (const { from, to } of list.dirty)
      gl.bufferSubData(gl.ARRAY_BUFFER, from * FLOATS * 4, list.data, from * FLOATS, (to - from) * FLOATS);
    list.dirty = [];
    field.dials.forEach((dial, i) => {
      this.dials.set([dial.x, dial.y, dial.radius], 3 * i);
    });
    gl.uniform2f(uniforms.get("size") ?? null, field.width, field.height);
    gl.uniform1f(uniforms.get("now") ?? null, field.now);
    gl.uniform1f(uniforms.get("topLog") ?? null, field.topLog);
    gl.uniform1f(uniforms.get("linear") ?? null, field.isLinear ? 1 : 0);
    gl.uniform1f(uniforms.get("classic") ?? null, field.isClassic ? 1 : 0);
    gl.uniform3fv(uniforms.get("dials") ?? null, this.dials);
    gl.uniform3fv(uniforms.get("colours") ?? null, field.colours.flat());
    gl.drawArraysInstanced(gl.TRIANGLES, 0, 6, list.count);
    return false;
  }
}

/** Of each frame, for drawing all of them anew. */
const SPARE_MS = 1.2;
/** So long a picture is shown, with new rays on it, before what has faded meanwhile is drawn anew. */
const FADED_S = 0.25;
/** So many rays become a few strokes: one for each of 20,000 would take a frame's whole time. */
const STROKED_TOGETHER = 512;
const ALPHAS = 8;

/** Rays of one family and paleness are one path. */
class Strokes {
  private readonly paths = new Map<number, Path2D>();
  private count = 0;
  private readonly colours: string[];

  constructor(
    private readonly context: CanvasRenderingContext2D,
    private readonly field: Field,
  ) {
    this.colours = field.colours.map(
      (colour) => `rgb(${colour.map((part) => Math.round(part * 255)).join(" ")})`,
    );
    context.lineWidth = 1.5;
  }

  add(data: Float32Array, at: number): void {
    const { field } = this;
    const alpha = alphaOf(data[at + 3] as number, data[at + 5] as number, field);
    const dial = field.dials[data[at] as number];
    if (alpha < LEAST_ALPHA || !dial) return;
    const reach = dial.radius * lengthOf(data[at + 2] as number, field, dial.radius);
    const angle = data[at + 1] as number;
    // The fresher above the paler.
    const key =
      Math.ceil(alpha * ALPHAS) * FAMILIES.length + (FAMILIES.length - 1 - (data[at + 4] as number));
    let path = this.paths.get(key);
    if (!path) {
      path = new Path2D();
      this.paths.set(key, path);
    }
    path.moveTo(dial.x, dial.y);
    path.lineTo(dial.x + Math.sin(angle) * reach, dial.y - Math.cos(angle) * reach);
    if (++this.count === STROKED_TOGETHER) this.draw();
  }

  draw(): void {
    const { context, paths } = this;
    for (const [key, path] of [...paths].sort(([one], [other]) => one - other)) {
      const family = FAMILIES.length - 1 - (key % FAMILIES.length);
      const dash = FAMILIES[family]?.dash ?? [0, 0];
      context.globalAlpha = Math.floor(key / FAMILIES.length) / ALPHAS;
      context.strokeStyle = this.colours[family] ?? "";
      context.setLineDash(dash[0] ? dash : []);
      context.stroke(path);
    }
    paths.clear();
    this.count = 0;
  }
}

/** All rays are drawn over some frames, unseen, and then shown; new ones are drawn onto what is shown. */
class PlainRays implements RayPainter {
  readonly kind = "2d";
  private readonly back = document.createElement("canvas");
  private drawing: Steps | null = null;
  /** What decided where rays stand, and when, in the picture that is shown. */
  private look = "";
  private shownAt = Number.NEGATIVE_INFINITY;
  /** Rays below that number are in it. */
  private shownTo = 0;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly context: CanvasRenderingContext2D,
  ) {}

  paint(list: RayList, field: Field): boolean {
    list.dirty = [];
    const { now, ...places } = field;
    const look = JSON.stringify([places, list.version, devicePixelRatio]);
    const isOld = look !== this.look || now - this.shownAt > FADED_S || now < this.shownAt;
    // What was begun is ended first, so that something is shown whatever changes meanwhile.
    if (!this.drawing && isOld) this.drawing = this.drawAll(list, field, look);
    if (this.drawing && goOn(this.drawing, SPARE_MS)) this.drawing = null;
    if (look === this.look) this.drawNew(list, field);
    return this.drawing !== null;
  }

  private *drawAll(list: RayList, field: Field, look: string): Steps {
    const scale = fitPixels(this.back, field.width, field.height);
    const context = this.back.getContext("2d");
    if (!context) return;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, field.width, field.height);
    const strokes = new Strokes(context, field);
    const { total } = list;
    let number = Math.max(0, total - CAPACITY);
    for (; number < total && isBorn(list, number, field); number++) {
      // What has been written over meanwhile is newer than this picture.
      if (number >= list.total - CAPACITY) strokes.add(list.data, (number % CAPACITY) * FLOATS);
      if (number % 128 === 127) yield;
    }
    strokes.draw();
    yield;
    fitPixels(this.canvas, field.width, field.height);
    this.context.setTransform(1, 0, 0, 1, 0, 0);
    this.context.globalAlpha = 1;
    this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.context.drawImage(this.back, 0, 0);
    this.context.setTransform(scale, 0, 0, scale, 0, 0);
    this.look = look;
    this.shownAt = field.now;
    this.shownTo = number;
  }

  private drawNew(list: RayList, field: Field): void {
    if (this.shownTo > list.total) this.shownTo = 0;
    const from = Math.max(this.shownTo, list.total - CAPACITY);
    let number = from;
    let strokes: Strokes | null = null;
    for (; number < list.total && isBorn(list, number, field); number++) {
      strokes ??= new Strokes(this.context, field);
      strokes.add(list.data, (number % CAPACITY) * FLOATS);
    }
    strokes?.draw();
    this.shownTo = number;
  }
}

const isBorn = (list: RayList, number: number, field: Field): boolean =>
  (list.data[(number % CAPACITY) * FLOATS + 3] as number) <= field.now + 0.0005;

export interface Ray {
  slot: number;
  family: number;
  alpha: number;
  from: [number, number];
  to: [number, number];
}

/** Those that are seen. */
export function* raysOf(list: RayList, field: Field): Generator<Ray> {
  const { data } = list;
  for (let slot = 0; slot < list.count; slot++) {
    const at = slot * FLOATS;
    const alpha = alphaOf(data[at + 3] as number, data[at + 5] as number, field);
    const dial = field.dials[data[at] as number];
    if (alpha < LEAST_ALPHA || !dial) continue;
    const reach = dial.radius * lengthOf(data[at + 2] as number, field, dial.radius);
    const angle = data[at + 1] as number;
    yield {
      slot,
      family: data[at + 4] as number,
      alpha,
      from: [dial.x, dial.y],
      to: [dial.x + Math.sin(angle) * reach, dial.y - Math.cos(angle) * reach],
    };
  }
}

/** The ray nearest to the point, of those that are seen and not fainter than the rest of the picture; none within 4 pixels: -1. */
export function rayAt(list: RayList, field: Field, x: number, y: number): number {
  const { data } = list;
  let [best, found] = [4, -1];
  for (let slot = 0; slot < list.count; slot++) {
    const at = slot * FLOATS;
    const dial = field.dials[data[at] as number];
    if (!dial || Math.abs(x - dial.x) > dial.radius + 4 || Math.abs(y - dial.y) > dial.radius + 4) continue;
    const alpha = alphaOf(data[at + 3] as number, data[at + 5] as number, field);
    if (alpha < LEAST_ALPHA) continue;
    const reach = dial.radius * lengthOf(data[at + 2] as number, field, dial.radius);
    const angle = data[at + 1] as number;
    const [dx, dy] = [Math.sin(angle) * reach, -Math.cos(angle) * reach];
    const squared = dx * dx + dy * dy;
    if (squared < 1) continue;
    const share = ((x - dial.x) * dx + (y - dial.y) * dy) / squared;
    if (share < 0 || share > 1.02) continue;
    const away = Math.abs((x - dial.x) * dy - (y - dial.y) * dx) / Math.sqrt(squared) + (1 - alpha);
    if (away <= best) [best, found] = [away, slot];
  }
  return found;
}

/** Clocks as large as they can be, in their order, in rows; below each there is room for two lines. */
export function layOut(count: number, width: number, height: number, label: number): Dial[] {
  let best = { columns: 1, radius: 0 };
  for (let columns = 1; columns <= Math.max(1, count); columns++) {
    const rows = Math.ceil(count / columns);
    const radius = Math.min(width / columns / 2 - 8, (height / rows - label) / 2 - 6);
    if (radius > best.radius) best = { columns, radius };
  }
  const { columns } = best;
  const rows = Math.max(1, Math.ceil(count / columns));
  return Array.from({ length: count }, (_, i) => {
    const row = Math.floor(i / columns);
    const inRow = Math.min(columns, count - row * columns);
    const left = (width - (width / columns) * inRow) / 2;
    return {
      x: left + (width / columns) * ((i % columns) + 0.5),
      y: (height / rows) * row + (height / rows - label) / 2 + 2,
      radius: Math.max(4, best.radius),
    };
  });
}

/** `isPlain`: as where there is no WebGL2. */
export function makeRayPainter(canvas: HTMLCanvasElement, isPlain: boolean): RayPainter {
  const gl = openGl(canvas, isPlain);
  if (gl) return new WebGlRays(gl);
  const context = canvas.getContext("2d");
  if (!context) throw new Error("this browser draws on no canvas");
  return new PlainRays(canvas, context);
}
