/* SPDX-License-Identifier: MIT */
/* Servers and task queues that the program has imported: their requests and tasks are spans without a word of the program's.
 * Why Python: what is put around an application is the middleware that programs use, so the probe carries the package's
 * own texts (python/ulma/_servers.py says where each server has its application). They are loaded when there is such a
 * server, into modules that stand nowhere else.
 * Rules: the GIL is held, and may pass in `find`. All that was put into the program's classes and lists is kept here, and
 * put back by `leave` where it is still there. */
#ifndef ULMA_SOURCES_SPANS_SERVERS_PROBE_H
#define ULMA_SOURCES_SPANS_SERVERS_PROBE_H

#include "probe/py/pyapi.h"

/* Looks which are there now. Leaves no exception. */
void spans_servers_find(void);

/* Keeps a pending exception. */
void spans_servers_leave(void);

/* The copy of ulma._spans that the layers go by, borrowed; NULL: there are none. */
PyObject *spans_servers_module(void);

#endif
