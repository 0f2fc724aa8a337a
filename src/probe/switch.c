/* SPDX-License-Identifier: MIT */
/* The switch: states, seeds, the signal.
 * Why: see switch.h.
 * Rules: the order at switch-on is: ON into the control ring, every other thread's stack into the
 * control ring, our own into our own ring, then the hooks. The GIL is held throughout, so no thread's
 * event can come between. Where it may pass, in what calls Python's functions before and after that (a
 * garbage collection runs finalizers), `busy` keeps every other thread from switching. */
#include "probe/switch.h"

#include "probe/calibrate.h"
#include "probe/child_session.h"
#include "probe/control_page.h"
#include "probe/define.h"
#include "probe/escalate.h"
#include "probe/flight.h"
#include "probe/py/asyncio_tasks.h"
#include "probe/source_hooks.h"
#include "probe/speed_tell.h"
#include "sources/lines/lines_probe.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct switch_mechanism *mechanism;
static double ticks_per_ns = 1.0;
static enum clock_source
    measured_clock; /* the counter that ticks_per_ns and cost are of; 0: none */
static struct calibrate_cost cost;
static bool c_calls_unmeasured; /* of a process that was armed, on 3.11 */
static pid_t busy_in;           /* the process (a fork's child is not) that is switching; 0: none */
static pid_t busy_before;

bool switch_is_busy(void)
{
    return busy_in != 0 && busy_in == getpid();
}

void switch_begin_busy(void)
{
    busy_before = busy_in;
    busy_in = getpid();
}

void switch_end_busy(void)
{
    busy_in = busy_before;
}

uint64_t switch_ticks_of_ns(uint64_t ns)
{
    return (uint64_t)((double)ns * ticks_per_ns);
}

double switch_ticks_per_ns(void)
{
    return ticks_per_ns;
}

/* --- control ring --------------------------------------------------------------------------- */

static void put_control(enum event_kind kind, uint64_t counter)
{
    struct writer *control = writer_control();
    if (!control || control->head == control->limit)
        return;
    control->events[control->head & control->mask] =
        (struct event){.counter = counter, .kind_id = event_pack(kind, 0)};
    control->head++;
    atomic_store_explicit(&control->ring->head, control->head, memory_order_release);
}

/* glibc keeps a thread's kernel id in its descriptor; where, is proved on the calling thread. */
static uint32_t kernel_id(unsigned long thread)
{
    enum { TID_OFFSET = 720 };
    unsigned long self = (unsigned long)pthread_self();
    if (*(uint32_t *)(self + TID_OFFSET) != (uint32_t)syscall(SYS_gettid))
        return 0;
    return *(uint32_t *)(thread + TID_OFFSET);
}

static void seed_other(PyThreadState *tstate, uint64_t counter)
{
    unsigned long thread = PYAPI_FIELD(unsigned long, tstate, pyapi.tstate_thread_id);
    struct writer *control = writer_control();
    if (!thread || !control || !pyapi_current_frame(tstate))
        return;
    struct writer *writer = writer_reserve(thread, kernel_id(thread));
    if (!writer)
        return;
    /* A control ring that nobody reads would soon be full; that thread does not run now. */
    if (link_to.flight)
        writer_seed(writer, tstate, counter, 0, 0, true);
    else
        writer_seed(control, tstate, counter, writer_ring(writer), 0, true);
    mechanism->seeded(writer, pyapi_current_frame(tstate));
}

static void seed_all(uint64_t counter)
{
    PyThreadState *self = pyapi.thread_state();
    PyThreadState *tstate = pyapi.thread_head(PyInterpreterState_Get());
    for (; tstate; tstate = pyapi.thread_next(tstate))
        if (tstate != self)
            seed_other(tstate, counter);
    struct writer *own = writer_take();
    if (own && writer_seed(own, self, counter, 0, 0, true))
        mechanism->seeded(own, pyapi_current_frame(self));
}

/* --- on and off ----------------------------------------------------------------------------- */

static void refuse(const char *reason)
{
    struct session_header *header = link_to.header;
    snprintf(header->reason, sizeof(header->reason), "%s", reason);
    atomic_store_explicit(&header->state, STATE_REFUSED, memory_order_release);
}

