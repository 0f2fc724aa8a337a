/* SPDX-License-Identifier: MIT */
/* Words for what changed.
 * Why: table, tree, markdown and json say it alike.
 * Rules: as diff.h. */
#include "diff/diff.h"

#include "base/text.h"
#include "export/export_names.h"

#include <string.h>

const char *diff_words(const struct diff *diff, const struct diff_function *function)
{
    if (!function->changed)
        return "";
    if (!function->sides[DIFF_OLD])
        return "new";
    if (!function->sides[DIFF_NEW])
        return "gone";
    bool each = diff->request.per_call || function->calls.way != DIFF_SAME;
    enum diff_way time = each ? function->per_call.way : function->self.way;
    const char *words[] = {
        time == DIFF_UP     ? "slower"
        : time == DIFF_DOWN ? "faster"
                            : NULL,
        function->calls.way == DIFF_UP     ? "called more"
        : function->calls.way == DIFF_DOWN ? "called less"
                                           : NULL,
        function->wait.way == DIFF_UP     ? "waits longer"
        : function->wait.way == DIFF_DOWN ? "waits less"
                                          : NULL,
    };
    const char *joined = NULL;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (!words[i])
            continue;
        joined = joined ? arena_format(diff->arena, "%s, %s", joined, words[i]) : words[i];
        if (!joined)
            return "changed";
    }
    /* Its self time changed, but neither its calls nor one call's time for certain. */
    return joined ? joined : function->self.way == DIFF_UP ? "slower" : "faster";
}

const char *diff_verdict(const struct diff *diff)
{
    const struct diff_sums *sums = &diff->sums;
    const struct {
        size_t count;
        const char *word;
    } parts[] = {
        {sums->slower, "slower"},
        {sums->more, "called more"},
        {sums->waits_up, "waiting longer"},
        {sums->added, "new"},
        {sums->gone, "gone"},
        {sums->faster, "faster"},
        {sums->fewer, "called less"},
        {sums->waits_down, "waiting less"},
    };
    const char *text = NULL;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (!parts[i].count)
            continue;
        text = text ? arena_format(diff->arena, "%s, %zu %s", text, parts[i].count, parts[i].word)
                    : arena_format(diff->arena, "%zu %s", parts[i].count, parts[i].word);
        if (!text)
            return NULL;
    }
    if (!text)
        text = "no change beyond the noise";
    if (!sums->minor)
        return text;
    char time[TEXT_NUMBER_BYTES];
    return arena_format(diff->arena, "%s (and %zu function%s whose change is worth less than %s)",
                        text, sums->minor, sums->minor == 1 ? "" : "s",
                        text_format_time(time, diff->min_time_ns));
}

const char *diff_label(const struct diff *diff, const struct diff_function *function)
{
    const struct snapshot_function *new = function->sides[DIFF_NEW];
    const struct snapshot_function *old = function->sides[DIFF_OLD];
    const char *label = export_label(diff->arena, new ? new : old);
    if (!label || !old || !new || !function->renamed)
        return label;
    bool same_name = strcmp(old->qualname, new->qualname) == 0;
    const char *before = same_name ? export_label(diff->arena, old)
                                   : text_clean(diff->arena, old->qualname);
    return before ? arena_format(diff->arena, "%s ~%s from %s", label,
                                 same_name ? "moved" : "renamed", before)
                  : NULL;
}
