# SPDX-License-Identifier: MIT
"""Nine busy threads, and what CPython says about itself when it is asked.

usage: innards.py
Reads orders from stdin, one a line, and answers each with one line of JSON:
  places   where the interpreter's and the threads' states lie, for who reads memory from outside
  look     hooks, tools, handlers, modules, and code that is instrumented
  end      ends the threads; the answer is what they have counted
"""

import ctypes
import json
import signal
import sys
import threading

INTERPRETER_BYTES = 4 << 10  # before 3.12, where it is no part of _PyRuntime
THREAD_BYTES = 256


def leaf(number):
    return number + 1


def generate(count):
    for number in range(count):
        yield leaf(number)


def work():
    rounds = 0
    while not over.is_set():
        assert sum(generate(50)) == 1275
        rounds += 1
    return rounds


def places(_):
    api = ctypes.pythonapi
    for name in ("PyInterpreterState_ThreadHead", "PyThreadState_Next"):
        getattr(api, name).restype = ctypes.c_void_p
    whole = interpreter()
    state = api.PyInterpreterState_ThreadHead(ctypes.c_void_p(whole))
    found = [[whole, INTERPRETER_BYTES]]
    while state:
        found.append([state, THREAD_BYTES])
        state = api.PyThreadState_Next(ctypes.c_void_p(state))
    return found


def interpreter():
    get = ctypes.pythonapi.PyInterpreterState_Get
    get.restype = ctypes.c_void_p
    return get()


def evaluator():
    if sys.version_info >= (3, 12):
        return "no business of ours"
    api = ctypes.pythonapi
    get = api._PyInterpreterState_GetEvalFrameFunc
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    default = ctypes.cast(api._PyEval_EvalFrameDefault, ctypes.c_void_p).value
    return "default" if get(interpreter()) == default else "another"


def monitoring():
    """Each tool's name, its events, and whether it has a callback for any."""
    if sys.version_info < (3, 12):
        return []
    system = sys.monitoring
    events = [value for name, value in vars(system.events).items() if value and name[0] != "_"]
    found = []
    for tool in range(6):
        name = system.get_tool(tool)
        called = []
        for event in events:
            try:
                called.append(system.register_callback(tool, event, None))
            except ValueError:  # one that is made of others
                continue
        found.append([name, name and system.get_events(tool), sum(f is not None for f in called)])
    return found


def instrumented():
    """Instructions that a tool has put into code which ran since."""
    if sys.version_info < (3, 12):
        return []
    import dis

    if sys.version_info < (3, 13):
        numbers = {n: name for n, name in enumerate(dis.opname) if "INSTRUMENTED" in name}
    else:
        import _opcode_metadata

        numbers = {n: name for name, n in _opcode_metadata.opmap.items() if "INSTRUMENTED" in name}
    assert numbers
    found = []
    for function in (leaf, generate, work):
        # Only where instructions begin: what is between are caches, whose bytes may be any number.
        adaptive = function.__code__._co_code_adaptive
        begins = [adaptive[at.offset] for at in dis.get_instructions(function)]
        found += [numbers[byte] for byte in begins if byte in numbers]
    return sorted(found)


def look(_):
    return {
        "evaluator": evaluator(),
        "monitoring": monitoring(),
        "instrumented": instrumented(),
        "profile": repr(sys.getprofile()),
        "trace": repr(sys.gettrace()),
        "handler": repr(signal.getsignal(signal.SIGURG)),
        "wakeup": signal.set_wakeup_fd(-1),
        "modules": sorted(sys.modules),
        "path": sys.path,
        "hooks": [len(sys.path_hooks), len(sys.meta_path), repr(sys.excepthook)],
        "main": sorted(globals()),
    }


def end(threads):
    over.set()
    for thread in threads:
        thread.join()
    return "ended"


def main():
    if sys.version_info >= (3, 13):
        import _opcode_metadata  # noqa: F401
    import dis  # noqa: F401

    orders = {"places": places, "look": look, "end": end}
    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for line in sys.stdin:
        print(json.dumps(orders[line.strip()](threads)), flush=True)
    sys.exit(7)


over = threading.Event()
if __name__ == "__main__":
    main()
