/* SPDX-License-Identifier: MIT */
/* GET /debug/pprof/profile?seconds=N: the next N seconds, as Go's servers answer.
 * Why: what scrapes Go's profiles (Pyroscope, Parca, `go tool pprof URL`) takes these as they are.
 * Rules: as web_parts.h. The one who asks waits, nobody else does. */
#include "web/web_parts.h"

#include "export/exporter.h"
#include "web/difference.h"

#include <errno.h>
#include <stdlib.h>

enum { SECONDS = 30, SECONDS_MOST = 3600, PROFILES_MOST = 8 };

static struct snapshot *whole(const struct web *web)
{
    const struct web_host *host = web->host;
    return host->snapshot(host->context, 0, 0, host->clock);
}

static void answer(struct connection *connection, const struct snapshot *snapshot,
                   enum snapshot_clock clock)
{
    const struct http_request request = {.method = HTTP_GET, .closes = true};
    const struct exporter *pprof = exporter_find("pprof");
    struct export_options options = {.clock = clock};
    char *bytes = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&bytes, &size);
    int result = stream ? pprof->write(snapshot, &options, stream) : -ENOMEM;
    if (stream && fclose(stream))
        result = -ENOMEM;
    if (result < 0)
        reply_error(connection, &request, 500, "no memory for the profile");
    else
        reply(connection, &request, 200, "application/octet-stream", bytes, size);
    free(bytes);
}

static bool read_seconds(const struct http_request *request, unsigned long *ret_seconds)
{
    char text[16], *end = text;
    *ret_seconds = SECONDS;
    if (!http_query(request, "seconds", text, sizeof(text)))
        return true;
    *ret_seconds = strtoul(text, &end, 10);
    return *text >= '0' && *text <= '9' && !*end && *ret_seconds > 0 &&
           *ret_seconds <= SECONDS_MOST;
}

static size_t count_profiles(const struct web *web)
{
    size_t count = 0;
    for (size_t i = 0; i < web->count; i++)
        count += web->connections[i]->kind == CONNECTION_PROFILE;
    return count;
}

void profiles_begin(struct web *web, struct connection *connection,
                    const struct http_request *request, uint64_t now_ns)
{
    unsigned long seconds;
    if (!read_seconds(request, &seconds)) {
        reply_error(connection, request, 400, "seconds is a whole number from 1 to 3600");
        return;
    }
    if (web->state == WEB_ENDED && !web->host->is_recording) {
        reply_error(connection, request, 409, "the program has ended: nothing more will happen");
        return;
    }
    struct snapshot *snapshot = count_profiles(web) < PROFILES_MOST ? whole(web) : NULL;
    if (!snapshot) {
        reply_error(connection, request, 503, "nothing can be taken at this moment");
    } else if (web->host->is_recording) {
        answer(connection, snapshot, web->host->clock);
        snapshot_free(snapshot);
    } else {
        connection->kind = CONNECTION_PROFILE;
        connection->base = snapshot;
        connection->due_ns = now_ns + seconds * 1000 * WEB_MS_NS;
    }
}

void profiles_step(struct web *web, struct connection *connection, uint64_t now_ns)
{
    if (!connection->base || (now_ns < connection->due_ns && web->state != WEB_ENDED))
        return;
    struct snapshot *later = whole(web);
    if (later && difference_make(later, connection->base) == 0) {
        answer(connection, later, web->host->clock);
    } else {
        const struct http_request request = {.method = HTTP_GET, .closes = true};
        reply_error(connection, &request, 503, "nothing can be taken at this moment");
    }
    connection->kind = CONNECTION_REQUESTS;
    snapshot_free(later);
    snapshot_free(connection->base);
    connection->base = NULL;
}
