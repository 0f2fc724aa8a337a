/* SPDX-License-Identifier: MIT */
/* How long the probe's own code takes, where and while the program runs.
 * Why: the calibration's loops find everything in the caches and each jump foreseen; within a program an event costs up to
 * twice as much, and what is not taken out of its times was up to a third of them. How much more it is the probe can see: of some
 * of the ends of calls it reads the counter again when it is done. What is slower there than in the calibration is slower on
 * the interpreter's way to it, too (docs/decisions/0036-the-probe-times-itself.md).
 * Rules: by the owner of the writer, with the GIL. Ends are noted on 3.12 and newer, the clock is told on all. */
#ifndef ULMA_PROBE_OWN_TIME_H
#define ULMA_PROBE_OWN_TIME_H

#include <stdbool.h>
#include <stdint.h>

struct writer;

/* An end of a call is timed when these bits of its counter are 0: by chance, so that no loop keeps step with it. Not the lowest: in
 * some virtual machines the counter is always odd. */
extern uint64_t own_time_mask __attribute__((visibility("hidden")));

static inline bool own_time_is_due(uint64_t counter)
{
    return __builtin_expect((counter & own_time_mask) == 0, 0);
}

/* The end at `counter` was done with at `now`. */
void own_time_note(uint64_t counter, uint64_t now);

/* While the calibration looks, more ends are timed: those of programs all of whose functions are recorded, and of those where modes
 * vary, which look their function up. */
enum own_time_of { OWN_TIME_OF_NONE, OWN_TIME_OF_PLAIN, OWN_TIME_OF_VARIED };
void own_time_learn(enum own_time_of what);
enum own_time_of own_time_learns(void);

/* Ticks x 256 that one took in the mean, of those that this thread has noted since it was last asked; 0: of none. */
uint32_t own_time_take256(void);

/* What the processor's clock is (calibrate_chain), and what this thread has noted since the last time: an EVENT_OWN_TIME at
 * `counter`. */
void own_time_tell(struct writer *writer, uint64_t counter, uint32_t chain_ticks);

#endif
