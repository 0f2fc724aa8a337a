/* SPDX-License-Identifier: MIT */
/* Reading a head, line by line.
 * Why: see http.h.
 * Rules: as there. */
#include "web/http.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static bool is_token_byte(char byte)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    return isalnum((unsigned char)byte) || (byte && strchr(others, byte));
}

static int digit_of(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    if (byte >= 'A' && byte <= 'F')
        return byte - 'A' + 10;
    return -1;
}

bool http_decode(const char *text, size_t size, bool plus, char *ret, size_t ret_size)
{
    size_t length = 0;
    for (size_t i = 0; i < size; i++) {
        char byte = text[i];
        if (byte == '%') {
            int high = i + 1 < size ? digit_of(text[i + 1]) : -1;
            int low = i + 2 < size ? digit_of(text[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            byte = (char)(high * 16 + low);
            i += 2;
        } else if (byte == '+' && plus) {
            byte = ' ';
        }
        if (byte == '\0' || length + 1 >= ret_size)
            return false;
        ret[length++] = byte;
    }
    ret[length] = '\0';
    return true;
}

bool http_query(const struct http_request *request, const char *key, char *value, size_t size)
{
    size_t key_size = strlen(key);
    for (const char *at = request->query; *at;) {
        size_t part = strcspn(at, "&");
        const char *sign = memchr(at, '=', part);
        size_t name = sign ? (size_t)(sign - at) : part;
        if (name == key_size && memcmp(at, key, name) == 0) {
            const char *begin = sign ? sign + 1 : at + part;
            return http_decode(begin, (size_t)(at + part - begin), true, value, size);
        }
        at += part + (at[part] == '&');
    }
    return false;
}

static bool copy(char *ret, size_t ret_size, const char *text, size_t size)
{
    if (size >= ret_size)
        return false;
    memcpy(ret, text, size);
    ret[size] = '\0';
    return true;
}

static bool equals(const char *text, size_t size, const char *word)
{
    return strlen(word) == size && strncasecmp(text, word, size) == 0;
}

/* A word of a list with commas. */
static bool lists(const char *text, size_t size, const char *word)
{
    for (size_t i = 0; i < size;) {
        size_t end = i;
        while (end < size && text[end] != ',')
            end++;
        size_t from = i, to = end;
        while (from < to && (text[from] == ' ' || text[from] == '\t'))
            from++;
        while (to > from && (text[to - 1] == ' ' || text[to - 1] == '\t'))
            to--;
        if (equals(text + from, to - from, word))
            return true;
        i = end + 1;
    }
    return false;
}

/* At most nine digits: what is longer is too long for us anyway. */
static int read_number(const char *text, size_t size, size_t *ret)
{
    size_t number = 0;
    if (size == 0 || size > 9)
        return size ? -413 : -400;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -400;
        number = number * 10 + (size_t)(text[i] - '0');
    }
    *ret = number;
    return 0;
}

static int read_length(struct http_request *request, const char *text, size_t size)
{
    if (request->has_length)
        return -400;
    request->has_length = true;
    int result = read_number(text, size, &request->body_size);
    return result == 0 && request->body_size > HTTP_BODY_MOST ? -413 : result;
}

static int read_bearer(struct http_request *request, const char *text, size_t size)
{
    static const char scheme[] = "Bearer ";
    size_t length = sizeof(scheme) - 1;
    if (request->bearer[0])
        return -400;
    if (size <= length || strncasecmp(text, scheme, length) != 0)
        return 0; /* another scheme, as a proxy's: it is no token of ours */
    return copy(request->bearer, sizeof(request->bearer), text + length, size - length) ? 0 : -431;
}

/* A header that stands once. */
static int read_once(char *ret, const char *text, size_t size)
{
    if (ret[0])
        return -400;
    return copy(ret, HTTP_TEXT_SIZE, text, size) ? 0 : -431;
}

static int read_header(struct http_request *request, const char *name, size_t name_size,
                       const char *text, size_t size)
{
    size_t version;
    if (equals(name, name_size, "Host"))
        return size ? read_once(request->host, text, size) : -400;
    if (equals(name, name_size, "Origin"))
        return read_once(request->origin, text, size);
    if (equals(name, name_size, "Authorization"))
        return read_bearer(request, text, size);
    if (equals(name, name_size, "Content-Length"))
        return read_length(request, text, size);
    if (equals(name, name_size, "Transfer-Encoding"))
        return -501;
    if (equals(name, name_size, "Sec-WebSocket-Key"))
        return read_once(request->websocket_key, text, size);
    if (equals(name, name_size, "Sec-WebSocket-Version"))
        request->websocket_version = read_number(text, size, &version) == 0 ? (int)version : -1;
    if (equals(name, name_size, "Upgrade"))
        request->upgrades |= lists(text, size, "websocket");
    if (equals(name, name_size, "Connection")) {
        request->upgrade_named |= lists(text, size, "upgrade");
        request->closes |= lists(text, size, "close");
        if (request->is_old && lists(text, size, "keep-alive"))
            request->closes = false;
    }
    return 0;
}

static int read_line(struct http_request *request, const char *line, size_t size)
{
    size_t name = 0;
    while (name < size && is_token_byte(line[name]))
        name++;
    if (name == 0 || name == size || line[name] != ':')
        return -400;
    size_t from = name + 1, to = size;
    while (from < to && (line[from] == ' ' || line[from] == '\t'))
        from++;
    while (to > from && (line[to - 1] == ' ' || line[to - 1] == '\t'))
        to--;
    for (size_t i = from; i < to; i++)
        if ((unsigned char)line[i] < ' ' ? line[i] != '\t' : line[i] == 0x7f)
            return -400;
    return read_header(request, line, name, line + from, to - from);
}

static int read_target(struct http_request *request, const char *text, size_t size)
{
    size_t path = 0;
    while (path < size && text[path] != '?')
        path++;
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)text[i] <= ' ' || (unsigned char)text[i] >= 0x7f || text[i] == '#')
            return -400;
    if (text[0] != '/')
        return -400;
    if (path >= HTTP_TEXT_SIZE || size - path > HTTP_QUERY_SIZE)
        return -414;
    if (!http_decode(text, path, false, request->path, sizeof(request->path)))
        return -400;
    if (path < size)
        copy(request->query, sizeof(request->query), text + path + 1, size - path - 1);
    return 0;
}

