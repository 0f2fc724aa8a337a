// SPDX-License-Identifier: MIT
// What stands around the rays: each clock's rim, its hand, its name and how much is made there; on a canvas or in a document of SVG.

import { formatBytes, formatRate } from "../format";
import type { Pen } from "../pen";
import type { Palette } from "../theme";
import { angleOf, type By, type Clock, type Nova, ranAt } from "./model";
import { CLASSIC_RAYS, type Dial, type Field, lengthOf } from "./rays";

export const LABEL = 36;
/* log2 of bytes */
const RINGS = [6, 8, 10, 14, 18, 22];
const isRing = (share: number): boolean => share > 0.1 && share < 0.97;

/** What the dotted rings of the largest clock are. */
export function ringsOf(field: Field): string[] {
  const radius = field.dials[0]?.radius ?? 0;
  return RINGS.filter((log) => isRing(lengthOf(log, field, radius))).map((log) => formatBytes(2 ** log));
}

export const handAngle = (clock: Clock, atNs: number, field: Field): number =>
  field.isClassic
    ? angleOf(clock.count % CLASSIC_RAYS, CLASSIC_RAYS)
    : angleOf(ranAt(clock.told, atNs), field.turnNs);

/** `~` where whose they are is told by samples: of the only clock they are all. */
export const ratesOf = (nova: Nova, clock: Clock): string => {
  const about = nova.clocks.length > 1 ? "~" : "";
  return `${about}${formatRate(clock.births)} births/s · ${about}${formatBytes(clock.bytes)}/s`;
};

const cut = (text: string, most: number): string =>
  text.length <= most ? text : `${text.slice(0, Math.max(1, most - 1))}…`;

export interface Over {
  nova: Nova;
  field: Field;
  atNs: number;
  ink: Palette;
  chosen: string | null;
  by: By;
}

function ring(pen: Pen, dial: Dial, share: number, colour: string, width: number, dash: number[]): void {
  const points: [number, number][] = [];
  const steps = Math.max(24, Math.round(dial.radius / 2));
  for (let i = 0; i <= steps; i++) {
    const angle = (i / steps) * 2 * Math.PI;
    points.push([
      dial.x + Math.sin(angle) * dial.radius * share,
      dial.y - Math.cos(angle) * dial.radius * share,
    ]);
  }
  pen.line(points, colour, width, dash);
}

/** Rims and, between, what length is how many bytes: under the rays. */
export function drawDials(pen: Pen, over: Over): void {
  const { nova, field, ink } = over;
  nova.clocks.forEach((clock, i) => {
    const dial = field.dials[i];
    if (!dial) return;
    const isChosen = clock.key === over.chosen;
    ring(pen, dial, 1, isChosen ? ink.ink : ink.line, isChosen ? 2 : 1, []);
    for (const log of RINGS) {
      const share = lengthOf(log, field, dial.radius);
      if (!isRing(share)) continue;
      ring(pen, dial, share, ink.line, 1, [2, 3]);
    }
  });
}

/** Hands, names, and how much: over the rays. */
export function drawHands(pen: Pen, over: Over): void {
  const { nova, field, ink } = over;
  nova.clocks.forEach((clock, i) => {
    const dial = field.dials[i];
    if (!dial) return;
    const isChosen = clock.key === over.chosen;
    const angle = handAngle(clock, over.atNs, field);
    const [across, down] = [Math.sin(angle), -Math.cos(angle)];
    pen.line(
      [
        [dial.x + across * dial.radius * 0.93, dial.y + down * dial.radius * 0.93],
        [dial.x + across * (dial.radius + 5), dial.y + down * (dial.radius + 5)],
      ],
      ink.ink,
      2.5,
    );
    pen.circle(dial.x, dial.y, 2.5, ink.ink, ink.panel, 1);
    const room = Math.max(8, Math.round((dial.radius * 2 + 12) / 7));
    pen.text(dial.x, dial.y + dial.radius + 19, cut(clock.name, room), ink.ink, isChosen ? 13 : 12, "middle");
    pen.text(dial.x, dial.y + dial.radius + 33, cut(ratesOf(nova, clock), room + 4), ink.soft, 11, "middle");
  });
}
