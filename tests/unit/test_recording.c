/* SPDX-License-Identifier: MIT */
/* What is written comes back: the whole to the nanosecond, and slices that sum to it. */
#include "fold_tools.h"

#include "base/arena.h"
#include "export/exporter.h"
#include "recording/recording.h"
#include "recording/recording_writer.h"
#include "recording/redact.h"
#include "recording/sha256.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { THREADS = 3, BATCHES = 130, CALLS = 60, DEEPEST = 12, FUNCTIONS = 9 };

static char path[] = "/dev/shm/ulma-test-recording-XXXXXX.ulma";

/* --- a program that nobody wrote -------------------------------------------------------------------- */

struct stack {
    struct bench_writer writer;
    uint32_t ids[DEEPEST + 1];
    uint32_t depth;
};

static uint32_t random_below(uint32_t limit)
{
    static uint64_t state = UINT64_C(0x853c49e6748fea9b);
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state % limit);
}

static void act(struct stack *stack, uint32_t thread)
{
    bool push = stack->depth == 0 || (stack->depth < DEEPEST && random_below(2));
    uint32_t frame = 1000 * (thread + 1) + stack->depth;
    if (push) {
        uint32_t id = 1 + random_below(FUNCTIONS);
        stack->ids[++stack->depth] = id;
        fold_tools_call(&stack->writer, EVENT_START, id, frame + 1);
        return;
    }
    fold_tools_call(&stack->writer, random_below(7) ? EVENT_RETURN : EVENT_UNWIND,
                    stack->ids[stack->depth--], frame);
}

struct program {
    struct bench_session session;
    struct collector *collector;
    struct stack stacks[THREADS];
};

static void begin(struct program *program)
{
    static const char *const names[FUNCTIONS] = {"one",       "two",         "it's \"quoted\"",
                                                 "new\nline", "</script>",   "\\udc80",
                                                 "a;b",       "caf\xc3\xa9", "\xff invalid"};
    struct collector_options options = {
        .cpu = -1, .no_perf = true, .by_process = true, .by_thread = true, .corrected = true};
    fold_tools_open(&program->session);
    for (uint32_t i = 0; i < FUNCTIONS; i++)
        fold_tools_put(&program->session, i + 1, DEFINITION_FUNCTION, 0, names[i], 10 * i);
    program->collector = collector_new(&program->session.mapping, &options);
    assert_non_null(program->collector);
    assert_int_equal(collector_start(program->collector), 0);
    for (uint32_t i = 0; i < THREADS; i++)
        program->stacks[i] =
            (struct stack){.writer = fold_tools_take(&program->session, i + 1, 70 + i)};
}

static void end(struct program *program)
{
    collector_free(program->collector);
    fold_tools_close(&program->session);
}

static struct recording_writer *open_writer(const struct recording_options *options)
{
    char reason[RECORDING_REASON_SIZE];
    struct recording_writer *writer;
    struct recording_options wanted = *options;
    wanted.overwrite = true;
    if (recording_writer_open(path, &wanted, &writer, reason, sizeof(reason)))
        fail_msg("%s", reason);
    return writer;
}

/* Runs it, with a window after each batch, the last one of `end_ns`. */
static struct snapshot *record(struct program *program, struct recording_writer *writer)
{
    for (int batch = 0; batch < BATCHES; batch++) {
        for (int i = 0; i < CALLS; i++) {
            uint32_t thread = random_below(THREADS);
            act(&program->stacks[thread], thread);
        }
        struct snapshot *snapshot = collector_snapshot_detailed(program->collector, CLOCK_WALL);
        assert_non_null(snapshot);
        assert_int_equal(recording_writer_add(writer, snapshot, recording_writer_end_ns(writer),
                                              snapshot->meta.duration_ns),
                         0);
        snapshot_free(snapshot);
    }
    collector_finish(program->collector, fold_tools_counter(&program->session));
    struct snapshot *last = collector_snapshot_detailed(program->collector, CLOCK_WALL);
    assert_non_null(last);
    last->meta.command = "python shop.py --password hunter2";
    last->meta.host = "here";
    assert_int_equal(recording_writer_finish(writer, last), 0);
    recording_writer_close(writer);
    return last;
}

static struct recording *open_recording(void)
{
    char reason[RECORDING_REASON_SIZE];
    struct recording *recording;
    if (recording_open(path, &recording, reason, sizeof(reason)))
        fail_msg("%s", reason);
    return recording;
}

