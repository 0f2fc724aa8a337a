/* SPDX-License-Identifier: MIT */
/* The tables.
 * Why: see schema.h.
 * Rules: as there. */
#include "recording/schema.h"

#include "model/snapshot.h"

#define TABLE(name, columns)                                      \
    {                                                             \
#name, "CREATE TABLE " #name "(" columns ")", NULL, false \
    }
#define LATER(name, columns)                                     \
    {                                                            \
#name, "CREATE TABLE " #name "(" columns ")", NULL, true \
    }
/* The same, of which files of before have some columns less: `more`, the last ones, are read as 0 there. */
#define GROWN(name, columns, more)                              \
    {                                                           \
#name, "CREATE TABLE " #name "(" columns ", " more ")", \
            "CREATE TABLE " #name "(" columns ")", true         \
    }
#define BY_WINDOW(name, columns, key)                                                            \
    {                                                                                            \
#name,                                                                                   \
            "CREATE TABLE " #name "(window INTEGER, " columns ", PRIMARY KEY(window, " key ")) " \
            "WITHOUT ROWID",                                                                     \
            NULL, false                                                                          \
    }

const struct schema_table schema_tables[] = {
    TABLE(meta, "name TEXT PRIMARY KEY, value"),
    TABLE(windows, "id INTEGER PRIMARY KEY, level INTEGER, from_ns INTEGER, to_ns INTEGER, "
                   "events INTEGER, lost INTEGER, gaps INTEGER, nested INTEGER, off_ns INTEGER"),
    TABLE(functions,
          "id INTEGER PRIMARY KEY, pid INTEGER, kind TEXT, name TEXT, qualname TEXT, module TEXT, "
          "file TEXT, line INTEGER, calls_exact INTEGER, times_exact INTEGER, muted INTEGER, "
          "holds_left_out INTEGER, method INTEGER"),
    TABLE(nodes, "id INTEGER PRIMARY KEY, parent INTEGER, function INTEGER, thread INTEGER, "
                 "flags INTEGER"),
    TABLE(threads, "id INTEGER PRIMARY KEY, position INTEGER, pid INTEGER, tid INTEGER, name TEXT, "
                   "ended INTEGER, running INTEGER, depth INTEGER"),
    TABLE(processes, "id INTEGER PRIMARY KEY, pid INTEGER, ppid INTEGER, command TEXT"),
    BY_WINDOW(node_times,
              "node INTEGER, calls INTEGER, resumes INTEGER, "
              "self_ticks INTEGER, total_ticks INTEGER, self_wait_ticks INTEGER, "
              "total_wait_ticks INTEGER",
              "node"),
    BY_WINDOW(function_times,
              "function INTEGER, yields INTEGER, raised INTEGER, estimated INTEGER, "
              "min_ticks INTEGER, max_ticks INTEGER, min_cpu_ticks INTEGER, max_cpu_ticks INTEGER, "
              "durations TEXT, cpu_durations TEXT",
              "function"),
    BY_WINDOW(thread_times,
              "thread INTEGER, calls INTEGER, lost INTEGER, profiled_ticks INTEGER, "
              "wait_ticks INTEGER, stalled_ticks INTEGER, corrected_ticks INTEGER, "
              "outside_ticks INTEGER",
              "thread"),
    BY_WINDOW(process_times, "process INTEGER, calls INTEGER, lost INTEGER", "process"),
    TABLE(tasks,
          "position INTEGER PRIMARY KEY, count INTEGER, id INTEGER, pid INTEGER, tid INTEGER, "
          "name TEXT, state TEXT, coroutine INTEGER, maker INTEGER, awaiting INTEGER, "
          "steps INTEGER, raised INTEGER, wall_ns INTEGER, wait_ns INTEGER, suspended_ns INTEGER, "
          "longest_ns INTEGER, steps_exact INTEGER"),
    TABLE(gc, "position INTEGER PRIMARY KEY, generation INTEGER, by_function INTEGER, "
              "function INTEGER, runs INTEGER, collected INTEGER, uncollectable INTEGER, "
              "total_ns INTEGER, max_ns INTEGER"),
    GROWN(io,
          "position INTEGER PRIMARY KEY, operation TEXT, resource TEXT, function INTEGER, "
          "calls INTEGER, bytes INTEGER, errors INTEGER, blocked_ns INTEGER, p99_ns INTEGER, "
          "max_ns INTEGER",
          "line INTEGER"),
    LATER(lines, "position INTEGER PRIMARY KEY, function INTEGER, line INTEGER, hits INTEGER, "
                 "self_ns INTEGER, self_wait_ns INTEGER, partial INTEGER"),
    LATER(objects, "position INTEGER PRIMARY KEY, type TEXT, function INTEGER, line INTEGER, "
                   "before INTEGER, births INTEGER, deaths INTEGER, live INTEGER, "
                   "bytes INTEGER, live_bytes INTEGER, median_life_ns INTEGER"),
    TABLE(sites, "position INTEGER PRIMARY KEY, text TEXT, skip INTEGER, matched INTEGER"),
    TABLE(sources, "position INTEGER PRIMARY KEY, name TEXT, on_ns INTEGER, wanted INTEGER, "
                   "complete INTEGER, reason TEXT"),
    TABLE(files, "name TEXT PRIMARY KEY, text TEXT"),
};
const size_t schema_table_count = sizeof(schema_tables) / sizeof(schema_tables[0]);

