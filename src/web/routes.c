/* SPDX-License-Identifier: MIT */
/* Requests: who asks for what.
 * Why one list: what can be asked for is seen at a glance, and nothing else can be.
 * Rules: as web_parts.h. Access is checked before anything else is looked at. */
#include "web/web_parts.h"

#include "export/exporter.h"
#include "web/catalogue.h"
#include "web/files.h"
#include "web/view_json.h"

#include <stdlib.h>
#include <string.h>

/* An answer that is written to a stream. */
struct body {
    FILE *stream;
    char *bytes;
    size_t size;
    struct json_writer writer;
};

static bool body_open(struct body *body)
{
    *body = (struct body){0};
    body->stream = open_memstream(&body->bytes, &body->size);
    body->writer = (struct json_writer){.stream = body->stream, .compact = true};
    return body->stream != NULL;
}

static void body_reply(struct body *body, struct connection *connection,
                       const struct http_request *request, const char *type, int result)
{
    if (fclose(body->stream) || result < 0)
        reply_error(connection, request, 500, "no memory for the answer");
    else
        reply(connection, request, 200, type, body->bytes, body->size);
    free(body->bytes);
}

static const struct wish everything = {.view = "functions"};

static const struct snapshot *whole(struct web *web, uint64_t now_ns)
{
    struct wish wish = everything;
    wish.clock = web->host->clock;
    return web_snapshot(web, &wish, 0, now_ns);
}

static void answer_views(struct web *web, struct connection *connection,
                         const struct http_request *request, uint64_t now_ns)
{
    struct body body;
    if (!body_open(&body)) {
        connection->dead = true;
        return;
    }
    catalogue_write(&body.writer, whole(web, now_ns), web->host->no_timeline);
    body_reply(&body, connection, request, "application/json", 0);
}

static void answer_view(struct web *web, struct connection *connection,
                        const struct http_request *request, const char *id, uint64_t now_ns)
{
    char error[WISH_ERROR_SIZE];
    const struct catalogue_row *row = catalogue_find(id);
    struct wish wish;
    struct body body;
    wish_init(&wish, web->host->clock);
    if (!row) {
        reply_error(connection, request, 404, "there is no such view: /api/views lists them");
        return;
    }
    wish.view = row->id;
    if (!wish_read_query(&wish, request, error)) {
        reply_error(connection, request, 400, error);
        return;
    }
    if (body_open(&body)) {
        const struct snapshot *snapshot = web_snapshot(web, &wish, 0, now_ns);
        struct timeline *timeline = web_timeline(web, &wish, snapshot);
        struct shape shape = {0};
        bool has_shape = web_shape(web, &wish, &shape);
        int result = view_json_write(&body.writer, NULL, &wish, snapshot, timeline,
                                     has_shape ? &shape : NULL);
        timeline_free(timeline);
        shape_done(&shape);
        body_reply(&body, connection, request, "application/json", result);
    } else {
        connection->dead = true;
    }
    wish_done(&wish);
}

static void answer_report(struct web *web, struct connection *connection,
                          const struct http_request *request, uint64_t now_ns)
{
    char error[WISH_ERROR_SIZE];
    struct wish wish = everything;
    struct body body;
    wish.clock = web->host->clock;
    if (!wish_read_query(&wish, request, error)) {
        reply_error(connection, request, 400, error);
        return;
    }
    wish.window_s = 0; /* a report is of the whole run */
    const struct snapshot *snapshot = web_snapshot(web, &wish, 0, now_ns);
    const struct exporter *json = exporter_find("json");
    struct export_options options = {.clock = wish.clock, .compact = true};
    wish_done(&wish);
    if (!snapshot)
        reply_error(connection, request, 503, "nothing has been counted yet");
    else if (body_open(&body))
        body_reply(&body, connection, request, "application/json",
                   json->write(snapshot, &options, body.stream));
    else
        connection->dead = true;
}

/* Addresses of the page's own files get the token, so that no file is served without it. */
static void write_page(struct body *body, const struct file *file, const char *token)
{
    const char *at = file->bytes, *end = at + file->size;
    while (at < end) {
        const char *quote = memchr(at, '"', (size_t)(end - at));
        const char *address = quote ? quote + 1 : end;
        fwrite(at, 1, (size_t)(address - at), body->stream);
        at = address;
        const char *close = at < end ? memchr(at, '"', (size_t)(end - at)) : NULL;
        size_t size = close ? (size_t)(close - at) : 0;
        bool own = (size > 9 && memcmp(at, "./assets/", 9) == 0) ||
                   (size > 7 && memcmp(at, "assets/", 7) == 0);
        if (!own)
            continue;
        fwrite(at, 1, size, body->stream);
        fprintf(body->stream, "?token=%s\"", token);
        at = close + 1;
    }
}

