/* SPDX-License-Identifier: MIT */
/* Every interleaving of the rings' index algorithms, on a memory that reorders.
 * Why: tests with threads see the interleavings that happen; a ring that is wrong once in 2^40 events
 * must be found too. So the algorithm of wire/ring.h is written once more as a machine of single
 * memory steps, and every state that it can reach is visited.
 *
 * The memory: a store goes into its thread's buffer and reaches the other side later, in any order
 * among stores to different words, except that a release store waits for all stores before it. A load
 * sees its own buffer first. (Loads are not moved: the acquires of the code forbid just that; a
 * consumer that gives room back before it has copied is among the mutants.)
 * What must hold in every reachable state: the consumer gets the events in order, each whole, none
 * twice; a slot is not written while the consumer may still read it; read + lost = produced at the
 * end. Of a ring that overwrites itself: whatever a reader keeps is whole and in its place, and reaches back
 * at least as far as wire/ring.h promises. Mutants (no release at the head; room given back before the copy, which is what a tail without
 * release comes to; full taken for one more; no fence after the tail; the tail told too late; a reader that
 * does not look at it again) must each be caught, or this test would show nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CAPACITY_MOST = 4, EVENTS_MOST = 12, OVERWRITTEN_MOST = 8, BUFFER = 6, TABLE = 1 << 22 };
enum { WORD_HEAD = CAPACITY_MOST, WORD_TAIL, WORDS };

enum { WORD_FENCE = WORDS }; /* in a buffer: what follows it waits for all before it */

enum mutant {
    NONE,
    HEAD_NOT_RELEASED,
    ROOM_TOO_EARLY,
    ONE_TOO_MANY,
    NO_FENCE,
    TAIL_TOO_LATE,
    NOT_LOOKED_AGAIN,
};

struct store {
    uint8_t word, value, release;
};

struct side {
    struct store buffer[BUFFER];
    uint8_t buffered;
};

/* All is bytes, so that a state is its own hash key. */
struct state {
    uint8_t memory[WORDS]; /* slots hold the number of their event, plus 1; 0: never written */
    struct side producer, consumer;
    uint8_t produced, lost, head, limit; /* the producer's own */
    uint8_t step;                        /* 0 decide, 1 slot stored: publish */
    uint8_t read, tail, seen, consumer_step, got;
    uint8_t lost_at[EVENTS_MOST];
    uint8_t copied[CAPACITY_MOST]; /* of a ring that overwrites itself: what the reader has */
};

struct check {
    unsigned capacity, events;
    enum mutant mutant;
    bool wait;
    bool overwrites;
    bool broken;
    size_t states;
    struct state *stack;
    size_t depth;
    uint8_t *used;
    struct state *table;
};

static uint8_t load(const struct state *state, const struct side *side, uint8_t word)
{
    for (int i = side->buffered; i > 0; i--)
        if (side->buffer[i - 1].word == word)
            return side->buffer[i - 1].value;
    return state->memory[word];
}

static void store(struct side *side, uint8_t word, uint8_t value, bool release)
{
    side->buffer[side->buffered++] = (struct store){word, value, release};
}

static uint64_t hash_of(const struct state *state)
{
    const uint8_t *bytes = (const uint8_t *)state;
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < sizeof(*state); i++)
        hash = (hash ^ bytes[i]) * UINT64_C(1099511628211);
    return hash;
}

static void visit(struct check *check, const struct state *state)
{
    size_t at = hash_of(state) & (TABLE - 1);
    while (check->used[at]) {
        if (memcmp(&check->table[at], state, sizeof(*state)) == 0)
            return;
        at = (at + 1) & (TABLE - 1);
    }
    assert_true(check->states < TABLE / 2);
    check->used[at] = 1;
    check->table[at] = *state;
    check->states++;
    check->stack[check->depth++] = *state;
}

/* One store of a side reaches memory: any that no earlier one must precede. */
static void flush_one(struct check *check, const struct state *state, bool of_producer)
{
    const struct side *side = of_producer ? &state->producer : &state->consumer;
    for (int i = 0; i < side->buffered; i++) {
        bool fence = side->buffer[i].word == WORD_FENCE;
        bool held = (side->buffer[i].release || fence) && i > 0;
        for (int j = 0; j < i; j++)
            held = held || side->buffer[j].word == side->buffer[i].word ||
                   side->buffer[j].word == WORD_FENCE;
        if (held)
            continue;
        struct state next = *state;
        struct side *changed = of_producer ? &next.producer : &next.consumer;
        if (!fence)
            next.memory[changed->buffer[i].word] = changed->buffer[i].value;
        memmove(&changed->buffer[i], &changed->buffer[i + 1],
                (size_t)(changed->buffered - i - 1) * sizeof(struct store));
        changed->buffered--;
        memset(&changed->buffer[changed->buffered], 0, sizeof(struct store));
        visit(check, &next);
    }
}

