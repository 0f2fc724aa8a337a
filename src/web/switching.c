/* SPDX-License-Identifier: MIT */
/* POST /api/switch: what is followed, changed from the page. POST /api/shape: a shape line, which changes nothing in the target.
 * Why through the words of `ulma set`: one parser, one meaning, one refusal, from wherever it is said.
 * Rules: as web_parts.h. */
#include "web/web_parts.h"

#include "export/json_writer.h"
#include "web/json_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MOST = 8, MESSAGE_SIZE = 1024 };

struct words {
    struct arena *arena;
    char *list[WORDS_MOST];
    size_t count;
    const char *wrong;
};

/* `key=one,two`. A list may be empty. */
static void add_list(struct words *words, const struct json_value *body, const char *key)
{
    const struct json_value *list = json_member(body, key);
    if (!list || list->kind == JSON_NULL || words->wrong)
        return;
    char *word = arena_format(words->arena, "%s=", key);
    if (list->kind != JSON_LIST) {
        words->wrong = "events, only and skip are lists of strings";
        return;
    }
    for (const struct json_value *item = list->first; item && word; item = item->next) {
        if (item->kind != JSON_STRING || strpbrk(item->text, ",\n")) {
            words->wrong = "events, only and skip are lists of strings without commas";
            return;
        }
        word =
            arena_format(words->arena, "%s%s%s", word, item == list->first ? "" : ",", item->text);
    }
    if (word)
        words->list[words->count++] = word;
    else
        words->wrong = "no memory";
}

static void add_budget(struct words *words, const struct json_value *body)
{
    const struct json_value *budget = json_member(body, "budget");
    if (!budget || words->wrong)
        return;
    bool is_number = budget->kind == JSON_NUMBER && budget->number > 0;
    if (!is_number && budget->kind != JSON_NULL) {
        words->wrong = "budget is a share in percent, or null for none";
        return;
    }
    char *word = is_number ? arena_format(words->arena, "budget=%g", budget->number)
                           : arena_format(words->arena, "budget=exact");
    if (word)
        words->list[words->count++] = word;
    else
        words->wrong = "no memory";
}

/* 0, or the status to refuse with and `message` why. */
static int act(struct web *web, const struct json_value *body, struct words *words,
               char message[MESSAGE_SIZE])
{
    const struct web_host *host = web->host;
    const struct json_value *on = json_member(body, "on");
    if (on && on->kind != JSON_BOOL)
        words->wrong = "on is true or false";
    add_list(words, body, "events");
    add_list(words, body, "only");
    add_list(words, body, "skip");
    add_budget(words, body);
    if (words->wrong || (!on && words->count == 0)) {
        snprintf(message, MESSAGE_SIZE, "%s",
                 words->wrong ? words->wrong : "nothing was said to be switched");
        return 400;
    }
    if (words->count > 0 &&
        !host->set(host->context, words->list, words->count, message, MESSAGE_SIZE))
        return 400;
    int result = on ? host->switch_on(host->context, on->truth) : 0;
    if (on && result < 0) {
        snprintf(message, MESSAGE_SIZE, "cannot switch the recording %s: %s",
                 on->truth ? "on" : "off",
                 result == -ESRCH ? "no Python is armed" : strerror(-result));
        return 409;
    }
    if (on && words->count == 0)
        snprintf(message, MESSAGE_SIZE, "the recording is %s", on->truth ? "on" : "off");
    return 0;
}

static void say(struct connection *connection, const struct http_request *request,
                const char *message)
{
    char *bytes = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&bytes, &size);
    if (!stream) {
        connection->dead = true;
        return;
    }
    struct json_writer writer = {.stream = stream, .compact = true};
    json_open(&writer, NULL, '{');
    json_string(&writer, "message", message);
    json_close(&writer, '}');
    if (fclose(stream) == 0)
        reply(connection, request, 200, "application/json", bytes, size);
    free(bytes);
}

void switching_answer(struct web *web, struct connection *connection,
                      const struct http_request *request, const char *body, size_t size)
{
    char message[MESSAGE_SIZE] = "";
    const struct web_host *host = web->host;
    if (host->read_only || !host->set || !host->switch_on) {
        reply_error(connection, request, 403,
                    host->read_only ? host->read_only : "nothing runs that could be switched");
        return;
    }
    struct words words = {.arena = arena_new()};
    const struct json_value *object = words.arena ? json_read(words.arena, body, size) : NULL;
    int refused = 400;
    if (object && object->kind == JSON_OBJECT)
        refused = act(web, object, &words, message);
    else
        snprintf(message, sizeof(message), "the body is no JSON object");
    web_forget_snapshots(web);
    if (refused)
        reply_error(connection, request, refused, message);
    else
        say(connection, request, message);
    arena_free(words.arena);
}

static bool is_number(const struct json_value *value, double most)
{
    return value && value->kind == JSON_NUMBER && value->number >= 1 && value->number <= most;
}

/* 0, or the status to refuse with and `message` why. */
static int draw_line(const struct web_host *host, const struct json_value *body,
                     char message[MESSAGE_SIZE])
{
    const struct json_value *thread = json_member(body, "thread");
    const struct json_value *depth = json_member(body, "depth");
    const struct json_value *most = depth ? depth : json_member(body, "width");
    const struct json_value *on = json_member(body, "on");
    if (!is_number(thread, UINT32_MAX) || !is_number(most, SHAPE_MOST) || !on ||
        on->kind != JSON_BOOL) {
        snprintf(message, MESSAGE_SIZE,
                 "thread, and depth or width, are numbers from 1, on is true or false");
        return 400;
    }
    int result = host->set_shape(host->context, depth ? SHAPE_DEPTH : SHAPE_WIDTH,
                                 (uint32_t)thread->number, (uint32_t)most->number, on->truth);
    if (result < 0)
        snprintf(message, MESSAGE_SIZE, "%s",
                 result == -ENOSPC ? "there are sixteen lines already" : strerror(-result));
    else
        snprintf(message, MESSAGE_SIZE, "the line is %s", on->truth ? "set" : "gone");
    return result < 0 ? 409 : 0;
}

void switching_answer_shape(struct web *web, struct connection *connection,
                            const struct http_request *request, const char *body, size_t size)
{
    char message[MESSAGE_SIZE] = "the body is no JSON object";
    if (!web->host->set_shape) {
        reply_error(connection, request, 403, "nothing runs that could cross a line");
        return;
    }
    struct arena *arena = arena_new();
    const struct json_value *object = arena ? json_read(arena, body, size) : NULL;
    int refused = object && object->kind == JSON_OBJECT ? draw_line(web->host, object, message)
                                                        : 400;
    if (refused)
        reply_error(connection, request, refused, message);
    else
        say(connection, request, message);
    arena_free(arena);
}
