/* SPDX-License-Identifier: MIT */
/* The format `html`: one page with table, tree and flame graph that needs nothing beside itself.
 * Why: what was measured can be mailed, kept as a build artefact and opened years later, by anyone
 * with a browser.
 * Rules: no request leaves the page: its policy allows what stands in it, by hash, and nothing else.
 * All names are cleaned (text_clean); as data they are JSON whose `<` is escaped, as text they are
 * escaped for HTML. The page is below MOST_BYTES whatever the run: html_cut chooses what goes in,
 * and what was cut is said in the page. */
#include "export/export_names.h"
#include "export/export_stacks.h"
#include "export/export_style.h"
#include "export/exporter.h"
#include "export/html_cut.h"
#include "export/html_images.h"
#include "export/json_writer.h"

#include "base/text.h"

#include <errno.h>
#include <string.h>
#include <time.h>

struct paging {
    FILE *stream;
    const struct snapshot *snapshot;
    const struct export_options *options;
    struct arena *arena;
    struct html_cut cut;
    struct json_writer writer;
};

static void write_escaped(FILE *stream, const char *text)
{
    for (; *text; text++) {
        if (strchr("&<>\"'", *text))
            fprintf(stream, "&#%d;", *text);
        else
            putc(*text, stream);
    }
}

/* The two symbols are ends of one object, which C cannot see: subtracted as addresses. */
static void write_image(FILE *stream, const char *tag, const unsigned char *image,
                        const unsigned char *end)
{
    fprintf(stream, "<%s>", tag);
    fwrite(image, 1, (size_t)((uintptr_t)end - (uintptr_t)image), stream);
    fprintf(stream, "</%s>\n", tag);
}

static const char *clean(struct paging *state, const char *text)
{
    return text_clean(state->arena, text ? text : "");
}

static int write_head(struct paging *state)
{
    FILE *stream = state->stream;
    const char *command = clean(state, state->snapshot->meta.command);
    if (!command)
        return -ENOMEM;
    fputs("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
          "base-uri 'none'; form-action 'none'; ",
          stream);
    fprintf(stream, "style-src 'sha256-%s' 'sha256-%s'; script-src 'sha256-%s' 'sha256-%s'\">\n",
            flamegraph_css_sha256, html_page_css_sha256, flamegraph_js_sha256, html_page_js_sha256);
    fputs("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=\"referrer\" content=\"no-referrer\">\n"
          "<meta name=\"generator\" content=\"ulma " ULMA_VERSION "\">\n<title>",
          stream);
    write_escaped(stream, command[0] ? command : "ulma");
    fputs(" \xc2\xb7 ulma</title>\n", stream);
    write_image(stream, "style", flamegraph_css, flamegraph_css_end);
    write_image(stream, "style", html_page_css, html_page_css_end);
    fputs("</head>\n", stream);
    return 0;
}

static void write_fact(FILE *stream, const char *name, const char *value, const char *note)
{
    fprintf(stream, "<div class=\"fact\"><dt>%s</dt><dd>", name);
    write_escaped(stream, value);
    fputs("</dd>", stream);
    if (note && *note) {
        fputs("<dd class=\"note\">", stream);
        write_escaped(stream, note);
        fputs("</dd>", stream);
    }
    fputs("</div>\n", stream);
}

static void write_facts(struct paging *state)
{
    FILE *stream = state->stream;
    const struct snapshot_meta *meta = &state->snapshot->meta;
    char number[TEXT_NUMBER_BYTES], note[128] = "";
    fputs("<dl class=\"facts\">\n", stream);
    if (meta->signal)
        snprintf(note, sizeof(note), "ended by signal %d", meta->signal);
    else if (!meta->ended)
        snprintf(note, sizeof(note), "was still running");
    else if (meta->exit_status > 0)
        snprintf(note, sizeof(note), "exit status %d", meta->exit_status);
    write_fact(stream, "duration", text_format_time(number, meta->duration_ns), note);
    write_fact(stream, "calls", text_format_grouped(number, meta->calls),
               meta->muted ? "partly estimated" : "");
    snprintf(note, sizeof(note), "%u", meta->thread_count);
    write_fact(stream, "threads", note, "");
    write_fact(stream, "functions", text_format_grouped(number, state->snapshot->function_count),
               "");
    snprintf(note, sizeof(note), "%.1f ns a call", meta->ns_per_call);
    write_fact(stream, "taken out again",
               meta->corrected ? text_format_time(number, meta->corrected_ns) : "nothing", note);
    write_fact(stream, "events lost", text_format_grouped(number, meta->lost), "");
    fputs("</dl>\n", stream);
}

