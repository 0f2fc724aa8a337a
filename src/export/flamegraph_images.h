/* SPDX-License-Identifier: MIT */
/* flamegraph.css and flamegraph.js, as the build puts them into the program.
 * Why: they stay files that editors and linters know.
 * Rules: neither may hold the end of a CDATA section (a test parses the whole SVG). */
#ifndef ULMA_EXPORT_FLAMEGRAPH_IMAGES_H
#define ULMA_EXPORT_FLAMEGRAPH_IMAGES_H

extern const unsigned char flamegraph_css[], flamegraph_css_end[];
extern const unsigned char flamegraph_js[], flamegraph_js_end[];

#endif