static void answer_file(struct web *web, struct connection *connection,
                        const struct http_request *request)
{
    struct file file;
    struct body body;
    if (!files_find(web->page, web->page_end, request->path, &file)) {
        reply_error(connection, request, 404, "there is nothing of this name");
    } else if (!file.is_page) {
        reply(connection, request, 200, file.type, file.bytes, file.size);
    } else if (body_open(&body)) {
        write_page(&body, &file, web->access.token);
        body_reply(&body, connection, request, file.type, 0);
    } else {
        connection->dead = true;
    }
}

static bool is_path(const struct http_request *request, const char *path)
{
    return strcmp(request->path, path) == 0;
}

static bool is_for_machines(const struct http_request *request)
{
    return is_path(request, "/metrics") || is_path(request, "/debug/pprof/profile");
}

static bool is_stream(const struct http_request *request)
{
    return is_path(request, "/live") || is_path(request, "/events") ||
           is_path(request, "/debug/pprof/profile");
}

static void answer_get(struct web *web, struct connection *connection,
                       const struct http_request *request, uint64_t now_ns)
{
    static const char views[] = "/api/views/";
    if (request->method == HTTP_HEAD && is_stream(request))
        reply_error(connection, request, 405, "this is asked for by GET");
    else if (is_path(request, "/api/views"))
        answer_views(web, connection, request, now_ns);
    else if (strncmp(request->path, views, sizeof(views) - 1) == 0)
        answer_view(web, connection, request, request->path + sizeof(views) - 1, now_ns);
    else if (is_path(request, "/api/report"))
        answer_report(web, connection, request, now_ns);
    else if (is_path(request, "/api/source"))
        source_answer(web, connection, request, now_ns);
    else if (is_path(request, "/live"))
        streams_begin_live(web, connection, request);
    else if (is_path(request, "/events"))
        streams_begin_events(web, connection, request, now_ns);
    else if (is_path(request, "/metrics"))
        metrics_answer(web, connection, request, now_ns);
    else if (is_path(request, "/debug/pprof/profile"))
        profiles_begin(web, connection, request, now_ns);
    else if (is_path(request, "/api/switch") || is_path(request, "/api/shape"))
        reply_error(connection, request, 405, "this is switched by POST");
    else
        answer_file(web, connection, request);
}

static void answer(struct web *web, struct connection *connection,
                   const struct http_request *request, const char *body, uint64_t now_ns)
{
    const char *reason;
    int refused = access_check(&web->access, request, is_for_machines(request), &reason);
    if (refused) {
        reply_error(connection, request, refused, reason);
        return;
    }
    connection->granted = true;
    if (request->method == HTTP_POST && is_path(request, "/api/switch"))
        switching_answer(web, connection, request, body, request->body_size);
    else if (request->method == HTTP_POST && is_path(request, "/api/shape"))
        switching_answer_shape(web, connection, request, body, request->body_size);
    else if (request->method == HTTP_GET || request->method == HTTP_HEAD)
        answer_get(web, connection, request, now_ns);
    else
        reply_error(connection, request, 405, "this is asked for by GET");
}

/* The connection is of no more use: what follows in it cannot be told apart. */
static void refuse(struct connection *connection, int status)
{
    struct http_request request = {.method = HTTP_GET, .closes = true};
    reply_error(connection, &request, status, "this is no request that is understood here");
    connection->in_size = 0;
}

void routes_read(struct web *web, struct connection *connection, uint64_t now_ns)
{
    struct http_request request;
    while (connection->kind == CONNECTION_REQUESTS && connection->in_size > 0 &&
           !connection->closes && !connection->dead && connection_has_sent(connection)) {
        int head = http_read_head(connection->in, connection->in_size, &request);
        if (head < 0) {
            refuse(connection, -head);
            return;
        }
        if (head == 0 || connection->in_size < (size_t)head + request.body_size)
            return;
        answer(web, connection, &request, connection->in + head, now_ns);
        connection_consume(connection, (size_t)head + request.body_size);
        connection->is_busy = connection->in_size > 0;
        connection->moved_ns = now_ns;
        connection_send(connection, now_ns);
    }
}
