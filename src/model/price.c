/* SPDX-License-Identifier: MIT */
/* The price's arithmetic.
 * Why: see price.h.
 * Rules: as there. */
#include "model/price.h"

/* What is believed until the program has told, and what it is never believed to be beyond. */
static const double GUESS = 1.8, LEAST = 1, MOST = 4;

/* How fast one comparison is believed: each is of some tenths of a second, in which a neighbour on the same core is
 * felt. */
static const double PACE = 0.25;

enum { ENOUGH_EVENTS = 10000 };

static const double ENOUGH_WORK = 0.5;

void price_init(struct price *price)
{
    *price = (struct price){.factor = GUESS};
}

void price_note_burst(struct price *price, double busy_ns, double events, double older)
{
    price->burst_ns = price->burst_ns * older + busy_ns;
    price->burst_events = price->burst_events * older + events;
}

void price_note_muted(struct price *price, double busy_ns, double events, double work,
                      double calibrated_ns)
{
    if (work < ENOUGH_WORK || calibrated_ns <= 0)
        return;
    double more = price->burst_events - events / work;
    if (more < ENOUGH_EVENTS)
        return;
    double told = (price->burst_ns - busy_ns / work) / more / calibrated_ns;
    told = told < LEAST ? LEAST : told > MOST ? MOST : told;
    price->factor += (told - price->factor) * PACE;
}
