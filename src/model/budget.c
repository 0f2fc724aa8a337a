/* SPDX-License-Identifier: MIT */
/* The budget of a running session.
 * Why: see budget.h.
 * Rules: as there. */
#include "model/budget.h"

#include "model/collector_parts.h"
#include "model/stolen.h"
#include "wire/guard.h"

enum {
    LOOK_NS = 5 * 1000 * 1000,
    ROLL_NS = 250 * 1000 *
              1000, /* a listening without end begins anew: what it tells is to be fresh */
    PATIENCE_NS = 10 * 1000 * 1000, /* a busy probe notices a call by itself */
    AGAIN_NS = 100 * 1000 * 1000,
    RAN_LATELY_NS = 20 * 1000 * 1000, /* several ticks of the kernel's account */
    LOOKED_AT = 32,                   /* processes in LOOK_NS: of more, looks are fewer */
};

struct serial_call {
    struct session_header *header;
    bool raise;
    uint32_t serial, done, minor;
};

/* Before 3.12 a function cannot fall silent by itself. Of a process that is about to begin the version is not known yet. */
static bool is_told_always(uint32_t minor)
{
    return minor > 0 && minor < 12;
}

static int read_serial(void *context)
{
    struct serial_call *call = context;
    call->minor = call->header->python_version;
    if (call->raise && !is_told_always(call->minor))
        atomic_fetch_add_explicit(&call->header->switch_serial, 1, memory_order_release);
    call->serial = atomic_load_explicit(&call->header->switch_serial, memory_order_relaxed);
    call->done = atomic_load_explicit(&call->header->switch_done, memory_order_acquire);
    return 0;
}

static void on_late_wait(void *context, uint32_t node, int64_t ticks, bool of_burst)
{
    struct collector *collector = context;
    mute_late_wait(&collector->budget.mute, &collector->model, node, ticks, of_burst);
}

static int begin_mute(struct collector *collector)
{
    int result = mute_init(&collector->budget.mute, &collector->model);
    if (result == 0) {
        collector->model.on_late_wait = on_late_wait;
        collector->model.on_late_wait_context = collector;
    }
    return result;
}

int budget_init(struct collector *collector, double budget_pct)
{
    struct budget *budget = &collector->budget;
    if (budget_pct <= 0)
        return 0;
    budget->on = true;
    budget->coldest = GOVERNOR_COLD;
    governor_init(&budget->governor, budget_pct);
    int result = begin_mute(collector);
    if (result == 0)
        mute_begin_burst(&budget->mute, &collector->model, 0);
    return result;
}

void budget_done(struct collector *collector)
{
    collector->model.on_late_wait = NULL;
    if (collector->budget.on)
        mute_done(&collector->budget.mute);
    collector->budget.on = false;
}

/* The process of a session in our PID namespace, as far as it is known; 0: not. */
static pid_t process_of(const struct collector *collector, const struct drain *drain)
{
    pid_t target = collector->options.target;
    if (drain != &collector->drain)
        return (pid_t)drain->process->pid;
    return target > 0 && drain->words.target_pid == (uint32_t)target ? target : 0;
}

/* What a process's threads ran since the last look; of several that computed at once, which only those
 * without Python's lock can, no more than the time that passed. Where the kernel's account is not to be
 * had: all time. */
static uint64_t ran_ns(const struct collector *collector, struct drain *drain, uint64_t passed_ns)
{
    pid_t process = process_of(collector, drain);
    uint64_t cpu_ns = process ? stolen_process_cpu_ns(process) : 0;
    uint64_t ran_ns = passed_ns;
    if (cpu_ns)
        ran_ns = drain->cpu_seen_ns && cpu_ns > drain->cpu_seen_ns ? cpu_ns - drain->cpu_seen_ns
                                                                   : 0;
    else if (drain != &collector->drain)
        ran_ns = 0; /* it has ended */
    drain->cpu_seen_ns = cpu_ns;
    drain->ran = drain->ran || ran_ns > 0;
    return ran_ns < passed_ns ? ran_ns : passed_ns;
}

/* How many processes were looked at. */
static uint32_t pass_time(struct collector *collector, uint64_t now_ns)
{
    struct budget *budget = &collector->budget;
    uint64_t passed_ns = budget->seen_ns ? now_ns - budget->seen_ns : 0;
    uint64_t before_ns = budget->busy_ns;
    uint32_t count = 0;
    for (struct drain *drain = &collector->drain; drain; drain = drain->next, count++)
        budget->busy_ns += ran_ns(collector, drain, passed_ns);
    if (budget->busy_ns > before_ns)
        budget->ran_ns = now_ns;
    budget->seen_ns = now_ns;
    return count;
}

