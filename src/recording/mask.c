/* SPDX-License-Identifier: MIT */
/* Secrets in a command line.
 * Why: a recording is handed on, and command lines hold passwords more often than they should.
 * What is masked: what follows a name such as password, token or api-key (`--token X`, `--token=X`,
 * `API_KEY=X`, `"password": "X"`), a word after `-p` that is no number and no path, the password of a URL, what
 * follows Bearer or Basic, words with a known beginning (`ghp_`, `AKIA`, `eyJ`), and long words that look random.
 * Rules: better one word too many than one too few: a masked number harms nobody. */
#include "recording/redact.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static const char *const key_words[] = {
    "passw",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "apikey",
    "api_key",
    "api-key",
    "accesskey",
    "access_key",
    "access-key",
    "auth",
    "credential",
    "private_key",
    "private-key",
    "privatekey",
    "cookie",
    "signature",
    "encryption_key",
    "encryption-key",
    "session_key",
    "session-key",
    "sessionid",
    "dsn",
    NULL,
};

/* Of tokens whose makers gave them one. */
static const char *const beginnings[] = {
    "ghp_",  "gho_",  "ghu_",   "ghs_",       "ghr_",     "github_pat_", "glpat-",   "xoxb-",
    "xoxp-", "xoxa-", "xapp-",  "sk-",        "sk_live_", "sk_test_",    "rk_live_", "pk_live_",
    "AKIA",  "ASIA",  "AIza",   "ya29.",      "hf_",      "npm_",        "pypi-",    "dop_v1_",
    "eyJ",   "SG.",   "shpat_", "-----BEGIN", NULL,
};

enum { SHORTEST_TOKEN = 12, RANDOM_SIZE = 32, RANDOM_DIGITS = 4, SHORTEST_KEY = 3 };

static bool is_name_byte(char byte)
{
    return isalnum((unsigned char)byte) || byte == '_' || byte == '-' || byte == '.';
}

static bool is_token_byte(char byte)
{
    return is_name_byte(byte) || byte == '+' || byte == '/' || byte == '=' || byte == '~';
}

static size_t run_of(const char *text, bool (*fits)(char byte))
{
    size_t size = 0;
    while (text[size] && fits(text[size]))
        size++;
    return size;
}

static bool holds_key(const char *name, size_t size)
{
    for (size_t i = 0; key_words[i]; i++) {
        size_t length = strlen(key_words[i]);
        for (size_t at = 0; at + length <= size; at++)
            if (strncasecmp(name + at, key_words[i], length) == 0)
                return true;
    }
    return size >= SHORTEST_KEY &&
           strncasecmp(name + size - SHORTEST_KEY, "key", SHORTEST_KEY) == 0 &&
           (size == SHORTEST_KEY || !isalpha((unsigned char)name[size - SHORTEST_KEY - 1]));
}

static bool begins_as_token(const char *text, size_t size)
{
    for (size_t i = 0; beginnings[i]; i++)
        if (size >= SHORTEST_TOKEN && strncmp(text, beginnings[i], strlen(beginnings[i])) == 0)
            return true;
    return false;
}

/* Letters and digits, long, and no path. */
static bool looks_random(const char *text, size_t size)
{
    size_t digits = 0, letters = 0, slashes = 0, dots = 0;
    for (size_t i = 0; i < size; i++) {
        digits += isdigit((unsigned char)text[i]) != 0;
        letters += isalpha((unsigned char)text[i]) != 0;
        slashes += text[i] == '/';
        dots += text[i] == '.';
    }
    return size >= RANDOM_SIZE && digits >= RANDOM_DIGITS && letters > 0 && dots == 0 &&
           slashes <= size / RANDOM_SIZE && text[0] != '/' && text[0] != '-';
}

/* Bytes of a value: quoted, or up to what ends a word. */
static size_t value_size(const char *text, char *ret_quote)
{
    *ret_quote = *text == '\'' || *text == '"' ? *text : '\0';
    if (*ret_quote) {
        size_t size = 1;
        while (text[size] && text[size] != *ret_quote)
            size += text[size] == '\\' && text[size + 1] ? 2 : 1;
        return size + (text[size] == *ret_quote);
    }
    return strcspn(text, " \t\n\r'\",;)]}&");
}

