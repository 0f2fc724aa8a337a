/* SPDX-License-Identifier: MIT */
/* The price's arithmetic.
 * Why: see price.h.
 * Rules: as there. */
#include "model/price.h"

/* What is believed until the program has told: where events fill the time, as in the calibration's loop, nearly what that
 * says; where they are few among much else, as in a server, a good deal more. */
static const double GUESS_DENSE = 1.1, GUESS_THIN = 1.8;
/* ... by the share of the time that the events cost, as calibrated. */
static const double DENSE = 0.3, THIN = 0.1;

/* It is never believed to be beyond these. */
static const double LEAST = 1, MOST = 4;

/* How fast one comparison is believed: each is of some tenths of a second, in which a neighbour on the same core is
 * felt. */
static const double PACE = 0.25;

enum { ENOUGH_EVENTS = 10000 };

static const double ENOUGH_WORK = 0.5;

void price_init(struct price *price)
{
    *price = (struct price){.factor = GUESS_THIN};
}

static double guess(double share)
{
    if (share >= DENSE || share <= THIN)
        return share >= DENSE ? GUESS_DENSE : GUESS_THIN;
    return GUESS_THIN + (GUESS_DENSE - GUESS_THIN) * (share - THIN) / (DENSE - THIN);
}

void price_note_burst(struct price *price, double busy_ns, double events, double older,
                      double calibrated_ns)
{
    price->burst_ns = price->burst_ns * older + busy_ns;
    price->burst_events = price->burst_events * older + events;
    if (!price->told && busy_ns > 0)
        price->factor = guess(events * calibrated_ns / busy_ns);
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
    price->told = true;
    price->factor += (told - price->factor) * PACE;
}
