/* SPDX-License-Identifier: MIT */
/* The page's server, as the command line wants it.
 * Why apart: a program, a process that another ulma follows and a recording are served alike.
 * Rules: says itself why it failed. Knows no process: but for web_join it is in the reading half. */
#ifndef ULMA_CMD_WEB_SERVE_H
#define ULMA_CMD_WEB_SERVE_H

#include "cmd/options.h"
#include "web/web.h"

struct join;

/* Listening. NULL: said on stderr. */
struct web *web_serve_open(const struct options *options);

/* Tells on stdout where the page is, and opens it with --open. */
void web_serve_announce(struct web *web, const struct options *options);

/* Removes what --open has made. */
void web_serve_close(struct web *web);

/* The whole verb of a process that was joined, of a recording, and of one that is played (--speed). The exit status. */
int web_join(struct join *join, struct web *web);
int web_replayed(const struct options *options, const char *path);
int web_recorded(const struct options *options, const char *path);

/* SIGINT, SIGTERM and SIGHUP are taken by asking, where no program of ours runs. */
void web_serve_hold_signals(void);
bool web_serve_signalled(void);

#endif
