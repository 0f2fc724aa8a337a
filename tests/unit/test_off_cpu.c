/* SPDX-License-Identifier: MIT */
/* Waiting times of a real child process: one function spins, one sleeps, one is blocked for ever.
 * Why a process: switch records and schedstat are the kernel's word about it. */
#include "fold_tools.h"

#include "base/clock.h"
#include "model/snapshot_make.h"
#include "model/stolen.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WORK_NS = 150 * 1000 * 1000, RUNS = 5 };

static uint64_t cpu_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec;
}

static void nap(uint64_t ns)
{
    struct timespec time = {.tv_nsec = (long)ns};
    nanosleep(&time, NULL);
}

/* What the target does: the events that the probe would write around it. */
static void be_the_target(struct bench_session *session, int ready)
{
    struct bench_writer writer = fold_tools_take(session, 1, (uint32_t)getpid());
    fold_tools_call(&writer, EVENT_START, 1, 100);
    fold_tools_call(&writer, EVENT_START, 2, 200);
    uint64_t until = cpu_ns() + WORK_NS;
    while (cpu_ns() < until)
        continue;
    fold_tools_call(&writer, EVENT_RETURN, 2, 200);
    for (int i = 0; i < 3; i++) {
        fold_tools_call(&writer, EVENT_START, 3, 200);
        nap(WORK_NS / 3);
        fold_tools_call(&writer, EVENT_RETURN, 3, 200);
    }
    fold_tools_call(&writer, EVENT_START, 4, 200);
    if (write(ready, "x", 1) != 1)
        _exit(1);
    for (;;)
        pause();
}

static double share(int64_t wait, int64_t all)
{
    return all ? (double)wait / (double)all : 0;
}

/* What does not hold; NULL: all does. */
static const char *wrong_waits(const struct snapshot *snapshot)
{
    const struct snapshot_function *outer = fold_tools_function(snapshot, "outer");
    const struct snapshot_function *busy = fold_tools_function(snapshot, "busy");
    const struct snapshot_function *sleepy = fold_tools_function(snapshot, "sleepy");
    const struct snapshot_function *blocked = fold_tools_function(snapshot, "blocked");
    const struct snapshot_thread *thread = &snapshot->threads[0];
    /* The machine may be busy: then `busy` waits for a CPU, and its cpu time is what it asked for. */
    int64_t busy_cpu = busy->self_ns - busy->self_wait_ns;
    /* Of one snapshot, whenever it was made. */
    assert_true(sleepy->self_wait_ns <= sleepy->self_ns);
    assert_true(outer->total_wait_ns >= sleepy->total_wait_ns + blocked->total_wait_ns);
    assert_true(outer->total_wait_ns <= outer->total_ns);
    assert_true(thread->wait_ns >= sleepy->self_wait_ns + blocked->self_wait_ns);
    if (busy_cpu < WORK_NS - 45000000 || busy_cpu > WORK_NS + 45000000)
        return "the CPU time of busy";
    if (share(sleepy->self_wait_ns, sleepy->self_ns) <= 0.85)
        return "the waiting time of sleepy";
    if (share(blocked->self_wait_ns, blocked->self_ns) <= 0.85)
        return "the waiting time of blocked";
    if (outer->self_ns >= 100000000)
        return "the own time of outer";
    if (thread->cpu_ns <= WORK_NS - 45000000)
        return "the CPU time of the thread";
    if (snapshot->meta.wait_source == WAIT_PERF &&
        (sleepy->max_ns >= WORK_NS / 10 || sleepy->p50_ns >= WORK_NS / 10)) /* of the cpu clock */
        return "the longest call of sleepy";
    return NULL;
}

/* Blocked, live, without an event. */
static const char *wrong_later(struct collector *collector, int64_t before_ns)
{
    nap(100 * 1000 * 1000);
    struct snapshot *snapshot = collector_snapshot(collector, 1, CLOCK_WALL);
    const char *wrong = NULL;
    if (fold_tools_function(snapshot, "blocked")->self_wait_ns <= before_ns + 50000000)
        wrong = "the later waiting time of blocked";
    assert_true(fold_tools_function(snapshot, "sleepy")->max_ns >= WORK_NS / 3);
    snapshot_free(snapshot);
    return wrong;
}

