/* SPDX-License-Identifier: MIT */
/* The price of an event: what it costs the program that runs, not the small loop of the calibration.
 * Why: in a loop the probe's code and data lie in the CPU's caches; in a web server an event was seen to cost twice as
 * much, and the budget was overdrawn by as much. The program itself tells: a burst of listening and the time after it,
 * when some functions are muted, are the same work with many events and with few. What the work took more of the CPU's
 * time, the events cost.
 * Rules: arithmetic over what it is given, no clock. CPU times, since on a busy machine the clock tells who else ran. */
#ifndef ULMA_MODEL_PRICE_H
#define ULMA_MODEL_PRICE_H

#include <stdbool.h>

struct price {
    double factor;                 /* of the calibrated cost */
    bool told;                     /* by the program; else a guess */
    double burst_ns, burst_events; /* of the bursts, older ones less */
};

void price_init(struct price *price);

/* A burst is over, in which the program used `busy_ns`; `older`: what the ones before are worth. */
void price_note_burst(struct price *price, double busy_ns, double events, double older,
                      double calibrated_ns);

/* Since then it did `work` times what it did in the bursts. */
void price_note_muted(struct price *price, double busy_ns, double events, double work,
                      double calibrated_ns);

#endif
