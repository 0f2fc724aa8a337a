/* SPDX-License-Identifier: MIT */
/* The views' rows, against the sample snapshot.
 * Why: terminal, report and page all draw these rows; what is wrong here is wrong everywhere.
 * Rules: figures are compared with the snapshot's own, not with constants, where they can be. */
#include "views/view.h"

#include "base/text.h"
#include "model/tree_order.h"
#include "sample_snapshot.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct snapshot *sample;

/* Apart from the sample itself: an operator at its line would stand in every format's golden file. */
static void add_operator(struct snapshot *snapshot)
{
    struct snapshot_meta *meta = &snapshot->meta;
    struct snapshot_function *site = &snapshot->functions[SAMPLE_LAMBDA_TWIN];
    site->kind = KIND_C;
    site->name = site->qualname = "<slot wrapper '__getitem__' of 'dict' objects>";
    site->is_method = true;
    site->calls_exact = false;
    meta->sources[meta->source_count++] = (struct snapshot_source){
        .name = "operators", .on_ns = meta->duration_ns, .reason = "it does not tell dict[k]"};
}

static int set_up(void **state)
{
    (void)state;
    sample = sample_snapshot_new();
    if (!sample || sample_snapshot_add_sources(sample))
        return -1;
    add_operator(sample);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    snapshot_free(sample);
    return 0;
}

static struct view_table make(const struct snapshot *snapshot, const char *id,
                              struct view_query query)
{
    struct view_table table;
    const struct view *view = view_find(id);
    assert_non_null(view);
    assert_int_equal(view_table_make(view, snapshot, &query, &table), 0);
    return table;
}

static size_t column(const struct view_table *table, const char *id)
{
    for (size_t i = 0; i < table->view->column_count; i++)
        if (strcmp(table->view->columns[i].id, id) == 0)
            return i;
    fail_msg("no column %s", id);
    return 0;
}

static const struct cell *cell(const struct view_table *table, size_t row, const char *id)
{
    return &table->rows[row].cells[column(table, id)];
}

static size_t find_row(const struct view_table *table, int32_t function)
{
    for (size_t i = 0; i < table->row_count; i++)
        if (table->rows[i].function == function)
            return i;
    return SIZE_MAX;
}

static void test_every_view_is_complete(void **state)
{
    (void)state;
    for (size_t i = 0; view_list[i]; i++) {
        const struct view *view = view_list[i];
        assert_ptr_equal(view_find(view->id), view);
        assert_true(view->title[0] && view->question[0] && view->column_count > 0);
        int open_ended = 0;
        bool sort_found = false;
        for (size_t j = 0; j < view->column_count; j++) {
            open_ended += view->columns[j].width == 0;
            assert_true(view->columns[j].help[0]);
            sort_found |= strcmp(view->columns[j].id, view->default_sort) == 0;
        }
        assert_int_equal(open_ended, 1);
        assert_true(sort_found);
    }
    assert_null(view_find("nonsense"));
}

static void test_no_view_lets_a_control_byte_through(void **state)
{
    (void)state;
    for (size_t v = 0; view_list[v]; v++) {
        struct view_table table =
            make(sample, view_list[v]->id, (struct view_query){.function = SAMPLE_HOSTILE});
        assert_true(table.row_count > 0);
        assert_true(strchr(table.title, '\x1b') == NULL);
        for (size_t i = 0; i < table.row_count; i++)
            for (size_t j = 0; j < table.view->column_count; j++)
                for (const char *at = table.rows[i].cells[j].text; at && *at;) {
                    uint32_t point;
                    at += text_decode(at, strlen(at), &point);
                    assert_false(text_point_unsafe(point));
                }
        view_table_free(&table);
    }
}

static void test_functions_add_up_to_100_percent(void **state)
{
    (void)state;
    for (int clock = CLOCK_WALL; clock <= CLOCK_CPU; clock++) {
        struct view_table table =
            make(sample, "functions", (struct view_query){.clock = (enum snapshot_clock)clock});
        double sum = 0;
        for (size_t i = 0; i < table.row_count; i++) {
            sum += cell(&table, i, "self_pct")->number;
            if (i)
                assert_true(cell(&table, i - 1, "self")->integer >=
                            cell(&table, i, "self")->integer);
        }
        assert_true(fabs(sum - 100) < 1e-6);
        assert_int_equal(table.row_count, SAMPLE_FUNCTIONS);
        view_table_free(&table);
    }
}

