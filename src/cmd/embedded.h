/* SPDX-License-Identifier: MIT */
/* What a target needs, carried inside this program: the probe's shared object and sitecustomize.py; and the live page.
 * Why: one file is the whole of ulma, wherever pip or pipx put it, and collector and probe always
 * match. tools/embed.py puts them there; private_folder.c writes them where the target finds them.
 * Rules: read-only; a size is NAME_end - NAME. */
#ifndef ULMA_CMD_EMBEDDED_H
#define ULMA_CMD_EMBEDDED_H

extern const unsigned char probe_image[], probe_image_end[];
extern const unsigned char sitecustomize_image[], sitecustomize_image_end[];
extern const unsigned char page_image[], page_image_end[];

#endif
