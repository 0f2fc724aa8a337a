/* SPDX-License-Identifier: MIT */
/* The probe's shared object, carried inside this program (tools/embed.py puts it there).
 * Why: one file is the whole of ulma, wherever pip or pipx put it, and collector and probe always
 * match. At start cmd writes it into the session's directory, where the target loads it.
 * Rules: read-only; its size is probe_image_end - probe_image. */
#ifndef ULMA_CMD_PROBE_IMAGE_H
#define ULMA_CMD_PROBE_IMAGE_H

extern const unsigned char probe_image[];
extern const unsigned char probe_image_end[];

#endif