static uint64_t process_cpu_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec;
}

static void note_on(uint64_t counter, uint32_t sources)
{
    struct session_header *header = link_to.header;
    atomic_store_explicit(&header->on_counter, counter, memory_order_relaxed);
    atomic_store_explicit(&header->cpu_on_ns, process_cpu_ns(), memory_order_relaxed);
    atomic_store_explicit(&header->sources_on, sources, memory_order_relaxed);
    link_to.stacks_told = atomic_load_explicit(&header->stacks_wanted, memory_order_relaxed);
    atomic_store_explicit(&header->state, STATE_ON, memory_order_release);
}

static int put_hooks(uint32_t sources, bool seed, char *reason, size_t size)
{
    if (mechanism->make_ready(sources, reason, size) ||
        source_hooks_make_ready(sources, reason, size))
        return -1;
    escalate_make_ready();
    uint64_t now = link_counter();
    put_control(EVENT_ON, now);
    writer_resume_all();
    if (seed)
        seed_all(now);
    /* The mechanism last: with its hooks compiled traces go that know the pointers from before. */
    if (source_hooks_on(sources, reason, size) || mechanism->on(sources, reason, size)) {
        source_hooks_off();
        mechanism->off();
        put_control(EVENT_OFF, link_counter());
        return -1;
    }
    note_on(now, sources);
    return 0;
}

static bool turn_on(bool seed)
{
    struct session_header *header = link_to.header;
    char reason[SESSION_REASON_SIZE] = "";
    uint32_t sources = atomic_load_explicit(&header->sources_wanted, memory_order_acquire);
    busy_in = getpid();
    int result = put_hooks(sources, seed, reason, sizeof(reason));
    busy_in = 0;
    if (result) {
        refuse(reason);
        return false;
    }
    return true;
}

/* A session that nobody reads is memory for nothing. What the collector still had to read stays: it
 * has the file mapped. */
static int leave_dead(void *unused)
{
    (void)unused;
    const struct session_header *header = link_to.header;
    if (switch_is_busy())
        Py_AddPendingCall(leave_dead, NULL);
    else if (header && atomic_load(&header->state) == STATE_OFF &&
             (child_session_is_over() || !link_collector_lives())) {
        switch_leave();
        flight_resume();
    }
    return 0;
}

static void turn_off(void)
{
    PyObject *type, *value, *traceback;
    writer_is_at_work++;
    PyErr_Fetch(&type, &value, &traceback);
    busy_in = getpid();
    source_hooks_off();
    mechanism->off();
    busy_in = 0;
    PyErr_Clear();
    PyErr_Restore(type, value, traceback);
    writer_is_at_work--;
}

static void look_at_hooks(void)
{
    PyObject *type, *value, *traceback;
    writer_is_at_work++;
    PyErr_Fetch(&type, &value, &traceback);
    if (!mechanism->are_in_place())
        atomic_store_explicit(&link_to.header->hooks_taken, TAKEN_MONITORING, memory_order_relaxed);
    source_hooks_look();
    PyErr_Clear();
    PyErr_Restore(type, value, traceback);
    writer_is_at_work--;
}

void switch_look_at_hooks(void)
{
    enum { STEP_NS = 1000 * 1000 };
    static uint64_t next;
    uint64_t now = link_counter();
    if (!switch_is_on() || switch_is_busy() || !mechanism->are_in_place ||
        (int64_t)(now - next) < 0)
        return;
    next = now + switch_ticks_of_ns(STEP_NS);
    look_at_hooks();
}

