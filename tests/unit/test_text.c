/* SPDX-License-Identifier: MIT */
/* What text.h promises: widths, cutting, cleaning of hostile bytes, units.
 * Why: every screen and file shows names through it.
 * Rules: the fuzz at the end is deterministic; what it checks holds for any bytes. */
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new();
    return arena ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static void test_width_counts_columns(void **state)
{
    (void)state;
    assert_int_equal(text_width(""), 0);
    assert_int_equal(text_width("fib"), 3);
    assert_int_equal(text_width("价格计算"), 8);
    assert_int_equal(text_width("cafe\xcc\x81"), 4);
    assert_int_equal(text_width("\xf0\x9f\x90\x8d"), 2);         /* a snake */
    assert_int_equal(text_width("\xed\x95\x9c\xea\xb8\x80"), 4); /* Hangul syllables */
    assert_int_equal(text_width("\xff\xc3"), 2);                 /* invalid: one each */
}

static void test_decode_refuses_what_is_no_utf8(void **state)
{
    (void)state;
    static const char *const broken[] = {"\xc0\x80",         "\xe0\x80\x80", "\xed\xa0\x80",
                                         "\xf4\x90\x80\x80", "\x80",         "\xf8\x88\x80\x80",
                                         "\xe4\xbd"};
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        uint32_t point = 0;
        assert_int_equal(text_decode(broken[i], strlen(broken[i]), &point), 1);
        assert_int_equal(point, TEXT_INVALID);
    }
}

static void test_encode_is_the_inverse_of_decode(void **state)
{
    (void)state;
    for (uint32_t point = 1; point <= 0x10FFFF; point += point < 0x3000 ? 1 : 37) {
        if (point >= 0xD800 && point <= 0xDFFF)
            continue;
        char bytes[4];
        uint32_t back = 0;
        size_t size = text_encode(point, bytes);
        assert_int_equal(text_decode(bytes, size, &back), size);
        assert_int_equal(back, point);
    }
}

static void test_fit_keeps_within_the_columns(void **state)
{
    (void)state;
    assert_string_equal(text_fit(arena, "function", 8), "function");
    assert_string_equal(text_fit(arena, "function", 5), "func…");
    assert_string_equal(text_fit(arena, "价格计算", 8), "价格计算");
    assert_string_equal(text_fit(arena, "价格计算", 7), "价格计…");
    assert_string_equal(text_fit(arena, "价格计算", 6), "价格…"); /* half a letter is no letter */
    assert_string_equal(text_fit(arena, "cafe\xcc\x81s", 5), "cafe\xcc\x81s");
    assert_string_equal(text_fit(arena, "cafe\xcc\x81\xcc\x81xy", 5), "cafe\xcc\x81\xcc\x81…");
    assert_string_equal(text_fit(arena, "function", 0), "");
    assert_string_equal(text_fit_end(arena, "a/b/module.py", 10), "…module.py");
    assert_string_equal(text_fit_end(arena, "价格计算", 6), "…计算");
    assert_string_equal(text_fit_end(arena, "ae\xcc\x81xyz", 4), "…xyz");
}

static void test_clean_shows_what_is_unsafe(void **state)
{
    (void)state;
    assert_string_equal(text_clean(arena, "plain 价格 cafe\xcc\x81"), "plain 价格 cafe\xcc\x81");
    assert_string_equal(text_clean(arena, "a\nb\tc\rd"), "a\\nb\\tc\\rd");
    assert_string_equal(text_clean(arena, "\x1b[31m\x07\x7f"), "\\x1b[31m\\x07\\x7f");
    assert_string_equal(text_clean(arena, "\xff\xfe\xc3"), "\\xff\\xfe\\xc3");
    assert_string_equal(text_clean(arena, "\xc2\x9b"
                                          "0m"),
                        "\\x9b0m");
    assert_string_equal(text_clean(arena, "\xe2\x80\xae"), "\\u202e");
    assert_string_equal(text_clean(arena, "\xf3\xa0\x80\x81"), "\\U000e0001");
    assert_string_equal(text_clean(arena, "\xef\xbf\xbf"), "\\uffff");
    assert_string_equal(text_valid(arena, "a\n\xff"), "a\n\xef\xbf\xbd");
}

static void test_short_path_is_package_and_module(void **state)
{
    (void)state;
    assert_string_equal(text_short_path("/srv/shop/main.py", "__main__"), "shop/main.py");
    assert_string_equal(text_short_path("/usr/lib/python3.12/queue.py", "queue"), "queue.py");
    assert_string_equal(text_short_path("/usr/lib/python3.12/queue.py", NULL), "queue.py");
    assert_string_equal(text_short_path("/usr/lib/python3.12/json/decoder.py", "json.decoder"),
                        "json/decoder.py");
    assert_string_equal(text_short_path("/v/site-packages/django/db/models.py", "django.db.models"),
                        "db/models.py");
    assert_string_equal(text_short_path("/v/site-packages/yaml/__init__.py", "yaml"),
                        "yaml/__init__.py");
    assert_string_equal(text_short_path("main.py", "__main__"), "main.py");
    assert_string_equal(text_short_path("/main.py", NULL), "main.py");
    assert_string_equal(text_short_path("<frozen importlib/_bootstrap>", "importlib._bootstrap"),
                        "<frozen importlib/_bootstrap>");
    assert_string_equal(text_short_path("<string>", NULL), "<string>");
    assert_string_equal(text_short_path("", NULL), "");
    assert_string_equal(text_short_path("//", "a.b"), "");
}

