/* SPDX-License-Identifier: MIT */
/* Changing what is followed.
 * Why: see job_set.h.
 * Rules: as there. */
#include "cmd/job_set.h"

#include "base/clock.h"
#include "cmd/job.h"
#include "cmd/job_session.h"
#include "cmd/job_view.h"
#include "cmd/set_words.h"
#include "model/fold_source.h"
#include "model/rules.h"
#include "wire/guard.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MS_NS UINT64_C(1000000)

enum {
    LOOK_MS = 100, /* for words, now and then */
    QUICK_MS = 5,  /* ... and after some have come, for others */
    QUICK_FOR_MS = 1000,
    ANSWER_MS = 1500, /* a program that has not obeyed by then does at its next call */
    KEY_MS = 300,     /* so long a key may hold up the screen */
    KEY_STEP_US = 2000,
    SIGNAL_MS = 50,
};

void job_set_begin(struct job *job)
{
    job->settings = (struct job_settings){
        .budget_pct = job_session_budget(job),
        .sources = (uint32_t)job->options->sources,
        .on_full = job_session_on_full(job),
    };
}

void job_set_done(struct job *job)
{
    free(job->settings.sites);
    rules_free(job->settings.rules);
    free(job->settings.rules_file);
    job->settings.sites = NULL;
    job->settings.rules = NULL;
    job->settings.rules_file = NULL;
}

const struct sites *job_set_sites(const struct job *job)
{
    return job->settings.sites ? job->settings.sites : &job->sites;
}

/* --- the change ----------------------------------------------------------------------------- */

/* One block: the patterns and their texts. NULL: no memory. */
static struct sites *make_sites(const struct job *job, const struct set_words *words)
{
    size_t size = sizeof(struct sites);
    for (size_t i = 0; i < words->pattern_count; i++)
        size += strlen(words->patterns[i].text) + 1;
    struct sites *sites = calloc(1, size);
    if (!sites)
        return NULL;
    char *text = (char *)(sites + 1), error[SITES_ERROR_SIZE];
    if (!getcwd(sites->directory, sizeof(sites->directory)) || strcmp(sites->directory, "/") == 0)
        sites->directory[0] = '\0';
    sites->main_module = job->sites.main_module;
    for (size_t i = 0; i < words->pattern_count; i++) {
        size_t length = strlen(words->patterns[i].text) + 1;
        memcpy(text, words->patterns[i].text, length);
        /* They were tried when read. */
        if (words->patterns[i].use == USE_LINES)
            sites_add_lines(sites, text, error);
        else
            sites_add(sites, text, words->patterns[i].use == USE_SKIP, error);
        text += length;
    }
    sites->rules = job_set_sites(job)->rules;
    return sites;
}

/* False: the file is another one since it was tried. */
static bool read_rules(struct sites *sites, const struct set_words *words, char *message,
                       size_t size)
{
    char why[RULE_ERROR_SIZE];
    sites->rules = words->rules ? rules_read_file(sites, words->rules, why) : NULL;
    bool done = (sites->rules || !words->rules) &&
                rules_fit(sites->rules, (uint32_t)words->sources, why);
    if (!done) {
        snprintf(message, size, "%s", why);
        rules_free(sites->rules);
    }
    return done;
}

/* What was there is nobody's any more. */
static void keep_rules(struct job_settings *settings, struct set_words *words)
{
    rules_free(settings->rules);
    free(settings->rules_file);
    settings->rules = settings->sites->rules;
    settings->rules_file = words->rules;
    settings->has_rules = true;
    words->rules = NULL;
}

static bool refuse(char *message, size_t size, int result)
{
    if (result == -ESRCH)
        snprintf(message, size, "the profiling has ended");
    else
        snprintf(message, size, "cannot change what is followed: %s", strerror(-result));
    return false;
}

__attribute__((format(printf, 3, 4))) static void append(char *text, size_t size,
                                                         const char *format, ...)
{
    size_t used = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + used, size - used, format, arguments);
    va_end(arguments);
}

static void append_sources(uint32_t sources, const char *before, char *text, size_t size)
{
    for (const struct fold_source *const *source = fold_source_list; *source; source++) {
        if (!(sources & (*source)->bit))
            continue;
        append(text, size, "%s%s", before, (*source)->name);
        before = ",";
    }
    if (sources & SOURCE_OPERATORS_EVERY)
        append(text, size, ",every-operator");
}

static void append_patterns(const struct sites *sites, enum set_use use, char *text, size_t size)
{
    static const char *const keys[] = {
        [USE_ONLY] = " only=", [USE_SKIP] = " skip=", [USE_LINES] = " lines="};
    const char *comma = "";
    append(text, size, "%s", keys[use]);
    for (size_t i = 0; i < sites->count; i++) {
        const struct site_pattern *pattern = &sites->patterns[i];
        if ((pattern->lines ? USE_LINES : pattern->skip ? USE_SKIP : USE_ONLY) != use)
            continue;
        append(text, size, "%s%s", comma, sites->patterns[i].text);
        comma = ",";
    }
}