static const char *run_child(bool no_perf)
{
    struct bench_session session;
    int start[2], ready[2];
    char byte;
    fold_tools_open(&session);
    fold_tools_put(&session, 1, DEFINITION_FUNCTION, 0, "outer", 1);
    fold_tools_put(&session, 2, DEFINITION_FUNCTION, 0, "busy", 2);
    fold_tools_put(&session, 3, DEFINITION_FUNCTION, 0, "sleepy", 3);
    fold_tools_put(&session, 4, DEFINITION_FUNCTION, 0, "blocked", 4);
    assert_int_equal(pipe(start), 0);
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (read(start[0], &byte, 1) != 1)
            _exit(1);
        be_the_target(&session, ready[1]);
    }
    struct collector_options options = {.cpu = -1, .target = child, .no_perf = no_perf};
    struct collector *collector = collector_new(&session.mapping, &options);
    assert_non_null(collector);
    assert_int_equal(collector_start(collector), 0);
    assert_int_equal(write(start[1], "x", 1), 1);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    nap(300 * 1000 * 1000);
    struct snapshot *snapshot = collector_snapshot(collector, 0, CLOCK_CPU);
    print_message("waiting times from source %d\n", (int)snapshot->meta.wait_source);
    if (no_perf)
        assert_int_equal(snapshot->meta.wait_source, WAIT_SCHEDSTAT);
    else
        assert_int_not_equal(snapshot->meta.wait_source, WAIT_NONE);
    const char *wrong = wrong_waits(snapshot);
    int64_t before_ns = fold_tools_function(snapshot, "blocked")->self_wait_ns;
    snapshot_free(snapshot);
    if (!wrong)
        wrong = wrong_later(collector, before_ns);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    collector_finish(collector, 0);
    collector_free(collector);
    fold_tools_close(&session);
    return wrong;
}

/* What is waited for a CPU just when the kernel's account is read is told of late: the less there is to do on
 * the machine, the nearer the figures are. Of several runs one must be near. */
static void one_run_is_near(bool no_perf)
{
    const char *wrong = NULL;
    for (int run = 0; run < RUNS; run++) {
        wrong = run_child(no_perf);
        if (!wrong)
            return;
        print_message("run %d: %s is off\n", run, wrong);
    }
    fail_msg("%s is off in all of %d runs", wrong, RUNS);
}

static void by_switch_records(void **state)
{
    (void)state;
    one_run_is_near(false);
}

static void by_schedstat(void **state)
{
    (void)state;
    one_run_is_near(true);
}

/* Below the kernel: what it counts less than the threads were on their CPUs for. */
static void what_is_stolen(void **state)
{
    (void)state;
    const int64_t s = 1000000000;
    assert_true(stolen_share(10 * s, 8 * s) == 0.2);
    assert_true(stolen_share(8 * s, 10 * s) == 0);      /* others used CPU time too */
    assert_true(stolen_share(10 * s, 10 * s - 1) == 0); /* read a moment later */
    assert_true(stolen_share(s, 0) == 0);               /* not known */
    uint64_t before = stolen_process_cpu_ns(getpid());
    uint64_t until = cpu_ns() + 1000000;
    while (cpu_ns() < until)
        continue;
    assert_true(before > 0 && stolen_process_cpu_ns(getpid()) >= before + 1000000);
    assert_int_equal(stolen_process_cpu_ns(0), 0);
    /* A zombie's is still there: what it used is known at its end. */
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        until = cpu_ns() + 1000000;
        while (cpu_ns() < until)
            continue;
        _exit(0);
    }
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    assert_true(stolen_process_cpu_ns(child) >= 1000000);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void what_the_kernel_had(void **state)
{
    (void)state;
    uint64_t user = 0, kernel = 0, user_later = 0, kernel_later = 0;
    assert_true(stolen_process_modes(getpid(), &user, &kernel));
    do {
        assert_true(stolen_process_modes(getpid(), &user_later, &kernel_later));
    } while (kernel_later < kernel + 2); /* two hundredths of a second in it */
    assert_true(user_later >= user);
    assert_false(stolen_process_modes(0, &user, &kernel));
}

/* Stolen time is waiting time of all functions, by their share of the CPU. */
static void stolen_time_is_waiting_time(void **state)
{
    (void)state;
    struct snapshot_maker maker = {.ns_per_tick = 2, .stolen_share = 0.25};
    assert_int_equal(snapshot_make_wait_ns(&maker, 1000, 200), (200 + 200) * 2);
    maker.stolen_share = 0;
    assert_int_equal(snapshot_make_wait_ns(&maker, 1000, 200), 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_switch_records),
        cmocka_unit_test(by_schedstat),
        cmocka_unit_test(what_is_stolen),
        cmocka_unit_test(what_the_kernel_had),
        cmocka_unit_test(stolen_time_is_waiting_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