static void test_functions_obey_the_clock(void **state)
{
    (void)state;
    struct view_table wall = make(sample, "functions", (struct view_query){0});
    assert_int_equal(wall.rows[0].function, SAMPLE_GET); /* it sleeps longest */
    view_table_free(&wall);
    struct view_table cpu = make(sample, "functions", (struct view_query){.clock = CLOCK_CPU});
    assert_int_equal(cpu.rows[0].function, SAMPLE_FIB); /* it works hardest */
    size_t get = find_row(&cpu, SAMPLE_GET);
    assert_int_equal(cell(&cpu, get, "self")->integer, 0);
    assert_int_equal(cell(&cpu, get, "wait")->integer,
                     sample->functions[SAMPLE_GET].window.self_wait_ns);
    view_table_free(&cpu);
    struct view_table busy =
        make(sample, "functions", (struct view_query){.clock = CLOCK_CPU, .hide_waiting = true});
    assert_int_equal(find_row(&busy, SAMPLE_GET), SIZE_MAX);
    assert_true(find_row(&busy, SAMPLE_FETCH) != SIZE_MAX);
    view_table_free(&busy);
}

static void test_functions_are_of_the_window(void **state)
{
    (void)state;
    struct view_table table = make(sample, "functions", (struct view_query){0});
    size_t rows = find_row(&table, SAMPLE_ROWS);
    const struct snapshot_function *function = &sample->functions[SAMPLE_ROWS];
    assert_int_equal(cell(&table, rows, "total")->integer, function->window.total_ns);
    double calls = (double)(function->window.calls + function->window.resumes);
    assert_true(fabs(cell(&table, rows, "calls_per_s")->number - calls / 10) < 1e-9);
    assert_true(cell(&table, find_row(&table, SAMPLE_ESTIMATED), "self")->estimate);
    assert_false(cell(&table, find_row(&table, SAMPLE_ESTIMATED), "calls_per_s")->estimate);
    assert_false(cell(&table, rows, "self")->estimate);
    view_table_free(&table);
    memset(&sample->functions[SAMPLE_LONG].window, 0, sizeof(function->window));
    table = make(sample, "functions", (struct view_query){0});
    assert_int_equal(find_row(&table, SAMPLE_LONG), SIZE_MAX);
    view_table_free(&table);
}

static void test_functions_name_the_place(void **state)
{
    (void)state;
    struct view_table table = make(sample, "functions", (struct view_query){0});
    assert_string_equal(cell(&table, find_row(&table, SAMPLE_ROWS), "function")->text,
                        "Table.rows (shop/db.py:41)");
    assert_string_equal(cell(&table, find_row(&table, SAMPLE_LEN), "function")->text,
                        "<built-in method builtins.len>");
    assert_string_equal(cell(&table, find_row(&table, SAMPLE_GET), "function")->text,
                        "Queue.get (queue.py:154)");
    assert_string_equal(cell(&table, find_row(&table, SAMPLE_WIDE), "function")->text,
                        "商店.价格计算 (shop/価格.py:8)");
    view_table_free(&table);
}

static void test_sort_filter_and_limit(void **state)
{
    (void)state;
    struct view_table table =
        make(sample, "functions", (struct view_query){.sort = "calls_per_s", .limit = 3});
    assert_int_equal(table.row_count, 3);
    assert_int_equal(table.left_out, SAMPLE_FUNCTIONS - 3);
    assert_int_equal(table.rows[0].function, SAMPLE_ESTIMATED);
    assert_int_equal(table.rows[1].function, SAMPLE_FIB);
    view_table_free(&table);
    table = make(sample, "functions", (struct view_query){.sort = "function", .ascending = true});
    for (size_t i = 1; i < table.row_count; i++)
        assert_true(
            strcmp(cell(&table, i - 1, "function")->text, cell(&table, i, "function")->text) <= 0);
    view_table_free(&table);
    /* By file, by module, by name; the case does not matter. */
    static const struct {
        const char *filter;
        size_t rows;
    } filters[] = {{"SHOP/NET", 2}, {"invoicing.documents", 1}, {"queue.GET", 1}, {"zzz", 0}};
    for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
        table = make(sample, "functions", (struct view_query){.filter = filters[i].filter});
        assert_int_equal(table.row_count, filters[i].rows);
        view_table_free(&table);
    }
}