static void learn_costs(struct collector *collector)
{
    struct budget *budget = &collector->budget;
    const struct model_costs *costs = &collector->drain.words.costs;
    double price = model_call_price(&collector->model, budget->priced);
    if (price > 0)
        budget->call_ticks = price;
    else if (collector->model.priced.calls <= 0)
        budget->call_ticks = ((double)costs->inner_ticks256 + (double)costs->outer_ticks256) / 256;
    budget->priced = collector->model.priced;
    budget->event_ns = budget->call_ticks * collector->scale.ns_per_tick / 2;
}

/* Of the calls that the choice is made from: the processor may have been slow for one burst and not for the next. */
static double burst_call_ticks(struct collector *collector)
{
    struct budget *budget = &collector->budget;
    struct priced_calls now = collector->model.priced, *burst = &budget->burst;
    burst->calls = burst->calls * MUTE_OLDER + now.calls - budget->chosen.calls;
    burst->ticks = burst->ticks * MUTE_OLDER + now.ticks - budget->chosen.ticks;
    budget->chosen = now;
    return burst->calls > 0 ? burst->ticks / burst->calls : budget->call_ticks;
}

/* What was heard since the last time is paid for. */
static void price_events(struct collector *collector)
{
    struct budget *budget = &collector->budget;
    learn_costs(collector);
    uint64_t events = collector->model.events_read - budget->priced_events;
    if (!events)
        return;
    double busy_ns = (double)(budget->busy_ns - budget->priced_busy_ns);
    budget->price_ns =
        budget->event_ns *
        governor_coldness(busy_ns / (double)events - budget->event_ns, budget->coldest);
    budget->cost_ns += (double)events * budget->price_ns;
    budget->priced_events += events;
    budget->priced_busy_ns = budget->busy_ns;
}

/* Everything up to now is read, and what it took and cost accounted for: what begins or ends here does so by all clocks. */
static uint64_t come_up(struct collector *collector)
{
    struct budget *budget = &collector->budget;
    uint64_t counter = collector_catch_up(collector);
    pass_time(collector, clock_monotonic_ns());
    price_events(collector);
    governor_account(&budget->governor, budget->busy_ns, (uint64_t)budget->cost_ns);
    return counter;
}

static void begin_burst(struct collector *collector)
{
    struct budget *budget = &collector->budget;
    uint64_t counter = come_up(collector);
    mute_begin_burst(&budget->mute, &collector->model, counter);
    governor_heard(&budget->governor);
    budget->in_burst = true;
}

static void tell_all(struct collector *collector, enum site_mode mode)
{
    for (struct drain *drain = &collector->drain; drain; drain = drain->next) {
        drain_enter(drain);
        mute_tell(&collector->model, mode);
    }
}

static void tell_lines(struct collector *collector)
{
    for (struct drain *drain = &collector->drain; drain; drain = drain->next) {
        drain_enter(drain);
        mute_tell_lines(&collector->model);
    }
}

static void lift(struct collector *collector)
{
    bool lines = collector->model.symbols.lines_muted_rows > 0;
    tell_all(collector, MODE_RECORD);
    mute_lift(&collector->model);
    if (lines)
        tell_lines(collector);
}

static long look_ns(const struct governor *governor)
{
    return governor->state == GOVERNOR_CALLING ? LOOK_NS / 10 : LOOK_NS;
}

/* The probes have to have the interpreter tell the functions again, each that has silenced any; before 3.12 they look at the byte
 * anyway. */
static void call(struct collector *collector, uint64_t now_ns)
{
    struct budget *budget = &collector->budget;
    collector_catch_up(collector);
    lift(collector);
    for (struct drain *drain = &collector->drain; drain; drain = drain->next) {
        struct serial_call serial = {.header = mapping_header(drain->mapping), .raise = true};
        guard_run(read_serial, &serial);
        drain->call_serial = serial.serial;
        drain->ran = false;
    }
    budget->called_ns = now_ns;
    budget->next_ns = now_ns + (uint64_t)look_ns(&budget->governor);
    if (!budget->silences)
        begin_burst(collector);
}

/* Who is muted is decided afresh, from what is heard from now on. */
static void listen_anew(struct collector *collector)
{
    struct budget *budget = &collector->budget;
    mute_forget_paths(&budget->mute);
    const struct symbols *symbols = &collector->model.symbols;
    if (symbols->muted_rows || symbols->lines_muted_rows ||
        budget->governor.state == GOVERNOR_CALLING) {
        governor_call(&budget->governor);
        call(collector, clock_monotonic_ns());
    } else {
        begin_burst(collector);
    }
}

