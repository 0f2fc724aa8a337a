/* SPDX-License-Identifier: MIT */
/* Streams: /live, a WebSocket for the page, and /events, server-sent events for scripts.
 * Why a message is whole: whoever was slow, or has just come back, has all of the present with the next one.
 * How a slow client costs nothing: no message is made before the last one has left, and, of a client that has ever
 * answered a ping, before it has answered all but one. None is made before WEB_FRAME_MS have passed, nor faster
 * than WEB_BYTES_PER_S.
 * Rules: as web_parts.h. */
#include "web/web_parts.h"

#include "export/export_json.h"
#include "web/catalogue.h"
#include "web/view_json.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    EVENT_MS = 1000,      /* of /events, unless ?interval= says otherwise */
    QUIET_MS = 1000,      /* between messages while nothing changes */
    UNANSWERED = 2,       /* pings */
    COST_FACTOR = 10,     /* what takes long to make comes more rarely */
    SOCKET_BYTES = 65536, /* that the kernel may hold back: old news to a slow client */
};

static const char *state_name(enum web_state state)
{
    switch (state) {
    case WEB_ON:
        return "on";
    case WEB_OFF:
        return "off";
    case WEB_ENDED:
        return "ended";
    case WEB_LOST:
        break;
    }
    return "lost";
}

static void write_target(struct json_writer *writer, const struct web *web,
                         const struct snapshot *snapshot)
{
    if (!snapshot) {
        json_null(writer, "target");
        return;
    }
    json_open(writer, "target", '{');
    export_json_target(writer, &snapshot->meta);
    export_json_sources(writer, &snapshot->meta);
    json_string(writer, "clock", snapshot->meta.clock == CLOCK_CPU ? "cpu" : "wall");
    json_bool(writer, "exact", !snapshot->meta.inexact);
    json_string(writer, "inexact", snapshot->meta.inexact);
    json_integer(writer, "muted_functions", snapshot->meta.muted);
    if (snapshot->meta.budget_pct > 0)
        json_number(writer, "budget_pct", snapshot->meta.budget_pct);
    else
        json_null(writer, "budget_pct");
    json_string(writer, "read_only", web->host->read_only);
    json_bool(writer, "recording", web->host->is_recording);
    json_bool(writer, "replay", web->host->is_replay);
    json_close(writer, '}');
}

/* What cannot be followed at all, and what was asked for and is not on. */
static void write_refusals(struct json_writer *writer, const struct snapshot_meta *meta)
{
    json_string(writer, "refused", meta->refused ? meta->inexact : NULL);
    json_open(writer, "refused_sources", '[');
    for (size_t i = 0; i < meta->source_count; i++) {
        if (meta->sources[i].step != STEP_REFUSED)
            continue;
        json_open(writer, NULL, '{');
        json_string(writer, "name", meta->sources[i].name);
        json_string(writer, "reason", meta->sources[i].reason);
        json_close(writer, '}');
    }
    json_close(writer, ']');
}

struct message {
    char *bytes; /* of malloc */
    size_t size;
    uint32_t
        apart; /* bytes of JSON, which stand behind a word that says so and before what is told apart; 0: all is JSON */
};

static int write_json(struct web *web, struct wish *wish, const struct snapshot *snapshot,
                      struct json_writer *writer)
{
    json_open(writer, NULL, '{');
    json_integer(writer, "now_ns", snapshot ? snapshot->meta.duration_ns : 0);
    json_string(writer, "state", state_name(web->state));
    if (snapshot)
        write_refusals(writer, &snapshot->meta);
    write_target(writer, web, snapshot);
    strip_write(writer, &web->strip);
    web->timeline_cost_ns = 0;
    struct timeline *timeline = web_timeline(web, wish, snapshot);
    struct shape shape = {0};
    bool has_shape = web_shape(web, wish, &shape);
    int result =
        view_json_write(writer, "view", wish, snapshot, timeline, has_shape ? &shape : NULL);
    timeline_free(timeline);
    shape_done(&shape);
    if (snapshot)
        wish->births_seen = snapshot->births_before + snapshot->birth_count;
    json_close(writer, '}');
    return result;
}

static int write_message(struct web *web, struct wish *wish, uint64_t now_ns, FILE *stream,
                         uint32_t *ret_apart)
{
    static const char blanks[sizeof(uint32_t)] = "   ";
    struct json_writer writer = {.stream = stream, .compact = true};
    const struct snapshot *snapshot = web_snapshot(web, wish, WEB_FRAME_MS - 10, now_ns);
    bool is_apart = view_json_is_apart(wish, snapshot);
    if (is_apart)
        fwrite(blanks, sizeof(uint32_t), 1, stream); /* until its number is known */
    int result = write_json(web, wish, snapshot, &writer);
    if (!is_apart)
        return result;
    uint32_t size = (uint32_t)ftell(stream) - (uint32_t)sizeof(uint32_t);
    fwrite(blanks, 1, -size % sizeof(uint32_t), stream);
    algae_tiles_write(stream, snapshot);
    *ret_apart = size;
    return result;
}