/* In the words that would bring it about; and which patterns have nothing to name yet. */
static void describe(const struct job *job, const bool *matched, uint32_t to_come, char *text,
                     size_t size)
{
    const struct job_settings *settings = &job->settings;
    const struct sites *sites = job_set_sites(job);
    text[0] = '\0';
    append_sources(settings->sources, "events=", text, size);
    append_patterns(sites, USE_ONLY, text, size);
    append_patterns(sites, USE_SKIP, text, size);
    if (settings->sources & SOURCE_LINES)
        append_patterns(sites, USE_LINES, text, size);
    if (settings->rules_file)
        append(text, size, " rules=%s", settings->rules_file);
    else if (settings->has_rules)
        append(text, size, " rules=");
    if (settings->budget_pct > 0)
        append(text, size, " budget=%g", settings->budget_pct);
    else
        append(text, size, " budget=exact");
    append(text, size, " on-full=%s", settings->on_full == ON_FULL_WAIT ? "wait" : "drop");
    append_sources(to_come, "; to come, as the budget allows: ", text, size);
    const char *comma = "; nothing is known yet that matches ";
    for (size_t i = 0; matched && i < sites->count; i++) {
        size_t same = 0; /* of only, and of lines */
        while (strcmp(sites->patterns[same].text, sites->patterns[i].text) != 0)
            same++;
        if (matched[i] || same < i)
            continue;
        append(text, size, "%s%s", comma, sites->patterns[i].text);
        comma = ", ";
    }
}

static bool apply(struct job *job, struct set_words *words, char *message, size_t size)
{
    struct job_settings *settings = &job->settings;
    struct collector_change change = {
        .has_sources = words->has_sources,
        .has_on_full = words->has_on_full,
        .has_budget = words->has_budget,
        .sources = (uint32_t)words->sources,
        .on_full = (uint32_t)words->on_full,
        .budget_pct = words->budget_pct,
    };
    if (words->has_sites && !(change.sites = make_sites(job, words)))
        return refuse(message, size, -ENOMEM);
    if (words->has_rules && !read_rules(change.sites, words, message, size)) {
        free(change.sites);
        return false;
    }
    int result = collector_change(job->collector, &change);
    if (result) {
        if (words->has_rules)
            rules_free(change.sites->rules);
        free(change.sites);
        return refuse(message, size, result);
    }
    if (change.sites) {
        free(settings->sites);
        settings->sites = change.sites;
        if (words->has_rules)
            keep_rules(settings, words);
    }
    if (words->has_sources)
        settings->sources = change.sources;
    if (words->has_on_full)
        settings->on_full = change.on_full;
    if (words->has_budget)
        settings->budget_pct = change.budget_pct;
    settings->asked_ns = settings->signalled_ns = clock_monotonic_ns();
    job_session_wake(job);
    describe(job, change.sites ? change.matched : NULL, change.to_come, message, size);
    return true;
}

static bool read_and_apply(struct job *job, const char *directory, char *const *list, size_t count,
                           char *message, size_t size)
{
    char here[PATH_MAX], error[OPTIONS_ERROR_SIZE] = "";
    struct set_words words;
    if (!getcwd(here, sizeof(here)))
        snprintf(here, sizeof(here), "/");
    if (!set_words_begin(&words, job_set_sites(job), job->settings.sources))
        return refuse(message, size, -ENOMEM);
    words.here = here;
    words.directory = directory ? directory : here;
    bool good = count > 0;
    for (size_t i = 0; i < count && good; i++)
        good = set_words_read(&words, list[i], error);
    good = good && set_words_end(&words, error);
    if (good)
        good = apply(job, &words, message, size);
    else
        snprintf(message, size, "%s", count ? error : "nothing was said to be set");
    set_words_done(&words);
    return good;
}

/* --- what the program says ------------------------------------------------------------------- */

/* It has obeyed, or there is nobody yet who could. */
static bool has_answered(const struct job *job)
{
    struct session_words words;
    job_session_read(job, &words);
    return collector_switched(job->collector) ||
           (words.state != STATE_ON && words.state != STATE_OFF);
}

/* Sources that it refused are wanted no more. False: it did, and `message` says why. */
static bool settle_sources(struct job *job, char *message, size_t size)
{
    struct session_words words;
    uint32_t refused = collector_refusal(job->collector);
    if (!refused)
        return true;
    job_session_read(job, &words);
    job->settings.sources &= ~refused;
    snprintf(message, size, "%s", words.reason);
    return false;
}

