/* SPDX-License-Identifier: MIT */
/* A hostile file of rules: whatever a text holds, it is refused with a sentence, or read and held against functions
 * without a fall.
 * Rules: the first half of the input's bytes, as split by the first zero byte, is the text; what is behind it names a
 * function, so that what matches is reached, too. */
#include "model/rules.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool held)
{
    if (!held)
        abort();
}

/* The next zero-ended text of the input, or "". */
static const char *next_text(char **at, const char *end)
{
    const char *text = *at < end ? *at : "";
    *at += strlen(text) + 1;
    return text;
}

static void look(struct rules *rules, char *names, const char *end)
{
    struct sites sites = {.directory = "/srv", .stdlib = "/usr/lib/python3.13", .rules = rules};
    struct site site;
    site.module = next_text(&names, end);
    site.name = next_text(&names, end);
    site.qualname = next_text(&names, end);
    site.file = next_text(&names, end);
    uint32_t number = rules_find(&sites, &site);
    need(number <= rules->count);
    need(rules_find_operation(&sites, site.name) <= rules->count);
    need(rules_find_method(&sites, site.name) <= rules->count);
    char error[RULE_ERROR_SIZE] = "";
    need(rules_fit(rules, 0, error) ? !error[0] : error[0] && !strchr(error, '\n'));
    for (size_t i = 0; i < rules->count; i++) {
        const struct rule *rule = &rules->rules[i];
        need((rule->does == RULE_ESCALATE) == (rule->predicates != 0));
        for (int predicate = 0; predicate < RULE_PREDICATES; predicate++)
            need((rule->words[predicate] != NULL) == (rule->predicates >> predicate & 1));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct sites nowhere = {.directory = "/srv"};
    if (size > (1 << 16))
        return 0;
    char *copy = malloc(size + 1), error[RULE_ERROR_SIZE] = "";
    need(copy != NULL);
    memcpy(copy, data, size);
    copy[size] = '\0';
    size_t length = strlen(copy);
    struct rules *rules = rules_read(&nowhere, copy, length, "rules", error);
    need(rules ? !error[0] : strncmp(error, "rules:", 6) == 0 && !strchr(error, '\n'));
    if (rules)
        look(rules, copy + length + (length < size), copy + size);
    rules_free(rules);
    free(copy);
    return 0;
}