static int read_request_line(struct http_request *request, const char *line, size_t size)
{
    static const struct {
        const char *name;
        enum http_method method;
    } methods[] = {{"GET", HTTP_GET}, {"HEAD", HTTP_HEAD}, {"POST", HTTP_POST}};
    size_t method = 0;
    while (method < size && is_token_byte(line[method]))
        method++;
    const char *target = line + method + 1;
    const char *space = method && method + 1 < size && line[method] == ' '
                            ? memchr(target, ' ', size - method - 1)
                            : NULL;
    if (!space || space == target)
        return -400;
    const char *version = space + 1;
    size_t version_size = size - (size_t)(version - line);
    request->method = HTTP_OTHER;
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        if (strlen(methods[i].name) == method && memcmp(methods[i].name, line, method) == 0)
            request->method = methods[i].method;
    if (version_size != 8 || memcmp(version, "HTTP/", 5) != 0)
        return -400;
    request->is_old = memcmp(version, "HTTP/1.0", 8) == 0;
    request->closes = request->is_old;
    if (!request->is_old && memcmp(version, "HTTP/1.1", 8) != 0)
        return -505;
    return read_target(request, target, (size_t)(space - target));
}

/* The line's bytes without its end; negative: none is whole. */
static long line_size(const char *bytes, size_t size)
{
    const char *end = memchr(bytes, '\n', size);
    return end ? end - bytes : -1;
}

static int not_whole(size_t size)
{
    return size >= HTTP_HEAD_MOST ? -431 : 0;
}

int http_read_head(const char *bytes, size_t size, struct http_request *ret)
{
    size_t at = 0, most = size < HTTP_HEAD_MOST ? size : HTTP_HEAD_MOST;
    *ret = (struct http_request){0};
    for (int lines = 0;; lines++) {
        long length = line_size(bytes + at, most - at);
        if (length < 0)
            return not_whole(size);
        if (length == 0 || bytes[at + (size_t)length - 1] != '\r')
            return -400;
        size_t text = (size_t)length - 1;
        if (text == 0 && lines > 0)
            return (int)(at + 2);
        if (lines > HTTP_HEADERS_MOST)
            return -431;
        int result = lines == 0 ? read_request_line(ret, bytes + at, text)
                                : read_line(ret, bytes + at, text);
        if (result < 0)
            return result;
        at += (size_t)length + 1;
    }
}