/* False: no memory. The caller frees the bytes. */
static bool make_message(struct web *web, struct wish *wish, uint64_t now_ns,
                         struct message *message)
{
    *message = (struct message){0};
    FILE *stream = open_memstream(&message->bytes, &message->size);
    if (!stream)
        return false;
    int result = write_message(web, wish, now_ns, stream, &message->apart);
    if (fclose(stream) != 0 || result < 0)
        return false;
    if (message->apart)
        view_json_put_word(message->bytes, message->apart);
    return true;
}

static size_t count_streams(const struct web *web)
{
    size_t count = 0;
    for (size_t i = 0; i < web->count; i++)
        count += web->connections[i]->kind != CONNECTION_REQUESTS;
    return count;
}

static bool has_room(const struct web *web, struct connection *connection,
                     const struct http_request *request)
{
    if (count_streams(web) < WEB_STREAMS_MOST)
        return true;
    reply_error(connection, request, 503, "too many look on at once");
    return false;
}

static void begin(struct web *web, struct connection *connection, enum connection_kind kind)
{
    int bytes = SOCKET_BYTES;
    setsockopt(connection->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
    connection->kind = kind;
    wish_init(&connection->wish, web->host->clock);
}

void streams_begin_live(struct web *web, struct connection *connection,
                        const struct http_request *request)
{
    char accept[WEBSOCKET_ACCEPT_SIZE], head[256];
    if (!request->upgrades || !request->upgrade_named || request->websocket_version != 13) {
        reply_error(connection, request, 426, "this is a WebSocket, of version 13");
        return;
    }
    if (!websocket_key_is_right(request->websocket_key) || request->is_old) {
        reply_error(connection, request, 400, "the WebSocket's handshake is not right");
        return;
    }
    if (!has_room(web, connection, request))
        return;
    websocket_accept(request->websocket_key, accept);
    int size = snprintf(head, sizeof(head),
                        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                        accept);
    connection_add(connection, head, (size_t)size);
    begin(web, connection, CONNECTION_LIVE);
}

void streams_begin_events(struct web *web, struct connection *connection,
                          const struct http_request *request, uint64_t now_ns)
{
    char error[WISH_ERROR_SIZE], view[64] = "";
    struct wish wish;
    wish_init(&wish, web->host->clock);
    const struct catalogue_row *row = http_query(request, "view", view, sizeof(view))
                                          ? catalogue_find(view)
                                          : catalogue_find(wish.view);
    if (!row) {
        reply_error(connection, request, 404, "there is no such view: /api/views lists them");
        return;
    }
    wish.view = row->id;
    if (!wish_read_query(&wish, request, error)) {
        reply_error(connection, request, 400, error);
        return;
    }
    if (has_room(web, connection, request)) {
        reply_stream(connection, "text/event-stream");
        begin(web, connection, CONNECTION_EVENTS);
        connection->wish = wish;
        connection->due_ns = now_ns;
    } else {
        wish_done(&wish);
    }
}

/* --- what a client of /live sends ------------------------------------------------------------- */

static void close_with(struct connection *connection, int code)
{
    uint8_t bytes[2] = {(uint8_t)(code >> 8), (uint8_t)code};
    connection_add_frame(connection, WEBSOCKET_CLOSE, bytes, sizeof(bytes));
    connection->closes = true;
}

static void take_message(struct web *web, struct connection *connection)
{
    char error[WISH_ERROR_SIZE], *bytes = NULL;
    size_t size = 0;
    if (wish_read_json(&connection->wish, connection->message, connection->message_size,
                       web->host->clock, error)) {
        connection->due_ns = 0; /* what was asked for comes at once, within WEB_FRAME_MS */
        return;
    }
    FILE *stream = open_memstream(&bytes, &size);
    if (!stream)
        return;
    struct json_writer writer = {.stream = stream, .compact = true};
    json_open(&writer, NULL, '{');
    json_string(&writer, "error", error);
    json_close(&writer, '}');
    if (fclose(stream) == 0)
        connection_add_frame(connection, WEBSOCKET_TEXT, bytes, size);
    free(bytes);
}

/* 0 or the code to close with. */
static int take_data(struct web *web, struct connection *connection,
                     const struct websocket_frame *frame, const char *bytes)
{
    bool continues = frame->opcode == WEBSOCKET_CONTINUATION;
    if (continues != connection->in_message)
        return WEBSOCKET_WRONG;
    if (connection->message_size + frame->size > WEBSOCKET_MESSAGE_MOST)
        return WEBSOCKET_TOO_LONG;
    char *larger = realloc(connection->message, connection->message_size + frame->size + 1);
    if (!larger)
        return WEBSOCKET_TOO_LONG;
    connection->message = larger;
    memcpy(larger + connection->message_size, bytes, frame->size);
    connection->message_size += frame->size;
    connection->in_message = !frame->final;
    if (frame->final) {
        take_message(web, connection);
        connection->message_size = 0;
    }
    return 0;
}

static int take_frame(struct web *web, struct connection *connection,
                      const struct websocket_frame *frame, const char *bytes)
{
    switch (frame->opcode) {
    case WEBSOCKET_PING:
        /* Who sends pings and takes no answers is not answered without end. */
        if (connection->out_size - connection->out_at < SOCKET_BYTES)
            connection_add_frame(connection, WEBSOCKET_PONG, bytes, frame->size);
        return 0;
    case WEBSOCKET_PONG:
        if (connection->pongs != connection->pings)
            connection->pongs = connection->pings - (connection->pings - connection->pongs - 1);
        return 0;
    case WEBSOCKET_CLOSE:
        return WEBSOCKET_GOING;
    case WEBSOCKET_CONTINUATION:
    case WEBSOCKET_TEXT:
    case WEBSOCKET_BINARY:
        break;
    }
    return take_data(web, connection, frame, bytes);
}

void streams_read(struct web *web, struct connection *connection)
{
    size_t at = 0;
    while (!connection->closes && !connection->dead) {
        struct websocket_frame frame;
        uint8_t *bytes = (uint8_t *)connection->in + at;
        int head = connection->in_size > at
                       ? websocket_read_head(bytes, connection->in_size - at, &frame)
                       : 0;
        if (head < 0) {
            close_with(connection, -head);
            break;
        }
        if (head == 0 || connection->in_size - at < (size_t)head + frame.size)
            break;
        websocket_unmask(bytes + head, frame.size, frame.mask);
        int wrong = take_frame(web, connection, &frame, (const char *)bytes + head);
        if (wrong)
            close_with(connection, wrong);
        at += (size_t)head + frame.size;
    }
    connection_consume(connection, connection->closes ? connection->in_size : at);
}

/* --- what is sent ------------------------------------------------------------------------------ */

static bool is_due(const struct web *web, const struct connection *connection, uint64_t now_ns)
{
    if (!connection_has_sent(connection) || connection->closes || now_ns < connection->due_ns)
        return false;
    if (connection->sent_ns && now_ns - connection->sent_ns < WEB_FRAME_MS * WEB_MS_NS)
        return false;
    (void)web;
    bool answers = connection->pongs > 0;
    return !answers || connection->pings - connection->pongs < UNANSWERED;
}

static uint64_t next_due(const struct web *web, const struct connection *connection, size_t size,
                         uint64_t now_ns)
{
    uint64_t by_size_ns = (uint64_t)((double)size / WEB_BYTES_PER_S * 1e9);
    uint64_t least_ns = (connection->kind == CONNECTION_EVENTS ? EVENT_MS
                         : web->state == WEB_ON                ? WEB_FRAME_MS
                                                               : QUIET_MS) *
                        WEB_MS_NS;
    if (least_ns < web->timeline_cost_ns * COST_FACTOR)
        least_ns = web->timeline_cost_ns * COST_FACTOR;
    return now_ns + (by_size_ns > least_ns ? by_size_ns : least_ns);
}

void streams_send(struct web *web, struct connection *connection, uint64_t now_ns)
{
    struct message message;
    if (!is_due(web, connection, now_ns))
        return;
    if (!make_message(web, &connection->wish, now_ns, &message)) {
        connection->dead = true;
    } else if (connection->kind == CONNECTION_EVENTS) {
        static const char begin_text[] = "event: view\ndata: ";
        connection_add(connection, begin_text, sizeof(begin_text) - 1);
        connection_add(connection, message.bytes, message.size);
        connection_add(connection, "\n\n", 2);
    } else {
        connection_add_frame(connection, message.apart ? WEBSOCKET_BINARY : WEBSOCKET_TEXT,
                             message.bytes, message.size);
        connection_add_frame(connection, WEBSOCKET_PING, NULL, 0);
        connection->pings++;
    }
    free(message.bytes);
    connection->sent_ns = now_ns;
    connection->due_ns = next_due(web, connection, message.size, now_ns);
}
