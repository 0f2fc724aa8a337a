// SPDX-License-Identifier: MIT
// What the boards share of WebGL2: a program of two shaders, and a canvas as large as its place.

export type Rgb = [number, number, number];

/** `#rrggbb` */
export function rgb(text: string): Rgb {
  const value = Number.parseInt(text.slice(1), 16);
  return [(value >> 16) / 255, ((value >> 8) & 255) / 255, (value & 255) / 255];
}

/** Linked and in use. Throws what the driver says is wrong. */
export function useProgram(gl: WebGL2RenderingContext, vertex: string, fragment: string): WebGLProgram {
  const program = gl.createProgram();
  for (const [kind, text] of [
    [gl.VERTEX_SHADER, vertex],
    [gl.FRAGMENT_SHADER, fragment],
  ] as const) {
    const shader = gl.createShader(kind);
    if (!shader) throw new Error("no shader");
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader) ?? "");
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program) ?? "");
  gl.useProgram(program);
  return program;
}

/** The corners of what is drawn many times, of `name`. */
export function bindShape(
  gl: WebGL2RenderingContext,
  program: WebGLProgram,
  name: string,
  size: number,
  corners: number[],
): void {
  gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
  gl.bufferData(gl.ARRAY_BUFFER, new Float32Array(corners), gl.STATIC_DRAW);
  const at = gl.getAttribLocation(program, name);
  gl.enableVertexAttribArray(at);
  gl.vertexAttribPointer(at, size, gl.FLOAT, false, 0, 0);
}

/** What is told of each of the many: floats that follow one another in one buffer, which is made and bound. */
export function bindEach(
  gl: WebGL2RenderingContext,
  program: WebGLProgram,
  parts: readonly (readonly [string, number])[],
): WebGLBuffer | null {
  const buffer = gl.createBuffer();
  const stride = parts.reduce((sum, [, size]) => sum + size, 0) * 4;
  gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
  let offset = 0;
  for (const [name, size] of parts) {
    const at = gl.getAttribLocation(program, name);
    gl.enableVertexAttribArray(at);
    gl.vertexAttribPointer(at, size, gl.FLOAT, false, stride, offset);
    gl.vertexAttribDivisor(at, 1);
    offset += size * 4;
  }
  return buffer;
}

/** Colours come with their alpha multiplied in. */
export function blendOver(gl: WebGL2RenderingContext): void {
  gl.enable(gl.BLEND);
  gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
}

/** As many pixels as the screen has there. Returns how many are one of the page's. */
export function fitPixels(canvas: HTMLCanvasElement, width: number, height: number): number {
  const scale = devicePixelRatio || 1;
  const across = Math.max(1, Math.round(width * scale));
  const down = Math.max(1, Math.round(height * scale));
  if (canvas.width !== across || canvas.height !== down) {
    canvas.width = across;
    canvas.height = down;
  }
  return scale;
}

/** As many pixels as the screen has there; all of it empty. */
export function clearGl(gl: WebGL2RenderingContext, width: number, height: number): void {
  const canvas = gl.canvas as HTMLCanvasElement;
  fitPixels(canvas, width, height);
  gl.viewport(0, 0, canvas.width, canvas.height);
  gl.clearColor(0, 0, 0, 0);
  gl.clear(gl.COLOR_BUFFER_BIT);
}

/** WebGL2, or nothing where there is none or a plain canvas is asked for. */
export function openGl(canvas: HTMLCanvasElement, isPlain: boolean): WebGL2RenderingContext | null {
  return isPlain ? null : canvas.getContext("webgl2", { antialias: false, premultipliedAlpha: true });
}

/** As where there is no WebGL2. */
export const wishesPlain = (): boolean => new URLSearchParams(location.search).get("draw") === "2d";
