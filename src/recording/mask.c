/* SPDX-License-Identifier: MIT */
/* Secrets in a command line.
 * Why: a recording is handed on, and command lines hold passwords more often than they should.
 * What is masked: what follows a name such as password, token or api-key (`--token X`, `--token=X`,
 * `API_KEY=X`, `"password": "X"`), to the end of its word where that is quoted, a word after `-p` that is no number
 * and no path, the password of a URL or of `-u NAME:X`, what follows Bearer or Basic, words with a known beginning
 * (`ghp_`, `AKIA`, `eyJ`), and long words that look random.
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

/* Too short to be looked for in the middle of others: `compass` and `spin` are none. */
static const char *const key_parts[] = {"pass", "pw",   "pin",   "otp", "jwt",
                                        "sas",  "cred", "creds", "key", NULL};

/* Of an Authorization: what follows them is the secret. */
static const char *const schemes[] = {"bearer ", "basic ",     "token ", "digest ",
                                      "apikey ", "negotiate ", "oauth ", NULL};

/* Of tokens whose makers gave them one. */
static const char *const beginnings[] = {
    "ghp_",  "gho_",  "ghu_",   "ghs_",       "ghr_",     "github_pat_", "glpat-",   "xoxb-",
    "xoxp-", "xoxa-", "xapp-",  "sk-",        "sk_live_", "sk_test_",    "rk_live_", "pk_live_",
    "AKIA",  "ASIA",  "AIza",   "ya29.",      "hf_",      "npm_",        "pypi-",    "dop_v1_",
    "eyJ",   "SG.",   "shpat_", "-----BEGIN", NULL,
};

enum { SHORTEST_TOKEN = 12, RANDOM_SIZE = 32, RANDOM_DIGITS = 4, SHORTEST_GLUED = 4 };

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

/* Bytes of a name up to what parts it: `_`, `-`, `.`, or a capital after a small letter. */
static size_t part_size(const char *name, size_t size)
{
    size_t part = 0;
    while (
        part < size && isalnum((unsigned char)name[part]) &&
        !(part > 0 && islower((unsigned char)name[part - 1]) && isupper((unsigned char)name[part])))
        part++;
    return part;
}

static bool holds_part(const char *name, size_t size)
{
    for (size_t at = 0; at < size;) {
        size_t part = part_size(name + at, size - at);
        for (size_t i = 0; key_parts[i]; i++)
            if (strlen(key_parts[i]) == part && strncasecmp(name + at, key_parts[i], part) == 0)
                return true;
        at += part ? part : 1;
    }
    return false;
}

static bool holds_word(const char *name, size_t size, const char *word)
{
    size_t length = strlen(word);
    for (size_t at = 0; at + length <= size; at++)
        if (strncasecmp(name + at, word, length) == 0)
            return true;
    return false;
}

static bool holds_key(const char *name, size_t size)
{
    for (size_t i = 0; key_words[i]; i++)
        if (holds_word(name, size, key_words[i]))
            return true;
    return holds_part(name, size);
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

/* Bytes up to the quote that ends what began before `text`. A word that holds one is written `'it'\''s'`. */
static size_t quoted_size(const char *text, char quote)
{
    size_t size = 0;
    for (;;) {
        while (text[size] && text[size] != quote)
            size += text[size] == '\\' && text[size + 1] ? 2 : 1;
        if (quote != '\'' || strncmp(text + size, "'\\''", 4) != 0)
            return size;
        size += 4;
    }
}

/* Bytes of a value: quoted, or up to what ends a word. `*ret_lead`: those of its opening quote. */
static size_t value_size(const char *text, size_t *ret_lead)
{
    size_t dollar = strncmp(text, "$'", 2) == 0;
    char quote = text[dollar];
    *ret_lead = 0;
    if (quote != '\'' && quote != '"')
        return strcspn(text, " \t\n\r'\",;)]}&");
    *ret_lead = dollar + 1;
    size_t size = *ret_lead + quoted_size(text + *ret_lead, quote);
    return size + (text[size] == quote);
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

static bool looks_chosen(const char *text, size_t size)
{
    bool letter = false, other = false;
    for (size_t i = 0; i < size; i++) {
        letter |= isalpha((unsigned char)text[i]) != 0;
        other |= !islower((unsigned char)text[i]) && text[i] != '-';
    }
    return size >= SHORTEST_GLUED && letter && other;
}

/* `-p X` is a password as often as a port or a folder; those two look like what they are. So does an option that
 * begins with a p, beside `-pSecret1`. NULL: it is none. */
static const char *value_of_p(const char *text, size_t name)
{
    if (text[0] != '-' || text[1] != 'p')
        return NULL;
    if (name > 2)
        return looks_chosen(text + 2, name - 2) ? text + 2 : NULL;
    const char *next = text + 2 + strspn(text + 2, " ");
    return text[2] == ' ' && *next && !isdigit((unsigned char)*next) && !strchr("-/.~", *next)
               ? next
               : NULL;
}

/* The X of `-u NAME:X`, `--user=NAME:X`. NULL: there is none; numbers are a user's and a group's. */
static const char *value_of_user(const char *text, size_t name, bool *ret_quoted)
{
    size_t lead;
    if (text[0] != '-' || (!(name == 2 && text[1] == 'u') && !holds_word(text, name, "user")))
        return NULL;
    const char *value = value_of(text + name, true);
    size_t size = value ? value_size(value, &lead) : 0;
    const char *colon = size ? memchr(value, ':', size) : NULL;
    *ret_quoted |= colon && lead > 0;
    return colon && colon[1] && !isdigit((unsigned char)value[lead]) ? colon + 1 : NULL;
}

struct mask {
    char *to;
};

static void put(struct mask *mask, const char *text, size_t size)
{
    memcpy(mask->to, text, size);
    mask->to += size;
}

/* Bytes of `Bearer ` and its like that `text` begins with. */
static size_t scheme_size(const char *text)
{
    for (size_t i = 0; schemes[i]; i++)
        if (strncasecmp(text, schemes[i], strlen(schemes[i])) == 0)
            return strlen(schemes[i]);
    return 0;
}

/* Puts a masked value, its quotes kept, and gives what follows it. `to_quote`: it stands in a quoted word and
 * reaches to that one's end. */
static const char *hide(struct mask *mask, const char *text, bool to_quote)
{
    size_t lead, size = value_size(text, &lead), scheme = scheme_size(text), ignored;
    if (scheme) /* Authorization: Bearer X, quoted as a whole or not */
        size = scheme + value_size(text + scheme, &ignored);
    if (to_quote && lead == 0)
        size = quoted_size(text, '\'');
    if (size == 0)
        return text;
    put(mask, text, lead);
    put(mask, "***", 3);
    if (lead && size > lead && text[size - 1] == text[lead - 1])
        put(mask, text + size - 1, 1);
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
    bool to_quote = text > begin && text[-1] == '\'' && text[name] != '\'';
    if (!value)
        value = value_of_p(text, name);
    if (!value)
        value = value_of_user(text, name, &to_quote);
    put(mask, text, value ? (size_t)(value - text) : name);
    return value ? hide(mask, value, to_quote) : text + name;
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
