/* SPDX-License-Identifier: MIT */
/* The page's own files, and the flame graph's, as the build puts them into the program, each with the
 * hash by which the page's policy allows it.
 * Why: they stay files that editors and linters know; the flame graph is one, in SVG and in HTML.
 * Rules: none may hold the end of a <script> or <style> (a test parses the whole page). */
#ifndef ULMA_EXPORT_HTML_IMAGES_H
#define ULMA_EXPORT_HTML_IMAGES_H

#include "export/flamegraph_images.h"

extern const unsigned char html_page_css[], html_page_css_end[];
extern const unsigned char html_page_js[], html_page_js_end[];
extern const char html_page_css_sha256[], html_page_js_sha256[];
extern const char flamegraph_css_sha256[], flamegraph_js_sha256[];

#endif
