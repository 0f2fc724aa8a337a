/* SPDX-License-Identifier: MIT */
/* Rules: what a text says, what is refused, and what the fold makes of a call that is told. */
#include "model/fold.h"
#include "model/rules.h"

#include "fold_tools.h"

#include <string.h>

static const struct sites nowhere = {.directory = "/srv"};

static struct rules *read_text(const char *text, char *error)
{
    return rules_read(&nowhere, text, strlen(text), "file", error);
}

static void test_a_text_says_what_functions_do(void **state)
{
    (void)state;
    char error[RULE_ERROR_SIZE] = "";
    struct rules *rules = read_text("# none\n\n a:f  count # so\r\nb escalate slower 2.5ms raised "
                                    "larger 64k deeper 3\n*.py off\nc:g stack",
                                    error);
    assert_non_null(rules);
    assert_int_equal(rules->count, 4);
    assert_int_equal(rules->rules[0].does, RULE_COUNT);
    const struct rule *second = &rules->rules[1];
    assert_int_equal(second->predicates,
                     1 << RULE_SLOWER | 1 << RULE_RAISED | 1 << RULE_LARGER | 1 << RULE_DEEPER);
    assert_int_equal(second->slower_ns, 2500000);
    assert_int_equal(second->larger, 64000);
    assert_int_equal(second->deeper, 3);
    assert_string_equal(second->words[RULE_SLOWER], "slower 2.5ms");
    assert_int_equal(rules->rules[3].every, 1);
    struct sites sites = nowhere;
    sites.rules = rules;
    struct site f = {.module = "a", .name = "f", .qualname = "f", .file = "/srv/a.py"};
    struct site other = {.module = "z", .name = "f", .qualname = "f", .file = "/srv/z.py"};
    struct site none = {.module = "z", .name = "f", .qualname = "f", .file = "<string>"};
    assert_int_equal(rules_find(&sites, &f), 1);
    assert_int_equal(rules_find(&sites, &other), 3);
    assert_int_equal(rules_find(&sites, &none), 0);
    rules_free(rules);
}

static void test_what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "a:f",
        "a:f many",
        "a:f escalate",
        "a:f escalate slower",
        "a:f count 3",
        "a:f escalate 3",
        "a:f escalate slower 3",
        "a:f escalate every 1.5",
        "a:f escalate larger -1",
        "a:f escalate slower 1..2ms",
        "type:dict count",
        "@nobody off",
        "a:f escalate slower 99999999999999999999999999999999999999999999s",
        "\x80\xff \x01",
        "io:* escalate slower 1s deeper 3",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char error[RULE_ERROR_SIZE] = "";
        assert_null(read_text(texts[i], error));
        assert_memory_equal(error, "file:1: ", 8);
        assert_true(strlen(error) > 20 && !strchr(error, '\n'));
    }
}

static void test_the_c_librarys_functions_are_named_by_io_alone(void **state)
{
    (void)state;
    char error[RULE_ERROR_SIZE] = "";
    struct sites sites = nowhere;
    sites.rules = read_text("io count\nio:writev off\nio:w* count\nother:read count\n", error);
    assert_non_null(sites.rules);
    assert_int_equal(rules_find_operation(&sites, "writev"), 2);
    assert_int_equal(rules_find_operation(&sites, "write"), 3);
    assert_int_equal(rules_find_operation(&sites, "read"), 0); /* `io` is Python's module */
    assert_false(rules_fit(sites.rules, SOURCE_CALLS, error));
    assert_non_null(strstr(error, "`io:writev` needs the source io"));
    assert_true(rules_fit(sites.rules, SOURCE_CALLS | SOURCE_IO, error));
    rules_free(sites.rules);
}

/* --- what is told --------------------------------------------------------------------------------- */

static int define(void *context, uint32_t id, char *buffer, struct definition_text *ret_text)
{
    (void)context;
    (void)buffer;
    *ret_text =
        (struct definition_text){.fixed = {.id = id, .kind = DEFINITION_FUNCTION, .line = 7},
                                 .name = "f",
                                 .qualname = "f",
                                 .module = "a",
                                 .file = "/srv/a.py"};
    return 0;
}

static struct event part(enum escalated_part part, uint64_t what)
{
    return event_with_amount(100, EVENT_ESCALATED_PART,
                             (uint64_t)part << ESCALATED_PART_SHIFT | what);
}

