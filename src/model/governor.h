/* SPDX-License-Identifier: MIT */
/* The governor: when the budget lets all functions be heard, and which are then muted.
 * Why apart: it is arithmetic over costs and times that it is given, so tests drive it with made-up ones.
 *
 * How it works. The budget is a share of the target's busy time. A bucket of allowance fills with that
 * share (less a reserve, since the cost per event is not known for certain) and pays for every event. In the first
 * one and a half seconds of a program that computes it fills twice as fast: the sooner it is known what it does, the less is guessed.
 *   LISTENING  everything is heard. This goes on while the bucket lasts, for ever when the program's events
 *              cost less than the budget. When it is empty, what was heard since the listening began says
 *              which functions cost most for the least time of their own: those are muted until what is
 *              left costs so little that the bucket fills again.
 *   MUTED      those functions are silent. When the bucket is full again, all are heard anew, a burst of
 *              listening: their figures are brought up to date, and who is muted is decided afresh, so
 *              that functions come back when the program does something else. When what is heard costs
 *              more than the budget after all (another phase began), that comes at once; when it costs as much
 *              as is filled in, after a second.
 *   CALLING    the burst was ordered, and the probe has not answered yet.
 * Rules: no clock, no memory of its own but this struct; one owner at a time. Times are nanoseconds. */
#ifndef ULMA_MODEL_GOVERNOR_H
#define ULMA_MODEL_GOVERNOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum governor_state { GOVERNOR_LISTENING, GOVERNOR_MUTED, GOVERNOR_CALLING };

/* What the owner has to do. */
enum governor_act {
    GOVERNOR_GO_ON,
    GOVERNOR_CHOOSE, /* the listening is over: governor_choose, then governor_muted */
    GOVERNOR_CALL, /* have all functions heard again; governor_heard when the probe has answered */
};

struct governor {
    double share;  /* 0 .. 1, of busy time */
    bool computes; /* rather than serves people, who would feel it if the beginning cost more */
    uint64_t began_busy_ns; /* when the budget did */
    enum governor_state state;
    double allowance_ns;       /* the bucket */
    double peak_ns;            /* ... at its fullest since the state began */
    uint64_t busy_ns, cost_ns; /* as last told */
    uint64_t since_busy_ns;    /* busy time at which the state began */
};

/* What an event costs that comes once in `gap_ns` of the program's time, in calibrated prices: 1 to `coldest`. The less
 * often, the less of what it needs the caches still have. */
#define GOVERNOR_COLD    2.5
#define GOVERNOR_COLDEST 6.0
double governor_coldness(double gap_ns, double coldest);

/* ... of a program that spends so much of its time in the kernel, 0 .. 1: GOVERNOR_COLD to GOVERNOR_COLDEST. */
double governor_coldest(double kernel_share);

/* `budget_pct` above 0. */
void governor_init(struct governor *governor, double budget_pct);

/* Both sums since the start: the target's busy time, and what its events cost it. What begins next begins there. */
void governor_account(struct governor *governor, uint64_t busy_ns, uint64_t cost_ns);

/* ... and what is to be done. */
enum governor_act governor_tick(struct governor *governor, uint64_t busy_ns, uint64_t cost_ns);

/* A function as the listening heard it. */
struct governor_row {
    uint32_t row;
    bool mute; /* out */
    double cost_ns, self_ns;
    double lines_ns; /* of the cost, what its lines make */
};

/* Sets `mute` of those that have to fall silent, given a listening of `busy_ns`; sorts the rows by what
 * they cost for what they tell. How many. */
size_t governor_choose(const struct governor *governor, struct governor_row *rows, size_t count,
                       double busy_ns);

/* All functions are to be heard anew, whatever the bucket says; or another budget is in force. */
void governor_call(struct governor *governor);
void governor_change(struct governor *governor, double budget_pct);

/* Half of the bucket is full, and no answer is awaited: something more may be heard. */
bool governor_has_room(const struct governor *governor);

/* The choice is made; with none muted the listening goes on. */
void governor_muted(struct governor *governor, size_t count);

/* The probe has answered GOVERNOR_CALL. */
void governor_heard(struct governor *governor);

#endif
