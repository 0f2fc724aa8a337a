/* SPDX-License-Identifier: MIT */
/* asyncio's tasks: which coroutine is a task's, what the task is called, who made it.
 * Why: the events of coroutines tell all that a task does, but not which of them asyncio runs: that, and
 * the name, is asked once for each coroutine that no other coroutine awaits, at its first step under a
 * link. Programs without coroutines never come here: a mark in the code object's slot leads here
 * (probe/define.h), where what is unmarked pays nothing.
 * Rules: the GIL is held. Runs no Python code of a task's; leaves a pending exception as it was. */
#ifndef ULMA_PROBE_ASYNCIO_TASKS_H
#define ULMA_PROBE_ASYNCIO_TASKS_H

#include "probe/py/pyapi.h"
#include "wire/event.h"

/* Before the push of a frame whose code is marked. */
void asyncio_tasks_push(enum event_kind kind, uint32_t marked, void *frame);

/* Lets go of what it holds of asyncio. */
void asyncio_tasks_end(void);

#endif
