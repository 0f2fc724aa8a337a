/* SPDX-License-Identifier: MIT */
/* Where asyncio's C code keeps the tasks of 3.14 and later, as it tells itself.
 * Why: the offsets moved between patch releases (3.14.2 to 3.14.4).
 * Rules: what does not fit together is not taken. */
#ifndef ULMA_ATTACH_ASYNCIO_IMAGE_H
#define ULMA_ATTACH_ASYNCIO_IMAGE_H

#include "attach/layouts.h"

#include <sys/types.h>

/* Puts it into the layout; before 3.14, or where it is not to be found, the layout stays as it is:
 * without task_node there are no lists of tasks. */
void asyncio_image_read(pid_t pid, struct layout *layout);

#endif