static void test_contains_ignores_case(void **state)
{
    (void)state;
    assert_true(text_contains("Json.Decoder", "DECODE"));
    assert_true(text_contains("anything", ""));
    assert_true(text_contains("价格计算", "格计"));
    assert_false(text_contains("decode", "decoder"));
    assert_false(text_contains("", "x"));
}

static void test_distance_is_in_edits(void **state)
{
    (void)state;
    assert_int_equal(text_distance("pstats", "pstats"), 0);
    assert_int_equal(text_distance("pstat", "pstats"), 1);
    assert_int_equal(text_distance("psatts", "pstats"), 1); /* a swap is one slip */
    assert_int_equal(text_distance("", "abc"), 3);
    assert_int_equal(text_distance("tabel", "table"), 1);
    assert_int_equal(text_distance("flame", "table"), 4);
    char word[100];
    memset(word, 'a', 99);
    word[99] = '\0';
    assert_int_equal(text_distance(word, "a"), 64);
}

static void assert_time(int64_t time_ns, const char *expected)
{
    char buffer[TEXT_NUMBER_BYTES];
    assert_string_equal(text_format_time(buffer, time_ns), expected);
}

static void test_times_have_units(void **state)
{
    (void)state;
    assert_time(0, "0");
    assert_time(1, "1ns");
    assert_time(999, "999ns");
    assert_time(1000, "1.00µs");
    assert_time(12345, "12.3µs");
    assert_time(99950, "100µs");
    assert_time(999499, "999µs");
    assert_time(999500, "1.00ms");
    assert_time(999999, "1.00ms");
    assert_time(45600000, "45.6ms");
    assert_time(1234567890, "1.23s");
    assert_time(INT64_C(999499999999), "999s");
    assert_time(INT64_C(999500000000), "16m40s");
    assert_time(INT64_C(5999499999999), "99m59s");
    assert_time(INT64_C(6000000000000), "1h40m");
    assert_time(INT64_C(400000000000000), "4.6d");
    assert_time(-12345, "-12.3µs");
    assert_time(INT64_MAX, "106751d");
    assert_time(INT64_MIN, "-106751d");
}

static void assert_number(char *(*format)(char *, uint64_t), uint64_t count, const char *expected)
{
    char buffer[TEXT_NUMBER_BYTES];
    assert_string_equal(format(buffer, count), expected);
}

static void test_counts_are_short_or_grouped(void **state)
{
    (void)state;
    assert_number(text_format_count, 0, "0");
    assert_number(text_format_count, 9999, "9999");
    assert_number(text_format_count, 12345, "12.3k");
    assert_number(text_format_count, 999499, "999k");
    assert_number(text_format_count, 999500, "1.00M");
    assert_number(text_format_count, 1234567, "1.23M");
    assert_number(text_format_count, UINT64_MAX, "18.4E");
    assert_number(text_format_grouped, 0, "0");
    assert_number(text_format_grouped, 999, "999");
    assert_number(text_format_grouped, 1000, "1,000");
    assert_number(text_format_grouped, UINT64_MAX, "18,446,744,073,709,551,615");
    char buffer[TEXT_NUMBER_BYTES];
    assert_string_equal(text_format_rate(buffer, 0.004), "0");
    assert_string_equal(text_format_rate(buffer, 0.05), "0.05");
    assert_string_equal(text_format_rate(buffer, 45.64), "45.6");
    assert_string_equal(text_format_rate(buffer, 789.4), "789");
    assert_string_equal(text_format_rate(buffer, 1234), "1.23k");
    assert_string_equal(text_format_rate(buffer, -1.0 / 0.0), "0");
}

/* Any bytes: cleaned text is valid, safe, stable and never wider than its promise. */
static void test_any_bytes_are_survived(void **state)
{
    (void)state;
    uint32_t random = 7;
    for (int round = 0; round < 20000; round++) {
        char bytes[24];
        size_t size = (size_t)round % sizeof(bytes);
        for (size_t i = 0; i < size; i++) {
            random = random * 1664525u + 1013904223u;
            /* Half of them from the range of UTF-8's longer sequences. */
            bytes[i] = (char)(random & 0x40000000 ? 0x80 | (random >> 16 & 0x7f) : random >> 16);
            if (!bytes[i])
                bytes[i] = 'z';
        }
        bytes[size] = '\0';
        struct arena *own = arena_new();
        char *clean = text_clean(own, bytes);
        for (const char *at = clean; *at;) {
            uint32_t point;
            at += text_decode(at, strlen(at), &point);
            assert_false(text_point_unsafe(point));
        }
        assert_string_equal(text_clean(own, clean), clean);
        assert_string_equal(text_valid(own, clean), clean);
        int columns = round % 13;
        assert_true(text_width(text_fit(own, clean, columns)) <= columns);
        assert_true(text_width(text_fit_end(own, clean, columns)) <= columns);
        assert_true(text_cut(bytes, columns) <= strlen(bytes));
        text_short_path(bytes, clean);
        arena_free(own);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_width_counts_columns),
        cmocka_unit_test(test_decode_refuses_what_is_no_utf8),
        cmocka_unit_test(test_encode_is_the_inverse_of_decode),
        cmocka_unit_test(test_fit_keeps_within_the_columns),
        cmocka_unit_test(test_clean_shows_what_is_unsafe),
        cmocka_unit_test(test_short_path_is_package_and_module),
        cmocka_unit_test(test_contains_ignores_case),
        cmocka_unit_test(test_distance_is_in_edits),
        cmocka_unit_test(test_times_have_units),
        cmocka_unit_test(test_counts_are_short_or_grouped),
        cmocka_unit_test(test_any_bytes_are_survived),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