bool job_set(struct job *job, char *const *words, size_t count, char *message, size_t size)
{
    if (!read_and_apply(job, NULL, words, count, message, size))
        return false;
    uint64_t begin = clock_monotonic_ns(), signal = begin + SIGNAL_MS * MS_NS;
    while (!has_answered(job)) {
        uint64_t now = clock_monotonic_ns();
        if (now - begin >= KEY_MS * MS_NS) {
            append(message, size, "; the program has not answered yet");
            return true;
        }
        if (now >= signal) {
            job_session_wake(job);
            signal = now + SIGNAL_MS * MS_NS;
        }
        usleep(KEY_STEP_US);
    }
    job->settings.asked_ns = 0;
    return settle_sources(job, message, size);
}

/* --- words of the session -------------------------------------------------------------------- */

struct text_call {
    struct session_header *header;
    uint32_t serial;
    char text[SESSION_SET_SIZE + 1];
};

static int read_serial(void *context)
{
    struct text_call *call = context;
    call->serial = atomic_load_explicit(&call->header->set_serial, memory_order_acquire);
    return 0;
}

static int read_text(void *context)
{
    struct text_call *call = context;
    memcpy(call->text, call->header->set_text, SESSION_SET_SIZE);
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(&call->header->set_serial, memory_order_relaxed) == call->serial;
}

struct answer_call {
    struct session_header *header;
    const struct job_settings *settings;
    bool done;
};

static int write_answer(void *context)
{
    const struct answer_call *call = context;
    memcpy(call->header->set_answer, call->settings->answer, SESSION_ANSWER_SIZE);
    call->header->set_result = call->done ? SET_DONE : SET_REFUSED;
    atomic_store_explicit(&call->header->set_done, call->settings->seen, memory_order_release);
    return 0;
}

static void answer(struct job *job, bool done)
{
    struct answer_call call = {mapping_header(&job->mapping), &job->settings, done};
    job->settings.answers = false;
    guard_run(write_answer, &call);
}

/* Splits the text at its newlines: the folder, then the words. Their number; 0: it is not whole, or no text. */
static size_t split(char *text, char **list, size_t most)
{
    size_t count = 0;
    if (!memchr(text, '\0', SESSION_SET_SIZE))
        return 0;
    for (char *line = text; *line;) {
        size_t size = strcspn(line, "\n");
        if (!line[size] || count == most)
            return 0;
        for (size_t i = 0; i < size; i++)
            if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
                return 0;
        line[size] = '\0';
        list[count++] = line;
        line += size + 1;
    }
    return count;
}

static void obey(struct job *job, char *text)
{
    enum { MOST_WORDS = 1 + SITES_LIMIT };
    struct job_settings *settings = &job->settings;
    char *list[MOST_WORDS];
    bool done = false;
    memset(settings->answer, 0, sizeof(settings->answer));
    size_t count = split(text, list, MOST_WORDS);
    bool whole = count >= 2 && list[0][0] == '/';
    bool looks = whole && count == 2 && job_view_is_asked(list[1]);
    if (!whole)
        snprintf(
            settings->answer, sizeof(settings->answer),
            "the words in the session are not whole, or not of `ulma set`: nothing was changed");
    else if (looks)
        done = job_view_answer(job, list[1], settings->answer, sizeof(settings->answer));
    else
        done = read_and_apply(job, list[0], list + 1, count - 1, settings->answer,
                              sizeof(settings->answer));
    if (!looks)
        settings->quick_ns = clock_monotonic_ns() + QUICK_FOR_MS * MS_NS;
    if (done && !looks)
        settings->answers = true; /* when the program has obeyed */
    else
        answer(job, done);
}

static void look_for_words(struct job *job)
{
    struct job_settings *settings = &job->settings;
    struct text_call call = {.header = mapping_header(&job->mapping)};
    if (guard_run(read_serial, &call) || call.serial == settings->seen)
        return;
    if (guard_run(read_text, &call) != 1)
        return; /* being written: the next look */
    settings->seen = call.serial;
    obey(job, call.text);
}

static void look_for_answer(struct job *job)
{
    struct job_settings *settings = &job->settings;
    uint64_t now = clock_monotonic_ns();
    if (has_answered(job)) {
        settings->asked_ns = 0;
        bool done = settle_sources(job, settings->answer, sizeof(settings->answer));
        if (settings->answers)
            answer(job, done);
    } else if (settings->answers && now - settings->asked_ns >= ANSWER_MS * MS_NS) {
        append(settings->answer, sizeof(settings->answer),
               "; the program has not answered: its main thread is in a call that lets no signal "
               "handler run, so it is so from its next call on");
        answer(job, true);
    } else if (now - settings->signalled_ns >= SIGNAL_MS * MS_NS) {
        settings->signalled_ns = now;
        job_session_wake(job);
    }
}

int job_set_tick(struct job *job)
{
    struct job_settings *settings = &job->settings;
    look_for_words(job);
    job_view_clear(job, false);
    if (settings->asked_ns)
        look_for_answer(job);
    return settings->asked_ns || clock_monotonic_ns() < settings->quick_ns ? QUICK_MS : LOOK_MS;
}
