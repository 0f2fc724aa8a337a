# SPDX-License-Identifier: MIT
"""Arms a program that ulma starts, before its first line, and takes itself out of the way.

Why: the first folder of PYTHONPATH is looked at by every Python that does not run with -I, -E or -S.
Rules: afterwards os.environ, sys.path and sys.modules are what they would have been; a
sitecustomize that this one hides runs. Written so that any Python from 2.7 on reads it: one that
is too old is told so, not crashed.
"""


def _ulma_arm():
    import os
    import sys

    here = os.path.dirname(os.path.abspath(__file__))
    children = "ULMA_ARM_CHILDREN" in os.environ
    take = _ulma_hide if children else os.environ.pop
    session = take("ULMA_ARM", None)
    strict = os.environ.pop("ULMA_ARM_STRICT", None)
    path = take("ULMA_ARM_PYTHONPATH", None)
    take("ULMA_ARM_CHILDREN", None)
    take("PYTHONPATH", None)
    if path is not None:
        _ulma_show("PYTHONPATH", path, children)
    if children and _ulma_is_loaded(here):
        session = None
    sys.path[:] = [p for p in sys.path if p != here]
    sys.path_importer_cache.pop(here, None)
    # Kept until the end of this file: Python 2 empties a module that nobody holds.
    this = sys.modules.pop("sitecustomize")
    before = set(sys.modules)
    if session is None:
        # The variables were taken by this process's first interpreter: this is another one in it.
        _ulma_tell(here, "interpreters", "a sub-interpreter\n")
    refusal = _ulma_load(here, session) if session is not None else None
    for name in set(sys.modules) - before:
        # A codec, say, that development mode looks up on our account.
        del sys.modules[name]
    if refusal:
        _ulma_refuse(here, refusal, strict)
    return this


def _ulma_hide(name, default):
    """Out of os.environ, though not of the environment that this process hands to its children."""
    import os

    if not hasattr(os.environ, "_data"):
        return os.environ.pop(name, default)  # a Python too old to be followed
    value = os.environ.get(name, default)
    os.environ._data.pop(os.fsencode(name), None)
    return value


def _ulma_show(name, value, hidden):
    import os

    if hidden and hasattr(os.environ, "_data"):
        os.environ._data[os.fsencode(name)] = os.fsencode(value)
    else:
        os.environ[name] = value


def _ulma_is_loaded(here):
    """Whether this process has run this file since its last exec: in its first interpreter."""
    import os

    probe = here + "/ulma_probe.so"
    if not isinstance(probe, bytes):  # as in Python 2
        probe = os.fsencode(probe)
    try:
        with open("/proc/self/maps", "rb") as maps:
            return probe in maps.read()
    except (IOError, OSError):
        return False


def _ulma_tell(here, name, text):
    import os

    try:
        with open(os.path.join(here, name), "w") as file:
            file.write(text)
    except (IOError, OSError):
        pass  # of a refusal the session tells too, or the report says that nothing was seen


def _ulma_refuse(here, refusal, strict):
    import os

    _ulma_tell(here, "refused", refusal)
    if strict:
        os._exit(125)


def _ulma_load(here, session):
    import sys

    version = "%d.%d" % sys.version_info[:2]
    if sys.implementation.name != "cpython" if sys.version_info >= (3, 3) else True:
        return "this is not CPython 3.9 or newer, which ulma needs"
    if sys.version_info < (3, 9) or sys.version_info >= (3, 16):
        return "Python %s is not supported; ulma profiles CPython 3.9 to 3.15" % version
    if sys.version_info >= (3, 13) and not getattr(sys, "_is_gil_enabled", lambda: True)():
        return (
            "this Python %s runs without the GIL (a free-threaded build), which ulma does not "
            "support yet; use one with the GIL" % version
        )
    try:
        import _imp
        from _frozen_importlib import ModuleSpec
        from _frozen_importlib_external import ExtensionFileLoader

        name = here + "/ulma_probe.so"
        loader = ExtensionFileLoader("ulma_probe", name)
        probe = _imp.create_dynamic(ModuleSpec("ulma_probe", loader, origin=name))
        _imp.exec_dynamic(probe)
        return probe.arm(session)
    except Exception as error:  # noqa: BLE001 - whatever it is, the program must not see it
        return "loading the probe failed: %s" % (error,)


_ulma_this = _ulma_arm()
del _ulma_arm, _ulma_hide, _ulma_is_loaded, _ulma_load, _ulma_refuse, _ulma_show
del _ulma_tell
try:
    import sitecustomize  # noqa: F401 - the one that this file hides, if there is one
finally:
    del _ulma_this