static int begin_budget(struct collector *collector, double budget_pct, uint64_t counter)
{
    struct budget *budget = &collector->budget;
    int result = begin_mute(collector);
    if (result)
        return result;
    budget->on = true;
    budget->coldest = GOVERNOR_COLD;
    governor_init(&budget->governor, budget_pct);
    price_events(collector);
    /* What it cost before was not of this budget. */
    budget->governor.busy_ns = budget->governor.since_busy_ns = budget->busy_ns;
    budget->governor.began_busy_ns = budget->busy_ns;
    budget->governor.cost_ns = (uint64_t)budget->cost_ns;
    budget->priced = budget->chosen = collector->model.priced;
    budget->burst = (struct priced_calls){0};
    budget->burst_busy_ns = 0;
    budget->seen_ns = budget->called_ns = 0;
    mute_begin_burst(&budget->mute, &collector->model, counter);
    return 0;
}

int budget_change(struct collector *collector, double budget_pct, uint64_t counter)
{
    struct budget *budget = &collector->budget;
    if (!budget->on)
        return budget_pct > 0 ? begin_budget(collector, budget_pct, counter) : 0;
    if (budget_pct > 0) {
        governor_change(&budget->governor, budget_pct);
        listen_anew(collector);
        return 0;
    }
    lift(collector);
    budget_done(collector);
    return 0;
}

static bool all_silence(struct collector *collector)
{
    for (struct drain *drain = &collector->drain; drain; drain = drain->next) {
        struct serial_call serial = {.header = mapping_header(drain->mapping)};
        if (guard_run(read_serial, &serial) == 0 && is_told_always(serial.minor))
            return false;
    }
    return true;
}

/* Listened to, and not for long: nobody is muted while there is room, unless this is a burst. */
static bool ends_soon(const struct budget *budget)
{
    return budget->governor.state == GOVERNOR_LISTENING &&
           (budget->in_burst || !governor_has_room(&budget->governor));
}

/* A large tree takes long to walk, and the rings go on filling meanwhile. */
static void slice(struct collector *collector)
{
    enum { SHARE = 20 };
    struct budget *budget = &collector->budget;
    uint64_t begin_ns = clock_monotonic_ns();
    if (!ends_soon(budget) || begin_ns < budget->slice_ns)
        return;
    collector_catch_up(collector);
    uint64_t walk_ns = clock_monotonic_ns();
    mute_slice(&budget->mute, &collector->model);
    uint64_t end_ns = clock_monotonic_ns();
    budget->slice_ns = end_ns + (end_ns - walk_ns) * SHARE;
}

/* What the process has run since the last look. False: not to be read. An interpreter's start, which reads files, tells nothing of
 * what comes. */
static bool add_modes(const struct collector *collector, struct drain *drain, double *all,
                      double *kernel)
{
    enum { START = 100 };
    uint64_t user_ticks, kernel_ticks;
    pid_t process = process_of(collector, drain);
    if (!process || !stolen_process_modes(process, &user_ticks, &kernel_ticks))
        return false;
    uint64_t all_ticks = user_ticks + kernel_ticks;
    if (drain->ticks_seen || all_ticks >= START) {
        *all += (double)(all_ticks - drain->ticks_seen);
        *kernel += (double)(kernel_ticks - drain->kernel_ticks_seen);
    }
    drain->ticks_seen = all_ticks;
    drain->kernel_ticks_seen = kernel_ticks;
    return true;
}

/* How much of their time the processes are in the kernel. Who cannot be read may be a server, and few clock ticks tell little. */
static void learn_modes(struct collector *collector)
{
    enum { FEW = 50, MANY = 400 };
    struct budget *budget = &collector->budget;
    bool known = false;
    for (struct drain *drain = &collector->drain; drain; drain = drain->next)
        known |= add_modes(collector, drain, &budget->all_ticks, &budget->kernel_ticks);
    if (!known)
        budget->coldest = GOVERNOR_COLDEST;
    else if (budget->all_ticks >= FEW)
        budget->coldest = governor_coldest(budget->kernel_ticks / budget->all_ticks);
    budget->governor.computes = budget->coldest <= GOVERNOR_COLD;
    if (budget->all_ticks > MANY) {
        budget->all_ticks /= 2;
        budget->kernel_ticks /= 2;
    }
}

static void choose(struct collector *collector)
{
    struct budget *budget = &collector->budget;
    struct governor *governor = &budget->governor;
    size_t count = 0, muted = 0;
    uint64_t counter = come_up(collector);
    uint64_t busy_ns = governor->busy_ns - governor->since_busy_ns;
    learn_modes(collector);
    struct governor_row *rows = mute_end_burst(&budget->mute, &collector->model, counter,
                                               burst_call_ticks(collector), budget->coldest,
                                               &count);
    budget->silences = all_silence(collector);
    budget->burst_busy_ns = budget->burst_busy_ns * MUTE_OLDER + (double)busy_ns;
    /* A listening that only begins anew has room still. */
    if (rows && governor->allowance_ns <= 0)
        muted = governor_choose(governor, rows, count,
                                budget->burst_busy_ns / collector->scale.ns_per_tick);
    if (muted) {
        mute_apply(&budget->mute, &collector->model, rows, count, budget->silences);
        tell_all(collector, collector->model.symbols.mute_mode);
        if (collector->model.symbols.lines_muted_rows)
            tell_lines(collector);
    } else {
        mute_begin_burst(&budget->mute, &collector->model, counter);
    }
    governor_muted(governor, muted);
    budget->in_burst = false;
}