static void test_function_shows_both_sides(void **state)
{
    (void)state;
    struct view_table table = make(sample, "function", (struct view_query){.function = SAMPLE_FIB});
    assert_string_equal(table.title, "Function: fib (app/main.py:24)");
    int side = 0;
    size_t rows[4] = {0};
    for (size_t i = 0; i < table.row_count; i++) {
        if (table.rows[i].heading)
            side++;
        else if (table.rows[i].function != SNAPSHOT_NONE)
            rows[side - 1]++;
    }
    assert_int_equal(side, 4);
    assert_int_equal(rows[2], 2); /* called by main and by itself */
    assert_int_equal(rows[3], 1); /* calls itself */
    assert_true(find_row(&table, SAMPLE_MAIN) < find_row(&table, SAMPLE_FIB));
    assert_int_equal(cell(&table, find_row(&table, SAMPLE_MAIN), "calls")->integer, 100);
    view_table_free(&table);

    table = make(sample, "function", (struct view_query){.function = SAMPLE_MAIN, .limit = 2});
    assert_int_equal(table.left_out, 7); /* nine callees, two shown; one caller */
    view_table_free(&table);

    table = make(sample, "function", (struct view_query){.function = SNAPSHOT_NONE});
    assert_int_equal(table.row_count, 0);
    view_table_free(&table);
}

static void test_tree_is_a_walk_heaviest_first(void **state)
{
    (void)state;
    struct view_table table = make(sample, "tree", (struct view_query){.clock = CLOCK_CPU});
    assert_int_equal(table.row_count, sample->node_count - 1);
    assert_int_equal(table.rows[0].depth, 0);
    assert_int_equal(table.rows[0].function, SAMPLE_MODULE);
    int64_t top = 0;
    for (size_t i = 0; i < table.row_count; i++) {
        assert_true(i == 0 || table.rows[i].depth <= table.rows[i - 1].depth + 1);
        if (table.rows[i].depth == 0)
            top += cell(&table, i, "total")->integer;
        for (size_t j = i + 1; j < table.row_count; j++) {
            if (table.rows[j].depth < table.rows[i].depth)
                break;
            if (table.rows[j].depth == table.rows[i].depth)
                assert_true(cell(&table, i, "total")->integer >= cell(&table, j, "total")->integer);
        }
    }
    assert_int_equal(top, sample->nodes[0].total_ns - sample->nodes[0].total_wait_ns);
    view_table_free(&table);
}