static int write_header(struct paging *state)
{
    FILE *stream = state->stream;
    const struct snapshot_meta *meta = &state->snapshot->meta;
    const char *command = clean(state, meta->command), *python = clean(state, meta->python);
    const char *executable = clean(state, meta->executable), *host = clean(state, meta->host);
    const char *exact = export_style_exact(state->snapshot, state->arena);
    char date[64] = "";
    struct tm parts;
    time_t seconds = (time_t)(meta->start_time_ns / 1000000000);
    if (!command || !python || !executable || !host || !exact)
        return -ENOMEM;
    if (gmtime_r(&seconds, &parts))
        strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S UTC", &parts);
    fputs("<body>\n<header>\n<div class=\"top\"><div class=\"title\"><h1 title=\"", stream);
    write_escaped(stream, command);
    fputs("\">", stream);
    write_escaped(stream, command);
    fputs("</h1>\n<p>", stream);
    fprintf(stream, "<span class=\"%s\">exact: ", meta->inexact ? "badge warn" : "badge good");
    write_escaped(stream, exact);
    fputs("</span> ", stream);
    if (python[0]) {
        fputs("<span title=\"", stream);
        write_escaped(stream, executable);
        fputs("\">Python ", stream);
        write_escaped(stream, python);
        fputs("</span> ", stream);
    }
    if (host[0]) {
        fputs("<span>on ", stream);
        write_escaped(stream, host);
        fputs("</span> ", stream);
    }
    fprintf(stream, "<time>%s</time></p></div>\n<div id=\"theme\"></div></div>\n", date);
    write_facts(state);
    fputs(
        "</header>\n<main id=\"page\"><noscript><p class=\"empty\">Table, tree and flame graph are "
        "drawn by this page's own script, which the browser was told not to run.</p></noscript>"
        "</main>\n<footer id=\"foot\"></footer>\n",
        stream);
    return 0;
}

static const char *kind_name(enum snapshot_kind kind)
{
    static const char *const names[] = {
        [KIND_PYTHON] = "",
        [KIND_C] = "C",
        [KIND_GENERATOR] = "generator",
        [KIND_COROUTINE] = "coroutine",
        [KIND_ASYNC_GENERATOR] = "async generator",
        [KIND_PSEUDO] = "",
    };
    return names[kind];
}

/* The members stand in the order that html_page.js reads. */
static int write_function(struct paging *state, int32_t index)
{
    struct json_writer *writer = &state->writer;
    const struct snapshot_function *function = &state->snapshot->functions[index];
    const char *name = html_cut_name(&state->cut, state->arena, index);
    const char *file = html_cut_file(&state->cut, state->arena, index);
    char origin[2] = {export_origin_letter(export_origin(function)), '\0'};
    if (!name || !file)
        return -ENOMEM;
    json_open(writer, NULL, '[');
    json_string(writer, NULL, name);
    json_string(writer, NULL, file);
    json_unsigned(writer, NULL, function->line);
    json_string(writer, NULL, origin);
    json_string(writer, NULL, kind_name(function->kind));
    json_unsigned(writer, NULL, function->calls);
    json_unsigned(writer, NULL, function->resumes);
    json_unsigned(writer, NULL, function->primitive_calls);
    json_integer(writer, NULL, export_self(function, CLOCK_WALL));
    json_integer(writer, NULL, export_total(function, CLOCK_WALL));
    json_integer(writer, NULL, export_self(function, CLOCK_CPU));
    json_integer(writer, NULL, export_total(function, CLOCK_CPU));
    json_integer(writer, NULL, function->self_wait_ns);
    json_integer(writer, NULL, function->p50_ns);
    json_integer(writer, NULL, function->p99_ns);
    json_integer(writer, NULL, function->max_ns);
    json_integer(writer, NULL, function->calls_exact && function->times_exact ? 1 : 0);
    json_close(writer, ']');
    return 0;
}

static int write_functions(struct paging *state)
{
    int result = 0;
    json_open(&state->writer, "functions", '[');
    for (size_t i = 0; result == 0 && i < state->cut.function_count; i++)
        result = write_function(state, state->cut.functions[i]);
    json_close(&state->writer, ']');
    return result;
}

