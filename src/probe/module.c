/* SPDX-License-Identifier: MIT */
/* The probe's door: an extension module with one function, arm(path).
 * Why: the import system is the one way into a CPython that works for every build of it.
 * Rules: the module is not left in sys.modules; the shared object is never unloaded (-z nodelete),
 * since hooks of ours may stand on a C stack. arm() never raises: a refusal is its result. */
#include "probe/define.h"
#include "probe/link.h"
#include "probe/switch.h"
#include "probe/writer.h"

#include <stdio.h>

static int arm(const char *path, char *reason, size_t size)
{
    if (pyapi_init(reason, size) || pyapi_check_layout(reason, size))
        return -1;
    if (link_open(path, reason, size))
        return -1;
    link_to.header->python_version = (uint32_t)pyapi.minor;
    define_reset();
    writer_reset_all();
    if (writer_init()) {
        snprintf(reason, size, "the C library has no room for one more thread key");
        return -1;
    }
    if (define_init(reason, size) || switch_arm(reason, size))
        return -1;
    atomic_fetch_add(&link_to.header->exec_count, 1);
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

static PyMethodDef methods[] = {
    {"arm", probe_arm, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "ulma_probe", .m_size = 0,
                                        .m_methods = methods};

PyMODINIT_FUNC PyInit_ulma_probe(void); /* found by name */

PyMODINIT_FUNC PyInit_ulma_probe(void)
{
    return PyModuleDef_Init(&definition);
}