/* The producer: full is asked only at its own limit, from the tail as it sees it. */
static void produce(struct check *check, const struct state *state)
{
    struct state next = *state;
    if (state->step == 1) {
        if (state->producer.buffered == BUFFER)
            return;
        next.head++;
        store(&next.producer, WORD_HEAD, next.head, check->mutant != HEAD_NOT_RELEASED);
        next.step = 0;
        next.produced++;
        visit(check, &next);
        return;
    }
    if (state->produced + state->lost == check->events || state->producer.buffered == BUFFER)
        return;
    if (state->head == state->limit) {
        uint8_t tail = load(state, &state->producer, WORD_TAIL);
        next.limit = (uint8_t)(tail + check->capacity + (check->mutant == ONE_TOO_MANY));
        if (next.limit == state->head) {
            if (check->wait)
                return; /* sleeps: some other step must come first */
            next.lost_at[next.lost++] = state->produced;
            visit(check, &next);
            return;
        }
    }
    store(&next.producer, (uint8_t)(state->head % check->capacity), (uint8_t)(state->head + 1),
          false);
    next.step = 1;
    visit(check, &next);
}

/* The consumer: head, then each slot, then the tail. */
static void consume(struct check *check, const struct state *state)
{
    struct state next = *state;
    if (state->consumer_step == 0) {
        uint8_t head = load(state, &state->consumer, WORD_HEAD);
        if (head == state->tail)
            return;
        next.seen = head;
        next.consumer_step = 1;
        if (check->mutant == ROOM_TOO_EARLY && state->consumer.buffered < BUFFER)
            store(&next.consumer, WORD_TAIL, head, true);
        visit(check, &next);
        return;
    }
    if (state->tail != state->seen) {
        uint8_t event = load(state, &state->consumer, (uint8_t)(state->tail % check->capacity));
        if (event != state->tail + 1) {
            check->broken = true; /* torn, overwritten, or not there yet */
            return;
        }
        next.got++;
        next.tail++;
        visit(check, &next);
        return;
    }
    if (state->consumer.buffered == BUFFER)
        return;
    if (check->mutant != ROOM_TOO_EARLY)
        store(&next.consumer, WORD_TAIL, state->tail, true);
    next.consumer_step = 0;
    visit(check, &next);
}

/* --- a ring that overwrites itself ---------------------------------------------------------- */

/* A step of so many events here, an eighth of the ring there: before it begins, what it will overwrite is
 * told. */
static unsigned step_of(const struct check *check)
{
    return check->capacity / 2;
}

static void tell_tail(const struct check *check, struct state *next)
{
    unsigned end = next->head + (check->mutant == TAIL_TOO_LATE ? 0 : step_of(check));
    uint8_t tail = (uint8_t)(end > check->capacity ? end - check->capacity : 0);
    store(&next->producer, WORD_TAIL, tail, false);
    if (check->mutant != NO_FENCE)
        store(&next->producer, WORD_FENCE, 0, false);
    next->limit = (uint8_t)(next->head + step_of(check));
}

static void overwrite(struct check *check, const struct state *state)
{
    struct state next = *state;
    if (state->producer.buffered + 3 > BUFFER)
        return;
    if (state->step == 1) {
        next.head++;
        store(&next.producer, WORD_HEAD, next.head, true);
        next.step = 0;
        next.produced++;
        visit(check, &next);
        return;
    }
    if (state->produced == check->events)
        return;
    if (state->head == state->limit) {
        tell_tail(check, &next);
    } else {
        store(&next.producer, (uint8_t)(state->head % check->capacity), (uint8_t)(state->head + 1),
              false);
        next.step = 1;
    }
    visit(check, &next);
}

/* What is kept after the second look at the tail. `got` counts the readings, so that they end. */
static void keep(struct check *check, const struct state *state)
{
    struct state next = *state;
    uint8_t safe = load(state, &state->consumer, WORD_TAIL);
    if (check->mutant == NOT_LOOKED_AGAIN)
        safe = state->tail;
    for (unsigned at = safe; at < state->seen; at++)
        if (state->copied[at % check->capacity] != at + 1)
            check->broken = true;
    next.consumer_step = next.read = next.tail = next.seen = 0;
    memset(next.copied, 0, sizeof(next.copied));
    next.got++;
    visit(check, &next);
}