static struct snapshot *query(struct recording *recording, const struct recording_query *wanted)
{
    struct snapshot *snapshot = recording_snapshot(recording, wanted);
    if (!snapshot)
        fail_msg("%s", recording_reason(recording));
    return snapshot;
}

static char *as_json(const struct snapshot *snapshot)
{
    struct export_options options = {.limit = 0, .columns = 80};
    char *bytes = NULL;
    size_t size;
    FILE *stream = open_memstream(&bytes, &size);
    assert_non_null(stream);
    assert_int_equal(exporter_find("json")->write(snapshot, &options, stream), 0);
    fclose(stream);
    return bytes;
}

/* --- the whole ---------------------------------------------------------------------------------------- */

static void the_whole_is_the_live_report(void **state)
{
    (void)state;
    struct program program;
    struct recording_options options = {0};
    begin(&program);
    struct snapshot *live = record(&program, open_writer(&options));
    struct recording *recording = open_recording();
    for (int clock = CLOCK_WALL; clock <= CLOCK_CPU; clock++) {
        struct recording_query whole = {.by_process = true, .clock = (enum snapshot_clock)clock};
        struct snapshot *read = query(recording, &whole);
        struct snapshot *again = collector_snapshot(program.collector, 0, whole.clock);
        again->meta.command = "python shop.py --password ***";
        again->meta.host = "here";
        char *expected = as_json(again), *got = as_json(read);
        assert_string_equal(got, expected);
        assert_int_equal(read->function_count, FUNCTIONS);
        assert_int_equal(read->edge_count, again->edge_count);
        assert_memory_equal(read->edges, again->edges, read->edge_count * sizeof(*read->edges));
        free(expected);
        free(got);
        snapshot_free(again);
        snapshot_free(read);
    }
    recording_close(recording);
    snapshot_free(live);
    end(&program);
}

/* --- slices ------------------------------------------------------------------------------------------- */

struct totals {
    uint64_t calls, primitive, raised;
    int64_t self_ns, total_ns, wait_ns, node_ns, edge_ns, cpu_ns;
    uint64_t events, thread_calls;
};

static void add_totals(struct totals *totals, const struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->function_count; i++) {
        const struct snapshot_function *function = &snapshot->functions[i];
        totals->calls += function->calls + function->resumes;
        totals->primitive += function->primitive_calls;
        totals->raised += function->raised;
        totals->self_ns += function->self_ns;
        totals->total_ns += function->total_ns;
        totals->wait_ns += function->self_wait_ns + function->total_wait_ns;
    }
    for (size_t i = 1; i < snapshot->node_count; i++)
        totals->node_ns += snapshot->nodes[i].total_ns;
    for (size_t i = 0; i < snapshot->edge_count; i++)
        totals->edge_ns += snapshot->edges[i].total_ns;
    for (size_t i = 0; i < snapshot->thread_count; i++) {
        totals->cpu_ns += snapshot->threads[i].cpu_ns;
        totals->thread_calls += snapshot->threads[i].calls;
    }
    totals->events += snapshot->meta.events_read;
}

static void slices_of_time_sum_to_the_whole(void **state)
{
    (void)state;
    struct program program;
    struct recording_options options = {0};
    begin(&program);
    struct snapshot *live = record(&program, open_writer(&options));
    struct recording *recording = open_recording();
    int64_t from_ns, to_ns;
    recording_extent(recording, &from_ns, &to_ns);
    struct totals whole = {0}, sum = {0};
    add_totals(&whole, live);
    assert_int_equal(from_ns, 0);
    int slices = 0;
    while (from_ns < to_ns) {
        struct recording_query wanted = {.from_ns = from_ns,
                                         .to_ns = from_ns + 1 + random_below(1 << 22)};
        struct snapshot *slice = query(recording, &wanted);
        assert_int_equal(slice->meta.window_from_ns, from_ns);
        add_totals(&sum, slice);
        from_ns = slice->meta.window_from_ns + slice->meta.duration_ns;
        snapshot_free(slice);
        slices++;
    }
    assert_true(slices > 2);
    assert_memory_equal(&sum, &whole, sizeof(sum));
    recording_close(recording);
    snapshot_free(live);
    end(&program);
}

