/* SPDX-License-Identifier: MIT */
/* A snapshot that goes from one ulma to another: whole, and of damaged ones a refusal alone. */
#include "sample_snapshot.h"

#include "export/exporter.h"
#include "model/snapshot_bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *render(const struct snapshot *snapshot, const char *format)
{
    struct export_options wanted = {.clock = snapshot->meta.clock, .columns = 160};
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    assert_int_equal(exporter_find(format)->write(snapshot, &wanted, stream), 0);
    fclose(stream);
    return text;
}

static void goes_over(struct snapshot *snapshot)
{
    static const char *const formats[] = {"json", "table", "tree", "collapsed"};
    size_t size;
    struct snapshot *read = NULL;
    assert_non_null(snapshot);
    char *bytes = snapshot_to_bytes(snapshot, &size);
    assert_non_null(bytes);
    assert_int_equal(snapshot_of_bytes(bytes, size, &read), 0);
    memset(bytes, 0, size);
    free(bytes);
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        char *before = render(snapshot, formats[i]), *after = render(read, formats[i]);
        assert_string_equal(before, after);
        free(before);
        free(after);
    }
    snapshot_free(read);
    snapshot_free(snapshot);
}

static void all_of_it_goes_over(void **state)
{
    (void)state;
    goes_over(sample_snapshot_new());
    goes_over(sample_snapshot_empty_new());
    goes_over(sample_snapshot_huge_new());
    goes_over(sample_snapshot_hostile_new());
    struct snapshot *sources = sample_snapshot_new();
    assert_int_equal(sample_snapshot_add_sources(sources), 0);
    goes_over(sources);
}

/* Whatever is read is fit to be shown. */
static void show(const char *bytes, size_t size, size_t *read_count)
{
    struct snapshot *read = NULL;
    int result = snapshot_of_bytes(bytes, size, &read);
    assert_true(result == 0 || result == -EBADMSG || result == -EPROTO);
    if (result)
        return;
    free(render(read, "json"));
    free(render(read, "tree"));
    snapshot_free(read);
    (*read_count)++;
}

static void damaged_ones_are_refused_or_harmless(void **state)
{
    (void)state;
    size_t size = 1, read = 0;
    struct snapshot *snapshot = sample_snapshot_new();
    char *bytes = snapshot_to_bytes(snapshot, &size);
    assert_non_null(bytes);
    for (size_t cut = 0; cut < size; cut += 1 + cut / 16)
        show(bytes, cut, &read);
    assert_int_equal(read, 0);
    uint32_t random = 1;
    for (int i = 0; i < 2000 && size > 0; i++) {
        random = random * 1664525 + 1013904223;
        size_t at = (random >> 4) % size;
        char kept = bytes[at];
        bytes[at] = (char)(i % 3 == 0 ? 0xff : kept ^ (1 << (random >> 29)));
        show(bytes, size, &read);
        bytes[at] = kept;
    }
    assert_true(read > 0 && read < 2000);
    free(bytes);
    snapshot_free(snapshot);
}

static void of_another_build(void **state)
{
    (void)state;
    size_t size;
    struct snapshot *snapshot = sample_snapshot_new(), *read = NULL;
    char *bytes = snapshot_to_bytes(snapshot, &size);
    assert_non_null(bytes);
    bytes[8]++; /* of the version, after the magic */
    assert_int_equal(snapshot_of_bytes(bytes, size, &read), -EPROTO);
    free(bytes);
    snapshot_free(snapshot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_it_goes_over),
        cmocka_unit_test(damaged_ones_are_refused_or_harmless),
        cmocka_unit_test(of_another_build),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
