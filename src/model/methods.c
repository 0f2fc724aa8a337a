/* SPDX-License-Identifier: MIT */
/* Patterns, mode bytes.
 * Why: see methods.h. */
#include "model/methods.h"

#include "model/snapshot.h"
#include "wire/guard.h"

/* --- the answer ----------------------------------------------------------------------------- */

struct list {
    struct drain *drain;
    uint32_t listed;
};

/* Pairs with nothing: the probe reads the bytes after the answer. */
static void write_mode(const struct mapping *mapping, uint32_t id, enum site_mode mode)
{
    atomic_store_explicit(mapping_modes(mapping) + id, (unsigned char)mode, memory_order_relaxed);
}

/* All of it within one guard: there are thousands, and a program waits for the answer. */
static int decide_all(void *context)
{
    struct list *list = context;
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
        if (mapping_definition(mapping, id, symbols->buffer, &text) ||
            text.fixed.kind != DEFINITION_C_FUNCTION || text.file[0] ||
            !(snapshot_operator_name(text.name, name) ||
              (methods && snapshot_method_name(text.name, name))))
            continue;
        bool kept = sites_keep_method(symbols->sites, name);
        sites_note_method(symbols->sites, name);
        write_mode(mapping, id, kept ? MODE_METHOD : MODE_RECORD);
    }
    /* Release: the mode bytes are there. */
    atomic_store_explicit(&header->methods_decided, list->listed, memory_order_release);
    return 0;
}

void methods_decide(struct drain *drain)
{
    struct list list = {.drain = drain};
    sites_take_methods(drain->model->symbols.sites);
    if (guard_run(decide_all, &list) == 0)
        drain->methods_decided = list.listed;
}