static void slices_of_threads_sum_to_the_whole(void **state)
{
    (void)state;
    struct program program;
    struct recording_options options = {0};
    begin(&program);
    struct snapshot *live = record(&program, open_writer(&options));
    struct recording *recording = open_recording();
    struct totals whole = {0}, sum = {0};
    add_totals(&whole, live);
    for (int i = 0; i < THREADS; i++) {
        char tid[16];
        snprintf(tid, sizeof(tid), "%d", 70 + i);
        struct recording_query wanted = {.thread = tid};
        struct snapshot *slice = query(recording, &wanted);
        assert_int_equal(slice->thread_count, 1);
        assert_true(slice->nodes[0].total_ns > 0);
        add_totals(&sum, slice);
        snapshot_free(slice);
    }
    sum.events = whole.events;
    sum.raised = whole.raised; /* of functions that threads share they are not told apart */
    assert_memory_equal(&sum, &whole, sizeof(sum));
    struct recording_query none = {.thread = "nobody"};
    assert_null(recording_snapshot(recording, &none));
    assert_non_null(strstr(recording_reason(recording), "no thread `nobody`"));
    recording_close(recording);
    snapshot_free(live);
    end(&program);
}

static void the_window_is_the_end_of_the_slice(void **state)
{
    (void)state;
    struct program program;
    struct recording_options options = {0};
    begin(&program);
    struct snapshot *live = record(&program, open_writer(&options));
    struct recording *recording = open_recording();
    struct recording_query long_window = {.window_s = 3600}, none = {0};
    struct snapshot *all = query(recording, &none), *same = query(recording, &long_window);
    for (size_t i = 0; i < all->function_count; i++) {
        assert_memory_equal(&all->functions[i].window, &same->functions[i].window,
                            sizeof(all->functions[i].window));
        assert_int_equal(all->functions[i].window.self_ns, all->functions[i].self_ns);
    }
    snapshot_free(all);
    snapshot_free(same);
    recording_close(recording);
    snapshot_free(live);
    end(&program);
}

/* --- rolling ------------------------------------------------------------------------------------------ */

static struct snapshot *grow(struct program *program)
{
    for (int i = 0; i < CALLS; i++)
        act(&program->stacks[0], 0);
    struct snapshot *snapshot = collector_snapshot_detailed(program->collector, CLOCK_WALL);
    assert_non_null(snapshot);
    return snapshot;
}

static void old_windows_are_dropped(void **state)
{
    (void)state;
    enum { SECOND = 1000000000, SECONDS = 200, KEPT = 30 };
    struct program program;
    struct recording_options options = {.keep_ns = KEPT * (int64_t)SECOND};
    begin(&program);
    struct recording_writer *writer = open_writer(&options);
    for (int i = 0; i < SECONDS; i++) {
        struct snapshot *snapshot = grow(&program);
        assert_int_equal(
            recording_writer_add(writer, snapshot, i * (int64_t)SECOND, (i + 1) * (int64_t)SECOND),
            0);
        snapshot_free(snapshot);
    }
    recording_writer_close(writer);
    struct recording *recording = open_recording();
    int64_t from_ns, to_ns;
    recording_extent(recording, &from_ns, &to_ns);
    assert_int_equal(from_ns, (SECONDS - KEPT) * (int64_t)SECOND);
    assert_int_equal(to_ns, SECONDS * (int64_t)SECOND);
    struct recording_query whole = {0};
    struct snapshot *snapshot = query(recording, &whole);
    assert_int_equal(snapshot->meta.duration_ns, KEPT * (int64_t)SECOND);
    assert_int_equal(snapshot->meta.events_read, KEPT * CALLS);
    snapshot_free(snapshot);
    recording_close(recording);
    end(&program);
}

static void the_file_stays_below_its_size(void **state)
{
    (void)state;
    enum { SECOND = 1000000000, SECONDS = 700, MOST = 1 << 20 };
    struct program program;
    struct recording_options options = {.max_bytes = MOST};
    begin(&program);
    struct recording_writer *writer = open_writer(&options);
    for (int i = 0; i < SECONDS; i++) {
        struct snapshot *snapshot = grow(&program);
        if (recording_writer_add(writer, snapshot, i * (int64_t)SECOND, (i + 1) * (int64_t)SECOND))
            fail_msg("%s", recording_writer_reason(writer));
        assert_true(recording_writer_bytes(writer) <= MOST);
        snapshot_free(snapshot);
    }
    recording_writer_close(writer);
    struct recording *recording = open_recording();
    int64_t from_ns, to_ns;
    recording_extent(recording, &from_ns, &to_ns);
    assert_true(from_ns > 0);
    assert_int_equal(to_ns, SECONDS * (int64_t)SECOND);
    struct recording_query whole = {0};
    snapshot_free(query(recording, &whole));
    recording_close(recording);
    end(&program);
}

/* --- hostile files --------------------------------------------------------------------------------------- */