/* Where the value of the name before `text` begins; NULL: it has none. */
static const char *value_of(const char *text, bool is_option)
{
    const char *sign = text + (*text == '\'' || *text == '"');
    sign += strspn(sign, " ");
    if (*sign == '=' || (*sign == ':' && sign[1] != ':')) {
        sign += sign[1] == '=' ? 2 : 1;
        return sign + strspn(sign, " ");
    }
    const char *next = text + strspn(text, " ");
    return is_option && *text == ' ' && *next && *next != '-' ? next : NULL;
}

/* `-p X` is a password as often as a port or a folder; those two look like what they are. NULL: it is none. */
static const char *value_of_p(const char *text, size_t name)
{
    if (name != 2 || text[0] != '-' || text[1] != 'p' || text[2] != ' ')
        return NULL;
    const char *next = text + 2 + strspn(text + 2, " ");
    return *next && !isdigit((unsigned char)*next) && !strchr("-/.~", *next) ? next : NULL;
}

struct mask {
    char *to;
};

static void put(struct mask *mask, const char *text, size_t size)
{
    memcpy(mask->to, text, size);
    mask->to += size;
}

/* Puts a masked value, its quotes kept, and gives what follows it. */
static const char *hide(struct mask *mask, const char *text)
{
    char quote;
    size_t size = value_size(text, &quote);
    /* Authorization: Bearer X, quoted as a whole or not */
    if (strncasecmp(text, "bearer ", 7) == 0 || strncasecmp(text, "basic ", 6) == 0) {
        size_t word = text[5] == ' ' ? 6 : 7;
        size = word + value_size(text + word, &quote);
    }
    if (size == 0)
        return text;
    if (quote)
        put(mask, &quote, 1);
    put(mask, "***", 3);
    if (quote && text[size - 1] == quote)
        put(mask, &quote, 1);
    return text + size;
}

/* user:password@ of a URL, whose `//` ends at `text`: the password's size and where it begins. */
static size_t url_password(const char *text, const char **ret_begin)
{
    size_t size = strcspn(text, " \t\n'\"/?#");
    const char *at = memchr(text, '@', size);
    for (const char *next = at; next;
         next = memchr(next + 1, '@', size - (size_t)(next + 1 - text)))
        at = next;
    const char *colon = at ? memchr(text, ':', (size_t)(at - text)) : NULL;
    if (!colon)
        return 0;
    *ret_begin = colon + 1;
    return (size_t)(at - colon - 1);
}

/* One word or one byte; gives what follows it. */
static const char *take(struct mask *mask, const char *begin, const char *text)
{
    const char *password;
    bool at_word = text == begin || !is_name_byte(text[-1]);
    size_t name = run_of(text, is_name_byte), token = run_of(text, is_token_byte);
    if (text >= begin + 2 && text[-1] == '/' && text[-2] == '/') {
        size_t size = url_password(text, &password);
        if (size) {
            put(mask, text, (size_t)(password - text));
            put(mask, "***", 3);
            return password + size;
        }
    }
    if (!at_word || name == 0) {
        put(mask, text, 1);
        return text + 1;
    }
    if (begins_as_token(text, token) || looks_random(text, token)) {
        put(mask, "***", 3);
        return text + token;
    }
    const char *value = holds_key(text, name) ? value_of(text + name, *text == '-') : NULL;
    if (!value)
        value = value_of_p(text, name);
    put(mask, text, value ? (size_t)(value - text) : name);
    return value ? hide(mask, value) : text + name;
}

const char *redact_mask(struct arena *arena, const char *text)
{
    /* A value of one byte becomes three. */
    char *masked = arena_alloc(arena, strlen(text) * 3 + 8);
    struct mask mask = {.to = masked};
    for (const char *at = text; masked && *at;)
        at = take(&mask, text, at);
    if (masked)
        *mask.to = '\0';
    return masked;
}
