/* SPDX-License-Identifier: MIT */
/* The children of a target: their sessions, found beside the first one's, and read with it.
 * Why files are looked for: a child makes its session itself (probe/child_session.h), so that it need not wait
 * for us; it raises a word in the first session, and what lies in the directory then is what there is.
 * Rules: the keeper's thread finds, watches and gives back (or whoever finishes, once the threads have
 * ended); whoever holds the lock reads. A child's session is its process's word: a file that makes no
 * sense is left alone, and a process that it names is only ever asked whether it lives. */
#ifndef ULMA_MODEL_FAMILY_H
#define ULMA_MODEL_FAMILY_H

#include "model/collector_parts.h"

enum { FAMILY_NAME_SIZE = 64, FAMILY_PROCESSES = 1024 };

struct member {
    struct process *process;
    struct mapping mapping;
    struct drain drain;
    int pid_fd;           /* -1: none */
    uint32_t first_rings; /* that its threads take at once */
    char name[FAMILY_NAME_SIZE];
    uint64_t end_counter;  /* when `ended` was found out */
    _Atomic bool ended;    /* release: after end_counter */
    uint32_t quiet_rounds; /* since then */
    _Atomic bool drained;  /* all of it is in the model; the keeper may give it back */
    struct member *next;
};

/* The keeper's part of a turn: new sessions, ended processes, rings, what is to be given back. */
void family_keep(struct collector *collector);

/* Under the lock: a round over all children's rings. Returns the number of events. */
uint64_t family_round(struct collector *collector);

/* After the threads have ended: everything that children have written is read, all sessions go. */
void family_finish(struct collector *collector, uint64_t counter);

void family_done(struct collector *collector);

/* Under the lock: adds what the sessions of children that are or were have counted. */
void family_add_sums(struct collector *collector, struct family_sums *sums, uint64_t *lost,
                     uint64_t *nested);
void family_read_sums(const struct mapping *mapping, struct family_sums *sums);

/* The track of a thread of any process, or NULL. */
struct track *family_find_tid(struct drain *first, uint32_t tid);

#endif