static void make_small(void)
{
    struct program program;
    struct recording_options options = {0};
    begin(&program);
    struct recording_writer *writer = open_writer(&options);
    struct snapshot *snapshot = grow(&program);
    assert_int_equal(recording_writer_finish(writer, snapshot), 0);
    recording_writer_close(writer);
    snapshot_free(snapshot);
    end(&program);
}

/* A small recording, changed by the words of SQL, is refused with a sentence that says this. */
static void refuse(const char *sql, const char *expected)
{
    char reason[RECORDING_REASON_SIZE] = "";
    struct recording *recording = NULL;
    sqlite3 *database;
    make_small();
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
    if (sqlite3_exec(database, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(database));
    sqlite3_close(database);
    struct snapshot *snapshot = NULL;
    if (recording_open(path, &recording, reason, sizeof(reason)) == 0) {
        struct recording_query whole = {0};
        snapshot = recording_snapshot(recording, &whole);
        snprintf(reason, sizeof(reason), "%s", recording_reason(recording));
    }
    if (snapshot || !strstr(reason, expected))
        fail_msg("after `%s`: %s", sql, snapshot ? "it was read" : reason);
    recording_close(recording);
}

static void what_is_no_recording_is_refused(void **state)
{
    (void)state;
    refuse("PRAGMA application_id=0", "a SQLite database, but no recording");
    refuse("PRAGMA user_version=77", "version 77; this ulma reads version 1");
    refuse("DROP TABLE nodes", "its table nodes is not ulma's");
    refuse("ALTER TABLE nodes ADD COLUMN x AS (zeroblob(1000000000))", "its table nodes is not");
    refuse("CREATE TRIGGER t AFTER INSERT ON meta BEGIN SELECT 1; END", "triggers");
    refuse("DROP TABLE meta; CREATE VIEW meta AS SELECT 'pid' AS name, 1 AS value",
           "its table meta is not ulma's");
    refuse("DELETE FROM windows", "holds nothing");
    refuse("DELETE FROM functions", "a path without its parent");
    refuse("UPDATE nodes SET parent=id", "a path without its parent");
    refuse("UPDATE functions SET kind='poem'", "without a name or kind");
    refuse("UPDATE functions SET name=NULL", "without a name or kind");
    refuse("UPDATE functions SET id=id+4000000000", "");
    refuse("UPDATE functions SET name=zeroblob(2000000)", "a text in it is too long");
    refuse("UPDATE windows SET to_ns=from_ns-1", "in disorder");
    refuse("UPDATE windows SET level=9", "in disorder");
    refuse("UPDATE meta SET value=0 WHERE name='ns_per_tick'", "its clock makes no sense");
    refuse("UPDATE meta SET value=1e300 WHERE name='ns_per_tick'", "its clock makes no sense");
    refuse("UPDATE node_times SET total_ticks=9223372036854775807", "times beyond all measure");
    refuse("INSERT INTO node_times VALUES(1,99999,1,1,1,1,1,1)", "times of no path");
    refuse("INSERT INTO thread_times VALUES(1,99999,1,1,1,1,1,1,1)", "times of no thread");
    refuse("UPDATE function_times SET durations='{\"5\":1,\"x\"}'", "durations make no sense");
    refuse("UPDATE function_times SET durations='{\"5000\":1}'", "durations make no sense");
    refuse("UPDATE function_times SET min_ticks=-5", "extremes make no sense");
    unlink(path);
}

/* --- redaction --------------------------------------------------------------------------------------------- */

static void names_are_hashed_part_by_part(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct redact redact = {.names = true}, none = {0};
    uint8_t digest[32];
    sha256("abc", 3, digest); /* FIPS 180-4's example */
    assert_int_equal(digest[0], 0xba);
    assert_int_equal(digest[31], 0xad);
    sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, digest);
    assert_int_equal(digest[0], 0x24);
    assert_int_equal(digest[31], 0xc1);
    const char *name = redact_name(&redact, arena, "price");
    assert_string_equal(name, redact_name(&redact, arena, "price"));
    assert_null(strstr(name, "price"));
    char expected[64];
    snprintf(expected, sizeof(expected), "%s.<locals>.__init__", name);
    assert_string_equal(redact_name(&redact, arena, "price.<locals>.__init__"), expected);
    const char *file = redact_path(&redact, arena, "/srv/shop/price.py");
    snprintf(expected, sizeof(expected), "%s.py", name);
    assert_string_equal(file + strlen(file) - strlen(expected), expected);
    assert_int_equal(file[0], '/');
    assert_null(strstr(file, "shop"));
    assert_string_equal(redact_path(&redact, arena, "<frozen codecs>"), "<frozen codecs>");
    assert_string_equal(redact_name(&none, arena, "price"), "price");
    arena_free(arena);
}