void switch_off(enum off_cause cause)
{
    struct session_header *header = link_to.header;
    if (!header || switch_is_busy() ||
        atomic_load_explicit(&header->state, memory_order_relaxed) != STATE_ON)
        return;
    if (mechanism->are_in_place)
        look_at_hooks();
    turn_off();
    uint64_t now = link_counter();
    put_control(EVENT_OFF, now);
    atomic_store_explicit(&header->off_counter, now, memory_order_relaxed);
    uint64_t used_ns = process_cpu_ns() - atomic_load(&header->cpu_on_ns);
    atomic_fetch_add_explicit(&header->cpu_recorded_ns, used_ns, memory_order_relaxed);
    atomic_store_explicit(&header->cpu_on_ns, 0, memory_order_relaxed);
    atomic_store_explicit(&header->off_cause, (uint32_t)cause, memory_order_relaxed);
    atomic_store_explicit(&header->sources_on, 0, memory_order_relaxed);
    atomic_store_explicit(&header->state, STATE_OFF, memory_order_release);
    if ((cause == OFF_COLLECTOR_DEAD && control_page_is_armed()) || child_session_is_over())
        Py_AddPendingCall(leave_dead, NULL); /* not here: our caller still holds a writer */
}

/* The child of a fork that is not followed: no hook stays, and nothing of the parent's is touched. */
void switch_off_in_child(void)
{
    turn_off();
}

/* Functions that were silent are to be heard: their frames that are open now are told with the stacks. */
static void hear_again(void)
{
    struct session_header *header = link_to.header;
    if (!atomic_load_explicit(&header->modes_vary, memory_order_relaxed))
        return;
    uint32_t stacks = atomic_load_explicit(&header->stacks_wanted, memory_order_relaxed);
    bool wanted = stacks != link_to.stacks_told;
    link_to.stacks_told = stacks;
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    busy_in = getpid();
    escalate_begin_anew();
    source_hooks_rearm(atomic_load_explicit(&header->sources_on, memory_order_relaxed));
    if (mechanism->rearm(lines_told_anew() || wanted))
        seed_all(link_counter());
    busy_in = 0;
    PyErr_Clear();
    PyErr_Restore(type, value, traceback);
}

/* Other sources: what was heard so far ends, what is heard now begins, and the stacks are told between the
 * two. Sources that are refused leave those that were on; who wanted them sees that sources_on differs. */
static void change_sources(uint32_t before)
{
    struct session_header *header = link_to.header;
    char reason[SESSION_REASON_SIZE] = "", ignored[SESSION_REASON_SIZE];
    uint32_t wanted = atomic_load_explicit(&header->sources_wanted, memory_order_acquire);
    PyObject *type, *value, *traceback;
    switch_off(OFF_WANTED);
    PyErr_Fetch(&type, &value, &traceback);
    busy_in = getpid();
    int result = put_hooks(wanted, true, reason, sizeof(reason));
    if (result) {
        snprintf(header->reason, sizeof(header->reason), "%s", reason);
        result = put_hooks(before, true, ignored, sizeof(ignored));
    }
    busy_in = 0;
    PyErr_Clear();
    PyErr_Restore(type, value, traceback);
    if (result)
        refuse(ignored);
}

static void change(void)
{
    struct session_header *header = link_to.header;
    uint32_t on = atomic_load_explicit(&header->sources_on, memory_order_relaxed);
    if (atomic_load_explicit(&header->sources_wanted, memory_order_acquire) != on ||
        escalate_needs_lines())
        change_sources(on);
    else
        hear_again();
}

static void apply(void);

void switch_apply(void)
{
    writer_is_at_work++;
    apply();
    writer_is_at_work--;
}

static void apply(void)
{
    struct session_header *header = link_to.header;
    if (!header || switch_is_busy())
        return; /* who is busy may have read the wanted words too early, so it stays due */
    uint32_t serial = atomic_load_explicit(&header->switch_serial, memory_order_acquire);
    uint32_t wanted = atomic_load_explicit(&header->wanted, memory_order_acquire);
    uint32_t state = atomic_load_explicit(&header->state, memory_order_relaxed);
    atomic_store_explicit(&link_to.serial_seen, serial, memory_order_relaxed);
    link_obey_full();
    if (state == STATE_REFUSED || state == STATE_WAITING)
        return; /* STATE_WAITING: the first __main__ code reads the wanted words itself */
    if (wanted == WANTED_ON && state != STATE_ON)
        turn_on(true);
    else if (wanted == WANTED_OFF && state == STATE_ON)
        switch_off(OFF_WANTED);
    else if (state == STATE_ON) {
        speed_tell_switch();
        change();
    }
    atomic_store_explicit(&header->switch_done, serial, memory_order_release);
}

