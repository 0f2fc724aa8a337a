/* SPDX-License-Identifier: MIT */
/* Asking the collector that owns a session: the words of `ulma set`, or for what it has counted.
 * Why apart: several verbs ask, and all take turns.
 * Rules: wire/session.h has the words' place and their order. Whoever answers may be hostile, slow or gone. */
#ifndef ULMA_CMD_SESSION_ASK_H
#define ULMA_CMD_SESSION_ASK_H

#include "cmd/session_find.h"

struct session_answer {
    bool done;                           /* else refused */
    char text[SESSION_ANSWER_SIZE + 64]; /* printable; or why there is no answer, one sentence */
};

enum session_asked {
    ASKED_ANSWERED,
    ASKED_ENDED,  /* nobody owns the session any more */
    ASKED_SILENT, /* no answer in time */
    ASKED_CUT,    /* the session's file is not whole */
};

/* One asker at a time; the kernel drops the turn of one that dies. False: others took all the time. */
bool session_take_turn(const struct session_found *found, int wait_ms);
void session_leave_turn(const struct session_found *found);

/* In one's turn. `size` counts the text's zero byte and is SESSION_SET_SIZE at most. */
enum session_asked session_ask(const struct session_found *found, const char *text, size_t size,
                               int wait_ms, struct session_answer *answer);

#endif
