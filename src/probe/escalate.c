/* SPDX-License-Identifier: MIT */
/* Counting and judging in place.
 * Why: see escalate.h.
 * Rules: as there. A thread's table of what is open is made at its first such call and stays with its writer. */
#include "probe/escalate.h"

#include "probe/define.h"
#include "probe/py/line.h"
#include "probe/switch.h"
#include "probe/writer.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { OPEN_MOST = 1024, DEPTH_SEEN = 64 };

/* Of a Python function, or of a method. */
struct escalate_call {
    uint32_t id, key; /* key: of its frame, or what stands for one */
    PyObject *code;
    void *frame;
    const struct escalate_words *words; /* NULL: it has a frame */
};

struct open_call {
    uint64_t counter;
    uint32_t frame, id;
    uint32_t depth; /* calls of the same function that are open, this one included */
};

/* Of one thread. */
struct escalate_stack {
    uint32_t count, beyond; /* beyond: open ones that there was no room for */
    uint32_t generation;
    struct open_call calls[OPEN_MOST];
};

static uint32_t generation;
static bool lines_are_known, lines_were_tried, answers_come = true;

static struct session_rule *rule_of(uint32_t id)
{
    uint32_t number = link_to.rule_numbers[id];
    struct session_rule *rule = &link_to.rules[number < SESSION_RULES ? number : 0];
    return number && rule->id == id ? rule : NULL;
}

static uint64_t add_one(_Atomic uint64_t *count)
{
    uint64_t now = atomic_load_explicit(count, memory_order_relaxed) + 1;
    atomic_store_explicit(count, now, memory_order_relaxed);
    return now;
}

/* --- what is open ----------------------------------------------------------------------------- */

static struct escalate_stack *stack_of_thread(void)
{
    struct writer *writer = writer_take();
    if (!writer)
        return NULL;
    struct escalate_stack **at = &writer->escalate;
    if (!*at)
        *at = calloc(1, sizeof(**at));
    if (*at && (*at)->generation != generation) {
        (*at)->count = (*at)->beyond = 0;
        (*at)->generation = generation;
    }
    return *at;
}

static uint32_t depth_of(const struct escalate_stack *stack, uint32_t id)
{
    for (uint32_t i = 0; i < stack->count && i < DEPTH_SEEN; i++) {
        const struct open_call *call = &stack->calls[stack->count - 1 - i];
        if (call->id == id)
            return call->depth + stack->beyond;
    }
    return 0;
}

/* How deep it is; 0: not known, or not asked for. The counter is read by who begins, last. */
static uint32_t open_call(struct escalate_stack *stack, const struct escalate_call *call,
                          bool wants_depth)
{
    uint32_t depth = wants_depth ? depth_of(stack, call->id) + 1 : 0;
    if (stack->count == OPEN_MOST)
        stack->beyond++;
    else
        stack->calls[stack->count++] = (struct open_call){0, call->key, call->id, depth};
    return depth;
}

/* When it began; 0: not known. What is above it has ended unseen, or is another greenlet's, and stays. */
static uint64_t close_call(struct escalate_stack *stack, const struct escalate_call *closed)
{
    for (uint32_t i = stack->count; i-- > 0;) {
        struct open_call *call = &stack->calls[i];
        if (call->frame != closed->key || call->id != closed->id)
            continue;
        uint64_t counter = call->counter;
        if (i + 1 < stack->count)
            memmove(call, call + 1, (stack->count - 1 - i) * sizeof(*call));
        stack->count--;
        return counter;
    }
    stack->beyond -= stack->beyond > 0;
    return 0;
}

/* --- arguments -------------------------------------------------------------------------------- */

struct argument {
    PyTypeObject *type; /* borrowed */
    uint64_t length;    /* ESCALATED_LENGTH_MOST + 1: it has none */
};

enum { CELL_CONTENT = 16 };
#define NO_LENGTH (ESCALATED_LENGTH_MOST + 1)

static long count_attribute(PyObject *code, const char *name)
{
    PyObject *number = PyObject_GetAttrString(code, name);
    long count = number ? PyLong_AsLong(number) : 0;
    Py_XDECREF(number);
    PyErr_Clear();
    return count > 0 ? count : 0;
}

