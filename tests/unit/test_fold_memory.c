/* SPDX-License-Identifier: MIT */
/* Allocations and frees: what the fold makes of them, whatever the order in which rings are read.
 * Why: one thread frees what another one allocated, and a session may say anything.
 * Blocks are of f1 to f3; addresses are what they stand at, divided by 16. */
#include "fold_tools.h"

#include <stdlib.h>

static struct model model;
static struct bench_thread main_thread, other;

static int set_up(void **state)
{
    (void)state;
    fold_tools_init(&model);
    main_thread = fold_tools_thread(&model, 1, 1000);
    other = fold_tools_thread(&model, 2, 1000);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    model_done(&model);
    return 0;
}

static uint64_t amount(uint64_t address, enum memory_domain domain, uint32_t line)
{
    return address | (uint64_t)domain << 44 | (uint64_t)(line & 1023) << 46;
}

static void at(struct bench_thread *thread, uint64_t counter)
{
    thread->counter = counter;
}

static void alloc_at(struct bench_thread *thread, uint64_t counter, uint64_t address, uint32_t id,
                     uint32_t line, uint32_t size)
{
    at(thread, counter);
    fold_tools_event(thread, 0, EVENT_MEMORY_BLOCK, id | (line >> 10) << 17, size);
    fold_tools_amount(thread, 0, EVENT_MEMORY_ALLOC, amount(address, MEMORY_OBJ, line));
}

static void free_at(struct bench_thread *thread, uint64_t counter, uint64_t address)
{
    at(thread, counter);
    fold_tools_amount(thread, 0, EVENT_MEMORY_FREE, amount(address, MEMORY_OBJ, 0));
}

static const struct memory_site *site_at(uint32_t line)
{
    for (uint32_t i = 0; i < model.memory.site_count; i++)
        if (model.memory.sites[i].line == line)
            return &model.memory.sites[i];
    fail_msg("no site at line %u", line);
    return NULL;
}

static void blocks_are_their_lines(void **state)
{
    (void)state;
    alloc_at(&main_thread, 1010, 0x10, 1, 7, 100);
    alloc_at(&main_thread, 1020, 0x20, 1, 7, 50);
    alloc_at(&main_thread, 1030, 0x30, 2, 100000, 600); /* a line of more than ten bits */
    free_at(&main_thread, 1040, 0x10);
    free_at(&main_thread, 1050, 0x99); /* from before */
    memory_settle(&model, 2000);
    assert_int_equal(site_at(7)->sums.live_bytes, 50);
    assert_int_equal(site_at(7)->sums.peak_bytes, 150);
    assert_int_equal(site_at(7)->sums.freed_bytes, 100);
    assert_int_equal(site_at(100000)->sums.live_bytes, 600);
    assert_int_equal(model.memory.total.live_blocks, 2);
    assert_int_equal(model.memory.total.peak_bytes, 750);
    assert_int_equal(model.memory.unknown_frees, 1);
    assert_int_equal(model.memory.domains[MEMORY_OBJ].live_bytes, 650);
    assert_int_equal(model.bad_events, 0);
}

/* The other thread's ring is read after this one's, and told before. */
static void the_counters_say_the_order(void **state)
{
    (void)state;
    free_at(&main_thread, 1020, 0x10);
    alloc_at(&main_thread, 1030, 0x10, 1, 7, 5);
    alloc_at(&other, 1010, 0x10, 2, 8, 1000);
    alloc_at(&other, 1100, 0x20, 2, 8, 1);
    memory_settle(&model, 1050);
    assert_int_equal(model.memory.unknown_frees, 0);
    assert_int_equal(site_at(8)->sums.live_bytes, 0);
    assert_int_equal(site_at(7)->sums.live_bytes, 5);
    assert_int_equal(model.memory.total.peak_bytes, 1000);
    assert_int_equal(model.memory.total.allocations, 2); /* the last is beyond the horizon */
    memory_settle(&model, 1100);
    assert_int_equal(model.memory.total.allocations, 3);
}

static void one_that_grows_in_its_place_takes_its_place(void **state)
{
    (void)state;
    alloc_at(&main_thread, 1010, 0x10, 1, 7, 10);
    alloc_at(&main_thread, 1020, 0x10, 1, 8, 20);
    memory_settle(&model, 2000);
    assert_int_equal(model.memory.total.live_blocks, 1);
    assert_int_equal(site_at(7)->sums.live_bytes, 0);
    assert_int_equal(site_at(7)->sums.frees, 1);
    assert_int_equal(site_at(8)->sums.live_bytes, 20);
    assert_int_equal(model.memory.total.peak_bytes, 20);
}

static void the_peak_remembers_whose_it_was(void **state)
{
    (void)state;
    alloc_at(&main_thread, 1010, 0x10, 1, 7, 100);
    alloc_at(&main_thread, 1020, 0x20, 1, 8, 900); /* the peak: 1000 */
    free_at(&main_thread, 1030, 0x20);
    alloc_at(&main_thread, 1040, 0x30, 1, 9, 300);
    free_at(&main_thread, 1050, 0x10);
    memory_settle(&model, 2000);
    assert_int_equal(memory_at_peak(&model.memory, site_at(7)), 100);
    assert_int_equal(memory_at_peak(&model.memory, site_at(8)), 900);
    assert_int_equal(memory_at_peak(&model.memory, site_at(9)), 0);
    alloc_at(&main_thread, 2010, 0x40, 1, 9, 800); /* a new one: 1100 */
    memory_settle(&model, 3000);
    assert_int_equal(memory_at_peak(&model.memory, site_at(7)), 0);
    assert_int_equal(memory_at_peak(&model.memory, site_at(9)), 1100);
}

