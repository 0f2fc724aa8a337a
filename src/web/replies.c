/* SPDX-License-Identifier: MIT */
/* Answers.
 * Why: what every answer says (how long it is, that nothing may be kept, guessed or framed) is said once.
 * Rules: as web_parts.h. */
#include "web/web_parts.h"

#include "export/json_writer.h"

#include <stdlib.h>
#include <string.h>

static const char common[] =
    "Cache-Control: no-store\r\n"
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'\r\n"
    "Cross-Origin-Opener-Policy: same-origin-allow-popups\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "X-Frame-Options: DENY\r\n";

static const char *reason_of(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {200, "OK"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {426, "Upgrade Required"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Error";
}

static const char *more_of(int status)
{
    switch (status) {
    case 401:
        return "WWW-Authenticate: Bearer\r\n";
    case 405:
        return "Allow: GET, HEAD, POST\r\n";
    case 426:
        return "Upgrade: websocket\r\n";
    default:
        return "";
    }
}

void reply(struct connection *connection, const struct http_request *request, int status,
           const char *type, const char *body, size_t size)
{
    char head[2048];
    int length = snprintf(head, sizeof(head),
                          "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s%s%s\r\n",
                          status, reason_of(status), type, size, more_of(status), common,
                          request->closes ? "Connection: close\r\n" : "");
    connection_add(connection, head, (size_t)length);
    if (request->method != HTTP_HEAD)
        connection_add(connection, body, size);
    connection->closes |= request->closes;
}

void reply_error(struct connection *connection, const struct http_request *request, int status,
                 const char *text)
{
    char *body = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&body, &size);
    if (!stream) {
        connection->dead = true;
        return;
    }
    struct json_writer writer = {.stream = stream, .compact = true};
    json_open(&writer, NULL, '{');
    json_string(&writer, "error", text);
    json_close(&writer, '}');
    putc('\n', stream);
    if (fclose(stream) == 0)
        reply(connection, request, status, "application/json", body, size);
    else
        connection->dead = true;
    free(body);
}

void reply_stream(struct connection *connection, const char *type)
{
    char head[2048];
    int length = snprintf(head, sizeof(head),
                          "HTTP/1.1 200 OK\r\nContent-Type: %s\r\n%sConnection: close\r\n"
                          "X-Accel-Buffering: no\r\n\r\n",
                          type, common);
    connection_add(connection, head, (size_t)length);
}
