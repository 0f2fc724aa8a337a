/* SPDX-License-Identifier: MIT */
/* Where operators are used: an id for each operator and line.
 * Why by line: that a dictionary is asked says little; which line asks it ten million times is what can be mended.
 * How: the instruction that runs is one word (line.h), and that word and the operator are the key; its code object's id
 * stands beside it, since the word may be another's when that one has ended.
 * Rules: the GIL is held. A table that is full begins anew: a line then has another id, and is the same row. */
#include "sources/operators/operators_probe.h"

#include "probe/define.h"
#include "probe/py/line.h"
#include "probe/switch.h"
#include "probe/writer.h"

#include <string.h>

enum { SLOTS = 1 << 15, MOST = SLOTS / 4 * 3 };

static struct site {
    uintptr_t word;
    uint32_t code_id, id; /* id 0: nobody's */
    uint32_t operator;
} sites[SLOTS];
static uint32_t used, generation, unseen_operators, unseen_everywhere;

static const struct {
    const char *type, *name;
} names[OPERATOR_COUNT] = {
#define OPERATOR(symbol, type, name) {type, name},
#include "wire/operators.def"
#undef OPERATOR
};

static inline uint32_t hash(uintptr_t word, uint32_t operator)
{
    return (uint32_t)(((word + operator) * UINT64_C(0x9e3779b97f4a7c15)) >> 49);
}
static_assert(SLOTS == 1 << 15, "fifteen bits of the hash");

void operators_sites_begin(uint32_t unseen, uint32_t unseen_of_every)
{
    if (used)
        memset(sites, 0, sizeof(sites));
    used = 0;
    generation = link_to.generation;
    unseen_operators = unseen;
    unseen_everywhere = unseen_of_every;
}

static void begin_anew(void)
{
    for (uint32_t i = 0; i < SLOTS; i++)
        if (sites[i].id)
            define_end(sites[i].id);
    operators_sites_begin(unseen_operators, unseen_everywhere);
}

void operators_sites_forget(uint32_t code_id)
{
    for (uint32_t i = 0; used && i < SLOTS; i++)
        if (sites[i].id && sites[i].code_id == code_id)
            sites[i].code_id = UINT32_MAX; /* nobody's: it is met anew */
}

static uint32_t define(const struct line_place *place, uint32_t code_id, uint32_t operator)
{
    bool is_every = code_id && operators_every_is_told(code_id);
    struct define_operator what = {
        .type = names[operator].type,
        .name = names[operator].name,
        .code = place->code,
        .frame = place->frame,
        .line = line_number(place->code, place->word),
        .is_partial = (is_every ? unseen_everywhere : unseen_operators) >> operator & 1,
    };
    return define_operator(&what);
}

static __attribute__((noinline, cold)) uint32_t meet(const struct line_place *place,
                                                     uint32_t operator)
{
    if (link_to.orphan)
        switch_follow_child(0);
    if (!link_to.header || !(operators_state.told >> operator& 1))
        return 0;
    if (generation != link_to.generation || used == MOST)
        begin_anew();
    uint32_t code_id = place->code ? define_id(place->code, place->frame) : 0;
    operators_every_decide();
    uint32_t at = hash(place->word, operator);
    while (sites[at].id && (sites[at].word != place->word || sites[at].operator!= operator))
        at = (at + 1) & (SLOTS - 1);
    struct site *site = &sites[at];
    if (site->id && site->code_id == code_id)
        return site->id;
    if (site->id)
        define_end(site->id);
    else
        used++;
    *site = (struct site){place->word, code_id, define(place, code_id, operator), operator};
    if (!site->id)
        used--;
    return site->id;
}

uint32_t operators_site(PyThreadState *tstate, uint32_t operator)
{
    struct line_place place = line_of_thread(tstate);
    operators_every_ask();
    const struct site *site = &sites[hash(place.word, operator)];
    if (__builtin_expect(site->word == place.word && site->operator== operator&&
                                                     site->id != 0 &&
                                                     generation == link_to.generation,
                         1) &&
        site->code_id == (place.code ? define_known(place.code) : 0))
        return site->id;
    return meet(&place, operator);
}