/* With the names of * and **; remembered, as a rule may look at every call's. */
static uint32_t argument_count(const struct escalate_call *call)
{
    enum { VARARGS = 0x4, VARKEYWORDS = 0x8 };
    static struct {
        PyObject *code;
        uint32_t generation, ended,
            count; /* ended: code objects, which this one's place may have been */
    } known[SESSION_RULES];
    uint32_t number = link_to.rule_numbers[call->id] % SESSION_RULES;
    uint32_t ended = atomic_load_explicit(&line_generation, memory_order_relaxed);
    if (known[number].code == call->code && known[number].ended == ended &&
        known[number].generation == link_to.generation)
        return known[number].count;
    int flags = PYAPI_FIELD(int, call->code, pyapi.code_flags);
    long count = count_attribute(call->code, "co_argcount") +
                 count_attribute(call->code, "co_kwonlyargcount") + ((flags & VARARGS) != 0) +
                 ((flags & VARKEYWORDS) != 0);
    known[number].code = call->code;
    known[number].generation = link_to.generation;
    known[number].ended = ended;
    known[number].count = count < ESCALATED_ARGUMENTS_MOST ? (uint32_t)count
                                                           : ESCALATED_ARGUMENTS_MOST;
    return known[number].count;
}

/* Of what has its length in a field of its own: no method is called. */
static Py_ssize_t length_of(PyObject *object)
{
    enum { LIST = 25, TUPLE = 26, BYTES = 27, UNICODE = 28, DICT = 29 };
    PyTypeObject *type = Py_TYPE(object);
    unsigned long flags = PyType_GetFlags(type);
    if (flags & (1UL << LIST | 1UL << TUPLE | 1UL << BYTES))
        return Py_SIZE((PyVarObject *)object);
    if (flags & 1UL << UNICODE)
        return PyUnicode_GetLength(object);
    if (flags & 1UL << DICT)
        return PyDict_Size(object);
    if (PyType_IsSubtype(type, &PyByteArray_Type))
        return PyByteArray_Size(object);
    if (PyType_IsSubtype(type, &PySet_Type) || PyType_IsSubtype(type, &PyFrozenSet_Type))
        return PySet_Size(object);
    return -1;
}

static struct argument argument_of(PyObject *object)
{
    struct argument argument = {.type = Py_TYPE(object), .length = NO_LENGTH};
    Py_ssize_t length = length_of(object);
    if (length >= 0 && (uint64_t)length < NO_LENGTH)
        argument.length = (uint64_t)length;
    return argument;
}

/* Borrowed; of names that mean nothing yet, or no more, there is none. */
struct arguments {
    uint32_t count;
    PyObject *objects[ESCALATED_ARGUMENTS_MOST];
};

static void add_argument(struct arguments *arguments, PyObject *object)
{
    if (object && arguments->count < ESCALATED_ARGUMENTS_MOST)
        arguments->objects[arguments->count++] = object;
}

static void add_locals(const struct escalate_call *call, struct arguments *arguments)
{
    for (uint32_t i = 0, count = argument_count(call); i < count; i++) {
        PyObject *object = pyapi_frame_local(call->frame, i);
        if (object && strcmp(pyapi_type_name(Py_TYPE(object)), "cell") == 0)
            object = PYAPI_FIELD(PyObject *, object, CELL_CONTENT);
        add_argument(arguments, object);
    }
}

static void add_tuple(PyObject *tuple, struct arguments *arguments)
{
    for (Py_ssize_t i = 0; tuple && i < PyTuple_Size(tuple); i++)
        add_argument(arguments, PyTuple_GetItem(tuple, i));
}

static void add_values(PyObject *dictionary, struct arguments *arguments)
{
    PyObject *key, *value;
    Py_ssize_t at = 0;
    while (dictionary && PyDict_Next(dictionary, &at, &key, &value))
        add_argument(arguments, value);
}

static void add_vector(PyObject *const *vector, Py_ssize_t count, struct arguments *arguments)
{
    for (Py_ssize_t i = 0; vector && i < count; i++)
        add_argument(arguments, vector[i]);
}

enum { METHOD_FASTCALL = 0x80, METHOD_WITH_CLASS = 0x200 }; /* as METH_FASTCALL and METH_METHOD */

/* What is behind the first one, by the method's calling convention. */
static void add_words(const struct escalate_words *words, struct arguments *arguments)
{
    int flags = words->method ? words->method->ml_flags
                              : METH_O;         /* an operator has what stands beside it */
    bool has_class = flags & METHOD_WITH_CLASS; /* which stands before the others */
    void *a = has_class ? words->b : words->a, *b = has_class ? words->c : words->b;
    PyObject *names = has_class ? words->d : words->c;
    Py_ssize_t more =
        flags & METH_KEYWORDS && flags & METHOD_FASTCALL && names ? PyTuple_Size(names) : 0;
    if (flags & METHOD_FASTCALL) {
        add_vector(a, (Py_ssize_t)(intptr_t)b + more, arguments);
    } else if (flags & METH_VARARGS) {
        add_tuple(a, arguments);
        add_values(flags & METH_KEYWORDS ? b : NULL, arguments);
    } else if (flags & METH_O) {
        add_argument(arguments, a);
    }
}