static void write_rest(struct json_writer *writer, const char *key, const struct html_rest *rest)
{
    json_open(writer, key, '[');
    json_unsigned(writer, NULL, rest->contexts);
    json_integer(writer, NULL, rest->calls);
    json_integer(writer, NULL, rest->wall_ns);
    json_integer(writer, NULL, rest->cpu_ns);
    json_integer(writer, NULL, rest->wait_ns);
    json_close(writer, ']');
}

/* Columns: shorter than records. Position 0 is the root. */
static void write_tree(struct paging *state)
{
    struct json_writer *writer = &state->writer;
    const struct html_cut *cut = &state->cut;
    json_open(writer, "tree", '{');
    json_open(writer, "parent", '[');
    for (size_t i = 0; i < cut->node_count; i++)
        json_integer(writer, NULL, cut->parents[i]);
    json_close(writer, ']');
    json_open(writer, "function", '[');
    for (size_t i = 0; i < cut->node_count; i++) {
        int32_t function = state->snapshot->nodes[cut->nodes[i]].function;
        json_integer(writer, NULL, function < 0 ? function : cut->positions[function]);
    }
    json_close(writer, ']');
    json_open(writer, "calls", '[');
    for (size_t i = 0; i < cut->node_count; i++)
        json_integer(writer, NULL, export_count(&state->snapshot->nodes[cut->nodes[i]]));
    json_close(writer, ']');
    json_open(writer, "self", '[');
    for (size_t i = 0; i < cut->node_count; i++)
        json_integer(writer, NULL, state->snapshot->nodes[cut->nodes[i]].self_ns);
    json_close(writer, ']');
    json_open(writer, "wait", '[');
    for (size_t i = 0; i < cut->node_count; i++)
        json_integer(writer, NULL, state->snapshot->nodes[cut->nodes[i]].self_wait_ns);
    json_close(writer, ']');
    json_open(writer, "cut", '{');
    for (size_t i = 0; i < cut->node_count; i++) {
        char key[TEXT_NUMBER_BYTES];
        snprintf(key, sizeof(key), "%zu", i);
        if (cut->rests[i].contexts)
            write_rest(writer, key, &cut->rests[i]);
    }
    json_close(writer, '}');
    json_close(writer, '}');
}

static int write_data(struct paging *state)
{
    struct json_writer *writer = &state->writer;
    const struct snapshot_meta *meta = &state->snapshot->meta;
    bool waits = meta->wait_source != WAIT_NONE;
    enum export_stack_weight weight = export_stack_weight(state->options);
    if (!export_stack_is_known(state->snapshot, weight))
        weight = STACK_WALL;
    fputs("<script type=\"application/json\" id=\"data\">", state->stream);
    json_open(writer, NULL, '{');
    json_string(writer, "version", ULMA_VERSION);
    json_bool(writer, "waits", waits);
    json_string(writer, "latency", export_clock_name(meta->clock));
    json_unsigned(writer, "weight", weight);
    json_unsigned(writer, "contexts",
                  state->snapshot->node_count ? state->snapshot->node_count - 1 : 0);
    json_unsigned(writer, "all_functions", state->snapshot->function_count);
    json_integer(writer, "cut_functions_ns", state->cut.cut_functions_ns);
    json_integer(writer, "name_limit", state->cut.limit);
    json_unsigned(writer, "names_cut", state->cut.names_cut);
    int result = write_functions(state);
    write_tree(state);
    json_close(writer, '}');
    fputs("</script>\n", state->stream);
    return result;
}

static int write(const struct snapshot *snapshot, const struct export_options *options,
                 FILE *stream)
{
    struct paging state = {
        .stream = stream,
        .snapshot = snapshot,
        .options = options,
        .arena = arena_new(),
        .writer = {.stream = stream, .compact = true, .in_page = true},
    };
    if (!state.arena)
        return -ENOMEM;
    int result = html_cut_make(state.arena, snapshot, options->clock, &state.cut);
    if (result == 0)
        result = write_head(&state);
    if (result == 0)
        result = write_header(&state);
    if (result == 0)
        result = write_data(&state);
    if (result == 0) {
        write_image(stream, "script", flamegraph_js, flamegraph_js_end);
        write_image(stream, "script", html_page_js, html_page_js_end);
        fputs("</body>\n</html>\n", stream);
        result = export_finish(stream);
    }
    arena_free(state.arena);
    return result;
}

const struct exporter export_html = {
    .name = "html",
    .extensions = ".html .htm",
    .help = "one page with table, tree and flame graph, for any browser",
    .write = write,
};
