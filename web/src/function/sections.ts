// SPDX-License-Identifier: MIT
// The view `function` as its parts: each heading with the rows under it. Pure.

import type { Row } from "../documents";

export interface Section {
  title: string;
  rows: Row[];
}

export function sectionsOf(rows: Row[]): Section[] {
  const sections: Section[] = [];
  for (const row of rows) {
    if (row.heading) sections.push({ title: row.text ?? "", rows: [] });
    else sections[sections.length - 1]?.rows.push(row);
  }
  return sections;
}