#define FIELD(name, kind)                                 \
    {                                                     \
#name, kind, offsetof(struct snapshot_meta, name) \
    }

const struct schema_field schema_fields[] = {
    FIELD(command, META_TEXT),
    FIELD(python, META_TEXT),
    FIELD(executable, META_TEXT),
    FIELD(host, META_TEXT),
    FIELD(pid, META_U32),
    FIELD(start_time_ns, META_INT),
    FIELD(duration_ns, META_INT),
    FIELD(ended, META_BOOL),
    FIELD(exit_status, META_S32),
    FIELD(signal, META_S32),
    FIELD(recording, META_BOOL),
    FIELD(corrected, META_BOOL),
    FIELD(corrected_ns, META_INT),
    FIELD(waited_ns, META_INT),
    FIELD(wait_source, META_S32),
    FIELD(calls, META_UINT),
    FIELD(events_read, META_UINT),
    FIELD(lost, META_UINT),
    FIELD(gaps, META_UINT),
    FIELD(nested, META_UINT),
    FIELD(unmatched_pops, META_UINT),
    FIELD(bad_events, META_UINT),
    FIELD(waits_lost, META_UINT),
    FIELD(execs_unfollowed, META_UINT),
    FIELD(processes_folded, META_UINT),
    FIELD(by_process, META_BOOL),
    FIELD(definitions_refused, META_UINT),
    FIELD(stack_guards, META_UINT),
    FIELD(forks_unfollowed, META_UINT),
    FIELD(stack_guard_ns, META_INT),
    FIELD(off_ns, META_INT),
    FIELD(stolen_ns, META_INT),
    FIELD(thread_count, META_U32),
    FIELD(events_per_s, META_REAL),
    FIELD(ns_per_call, META_REAL),
    FIELD(ns_per_c_call, META_REAL),
    FIELD(cost_pct, META_REAL),
    FIELD(collector_pct, META_REAL),
    FIELD(budget_pct, META_REAL),
    FIELD(budget_is_held, META_BOOL),
    FIELD(inexact, META_TEXT),
    FIELD(left_out, META_U32),
    FIELD(tasks_live, META_UINT),
    FIELD(tasks_refused, META_UINT),
    FIELD(longest_step_ns, META_INT),
    FIELD(longest_step_task, META_TEXT),
    FIELD(memory.unknown_frees, META_UINT),
    FIELD(memory.untracked, META_UINT),
    FIELD(memory.rss_bytes, META_UINT),
    FIELD(memory.before_bytes, META_UINT),
};
const size_t schema_field_count = sizeof(schema_fields) / sizeof(schema_fields[0]);

const char *const schema_kinds[] = {"python",          "c",     "generator", "coroutine",
                                    "async_generator", "pseudo"};
const char *const schema_states[] = {"pending", "running", "suspended", "ended"};
