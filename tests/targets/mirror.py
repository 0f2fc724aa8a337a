# SPDX-License-Identifier: MIT
"""Write down everything about this process that a program could notice, as JSON on stdout.

Run with and without ulma, the two must be equal. What differs by nature between any two runs (PIDs,
addresses) is left out. Rules: what is read comes before what must be imported to read it.
"""

import sys

seen = {
    "globals": sorted(globals()),
    "modules": sorted(sys.modules),
    "path": list(sys.path),
    "path_importer_cache": sorted(sys.path_importer_cache),
    "argv": list(sys.argv),
    "orig_argv": getattr(sys, "orig_argv", None),
    "flags": repr(sys.flags),
    "xoptions": repr(sys._xoptions),
    "warnoptions": list(sys.warnoptions),
    "executable": [sys.executable, sys._base_executable, sys.prefix, sys.exec_prefix],
    "name": __name__,
    "file": globals().get("__file__"),
    "spec": repr(globals().get("__spec__")).split(" object at ")[0],
    "package": globals().get("__package__"),
    "loader": type(globals().get("__loader__")).__name__,
    "cached": globals().get("__cached__"),
    "doc": __doc__,
    "main": sys.modules["__main__"].__dict__ is globals(),
    "frame": [sys._getframe().f_code.co_filename, sys._getframe().f_back is None],
    "meta_path": [getattr(f, "__name__", type(f).__name__) for f in sys.meta_path],
    "path_hooks": len(sys.path_hooks),
    "hooks": [
        sys.gettrace() is None,
        sys.getprofile() is None,
        sys.excepthook is sys.__excepthook__,
        sys.displayhook is sys.__displayhook__,
        sys.unraisablehook is sys.__unraisablehook__,
        sys.breakpointhook is sys.__breakpointhook__,
        sys.get_asyncgen_hooks() == (None, None),
    ],
    "limits": [sys.getrecursionlimit(), sys.getswitchinterval(), sys.dont_write_bytecode],
    "builtins": sorted(__builtins__.__dict__),
    "sys": sorted(name for name in sys.__dict__ if not name.startswith("last_")),
    "custom": getattr(sys, "customised", None),
    "encodings": [s and (s.encoding, s.errors) for s in (sys.stdin, sys.stdout, sys.stderr)],
}

import atexit
import ctypes
import gc
import os
import resource
import signal
import subprocess
import threading
import warnings

seen["environ"] = dict(os.environ)
# What os.environ says, C code must see, and so must children.
libc = ctypes.CDLL(None)
libc.getenv.restype = ctypes.c_char_p
seen["getenv"] = {k: os.fsdecode(libc.getenv(os.fsencode(k)) or b"(unset)") for k in os.environ}
seen["getenv_ulma"] = {
    name: libc.getenv(name.encode()) is not None
    for name in ("PYTHONPATH", "ULMA", "ULMA_ARM", "ULMA_ARM_STRICT", "ULMA_ARM_PYTHONPATH")
}
child = "import os, sys; print(sys.path, sorted(os.environ.items()), sorted(sys.modules))"
seen["child"] = subprocess.check_output([sys.executable, "-c", child], text=True)
seen["cwd"] = os.getcwd()
seen["umask"] = os.umask(0)
os.umask(seen["umask"])
seen["nice"] = os.nice(0)
seen["affinity"] = sorted(os.sched_getaffinity(0))
seen["rlimits"] = [resource.getrlimit(n) for n in range(16)]
seen["signals"] = {}
for number in sorted(signal.valid_signals()):
    handler = signal.getsignal(number)
    seen["signals"][int(number)] = getattr(handler, "__qualname__", repr(handler))
seen["blocked"] = sorted(signal.pthread_sigmask(signal.SIG_BLOCK, []))
with open("/proc/self/status", encoding="ascii") as status:
    for line in status:
        if line.startswith(("SigIgn", "SigCgt", "SigBlk", "NoNewPrivs", "Seccomp", "Threads")):
            key, value = line.split(":", 1)
            seen[key] = value.strip()
seen["threads"] = [type(thread).__name__ for thread in threading.enumerate()]
seen["timers"] = [signal.getitimer(n) for n in (0, 1, 2)]
seen["atexit"] = atexit._ncallbacks()
seen["gc"] = [gc.get_threshold(), gc.isenabled(), gc.get_debug(), len(gc.callbacks), gc.garbage]
seen["warnings"] = [str(f) for f in warnings.filters]
descriptors = {}
for number in os.listdir("/proc/self/fd"):
    try:
        link = os.readlink(f"/proc/self/fd/{number}")
    except OSError:  # the listing's own
        continue
    descriptors[number] = link if link.startswith("/dev/") else link.split(":")[0]
seen["descriptors"] = descriptors
seen["process"] = [
    os.getsid(0) == os.getpgrp(),
    [os.isatty(n) for n in range(3)],
    os.getuid(),
    os.geteuid(),
]
seen["stdin"] = sys.stdin.read() if sys.stdin else None
if sys.version_info >= (3, 12):
    seen["monitoring"] = [sys.monitoring.get_tool(n) for n in range(6)]

import json

print(json.dumps(seen, indent=1, sort_keys=True))