void switch_renew_traces(void)
{
    if (mechanism->renew && switch_is_on())
        mechanism->renew();
}

bool switch_is_on(void)
{
    const struct session_header *header = link_to.header;
    return header && atomic_load_explicit(&header->state, memory_order_relaxed) == STATE_ON;
}

bool switch_first_main(void)
{
    struct session_header *header = link_to.header;
    if (!header)
        return false;
    uint32_t serial = atomic_load_explicit(&header->switch_serial, memory_order_acquire);
    atomic_store_explicit(&link_to.serial_seen, serial, memory_order_relaxed);
    bool on = false;
    if (atomic_load_explicit(&header->wanted, memory_order_acquire) == WANTED_ON)
        on = turn_on(false);
    else {
        mechanism->off();
        atomic_store_explicit(&header->state, STATE_OFF, memory_order_release);
    }
    atomic_store_explicit(&header->switch_done, serial, memory_order_release);
    return on;
}

/* --- arming --------------------------------------------------------------------------------- */

static void measure_clock(void)
{
    uint64_t counter = link_counter();
    uint64_t begin_ns = clock_monotonic_ns();
    uint64_t end_ns;
    do
        end_ns = clock_monotonic_ns();
    while (end_ns - begin_ns < 100 * 1000);
    ticks_per_ns = (double)(link_counter() - counter) / (double)(end_ns - begin_ns);
    measured_clock = link_to.clock;
}

/* Where the standard library is: what the interpreter's own sysconfig says, without importing it. */
static void tell_stdlib(void)
{
    struct session_header *header = link_to.header;
    PyObject *prefix = PySys_GetObject("base_prefix"), *folder = PySys_GetObject("platlibdir");
    PyObject *path = NULL, *bytes = NULL;
    if (prefix && folder && PyUnicode_Check(prefix) && PyUnicode_Check(folder))
        path = PyUnicode_FromFormat("%U/%U/python3.%d", prefix, folder, pyapi.minor);
    if (path)
        bytes = PyUnicode_AsEncodedString(path, "utf-8", "backslashreplace");
    if (bytes && (size_t)PyBytes_Size(bytes) < sizeof(header->stdlib))
        snprintf(header->stdlib, sizeof(header->stdlib), "%s", PyBytes_AsString(bytes));
    Py_XDECREF(bytes);
    Py_XDECREF(path);
    PyErr_Clear();
}

static void tell_target(void)
{
    struct session_header *header = link_to.header;
    const char *version = Py_GetVersion();
    size_t size = strcspn(version, " ");
    if (size >= sizeof(header->python))
        size = sizeof(header->python) - 1;
    memcpy(header->python, version, size);
    PyObject *executable = PySys_GetObject("executable"); /* borrowed */
    PyObject *bytes = executable && PyUnicode_Check(executable)
                          ? PyUnicode_AsEncodedString(executable, "utf-8", "backslashreplace")
                          : NULL;
    if (bytes)
        snprintf(header->executable, sizeof(header->executable), "%s", PyBytes_AsString(bytes));
    Py_XDECREF(bytes);
    PyErr_Clear();
    tell_stdlib();
}

static void tell_cost(void)
{
    struct session_header *header = link_to.header;
    header->cost_inner_ticks256 = cost.of[0][COST_CALL].inner_ticks256;
    header->cost_outer_ticks256 = cost.of[0][COST_CALL].outer_ticks256;
    header->cost_c_inner_ticks256 = cost.of[1][COST_C_CALL].inner_ticks256;
    header->cost_c_outer_ticks256 = cost.of[1][COST_C_CALL].outer_ticks256;
    memcpy(header->costs, cost.of, sizeof(header->costs));
    header->cost_speed_ticks = cost.speed_ticks;
    header->cost_line_ticks256 = cost.line_ticks256;
    header->cost_chain_ticks = cost.chain_ticks;
    memcpy(header->cost_own_ticks256, cost.own_ticks256, sizeof(header->cost_own_ticks256));
}