static void what_looks_like_a_secret_is_masked(void **state)
{
    (void)state;
    static const struct {
        const char *text, *masked;
    } words[] = {
        {"app.py --port 80 -v", "app.py --port 80 -v"},
        {"app.py --password hunter2 -v", "app.py --password *** -v"},
        {"app.py --db-password=hunter2", "app.py --db-password=***"},
        {"app.py '--token=a b' c", "app.py '--token=***' c"},
        {"app.py $'--token=a\\nb c' d", "app.py $'--token=***' d"},
        {"app.py --token $'a\\nb c' d", "app.py --token $'***' d"},
        {"app.py --token 'it'\\''s so' d", "app.py --token '***' d"},
        {"app.py '--token=it'\\''s so' d", "app.py '--token=***' d"},
        {"app.py --token 'a b' c", "app.py --token '***' c"},
        {"env API_KEY=abc SECRET_KEY='x y' app.py", "env API_KEY=*** SECRET_KEY='***' app.py"},
        {"app.py postgres://me:pa:ss@db/x?y=1", "app.py postgres://me:***@db/x?y=1"},
        {"app.py https://example.org/a/b:c@d", "app.py https://example.org/a/b:c@d"},
        {"app.py --api-key --verbose", "app.py --api-key --verbose"},
        {"app.py ghp_16C7e42F292c6912E7710c838347Ae178B4a", "app.py ***"},
        {"app.py AKIAIOSFODNN7EXAMPLE", "app.py ***"},
        {"app.py eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjft", "app.py ***"},
        {"app.py -H 'Authorization: Bearer abc.def' u", "app.py -H 'Authorization: ***' u"},
        {"app.py 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b", "app.py ***"},
        {"app.py '{\"password\": \"x\", \"n\": 1}'", "app.py '{\"password\": \"***\", \"n\": 1}'"},
        {"pytest tests/auth/test_token.py::test_a", "pytest tests/auth/test_token.py::test_a"},
        {"app.py /usr/lib/python3.11/site-packages/very/long/path/12345/x",
         "app.py /usr/lib/python3.11/site-packages/very/long/path/12345/x"},
        {"app.py --passphrase=", "app.py --passphrase="},
        {"app.py -p secretx -u me", "app.py -p *** -u me"},
        {"app.py -p 's x' -v", "app.py -p '***' -v"},
        {"app.py -p 8080 -p ./x -p /srv -p", "app.py -p 8080 -p ./x -p /srv -p"},
        {"app.py -pq x --p x", "app.py -pq x --p x"},
        {"mysql -pHunter2 -port 80 '-pS3cr x!'", "mysql -p*** -port 80 '-p***'"},
        {"app.py --pass hunter2 DB_PASS=x dbPass=y", "app.py --pass *** DB_PASS=*** dbPass=***"},
        {"app.py --compass north --bypass=x --spin y",
         "app.py --compass north --bypass=x --spin y"},
        {"app.py --otp 123456 --db-pw=x --creds y", "app.py --otp *** --db-pw=*** --creds ***"},
        {"curl -u me:hunter2 --proxy-user 'me:a b' x", "curl -u me:*** --proxy-user 'me:***' x"},
        {"app.py -u 1000:1000 -u me '--user=me:a b'", "app.py -u 1000:1000 -u me '--user=me:***'"},
        {"app.py -H 'X-Api-Key: a b' y", "app.py -H 'X-Api-Key: ***' y"},
        {"http x Authorization: Token abc y", "http x Authorization: *** y"},
        {"", ""},
    };
    struct arena *arena = arena_new();
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        assert_string_equal(redact_mask(arena, words[i].text), words[i].masked);
    arena_free(arena);
}

int main(void)
{
    int fd = mkstemps(path, 5);
    if (fd < 0)
        return 1;
    close(fd);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_is_the_live_report),
        cmocka_unit_test(slices_of_time_sum_to_the_whole),
        cmocka_unit_test(slices_of_threads_sum_to_the_whole),
        cmocka_unit_test(the_window_is_the_end_of_the_slice),
        cmocka_unit_test(old_windows_are_dropped),
        cmocka_unit_test(the_file_stays_below_its_size),
        cmocka_unit_test(what_is_no_recording_is_refused),
        cmocka_unit_test(names_are_hashed_part_by_part),
        cmocka_unit_test(what_looks_like_a_secret_is_masked),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