/* Of those that run: *ret_all of them. True: some process has answered. */
static bool read_answers(struct collector *collector, bool *ret_all)
{
    bool some = false;
    *ret_all = true;
    for (struct drain *drain = &collector->drain; drain; drain = drain->next) {
        struct serial_call serial = {.header = mapping_header(drain->mapping)};
        bool answered = guard_run(read_serial, &serial) == 0 &&
                        (int32_t)(serial.done - drain->call_serial) >= 0;
        some = some || answered;
        *ret_all = *ret_all && (answered || !drain->ran);
    }
    return some;
}

/* A process that sleeps is let sleep: it is only signalled when it runs and calls nothing that is heard. */
static void look_for_answers(struct collector *collector, uint64_t now_ns)
{
    struct budget *budget = &collector->budget;
    bool all, some = read_answers(collector, &all);
    if (!all && now_ns >= budget->called_ns + PATIENCE_NS) {
        budget->called_ns = now_ns + AGAIN_NS - PATIENCE_NS;
        atomic_store(&budget->urgent, true);
        sem_post(&collector->keeper_wake);
    }
    if (all)
        atomic_store(&budget->urgent, false);
    if (some && all && budget->governor.state == GOVERNOR_CALLING)
        begin_burst(collector);
}

/* A listening that goes on: what it tells is not to grow old. */
static void roll(struct collector *collector)
{
    const struct governor *governor = &collector->budget.governor;
    if (governor->state == GOVERNOR_LISTENING &&
        governor->busy_ns - governor->since_busy_ns >= ROLL_NS)
        choose(collector);
}

static bool is_on(const struct collector *collector)
{
    for (const struct drain *drain = &collector->drain; drain; drain = drain->next)
        if (drain->on)
            return true;
    return false;
}

/* What is heard before an answer is seen costs and tells nothing, and a burst is a few looks long. Who sleeps is let sleep. */
long budget_sleep_ns(const struct collector *collector, long most_ns)
{
    const struct budget *budget = &collector->budget;
    bool soon = budget->on && (budget->governor.state == GOVERNOR_CALLING || ends_soon(budget)) &&
                budget->seen_ns - budget->ran_ns < RAN_LATELY_NS && is_on(collector);
    long look = look_ns(&budget->governor);
    return soon && most_ns > look ? look : most_ns;
}

void budget_round(struct collector *collector, uint64_t counter)
{
    struct budget *budget = &collector->budget;
    uint64_t now_ns = clock_monotonic_ns();
    if (!budget->on || collector->end_counter || now_ns < budget->next_ns)
        return;
    uint64_t look = (uint64_t)look_ns(&budget->governor);
    budget->next_ns = now_ns + look + pass_time(collector, now_ns) / LOOKED_AT * LOOK_NS;
    if (!is_on(collector))
        return;
    price_events(collector);
    if (budget->called_ns && budget->silences && budget->governor.state != GOVERNOR_MUTED)
        look_for_answers(collector, now_ns);
    if (budget->governor.state == GOVERNOR_MUTED && collector->model.symbols.muted_rows) {
        model_flush(&collector->model, counter);
        if (mute_close(&collector->model))
            tell_all(collector, MODE_OFF);
    }
    budget_steps_round(collector, now_ns);
    switch (governor_tick(&budget->governor, budget->busy_ns, (uint64_t)budget->cost_ns)) {
    case GOVERNOR_CHOOSE:
        choose(collector);
        break;
    case GOVERNOR_CALL:
        call(collector, now_ns);
        break;
    case GOVERNOR_GO_ON:
        slice(collector);
        roll(collector);
        break;
    }
}

void budget_settle(struct collector *collector, uint64_t counter)
{
    if (collector->budget.on)
        mute_settle(&collector->budget.mute, &collector->model, counter);
}

void budget_reset(struct collector *collector, uint64_t counter)
{
    if (collector->budget.on)
        mute_reset(&collector->budget.mute, &collector->model, counter);
}

void budget_call(struct collector *collector)
{
    bool step = atomic_exchange(&collector->budget.steps_urgent, false);
    bool burst = atomic_exchange(&collector->budget.urgent, false);
    if ((step || burst) && collector->options.signal_target)
        collector->options.signal_target(collector->options.signal_context);
}