static int prepare(uint32_t sources, char *reason, size_t size)
{
    mechanism = pyapi.minor >= 12 ? &monitoring_mechanism : &frame_eval_mechanism;
    measure_clock();
    if (mechanism->prepare(reason, size) || mechanism->begin(reason, size))
        return -1;
    memset(&cost, 0, sizeof(cost));
    calibrate_run(mechanism, sources, &cost);
    return 0;
}

int switch_arm(char *reason, size_t size)
{
    struct session_header *header = link_to.header;
    tell_target();
    uint32_t sources = atomic_load(&header->sources_wanted) | header->sources_asked;
    if (source_hooks_can_be_had(sources, reason, size) || prepare(sources, reason, size))
        return -1;
    tell_cost();
    switch_install_signal();
    if (mechanism->watch_main()) {
        snprintf(reason, size, "watching for the program's first code failed");
        return -1;
    }
    atomic_store_explicit(&header->state, STATE_WAITING, memory_order_release);
    return 0;
}

/* --- a process that was armed before it was asked ------------------------------------------- */

int switch_prepare_process(char *reason, size_t size)
{
    if (link_open_private(reason, size))
        return -1;
    define_reset();
    /* An attach does this within a pending call (calibrate.h). */
    c_calls_unmeasured = pyapi.minor == 11;
    uint32_t sources = c_calls_unmeasured ? SOURCE_CALLS : SOURCE_CALLS | SOURCE_C_CALLS;
    int result = prepare(sources, reason, size);
    switch_leave();
    return result;
}

/* At the first join, which SIGURG's handler does. */
static void measure_c_calls(void)
{
    char reason[SESSION_REASON_SIZE];
    c_calls_unmeasured = false;
    if (link_open_private(reason, sizeof(reason)))
        return;
    define_reset();
    if (mechanism->begin(reason, sizeof(reason)) == 0)
        calibrate_run(mechanism, SOURCE_C_CALLS, &cost);
    switch_leave();
}

/* The session counts by another counter than the one that was measured with. */
static void change_clock(void)
{
    double before = ticks_per_ns;
    measure_clock();
    double scale = ticks_per_ns / before;
    struct session_cost *costs = &cost.of[0][0];
    for (size_t i = 0; i < sizeof(cost.of) / sizeof(*costs); i++) {
        costs[i].inner_ticks256 = (uint32_t)(costs[i].inner_ticks256 * scale);
        costs[i].outer_ticks256 = (uint32_t)(costs[i].outer_ticks256 * scale);
    }
    cost.speed_ticks = (uint32_t)(cost.speed_ticks * scale);
    cost.line_ticks256 = (uint32_t)(cost.line_ticks256 * scale);
    /* These hold readings of the counter, which take another time now. */
    cost.chain_ticks = cost.own_ticks256[0] = cost.own_ticks256[1] = 0;
}

int switch_join(const char *path, char *reason, size_t size)
{
    switch_leave();
    if (c_calls_unmeasured)
        measure_c_calls();
    int opened = link_open(path, reason, size);
    if (opened == 0)
        child_session_begin(path);
    else if (opened != LINK_TAKEN || child_session_join(path, 0, reason, size))
        return -1;
    if (switch_join_linked(reason, size))
        return -1;
    if (opened == LINK_TAKEN)
        child_session_tell();
    return 0;
}

int switch_join_linked(char *reason, size_t size)
{
    define_reset();
    struct session_header *header = link_to.header;
    header->python_version = (uint32_t)pyapi.minor;
    if (link_to.clock != measured_clock)
        change_clock();
    tell_target();
    tell_cost();
    busy_in = getpid();
    int begun = source_hooks_can_be_had(header->sources_asked, reason, size) ||
                mechanism->begin(reason, size);
    busy_in = 0;
    if (begun) {
        refuse(reason);
        switch_leave();
        return -1;
    }
    atomic_fetch_add(&header->exec_count, 1);
    atomic_store_explicit(&header->state, STATE_OFF, memory_order_release);
    switch_apply();
    if (atomic_load(&header->state) != STATE_REFUSED)
        return 0;
    snprintf(reason, size, "%s", header->reason);
    switch_leave();
    return -1;
}