/* The reader: head, tail, each event between them, and the tail again. */
static void look(struct check *check, const struct state *state)
{
    struct state next = *state;
    switch (state->consumer_step) {
    case 0:
        next.seen = load(state, &state->consumer, WORD_HEAD);
        if (next.seen == 0 || state->got == 2)
            return;
        break;
    case 1:
        next.tail = next.read = load(state, &state->consumer, WORD_TAIL);
        if (next.tail > state->seen) {
            next.consumer_step = next.tail = next.read = next.seen = 0;
            next.got++;
            visit(check, &next);
            return;
        }
        if (state->seen - next.tail > check->capacity)
            check->broken = true;
        break;
    default:
        if (state->read == state->seen) {
            keep(check, state);
            return;
        }
        next.copied[state->read % check->capacity] =
            load(state, &state->consumer, (uint8_t)(state->read % check->capacity));
        next.read++;
        visit(check, &next);
        return;
    }
    next.consumer_step++;
    visit(check, &next);
}

static void check_end(struct check *check, const struct state *state)
{
    bool all_out = state->produced + state->lost == check->events && state->step == 0 &&
                   !state->producer.buffered && !state->consumer.buffered &&
                   state->consumer_step == 0 && state->tail == state->memory[WORD_HEAD];
    if (all_out && state->got + state->lost != check->events)
        check->broken = true;
    if (check->wait && state->lost)
        check->broken = true;
}

static void step(struct check *check, const struct state *state)
{
    if (check->overwrites) {
        overwrite(check, state);
        look(check, state);
    } else {
        produce(check, state);
        consume(check, state);
        check_end(check, state);
    }
    flush_one(check, state, true);
    flush_one(check, state, false);
}

static bool run(struct check check, size_t *states)
{
    check.stack = calloc(TABLE, sizeof(*check.stack));
    check.table = calloc(TABLE, sizeof(*check.table));
    check.used = calloc(TABLE, 1);
    assert_true(check.stack && check.table && check.used);
    struct state first;
    memset(&first, 0, sizeof(first));
    if (!check.overwrites)
        first.limit = (uint8_t)(check.capacity + (check.mutant == ONE_TOO_MANY));
    visit(&check, &first);
    while (check.depth && !check.broken) {
        struct state state = check.stack[--check.depth];
        step(&check, &state);
    }
    if (states)
        *states = check.states;
    free(check.stack);
    free(check.table);
    free(check.used);
    return !check.broken;
}

static void every_interleaving_is_right(void **state)
{
    (void)state;
    for (unsigned capacity = 2; capacity <= CAPACITY_MOST; capacity *= 2) {
        for (int wait = 0; wait <= 1; wait++) {
            size_t states = 0;
            struct check check = {.capacity = capacity, .events = EVENTS_MOST, .wait = wait};
            assert_true(run(check, &states));
            print_message("capacity %u, %s: %zu states\n", capacity, wait ? "wait" : "drop",
                          states);
            assert_true(states > 500); /* it did go somewhere */
        }
    }
}

static void every_reading_of_what_is_overwritten_is_right(void **state)
{
    (void)state;
    for (unsigned capacity = 2; capacity <= CAPACITY_MOST; capacity *= 2) {
        struct check check = {.capacity = capacity, .events = OVERWRITTEN_MOST, .overwrites = true};
        size_t states = 0;
        assert_true(run(check, &states));
        print_message("capacity %u, overwrite: %zu states\n", capacity, states);
        assert_true(states > 500);
    }
}

static bool is_caught(enum mutant mutant)
{
    struct check check = {.capacity = mutant >= NO_FENCE ? 4 : 2,
                          .events = mutant >= NO_FENCE ? OVERWRITTEN_MOST : EVENTS_MOST,
                          .wait = true,
                          .overwrites = mutant >= NO_FENCE,
                          .mutant = mutant};
    return !run(check, NULL);
}

static void every_mutant_is_caught(void **state)
{
    (void)state;
    for (int mutant = HEAD_NOT_RELEASED; mutant <= NOT_LOOKED_AGAIN; mutant++)
        if (!is_caught((enum mutant)mutant))
            fail_msg("mutant %d is not caught", mutant);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_interleaving_is_right),
        cmocka_unit_test(every_reading_of_what_is_overwritten_is_right),
        cmocka_unit_test(every_mutant_is_caught),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
