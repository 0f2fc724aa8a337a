/* SPDX-License-Identifier: MIT */
/* The probe's door: an extension module with six functions.
 *   arm(path)                into the session at `path`; counting begins with the first __main__ code.
 *                            For a target that ulma starts (sitecustomize.py)
 *   arm_process(directory)   armed, everything off: a control page in `directory` ("": $ULMA_DIR, else
 *                            /dev/shm/ulma-UID), and SIGURG taken. For a process that runs. From then on
 *                            collectors find it by its PID. Again: does nothing
 *   fly(directory, words)    the same, and the flight recorder is on while nobody collects; words as in
 *                            probe/flight_file.h
 * These answer None, or a str that says why not, and never raise.
 *   is_on()                  whether somebody records now
 *   is_followed()            whether this is a program that ulma has started, or a child of one
 *   turn(on)                 as `ulma on` and `ulma off` from outside, at once, where somebody collects;
 *                            whether it is so now
 * To load the probe from PATH, which may
 * lie anywhere, with nothing left in sys.modules:
 *
 *   import _imp
 *   from _frozen_importlib import ModuleSpec
 *   from _frozen_importlib_external import ExtensionFileLoader
 *   spec = ModuleSpec("ulma_probe", ExtensionFileLoader("ulma_probe", PATH), origin=PATH)
 *   probe = _imp.create_dynamic(spec)
 *   _imp.exec_dynamic(probe)
 *   refusal = probe.arm_process("")
 *
 * Any thread may do this; off the main one SIGURG is taken by the main one as soon as it runs Python
 * code, and `ready` in the control page says so.
 * Why: the import system is the one way into a CPython that works for every build of it.
 * Rules: the module is not left in sys.modules; the shared object is never unloaded (-z nodelete),
 * since hooks of ours may stand on a C stack. */
#include "probe/child_session.h"
#include "probe/control_page.h"
#include "probe/define.h"
#include "probe/flight.h"
#include "probe/link.h"
#include "probe/switch.h"
#include "probe/writer.h"

#include <stdio.h>

/* What stays however often the process is armed. */
static int init_once(char *reason, size_t size)
{
    static bool writers_ready, definitions_ready;
    if (!writers_ready && writer_init()) {
        snprintf(reason, size, "the C library has no room for one more thread key");
        return -1;
    }
    writers_ready = true;
    if (!definitions_ready && define_init(reason, size))
        return -1;
    definitions_ready = true;
    return 0;
}

static int arm(const char *path, char *reason, size_t size)
{
    if (pyapi_init(reason, size) || pyapi_check_layout(reason, size))
        return -1;
    int opened = link_open(path, reason, size);
    if (opened == 0)
        child_session_begin(path);
    else if (opened != LINK_TAKEN || child_session_join(path, 0, reason, size))
        return -1;
    link_to.header->python_version = (uint32_t)pyapi.minor;
    define_reset();
    writer_begin_anew();
    if (init_once(reason, size) || switch_arm(reason, size))
        return -1;
    atomic_fetch_add(&link_to.header->exec_count, 1);
    if (opened == LINK_TAKEN)
        child_session_tell();
    return 0;
}

/* arm(path) -> None, or a str that says why not. */
static PyObject *probe_arm(PyObject *self, PyObject *args)
{
    (void)self;
    const char *path = NULL;
    char reason[SESSION_REASON_SIZE] = "";
    if (!PyArg_ParseTuple(args, "s", &path))
        return NULL;
    if (arm(path, reason, sizeof(reason)) == 0)
        Py_RETURN_NONE;
    PyErr_Clear();
    struct session_header *header = link_to.header;
    if (header) {
        snprintf(header->reason, sizeof(header->reason), "%s", reason);
        atomic_store_explicit(&header->state, STATE_REFUSED, memory_order_release);
    }
    return PyUnicode_FromString(reason);
}

