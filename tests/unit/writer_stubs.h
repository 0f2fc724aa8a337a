/* SPDX-License-Identifier: MIT */
/* Stand-ins for what probe/writer.c asks of the interpreter and of the rest of the probe.
 * Why: the writer is tested as it is, with no interpreter beside it. */
#ifndef ULMA_TESTS_UNIT_WRITER_STUBS_H
#define ULMA_TESTS_UNIT_WRITER_STUBS_H

#include "probe/switch.h"
#include "probe/writer.h"

extern uint32_t stub_depth; /* of every stack that is asked for */
extern uint32_t stub_speed; /* what the processor takes now; 0: nobody knows */

PyThreadState *stub_thread_state(void);

#endif
