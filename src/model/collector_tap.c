/* SPDX-License-Identifier: MIT */
/* What a collector tells the tap of itself.
 * Why: see tap.h; the model's own steps are told where they are carried out.
 * Rules: as collector_parts.h. Nothing is done where nobody listens. */
#include "model/collector_parts.h"

#include <stdlib.h>
#include <string.h>

static size_t add(char *packed, size_t used, const char *text)
{
    size_t size = text ? strlen(text) + 1 : 1;
    if (packed)
        memcpy(packed + used, text ? text : "", size);
    return used + size;
}

/* With `packed` NULL: how much room it takes. */
static size_t pack_sites(const struct sites *sites, char *packed)
{
    size_t used = add(packed, 0, sites->stdlib);
    used = add(packed, used, sites->directory);
    used = add(packed, used, sites->main_module);
    for (size_t i = 0; i < sites->count; i++) {
        const struct site_pattern *pattern = &sites->patterns[i];
        used = add(packed, used, pattern->lines ? "=" : pattern->skip ? "-" : "+") - 1;
        used = add(packed, used, sites->patterns[i].text);
    }
    return used;
}

void collector_tell_sites(struct collector *collector)
{
    const struct sites *sites = collector->options.sites;
    if (!collector->model.tap || !sites)
        return;
    size_t size = pack_sites(sites, NULL);
    char *packed = malloc(size);
    if (!packed)
        return;
    pack_sites(sites, packed);
    tap_put(collector->model.tap, TAP_SITES, 0, 0, packed, size);
    free(packed);
}

void collector_tell_begin(struct collector *collector, uint64_t counter)
{
    const struct model *model = &collector->model;
    struct tap_begin begin = {
        .gap_ticks = model->gap_ticks,
        .node_limit = collector->options.node_limit,
        .by_process = model->by_process,
        .by_thread = model->by_thread,
        .by_records = model->by_records,
        .corrected = collector->options.corrected,
    };
    tap_put(model->tap, TAP_BEGIN, 0, counter, &begin, sizeof(begin));
    tap_say(model->tap, TAP_EARLIEST, 0, model->earliest);
    if (model->modes_vary)
        tap_say(model->tap, TAP_VARY, 0, 0);
    collector_tell_sites(collector);
    collector_tell_words(collector, counter);
}

void collector_tell_words(struct collector *collector, uint64_t counter)
{
    if (!collector->model.tap)
        return;
    struct reading *reading = calloc(1, sizeof(*reading));
    struct tap_words *words = calloc(1, sizeof(*words));
    if (reading && words) {
        collector_take_reading(collector, counter, reading);
        reading->window_cpu_ns = collector->cpu_ns;
        reading->processes_folded = collector->processes_folded;
        reading_pack(reading, words);
        words->first_event = collector->model.first_counter;
        for (struct track *track = collector->model.tracks; track; track = track->next)
            if (track->seen)
                model_tell_words(&collector->model, track);
        tap_put(collector->model.tap, TAP_WORDS, 0, counter, words, sizeof(*words));
    }
    free(reading);
    free(words);
}