static void test_tree_filter_keeps_the_way_down(void **state)
{
    (void)state;
    struct view_table table = make(sample, "tree", (struct view_query){.filter = "stream"});
    static const int32_t way[] = {SAMPLE_MODULE, SAMPLE_MAIN, SAMPLE_FETCH, SAMPLE_STREAM};
    assert_int_equal(table.row_count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(table.rows[i].function, way[i]);
    view_table_free(&table);
    table = make(sample, "tree", (struct view_query){.min_pct = 20});
    for (size_t i = 0; i < table.row_count; i++)
        assert_true(cell(&table, i, "total_pct")->number >= 20);
    assert_true(table.row_count > 3);
    view_table_free(&table);
    table = make(sample, "tree", (struct view_query){.limit = 5});
    assert_int_equal(table.row_count, 5);
    assert_int_equal(table.left_out, sample->node_count - 1 - 5);
    view_table_free(&table);
}

static void test_tree_may_be_very_deep(void **state)
{
    (void)state;
    struct snapshot *deep = sample_snapshot_deep_new(100000);
    struct view_table table = make(deep, "tree", (struct view_query){0});
    assert_int_equal(table.row_count, 100000);
    assert_int_equal(table.rows[99999].depth, 99999);
    view_table_free(&table);
    snapshot_free(deep);
}

static void test_threads_say_who_works(void **state)
{
    (void)state;
    struct view_table table = make(sample, "threads", (struct view_query){0});
    assert_int_equal(table.row_count, 3);
    assert_string_equal(cell(&table, 0, "name")->text, "MainThread");
    assert_string_equal(cell(&table, 0, "tid")->text, "4242");
    double cpu_pct = (double)sample->threads[0].window_cpu_ns / 10e9 * 100;
    assert_true(fabs(cell(&table, 0, "cpu_pct")->number - cpu_pct) < 1e-9);
    assert_string_equal(cell(&table, 0, "running")->text, "fib (app/main.py:24)");
    view_table_free(&table);
    table = make(sample, "threads", (struct view_query){.sort = "tid", .ascending = true});
    assert_string_equal(cell(&table, 2, "tid")->text, "4251");
    assert_string_equal(cell(&table, 2, "running")->text, "(ended)");
    view_table_free(&table);
    sample->meta.wait_source = WAIT_NONE;
    table = make(sample, "threads", (struct view_query){0});
    assert_true(cell(&table, 0, "wait")->absent); /* not known is not zero */
    view_table_free(&table);
}

static void test_nothing_seen_is_no_error(void **state)
{
    (void)state;
    struct snapshot *empty = sample_snapshot_empty_new();
    for (size_t i = 0; view_list[i]; i++) {
        struct view_table table = make(empty, view_list[i]->id, (struct view_query){0});
        assert_int_equal(table.row_count, 0);
        view_table_free(&table);
    }
    snapshot_free(empty);
}

static void test_an_operator_is_shown_with_its_line(void **state)
{
    (void)state;
    struct view_table table = make(sample, "operators", (struct view_query){0});
    assert_int_equal(table.row_count, 1);
    assert_string_equal(table.title, "Operators, not all: it does not tell dict[k]");
    assert_string_equal(cell(&table, 0, "operator")->text, "dict[k]");
    assert_non_null(strstr(cell(&table, 0, "line")->text, "main.py:"));
    assert_int_equal(cell(&table, 0, "calls")->integer, 25);
    assert_true(cell(&table, 0, "calls")->estimate);
    view_table_free(&table);
    table = make(sample, "operators", (struct view_query){.filter = "nothing like it"});
    assert_int_equal(table.row_count, 0);
    view_table_free(&table);
    table = make(sample, "methods", (struct view_query){0});
    assert_int_equal(table.row_count, 2);
    view_table_free(&table);
}

static void test_order_skips_whole_subtrees(void **state)
{
    (void)state;
    struct snapshot *large = sample_snapshot_large_new(5000);
    struct arena *arena = arena_new();
    int64_t *weights = arena_array(arena, large->node_count, sizeof(*weights));
    for (size_t i = 0; i < large->node_count; i++)
        weights[i] = large->nodes[i].total_ns;
    struct tree_order order;
    assert_int_equal(tree_order_make(arena, large, weights, &order), 0);
    assert_int_equal(order.count, large->node_count);
    assert_int_equal(order.ends[0], order.count);
    for (size_t i = 0; i < order.count; i++) {
        int64_t children = 0;
        size_t end = (size_t)order.ends[i];
        for (size_t j = i + 1; j < end; j = (size_t)order.ends[j]) {
            assert_int_equal(large->nodes[order.nodes[j]].parent, order.nodes[i]);
            assert_int_equal(order.depths[j], order.depths[i] + 1);
            children += weights[order.nodes[j]];
        }
        assert_int_equal(weights[order.nodes[i]], children + large->nodes[order.nodes[i]].self_ns);
    }
    arena_free(arena);
    snapshot_free(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_view_is_complete, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_view_lets_a_control_byte_through, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_functions_add_up_to_100_percent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_functions_obey_the_clock, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_functions_are_of_the_window, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_functions_name_the_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sort_filter_and_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_function_shows_both_sides, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_tree_is_a_walk_heaviest_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_tree_filter_keeps_the_way_down, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_tree_may_be_very_deep, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_threads_say_who_works, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_seen_is_no_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_operator_is_shown_with_its_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_order_skips_whole_subtrees, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