static void going_on_begins_anew(void **state)
{
    (void)state;
    alloc_at(&main_thread, 1010, 0x10, 1, 7, 100);
    free_at(&main_thread, 1020, 0);
    free_at(&main_thread, 1030, 0x10);
    alloc_at(&main_thread, 1040, 0x10, 1, 7, 5);
    memory_settle(&model, 2000);
    assert_int_equal(model.memory.total.live_bytes, 5);
    assert_int_equal(site_at(7)->sums.freed_bytes, 0); /* what became of it is not known */
    assert_int_equal(model.memory.unknown_frees, 1);
}

static void a_very_large_block_is_told_in_three(void **state)
{
    (void)state;
    at(&main_thread, 1010);
    fold_tools_amount(&main_thread, 0, EVENT_MEMORY_LARGE, UINT64_C(5) << 32);
    fold_tools_event(&main_thread, 0, EVENT_MEMORY_BLOCK, 1 | 0, UINT32_MAX);
    fold_tools_amount(&main_thread, 0, EVENT_MEMORY_ALLOC, amount(0x10, MEMORY_RAW, 7));
    memory_settle(&model, 2000);
    assert_int_equal(model.memory.domains[MEMORY_RAW].live_bytes, UINT64_C(5) << 32);
}

static void lies_are_bad_events(void **state)
{
    (void)state;
    at(&main_thread, 1010);
    fold_tools_amount(&main_thread, 0, EVENT_MEMORY_ALLOC, amount(0x10, MEMORY_RAW, 7));
    fold_tools_event(&main_thread, 0, EVENT_MEMORY_BLOCK, 1, 10);
    fold_tools_amount(&main_thread, 1, EVENT_MEMORY_ALLOC, amount(0x10, MEMORY_RAW, 7));
    fold_tools_event(&main_thread, 0, EVENT_MEMORY_BLOCK, 1, UINT32_MAX);
    fold_tools_amount(&main_thread, 0, EVENT_MEMORY_ALLOC, amount(0x10, MEMORY_RAW, 7));
    fold_tools_event(&main_thread, 0, EVENT_MEMORY_BLOCK, 1, 10);
    fold_tools_amount(&main_thread, 0, EVENT_MEMORY_ALLOC, amount(0, MEMORY_RAW, 7));
    fold_tools_amount(&main_thread, 0, EVENT_MEMORY_FREE, UINT64_C(3) << 44 | 0x10);
    memory_settle(&model, 2000);
    assert_int_equal(model.bad_events, 5);
    assert_int_equal(model.memory.total.allocations, 0);
}

/* Blocks come and go at random; a plain list of them is kept beside. */
static void many_blocks_are_all_found_again(void **state)
{
    (void)state;
    enum { PLACES = 1 << 15, STEPS = 1 << 18 };
    uint32_t *sizes = calloc(PLACES, sizeof(*sizes)), random = 1;
    uint64_t live = 0, blocks = 0;
    assert_non_null(sizes);
    for (uint32_t i = 0; i < STEPS; i++) {
        random = random * 1664525 + 1013904223;
        uint32_t place = random >> 17;
        live -= sizes[place];
        blocks -= sizes[place] > 0;
        if (sizes[place] && (random >> 8 & 3)) {
            free_at(&main_thread, 1001 + i, 1 + place * 4);
            sizes[place] = 0;
        } else {
            sizes[place] = 1 + (random >> 5 & 0xfff);
            alloc_at(&main_thread, 1001 + i, 1 + place * 4, 1 + i % 3, 1 + i % 50, sizes[place]);
        }
        live += sizes[place];
        blocks += sizes[place] > 0;
    }
    memory_settle(&model, UINT64_MAX);
    assert_int_equal(model.memory.total.live_bytes, live);
    assert_int_equal(model.memory.total.live_blocks, blocks);
    assert_int_equal(model.memory.unknown_frees, 0);
    memory_end_process(&model.memory, &model.process->memory);
    assert_int_equal(model.memory.total.live_bytes, 0);
    free(sizes);
}

static void sizes_have_their_class(void **state)
{
    (void)state;
    const uint64_t sizes[] = {0, 1, 16, 17, 512, 513, 1024, 1025, UINT64_C(1) << 40, UINT64_MAX};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint32_t number = memory_class_of(sizes[i]);
        assert_in_range(number, 0, MEMORY_CLASSES - 1);
        if (number < MEMORY_CLASSES - 1)
            assert_true(sizes[i] <= memory_class_bytes(number));
        if (number > 0)
            assert_true(sizes[i] > memory_class_bytes(number - 1));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(blocks_are_their_lines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_counters_say_the_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_grows_in_its_place_takes_its_place, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_peak_remembers_whose_it_was, set_up, tear_down),
        cmocka_unit_test_setup_teardown(going_on_begins_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_very_large_block_is_told_in_three, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lies_are_bad_events, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_blocks_are_all_found_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sizes_have_their_class, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
