// SPDX-License-Identifier: MIT
// A canvas as large as its place, in the screen's own pixels.

import { useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { fitPixels } from "./gl";

export interface Size {
  width: number;
  height: number;
}

export function useSize<Kind extends HTMLElement>(): [{ current: Kind | null }, Size] {
  const place = useRef<Kind>(null);
  const [size, setSize] = useState<Size>({ width: 0, height: 0 });
  useEffect(() => {
    const element = place.current;
    if (!element) return undefined;
    const observer = new ResizeObserver(() => {
      const { clientWidth: width, clientHeight: height } = element;
      setSize((before) => (before.width === width && before.height === height ? before : { width, height }));
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [place, size];
}

/** Makes the canvas fit and returns a context whose unit is a CSS pixel. */
export function fitCanvas(canvas: HTMLCanvasElement, size: Size): CanvasRenderingContext2D | null {
  const scale = fitPixels(canvas, size.width, size.height);
  const context = canvas.getContext("2d");
  context?.setTransform(scale, 0, 0, scale, 0, 0);
  context?.clearRect(0, 0, size.width, size.height);
  return context;
}

type Draw = (context: CanvasRenderingContext2D, size: Size) => void;

/** Drawn again whenever a signal that `draw` reads has changed, and when it is rendered. */
export function Chart(props: { draw: Draw; class?: string; label: string }): JSX.Element {
  const [place, size] = useSize<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const paint = () => {
    if (!canvas.current || !size.width) return;
    const context = fitCanvas(canvas.current, size);
    if (context) props.draw(context, size);
  };
  useSignalEffect(paint);
  useEffect(paint);
  return (
    <div ref={place} class={`chart ${props.class ?? ""}`}>
      <canvas ref={canvas} role="img" aria-label={props.label} />
    </div>
  );
}
