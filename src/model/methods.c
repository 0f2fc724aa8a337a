/* SPDX-License-Identifier: MIT */
/* Patterns, rules, mode bytes.
 * Why: see methods.h. */
#include "model/methods.h"

#include "model/rules_slots.h"
#include "model/snapshot.h"
#include "wire/guard.h"

#include <stdlib.h>

/* --- one ------------------------------------------------------------------------------------ */

struct ruled {
    uint32_t id, rule; /* rule: its number in sites->rules, of one that counts or escalates */
};

struct list {
    struct drain *drain;
    uint32_t listed;
    struct ruled *ruled; /* SESSION_RULES of them; NULL: there are no rules */
    uint32_t ruled_count;
};

/* Pairs with nothing: the probe reads the bytes after the answer. */
static void write_mode(const struct mapping *mapping, uint32_t id, enum site_mode mode)
{
    atomic_store_explicit(mapping_modes(mapping) + id, (unsigned char)mode, memory_order_relaxed);
}

static bool is_kept(struct list *list, uint32_t id, const char *name)
{
    struct sites *sites = list->drain->model->symbols.sites;
    uint32_t number = rules_find_method(sites, name);
    const struct rule *rule = number ? &sites->rules->rules[number - 1] : NULL;
    bool kept = sites_keep_method(sites, name);
    sites_note_method(sites, name);
    if (!rule)
        return kept;
    bool counts = rule->does == RULE_COUNT || rule->does == RULE_ESCALATE;
    if (counts && list->ruled && list->ruled_count < SESSION_RULES)
        list->ruled[list->ruled_count++] = (struct ruled){id, number - 1};
    return rule->does == RULE_RECORD;
}

/* --- all of them ---------------------------------------------------------------------------- */

typedef void each_method(struct list *list, uint32_t id, const char *name);

/* Within one guard: there are thousands, and a program waits for the answer. */
static void for_each(struct list *list, each_method *each)
{
    const struct mapping *mapping = list->drain->mapping;
    struct symbols *symbols = &list->drain->model->symbols;
    struct session_header *header = mapping_header(mapping);
    struct definition_text text;
    char name[SNAPSHOT_METHOD_SIZE];
    /* What is not a source's own stays a C call's. */
    bool methods = atomic_load_explicit(&header->sources_wanted, memory_order_relaxed) &
                   SOURCE_METHODS;
    /* Acquire: pairs with the probe's release once all are defined. */
    list->listed = atomic_load_explicit(&header->methods_listed, memory_order_acquire);
    uint32_t count = atomic_load_explicit(&header->definition_count, memory_order_acquire);
    for (uint32_t id = 1; list->listed && id <= count && id < SESSION_ID_LIMIT; id++) {
        if (mapping_definition(mapping, id, symbols->buffer, &text) == 0 &&
            text.fixed.kind == DEFINITION_C_FUNCTION && !text.file[0] &&
            (snapshot_operator_name(text.name, name) ||
             (methods && snapshot_method_name(text.name, name))))
            each(list, id, name);
    }
}

static void note_rule(struct list *list, uint32_t id, const char *name)
{
    (void)id;
    rules_find_method(list->drain->model->symbols.sites, name);
}

static void decide(struct list *list, uint32_t id, const char *name)
{
    bool kept = is_kept(list, id, name);
    rules_slots_end(list->drain, id);
    write_mode(list->drain->mapping, id, kept ? MODE_METHOD : MODE_RECORD);
}

/* First which rules name methods at all: without any, all of the builtin types are wanted. */
static int decide_all(void *context)
{
    struct list *list = context;
    if (list->ruled)
        for_each(list, note_rule);
    for_each(list, decide);
    return 0;
}

/* Outside of the guard: names are kept. */
static void tell_rules(struct list *list)
{
    struct symbols *symbols = &list->drain->model->symbols;
    for (uint32_t i = 0; i < list->ruled_count; i++) {
        const struct ruled *ruled = &list->ruled[i];
        uint32_t symbol = symbols_handle(symbols, ruled->id) >> 1;
        rules_slots_tell(list->drain, ruled->id, symbols->symbols[symbol].row,
                         &symbols->sites->rules->rules[ruled->rule]);
    }
}

static int answer(void *context)
{
    const struct list *list = context;
    /* Release: the mode bytes are there. */
    atomic_store_explicit(&mapping_header(list->drain->mapping)->methods_decided, list->listed,
                          memory_order_release);
    return 0;
}

void methods_decide(struct drain *drain)
{
    struct list list = {.drain = drain};
    struct sites *sites = drain->model->symbols.sites;
    sites_take_methods(sites);
    if (sites && sites->rules) {
        list.ruled = calloc(SESSION_RULES, sizeof(*list.ruled));
        if (!list.ruled)
            return; /* asked again with the next round */
    }
    if (guard_run(decide_all, &list) == 0) {
        tell_rules(&list);
        if (guard_run(answer, &list) == 0)
            drain->methods_decided = list.listed;
    }
    free(list.ruled);
}