static void find_arguments(const struct escalate_call *call, struct arguments *arguments)
{
    arguments->count = 0;
    if (!call->words) {
        add_locals(call, arguments);
        return;
    }
    PyObject *self = call->words->self;
    if (self && !PyModule_Check(self)) /* a function of a module has that */
        add_argument(arguments, self);
    add_words(call->words, arguments);
}

/* The longest argument's length; 0: none has one. */
static uint64_t largest(const struct escalate_call *call)
{
    uint64_t most = 0;
    struct arguments arguments;
    find_arguments(call, &arguments);
    for (uint32_t i = 0; i < arguments.count; i++) {
        struct argument argument = argument_of(arguments.objects[i]);
        if (argument.length != NO_LENGTH && argument.length > most)
            most = argument.length;
    }
    return most;
}

/* --- telling ---------------------------------------------------------------------------------- */

static void put_part(uint64_t counter, enum escalated_part part, uint64_t what)
{
    struct event event = event_with_amount(counter, EVENT_ESCALATED_PART,
                                           (uint64_t)part << ESCALATED_PART_SHIFT | what);
    writer_put(counter, EVENT_ESCALATED_PART, event_id(&event), event.frame);
}

static void put_name(uint64_t counter, const char *name)
{
    size_t size = strnlen(name, ESCALATED_NAME_MOST);
    for (size_t at = 0; at < size; at += ESCALATED_TEXT_BYTES) {
        uint64_t bytes = 0;
        for (size_t i = 0; i < ESCALATED_TEXT_BYTES && at + i < size; i++)
            bytes |= (uint64_t)(unsigned char)name[at + i] << 8 * i;
        put_part(counter, ESCALATED_TEXT, bytes);
    }
}

static void put_arguments(const struct escalate_call *call, uint64_t counter)
{
    struct arguments arguments;
    find_arguments(call, &arguments);
    for (uint32_t i = 0; i < arguments.count; i++) {
        struct argument argument = argument_of(arguments.objects[i]);
        put_part(counter, ESCALATED_ARGUMENT,
                 argument.length == NO_LENGTH ? 0 : argument.length + 1);
        put_name(counter, pyapi_type_name(argument.type));
    }
}

static void put_frame(uint64_t counter, PyObject *code, void *frame)
{
    enum { LINE_MOST = (1 << 24) - 1 };
    uint32_t line = lines_are_known ? line_remembered(code, line_word(frame, code)) : 0;
    uint64_t id = define_id(code, frame);
    if (!line) /* one that has not begun stands at none */
        line = (uint32_t)PYAPI_FIELD(int, code, pyapi.code_line);
    put_part(counter, ESCALATED_FRAME,
             id | (uint64_t)(line <= LINE_MOST ? line : 0) << ESCALATED_LINE_SHIFT);
}

/* Its own first: where the frame evaluation function tells its end it is the thread's innermost no more. A method has none. */
static void put_frames(const struct escalate_call *call, uint64_t counter)
{
    void *frame = pyapi_current_frame(pyapi.thread_state());
    uint32_t count = 0;
    if (!call->words) {
        put_frame(counter, call->code, call->frame);
        count++;
    }
    if (frame && frame == call->frame)
        frame = PYAPI_FIELD(void *, frame, pyapi.frame_previous);
    for (; frame && count < ESCALATED_FRAMES_MOST;
         frame = PYAPI_FIELD(void *, frame, pyapi.frame_previous)) {
        PyObject *code = pyapi_frame_code(frame);
        if (!code)
            continue;
        put_frame(counter, code, frame);
        count++;
    }
    put_part(counter, ESCALATED_END, frame != NULL);
}

/* It holds. The first one, and those that are worse than any before, are told: what is shown. */
static void hold(const struct escalate_call *call, struct session_rule *rule,
                 enum rule_predicate predicate, uint64_t value)
{
    uint64_t worst = atomic_load_explicit(&rule->worst[predicate], memory_order_relaxed);
    add_one(&rule->held[predicate]);
    if (value <= worst && worst)
        return;
    PyObject *type, *error, *traceback;
    atomic_store_explicit(&rule->worst[predicate], value ? value : 1, memory_order_relaxed);
    PyErr_Fetch(&type, &error, &traceback);
    writer_is_at_work++;
    uint64_t counter = link_counter();
    writer_put(counter, EVENT_ESCALATED, call->id, predicate);
    put_part(counter, ESCALATED_VALUE, value < NO_LENGTH ? value : ESCALATED_LENGTH_MOST);
    put_arguments(call, counter);
    put_frames(call, counter);
    writer_is_at_work--;
    PyErr_Restore(type, error, traceback);
}

/* --- judging ---------------------------------------------------------------------------------- */

static bool asks(const struct session_rule *rule, enum rule_predicate predicate)
{
    return rule->predicates >> predicate & 1;
}

