/* SPDX-License-Identifier: MIT */
/* Turning the sources on and off in the running target.
 * Why: off must cost nothing, so off means that no hook is left in the interpreter; on must find every
 * thread's present stack. Both happen under the GIL: at the first __main__ code, in the handler of
 * SIGURG, or inside any callback.
 * Rules: never raises; a pending exception stays as it was. */
#ifndef ULMA_PROBE_SWITCH_H
#define ULMA_PROBE_SWITCH_H

#include "probe/py/pyapi.h"
#include "probe/writer.h"

/* How calls are heard on this CPython. */
struct switch_mechanism {
    /* Once: finds what it needs. 0, or -1 with a sentence. */
    int (*prepare)(char *reason, size_t size);
    /* Takes what only one can have (tool id), for a session; and gives it back. 0, or -1 with a
     * sentence. */
    int (*begin)(char *reason, size_t size);
    void (*end)(void);
    /* Watches for the first __main__ code, and then calls switch_first_main(). */
    int (*watch_main)(void);
    /* All of switching on that calls Python's functions, in which the GIL may pass; then, without
     * letting it pass, the rest. 0, or -1 with a sentence. */
    int (*make_ready)(uint32_t sources, char *reason, size_t size);
    int (*on)(uint32_t sources, char *reason, size_t size);
    void (*off)(void);
    /* While on: fits the hooks to `modes_vary`, and has the interpreter tell again what it was asked not to
     * and what is to be recorded now. `stacks`: all stacks are told next, whatever there was. True: there was
     * something, or `stacks`. */
    bool (*rearm)(bool stacks);
    /* While on: whether the hooks are as they were put; NULL: that cannot be told. */
    bool (*are_in_place)(void);
    /* While on: compiled traces go. NULL: there are none. */
    void (*renew)(void);
    /* A thread's present stack was told: remember `frame` as its innermost. */
    void (*seeded)(struct writer *writer, void *frame);
    /* While on, and until called with false: whatever is called is called by call instructions, the last call at any
     * rate. NULL: that need not be known. */
    void (*learn)(bool begins);
};

extern const struct switch_mechanism monitoring_mechanism; /* 3.12+ */
extern const struct switch_mechanism frame_eval_mechanism; /* 3.9-3.11 */

/* Once, after link_open: chooses the mechanism, prepares, calibrates, installs SIGURG's handler, and
 * watches for __main__. 0, or -1 with a sentence. */
int switch_arm(char *reason, size_t size);

/* Once, for arming without a session: chooses the mechanism, prepares, measures the probe's cost, and
 * leaves nothing switched on. 0, or -1 with a sentence. */
int switch_prepare_process(char *reason, size_t size);

/* SIGURG's handler, where nobody else has one. False: only the main thread may. */
bool switch_install_signal(void);

/* SIGURG's handler, in the main thread soon if this is another one; then the control page is ready.
 * 0, or -1 with a sentence. */
int switch_take_signal(char *reason, size_t size);

/* Into the session at `path`, out of the one before, and does what its wanted words say. 0, or -1 with
 * a sentence. */
int switch_join(const char *path, char *reason, size_t size);

/* The same with a session that is linked and claimed already. */
int switch_join_linked(char *reason, size_t size);

/* Off, and out of the session. Not while switch_is_busy. */
void switch_leave(void);

/* A thread is on its way on, off, in or out, and the GIL has passed meanwhile: ask again later. */
bool switch_is_busy(void);

/* Meanwhile nothing is switched: the caller stands where Python's functions may not be called. */
void switch_begin_busy(void);
void switch_end_busy(void);

/* SIGURG is as it was, if its handler is still ours. */
void switch_give_signal_back(void);

/* The first __main__ code is about to run on this thread. Returns whether recording is on now. */
bool switch_first_main(void);

/* Does what the session's wanted words say. */
void switch_apply(void);

bool switch_is_on(void);

/* The interpreter's compiled traces (3.15) forget the pointers that they hold. */
void switch_renew_traces(void);

/* While on: says in the session when the program has taken the hooks away, after which nothing of ours is
 * called any more but this. Cheap: it looks once in a while. */
void switch_look_at_hooks(void);

void switch_off(enum off_cause cause);
void switch_off_in_child(void);

/* A fork's child at its first event: into a session of its own, recording from here on, with the present
 * stack but for the frame `excluded` (its key; 0: none). False: it is not followed, and all is off. */
bool switch_follow_child(uint32_t excluded);

/* Counter ticks in a span; good to a percent or so, for time-outs only. */
uint64_t switch_ticks_of_ns(uint64_t ns);
double switch_ticks_per_ns(void);

/* The wanted words have changed since they were last obeyed. */
static inline bool switch_is_due(void)
{
    return atomic_load_explicit(link_to.serial, memory_order_relaxed) !=
           atomic_load_explicit(&link_to.serial_seen, memory_order_relaxed);
}

#endif
