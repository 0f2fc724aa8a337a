/* SPDX-License-Identifier: MIT */
/* The verbs of an ulma that is built without the probe (-Dprobe=false): those that read recordings.
 * Why: a recording is opened where its program never ran, on a Mac too.
 * Rules: in the reading half. A verb that needs a process says so; verbs that are read and live at once
 * (report, top, web) have their live half elsewhere. */
#include "cmd/message.h"
#include "cmd/recorded.h"
#include "cmd/verbs.h"
#include "cmd/web_serve.h"

static int refuse(const char *verb)
{
    message_error("this ulma was built to read recordings and cannot %s: build it without "
                  "-Dprobe=false, on Linux",
                  verb);
    return EXIT_FAILED;
}

#define LIVE(name)                                                          \
    int verb_##name(const struct options *options, char **words, int count) \
    {                                                                       \
        (void)options;                                                      \
        (void)words;                                                        \
        (void)count;                                                        \
        return refuse(#name);                                               \
    }
LIVE(run)
LIVE(record)
LIVE(monitor)
LIVE(dump)
LIVE(attach)
LIVE(on)
LIVE(off)
LIVE(set)
LIVE(detach)
LIVE(ps)
LIVE(census)
LIVE(rescue)
#undef LIVE

/* The words name one recording. */
static bool check(const struct options *options, const char *verb, char **words, int word_count)
{
    if (word_count == 0)
        message_error("`ulma %s` needs a recording; see `ulma %s --help`", verb, verb);
    else if (!recording_is_name(words[0]))
        message_error("`%s` is no recording, and this ulma was built to read recordings alone",
                      words[0]);
    else
        return recorded_check(options, verb, words, word_count);
    return false;
}

int verb_report(const struct options *options, char **words, int word_count)
{
    return check(options, "report", words, word_count) ? recorded_report(options, words[0])
                                                       : EXIT_WRONG_WORDS;
}

int verb_top(const struct options *options, char **words, int word_count)
{
    return check(options, "top", words, word_count) ? recorded_top(options, words[0])
                                                    : EXIT_WRONG_WORDS;
}

int verb_web(const struct options *options, char **words, int word_count)
{
    return check(options, "web", words, word_count) ? web_recorded(options, words[0])
                                                    : EXIT_WRONG_WORDS;
}
