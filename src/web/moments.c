/* SPDX-License-Identifier: MIT */
/* Snapshots, shared by all who look.
 * Why: several browsers cost the collector no more than one does, and none more than a tenth of its time: what
 * took long to make is looked at for longer.
 * Rules: as web_parts.h. */
#include "web/web_parts.h"

#include "base/clock.h"
#include "web/view_json.h"

#include <string.h>

enum { COST_FACTOR = 10, SLICES = 2500 };

static struct web_snapshot *slot_for(struct web *web, const struct wish *wish)
{
    struct web_snapshot *oldest = &web->snapshots[0];
    for (int i = 0; i < WEB_SNAPSHOTS; i++) {
        struct web_snapshot *slot = &web->snapshots[i];
        if (slot->snapshot && slot->window_s == wish->window_s && slot->to_ns == wish->to_ns &&
            slot->clock == wish->clock)
            return slot;
        if (slot->made_ns < oldest->made_ns)
            oldest = slot;
    }
    snapshot_free(oldest->snapshot);
    *oldest = (struct web_snapshot){
        .window_s = wish->window_s, .to_ns = wish->to_ns, .clock = wish->clock};
    return oldest;
}

const struct snapshot *web_snapshot(struct web *web, const struct wish *wish, unsigned oldest_ms,
                                    uint64_t now_ns)
{
    const struct web_host *host = web->host;
    struct wish of = *wish; /* a timeline moves through time, its snapshot is of all of it */
    if (strcmp(wish->view, "timeline") == 0)
        of.to_ns = 0;
    struct web_snapshot *slot = slot_for(web, &of);
    uint64_t age_ns = now_ns - slot->made_ns, least_ns = oldest_ms * WEB_MS_NS;
    if (oldest_ms && least_ns < slot->cost_ns * COST_FACTOR)
        least_ns = slot->cost_ns * COST_FACTOR;
    if (slot->snapshot && (host->is_recording || age_ns < least_ns))
        return slot->snapshot;
    uint64_t begin_ns = clock_monotonic_ns();
    struct snapshot *made = host->snapshot(host->context, of.window_s, of.to_ns, of.clock);
    slot->cost_ns = clock_monotonic_ns() - begin_ns;
    slot->made_ns = now_ns;
    if (!made)
        return slot->snapshot;
    snapshot_free(slot->snapshot);
    slot->snapshot = made;
    if (host->is_recording)
        strip_take_window(&web->strip, made);
    else
        strip_take(&web->strip, made, host->rss_bytes ? host->rss_bytes(host->context) : -1,
                   now_ns);
    return made;
}

bool web_shape(struct web *web, const struct wish *wish, struct shape *ret_shape)
{
    const struct web_host *host = web->host;
    return strcmp(wish->view, "algae") == 0 && host->shape && host->shape(host->context, ret_shape);
}

struct timeline *web_timeline(struct web *web, const struct wish *wish,
                              const struct snapshot *snapshot)
{
    const struct web_host *host = web->host;
    if (!snapshot || !host->timeline || !view_json_needs_timeline(wish))
        return NULL;
    bool is_function = strcmp(wish->view, "function") == 0;
    struct timeline_query query = {.columns = (uint32_t)wish->columns,
                                   .slices = wish->limit == WISH_LIMIT ? SLICES : wish->limit,
                                   .function = (uint32_t)wish->function,
                                   .calls = wish->calls,
                                   .slowest = is_function,
                                   .seconds = is_function,
                                   .clock = wish->clock};
    if (!is_function) {
        int64_t now_ns = snapshot->meta.is_slice ? snapshot->meta.slice_from_ns : 0;
        now_ns += snapshot->meta.window_to_ns;
        query.to_ns = wish->to_ns > wish->from_ns ? wish->to_ns : now_ns;
        int64_t window_ns = wish->window_s * INT64_C(1000000000);
        if (wish->to_ns > wish->from_ns)
            query.from_ns = wish->from_ns;
        else if (window_ns && window_ns < now_ns) /* before the start there is nothing to show */
            query.from_ns = now_ns - window_ns;
    }
    uint64_t begin_ns = clock_monotonic_ns();
    struct timeline *timeline = host->timeline(host->context, &query);
    web->timeline_cost_ns = clock_monotonic_ns() - begin_ns;
    /* cppcheck-suppress returnDanglingLifetime ; nothing of the query is kept in what is made */
    return timeline;
}

void web_forget_snapshots(struct web *web)
{
    for (int i = 0; i < WEB_SNAPSHOTS; i++) {
        snapshot_free(web->snapshots[i].snapshot);
        web->snapshots[i] = (struct web_snapshot){0};
    }
}