/* --- a fork's child ------------------------------------------------------------------------- */

/* The hooks are in place, as they were in the parent; all that they need is a session. */
static void begin_in_child(uint32_t excluded)
{
    struct session_header *header = link_to.header;
    PyThreadState *self = pyapi.thread_state();
    void *frame = pyapi_current_frame(self);
    if (frame && excluded && pyapi_frame_key(frame) == excluded)
        frame = PYAPI_FIELD(void *, frame, pyapi.frame_previous);
    escalate_make_ready();
    uint64_t now = link_counter();
    put_control(EVENT_ON, now);
    struct writer *own = writer_take();
    if (own && writer_seed(own, self, now, 0, excluded, true))
        mechanism->seeded(own, frame);
    note_on(now, atomic_load_explicit(&header->sources_wanted, memory_order_relaxed));
}

/* A flight recorder's child has one of its own. What the parent had muted is to be heard, and only who
 * knows its ids can have the interpreter tell it again. */
static bool fly_in_child(uint32_t excluded)
{
    bool anew = flight_mutes() && pyapi.minor >= 12;
    if (anew)
        turn_off();
    writer_leave_all();
    link_close();
    if (!flight_link_child()) {
        if (!anew)
            turn_off();
        return false;
    }
    define_reset();
    link_to.header->python_version = (uint32_t)pyapi.minor;
    tell_target();
    tell_cost();
    flight_begin_child();
    atomic_fetch_add(&link_to.header->exec_count, 1);
    if (anew)
        return turn_on(true);
    begin_in_child(excluded);
    return true;
}

/* What the parent's hooks say is by ids of the parent's session, which mean nothing in this one. */
static void hear_sources_in_child(void)
{
    uint32_t sources = atomic_load_explicit(&link_to.header->sources_on, memory_order_relaxed);
    char reason[SESSION_REASON_SIZE];
    busy_in = getpid();
    source_hooks_off();
    int result = source_hooks_make_ready(sources, reason, sizeof(reason)) ||
                 source_hooks_on(sources, reason, sizeof(reason));
    busy_in = 0;
    if (result) {
        switch_off(OFF_WANTED);
        refuse(reason);
    }
}

static bool follow_child(uint32_t excluded)
{
    if (link_to.flight)
        return fly_in_child(excluded);
    char root[sizeof(link_to.root)], reason[SESSION_REASON_SIZE];
    uint32_t parent = (uint32_t)link_to.parent;
    memcpy(root, link_to.root, sizeof(root));
    writer_leave_all();
    link_close();
    if (child_session_join(root, parent, reason, sizeof(reason))) {
        switch_off_in_child();
        return false;
    }
    define_reset();
    link_to.header->python_version = (uint32_t)pyapi.minor;
    tell_target();
    tell_cost();
    atomic_fetch_add(&link_to.header->exec_count, 1);
    child_session_tell(); /* before the stack is: its functions may have rules, which are asked for */
    bool wanted = atomic_load(&link_to.header->wanted) == WANTED_ON;
    if (wanted && link_to.hooked)
        begin_in_child(excluded);
    else if (wanted)
        turn_on(true);
    else
        switch_off_in_child();
    if (!wanted)
        atomic_store_explicit(&link_to.header->state, STATE_OFF, memory_order_release);
    if (wanted && link_to.hooked)
        hear_sources_in_child();
    return true;
}

bool switch_follow_child(uint32_t excluded)
{
    if (!link_to.orphan)
        return false;
    link_to.orphan = false;
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    writer_is_at_work++;
    bool followed = follow_child(excluded);
    writer_is_at_work--;
    PyErr_Clear();
    PyErr_Restore(type, value, traceback);
    return followed;
}

void switch_leave(void)
{
    if (!link_to.base)
        return;
    if (link_to.header)
        switch_off(OFF_WANTED);
    else
        switch_off_in_child();
    busy_in = getpid();
    mechanism->end();
    asyncio_tasks_end();
    busy_in = 0;
    writer_leave_all();
    link_close();
    child_session_forget();
}