/* What can be said at its beginning. */
static void judge_beginning(const struct escalate_call *call, struct session_rule *rule,
                            uint64_t number, uint32_t depth)
{
    if (asks(rule, RULE_EVERY) && rule->every && number % rule->every == 0)
        hold(call, rule, RULE_EVERY, number);
    if (asks(rule, RULE_DEEPER) && depth > rule->deeper)
        hold(call, rule, RULE_DEEPER, depth);
    uint64_t length = asks(rule, RULE_LARGER) ? largest(call) : 0;
    if (length > rule->larger)
        hold(call, rule, RULE_LARGER, length);
}

/* Those that need to know what is open. */
enum { OF_WHAT_IS_OPEN = 1 << RULE_SLOWER | 1 << RULE_DEEPER | 1 << RULE_RAISED };

static void begin(const struct escalate_call *call)
{
    struct session_rule *rule = rule_of(call->id);
    if (!rule)
        return;
    uint64_t number = add_one(&rule->counted);
    if (!rule->predicates)
        return;
    struct escalate_stack *stack = rule->predicates & OF_WHAT_IS_OPEN ? stack_of_thread() : NULL;
    uint32_t depth = stack ? open_call(stack, call, asks(rule, RULE_DEEPER)) : 0;
    judge_beginning(call, rule, number, depth);
    if (stack && stack->count && !stack->beyond)
        stack->calls[stack->count - 1].counter = link_counter();
}

static void end(const struct escalate_call *call, bool raised, uint64_t counter)
{
    struct session_rule *rule = rule_of(call->id);
    if (!rule || !(rule->predicates & OF_WHAT_IS_OPEN))
        return;
    struct escalate_stack *stack = stack_of_thread();
    uint64_t began = stack ? close_call(stack, call) : 0;
    uint64_t took = began && counter > began ? counter - began : 0;
    if (asks(rule, RULE_SLOWER) && took > switch_ticks_of_ns(rule->slower_ns))
        hold(call, rule, RULE_SLOWER, took);
    if (asks(rule, RULE_RAISED) && raised)
        hold(call, rule, RULE_RAISED, took);
}

static struct escalate_call call_of(uint32_t id, PyObject *code, void *frame)
{
    return (struct escalate_call){id, pyapi_frame_key(frame), code, frame, NULL};
}

static struct escalate_call call_of_words(const struct escalate_words *words)
{
    return (struct escalate_call){.id = words->id, .key = words->key, .words = words};
}

void escalate_push(uint32_t id, PyObject *code, void *frame)
{
    struct escalate_call call = call_of(id, code, frame);
    begin(&call);
}

void escalate_pop(uint32_t id, PyObject *code, void *frame, bool raised, uint64_t counter)
{
    struct escalate_call call = call_of(id, code, frame);
    end(&call, raised, counter);
}

bool escalate_needs_pop(uint32_t id)
{
    const struct session_rule *rule = rule_of(id);
    return rule && rule->predicates & OF_WHAT_IS_OPEN;
}

void escalate_push_method(const struct escalate_words *words)
{
    struct escalate_call call = call_of_words(words);
    begin(&call);
}

void escalate_pop_method(const struct escalate_words *words, bool raised, uint64_t counter)
{
    struct escalate_call call = call_of_words(words);
    end(&call, raised, counter);
}

static bool has_rules(void)
{
    return atomic_load_explicit(&link_to.header->rules_wanted, memory_order_relaxed);
}

bool escalate_needs_lines(void)
{
    return has_rules() && !lines_were_tried;
}

/* --- beginnings ------------------------------------------------------------------------------- */

void escalate_await_rule(uint32_t id)
{
    enum { MOST_NS = 500 * 1000 * 1000, STEP_NS = 20 * 1000 };
    struct session_header *header = link_to.header;
    if (!has_rules() || !answers_come)
        return;
    uint64_t begin_ns = clock_monotonic_ns();
    atomic_store_explicit(&header->rule_id, id, memory_order_relaxed);
    uint32_t asked = atomic_fetch_add_explicit(&header->rule_asked, 1, memory_order_release) + 1;
    /* Pairs with the collector's release. */
    while (atomic_load_explicit(&header->rule_answered, memory_order_acquire) != asked) {
        if (clock_monotonic_ns() - begin_ns >= MOST_NS) {
            answers_come = false; /* the next ones are decided when their first call is read */
            return;
        }
        writer_wake_collector();
        nanosleep(&(struct timespec){.tv_nsec = STEP_NS}, NULL);
    }
}

void escalate_make_ready(void)
{
    char reason[SESSION_REASON_SIZE];
    if (escalate_needs_lines())
        lines_are_known = line_prepare(reason, sizeof(reason)) == 0;
    lines_were_tried |= has_rules();
    escalate_begin_anew();
}

void escalate_begin_anew(void)
{
    answers_come = true;
    generation++;
}