static int arm_process(const char *directory, char *reason, size_t size)
{
    static bool prepared;
    if (control_page_is_armed())
        return 0;
    if (link_to.header) {
        snprintf(reason, size, "the ulma that started this program follows it already");
        return -1;
    }
    switch_leave(); /* of a fork's child: its parent's session */
    if (!prepared && (pyapi_init(reason, size) || pyapi_check_layout(reason, size) ||
                      init_once(reason, size) || switch_prepare_process(reason, size)))
        return -1;
    prepared = true;
    if (control_page_make(directory, reason, size))
        return -1;
    if (switch_take_signal(reason, size) == 0)
        return 0;
    control_page_remove();
    return -1;
}

static int fly(const char *directory, const char *words, char *reason, size_t size)
{
    bool armed = control_page_is_armed();
    if (arm_process(directory, reason, size))
        return -1;
    if (flight_begin(words, reason, size) == 0)
        return 0;
    if (!armed) {
        switch_give_signal_back();
        control_page_remove();
    }
    return -1;
}

/* fly(directory, words) -> None, or a str that says why not. */
static PyObject *probe_fly(PyObject *self, PyObject *args)
{
    (void)self;
    const char *directory = NULL, *words = NULL;
    char reason[SESSION_REASON_SIZE] = "";
    if (!PyArg_ParseTuple(args, "ss", &directory, &words))
        return NULL;
    int result = fly(directory, words, reason, sizeof(reason));
    PyErr_Clear();
    if (result == 0)
        Py_RETURN_NONE;
    return PyUnicode_FromString(*reason ? reason : "this Python cannot be armed");
}

/* arm_process(directory) -> None, or a str that says why not. */
static PyObject *probe_arm_process(PyObject *self, PyObject *args)
{
    (void)self;
    const char *directory = NULL;
    char reason[SESSION_REASON_SIZE] = "";
    if (!PyArg_ParseTuple(args, "s", &directory))
        return NULL;
    int result = arm_process(directory, reason, sizeof(reason));
    PyErr_Clear();
    if (result == 0)
        Py_RETURN_NONE;
    return PyUnicode_FromString(*reason ? reason : "this Python cannot be armed");
}

/* is_on() -> bool */
static PyObject *probe_is_on(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    return PyBool_FromLong(switch_is_on());
}

/* is_followed() -> bool */
static PyObject *probe_is_followed(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    return PyBool_FromLong(link_to.header != NULL && !control_page_is_armed());
}

static bool turn(bool on)
{
    struct session_header *header = link_to.header;
    uint32_t state = header ? atomic_load_explicit(&header->state, memory_order_relaxed)
                            : (uint32_t)STATE_NEW;
    if (state != STATE_ON && state != STATE_OFF)
        return false;
    atomic_store_explicit(&header->wanted, on ? WANTED_ON : WANTED_OFF, memory_order_relaxed);
    atomic_fetch_add_explicit(&header->switch_serial, 1, memory_order_release);
    switch_apply();
    return switch_is_on() == on;
}

/* turn(on) -> bool */
static PyObject *probe_turn(PyObject *self, PyObject *on)
{
    (void)self;
    return PyBool_FromLong(turn(on == Py_True));
}

static PyMethodDef methods[] = {
    {"arm", probe_arm, METH_VARARGS, NULL},
    {"arm_process", probe_arm_process, METH_VARARGS, NULL},
    {"fly", probe_fly, METH_VARARGS, NULL},
    {"is_on", probe_is_on, METH_NOARGS, NULL},
    {"turn", probe_turn, METH_O, NULL},
    {"is_followed", probe_is_followed, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "ulma_probe", .m_size = 0,
                                        .m_methods = methods};

PyMODINIT_FUNC PyInit_ulma_probe(void); /* found by name */

PyMODINIT_FUNC PyInit_ulma_probe(void)
{
    return PyModuleDef_Init(&definition);
}