static void test_parts_beyond_what_there_is_room_for_are_dropped(void **state)
{
    (void)state;
    struct model model;
    struct rule rule = {.predicates = 1 << RULE_LARGER, .words = {[RULE_LARGER] = "larger 5"}};
    assert_int_equal(model_init(&model, &(struct model_options){.define = define}), 0);
    struct track *track = model_add_track(&model, 1);
    uint32_t row = symbols_handle(&model.symbols, 5) >> 1;
    uint32_t at = escalations_find(&model, row, &rule, RULE_LARGER);
    assert_int_not_equal(at, ESCALATIONS_NONE);
    assert_int_equal(escalations_find(&model, row, &rule, RULE_LARGER), at);
    struct event text = part(ESCALATED_TEXT, UINT64_C(0x414141414141));
    struct event begin = {100, event_pack(EVENT_ESCALATED, 5), RULE_LARGER};
    struct event value = part(ESCALATED_VALUE, 9), end = part(ESCALATED_END, 0);
    escalations_event(&model, track, &text); /* of nothing */
    escalations_event(&model, track, &begin);
    escalations_event(&model, track, &value);
    escalations_event(&model, track, &text); /* of no argument */
    for (int i = 0; i < 100; i++) {
        struct event argument = part(ESCALATED_ARGUMENT, 3);
        struct event frame = part(ESCALATED_FRAME, 5 | UINT64_C(12) << ESCALATED_LINE_SHIFT);
        escalations_event(&model, track, &argument);
        escalations_event(&model, track, &text);
        escalations_event(&model, track, &text);
        escalations_event(&model, track, &frame);
    }
    escalations_event(&model, track, &end);
    escalations_event(&model, track, &end); /* nothing is being told */
    const struct witness *first = &model.escalations.rows[at].first;
    assert_int_equal(first->value, 9);
    assert_int_equal(first->argument_count, ESCALATED_ARGUMENTS_MOST);
    assert_int_equal(first->frame_count, ESCALATED_FRAMES_MOST);
    assert_int_equal(first->frames[31].line, 12);
    assert_true(strlen(first->arguments[7].type) <= ESCALATED_NAME_MOST);
    struct event nonsense = part((enum escalated_part)77, 1);
    uint64_t bad = model.bad_events;
    escalations_event(&model, track, &nonsense);
    assert_int_equal(model.bad_events, bad + 1);
    begin.frame = 12345;
    escalations_event(&model, track, &begin);
    escalations_event(&model, track, &end);
    assert_int_equal(model.escalations.rows[at].worst.value, 9);
    escalations_reset(&model.escalations);
    assert_int_equal(model.escalations.rows[at].first.counter, 0);
    model_done(&model);
}

static void test_a_call_of_the_c_library_is_kept_when_its_file_is_known(void **state)
{
    (void)state;
    struct model model;
    struct rule rule = {.predicates = 1 << RULE_LARGER, .words = {[RULE_LARGER] = "larger 5"}};
    assert_int_equal(model_init(&model, &(struct model_options){.define = define}), 0);
    struct track *track = model_add_track(&model, 1);
    uint32_t at =
        escalations_find(&model, symbols_handle(&model.symbols, 5) >> 1, &rule, RULE_LARGER);
    struct event begin = {100, event_pack(EVENT_ESCALATED, 5), RULE_LARGER};
    struct event value = part(ESCALATED_VALUE, 9), end = part(ESCALATED_END, 0);
    struct event descriptor = part(ESCALATED_DESCRIPTOR, 3 | UINT64_C(28) << 32);
    for (int i = 0; i < 100; i++) {
        const struct event *const events[] = {&begin, &value, &descriptor, &end};
        track->io.depth = i > 0; /* the first is of no call */
        for (size_t k = 0; k < sizeof(events) / sizeof(events[0]); k++)
            escalations_event(&model, track, events[k]);
    }
    assert_int_equal(model.escalations.rows[at].first.counter, 0);
    struct witness_telling *told = escalations_take(track);
    int count = 0;
    for (const struct witness_telling *one = told; one; one = one->next)
        count++;
    assert_int_equal(count, RULE_PREDICATES); /* no more than a call can have */
    assert_null(escalations_take(track));
    escalations_keep(&model, told, 7);
    const struct witness *first = &model.escalations.rows[at].first;
    assert_true(first->is_io);
    assert_int_equal(first->fd, 3);
    assert_int_equal(first->error, 28);
    assert_int_equal(first->resource, 7);
    model_done(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_text_says_what_functions_do),
        cmocka_unit_test(test_what_makes_no_sense_is_refused),
        cmocka_unit_test(test_the_c_librarys_functions_are_named_by_io_alone),
        cmocka_unit_test(test_a_call_of_the_c_library_is_kept_when_its_file_is_known),
        cmocka_unit_test(test_parts_beyond_what_there_is_room_for_are_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
