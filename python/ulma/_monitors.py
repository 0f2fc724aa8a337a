# SPDX-License-Identifier: MIT
"""``ulma.Monitor`` and ``ulma.run_monitors``: programs of the user's own on a program's events.

Why ctypes: the package is one wheel for every CPython, and a monitor runs in a process that is not
the target. libulma hands over events by the thousand; ulma_events (src/monitor/events_module.c)
turns each into a call of a handler.
Rules: what a monitor does wrong is its own affair: it is taken off with one sentence.
"""

from __future__ import annotations

import _imp
import collections.abc
import ctypes
import functools
import os
import sys
import tempfile
import threading
import time
import traceback
from importlib.machinery import ExtensionFileLoader, ModuleSpec
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

from ulma import Error, _start
from ulma._program import executable

# Names of events, by their numbers in ulma.h; the handler of `call` is `on_call`.
KINDS = (
    None, "call", "resume", "throw", "return", "yield", "raise", "c_call", "c_return", "c_raise",
    "method", "method_return", "method_raise", "line", "gc_start", "gc", "io", "lost",
    "operator", "operator_return", "operator_raise", "birth", "death", "allocation", "free",
    "wait", "gil_held", "span",
)  # fmt: skip
NUMBERS = {name: number for number, name in enumerate(KINDS) if name}
FUNCTION_KINDS = ("python", "c", "generator", "coroutine", "async_generator", "pseudo")

ENODATA = 61

BATCH_FIRST, BATCH_MOST = 512, 8192
BATCH_LONG_S, BATCH_SHORT_S = 0.2, 0.05
READ_MS = 100
HANGS_S = 5.0
# So long a live program still tells what was wanted, lest what is asked for again begins late.
KEPT_S = 1.0


class EnoughError(Exception):
    """What Monitor.stop raises: the handler has seen enough."""


class Function(NamedTuple):
    """What was called."""

    name: str
    qualname: str
    module: str
    file: str
    line: int
    kind: str

    def __str__(self) -> str:
        place = f" ({self.file}:{self.line})" if self.file else ""
        return f"{self.module}.{self.qualname}{place}" if self.module else self.qualname + place


class Thread(NamedTuple):
    pid: int
    tid: int
    name: str


# --- libulma -------------------------------------------------------------------------------------


class FunctionInfo(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_char_p) for name in ("name", "qualname", "module", "file")),
        ("line", ctypes.c_uint32),
        ("kind", ctypes.c_uint32),
    ]


class ThreadInfo(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("pid", ctypes.c_uint32), ("tid", ctypes.c_uint32)]


class Options(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_size_t),
        ("executable", ctypes.c_char_p),
        ("options", ctypes.POINTER(ctypes.c_char_p)),
        ("error_file", ctypes.c_char_p),
        ("names", ctypes.POINTER(ctypes.c_char_p)),
    ]


def package_file(name: str) -> str:
    """A library: beside this file, or in the build folder of a clone."""
    here = os.path.dirname(os.path.abspath(__file__))
    clone = os.path.dirname(os.path.dirname(here))
    for path in (os.path.join(here, name), os.path.join(clone, "build", "src", name)):
        if os.path.isfile(path):
            return path
    raise Error(
        f"{name}, which belongs to this package, was not found; install it again: "
        f"{sys.executable} -m pip install --force-reinstall ulma"
    )


@functools.cache
def library() -> ctypes.CDLL:
    loaded = ctypes.CDLL(package_file("libulma.so"))
    handle, number, word = ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint64
    words = ctypes.POINTER(ctypes.c_char_p)
    for name, result, arguments in (
        ("ulma_open", ctypes.c_int, (words, ctypes.POINTER(word), ctypes.c_size_t, handle,
                                     handle, handle, ctypes.c_size_t)),
        ("ulma_session_monitor", handle, (handle, ctypes.c_size_t)),
        ("ulma_read", ctypes.c_long, (handle, handle, ctypes.c_size_t, ctypes.c_int)),
        ("ulma_set_mask", None, (handle, word)),
        ("ulma_set_slower", None, (handle, word)),
        ("ulma_lost", word, (handle,)),
        ("ulma_is_recorded", ctypes.c_int, (handle,)),
        ("ulma_function", ctypes.c_int, (handle, number, handle)),
        ("ulma_thread", ctypes.c_int, (handle, number, handle)),
        ("ulma_context", ctypes.c_int, (handle, number, handle, handle)),
        ("ulma_name", ctypes.c_char_p, (handle, number)),
        ("ulma_leave", None, (handle,)),
        ("ulma_close", ctypes.c_int, (handle,)),
        ("ulma_inherit", ctypes.c_int, (ctypes.c_int, handle)),
        ("ulma_inherit_ready", None, (handle, ctypes.c_char_p)),
    ):  # fmt: skip
        function = getattr(loaded, name)
        function.restype, function.argtypes = result, arguments
    return loaded


# --- what numbers stand for ----------------------------------------------------------------------


class Names:
    """The functions, threads and paths of one stream, each asked for once."""

    def __init__(self, handle: int) -> None:
        self.handle: int | None = handle
        self.functions: dict[int, Function | None] = Table(self.load_function)
        self.threads: dict[int, Thread | None] = Table(self.load_thread)
        self.contexts: dict[int, tuple[int, Function | None]] = Table(self.load_context)
        self.stacks: dict[int, tuple[Function, ...]] = Table(self.load_stack)
        self.words: dict[int, str] = Table(self.load_word)

    def open_handle(self) -> int:
        if self.handle is None:
            raise Error("the session that this event came from is closed")
        return self.handle

    def load_function(self, number: int) -> Function | None:
        info = FunctionInfo()
        if library().ulma_function(self.open_handle(), number, ctypes.byref(info)):
            return None
        texts = (info.name, info.qualname, info.module, info.file)
        name, qualname, module, file = (text.decode(errors="replace") for text in texts)
        kind = FUNCTION_KINDS[info.kind] if info.kind < len(FUNCTION_KINDS) else "pseudo"
        return Function(name, qualname, module, file, info.line, kind)

    def load_thread(self, number: int) -> Thread | None:
        info = ThreadInfo()
        if library().ulma_thread(self.open_handle(), number, ctypes.byref(info)):
            return None
        return Thread(info.pid, info.tid, info.name.decode(errors="replace"))

    def load_context(self, number: int) -> tuple[int, Function | None]:
        caller, function = ctypes.c_uint32(), ctypes.c_uint32()
        if library().ulma_context(
            self.open_handle(), number, ctypes.byref(caller), ctypes.byref(function)
        ):
            return 0, None
        return caller.value, self.functions[function.value]

    def load_stack(self, number: int) -> tuple[Function, ...]:
        found: list[Function] = []
        while number:
            number, function = self.contexts[number]
            if function is not None:
                found.append(function)
        return tuple(reversed(found))

    def load_word(self, number: int) -> str:
        text = library().ulma_name(self.open_handle(), number)
        return text.decode(errors="replace") if text else ""


class Table(dict[int, Any]):
    """A dict that asks for what it does not have yet."""

    def __init__(self, load: Callable[[int], Any]) -> None:
        super().__init__()
        self.load = load

    def __missing__(self, number: int) -> Any:
        self[number] = value = self.load(number)
        return value


def load_events() -> Any:
    """The extension that calls handlers: one file for every CPython, as the probe is."""
    refusal = _start.unsupported()
    if refusal:
        raise Error(f"monitors cannot run here: {refusal}")
    path = package_file("ulma_events.so")
    spec = ModuleSpec("ulma_events", ExtensionFileLoader("ulma_events", path), origin=path)
    module = _imp.create_dynamic(spec)
    _imp.exec_dynamic(module)
    return module


events = load_events()

if TYPE_CHECKING:
    MonitorBase = object

    class Event:
        """One event; docs/monitors.md says which kinds have what."""

        kind: str
        function: Function | None
        stack: tuple[Function, ...]
        caller: Function | None
        thread: Thread | None
        context: int
        depth: int
        time_ns: int
        duration_ns: int
        amount: int
        bytes: int
        collected: int
        cpu_ns: int
        generation: int
        line: int
        error: int
        failed: bool
        domain: str
        operation: str
        type: str
        reason: str
        name: str

else:
    Event, MonitorBase = events.Event, events.MonitorBase

# --- monitors ------------------------------------------------------------------------------------

Handler = Callable[[Event], Any]


class Monitor(MonitorBase):
    """Inherit, and define a handler for each kind of event that is wanted: ``on_call(self,
    event)``, ``on_return``, ``on_raise``, ``on_gc``, ... (docs/monitors.md lists them).

    What no handler wants is switched off in the target. A handler may be assigned or deleted at any
    time (``self.on_call = None``, ``del self.on_call``), or return the names of the kinds that are
    wanted from then on (``return {"return"}``): from the next event on it is so. ``slower_than``
    (seconds) keeps quicker calls away from the handlers of what has a duration, at no cost.

    ``on_begin()`` and ``on_end()`` are called before the first event and after the last one.
    """

    slower_than: float = 0.0
    lost: int = 0  # events that this monitor was too slow for
    error: BaseException | None = None  # what a handler raised
    _changed: bytearray | None = None  # its reader's: [0] is set where the handlers may be others
    _chosen: frozenset[str] | None = None

    def on_begin(self) -> None:
        """Before the first event."""

    def on_end(self) -> None:
        """After the last event."""

    def stop(self) -> None:
        """In a handler: this monitor wants no more, and on_end is next."""
        raise EnoughError

    def handlers(self) -> dict[str, Handler]:
        """What it has now, by kind."""
        found = {}
        for name in NUMBERS:
            handler = getattr(self, "on_" + name, None)
            if handler is not None:
                found[name] = handler
        return found

    def _say_changed(self) -> None:
        """A handler or slower_than was assigned or deleted (MonitorBase), or others are chosen."""
        if self._changed is not None:
            self._changed[0] = 1

    def choose(self, kinds: str | collections.abc.Iterable[str]) -> None:
        """Only these kinds from now on, of those that have a handler."""
        chosen = frozenset([kinds] if isinstance(kinds, str) else kinds)
        if not chosen <= NUMBERS.keys():
            raise Error(f"no such kind of event: {', '.join(sorted(chosen - NUMBERS.keys()))}")
        self._chosen = chosen
        self._say_changed()


class Reader:
    """One monitor and its stream, read in the thread that calls run()."""

    def __init__(self, monitor: Monitor, name: str) -> None:
        self.monitor, self.name = monitor, name
        self.handle: int | None = None
        self.table: list[Handler | None] = [None] * len(KINDS)
        self.wanted_at = [-KEPT_S * 2] * len(KINDS)
        self.slower_ns = 0
        self.busy_since: float | None = None
        self.names: Names | None = None
        self.changed = bytearray(1)
        monitor._changed = self.changed
        self.say_unknown()
        self.closed = False  # its session is no more, though a handler has not come back
        self.rebuild()

    def say_unknown(self) -> None:
        """A handler that nothing calls is a slip."""
        known = {f"on_{kind}" for kind in NUMBERS} | {"on_begin", "on_end"}
        for name in dir(type(self.monitor)):
            if name.startswith("on_") and name not in known:
                say(f"{self.name}: there is no event for {name}, which is never called")

    def rebuild(self) -> None:
        """The table of handlers, after a change; the loop over events has it at hand."""
        monitor = self.monitor
        self.changed[0] = 0
        now = time.monotonic()
        for number, name in enumerate(KINDS):
            handler = getattr(monitor, f"on_{name}", None) if name else None
            if monitor._chosen is not None and name not in monitor._chosen:
                handler = None
            if self.table[number] is not None:
                self.wanted_at[number] = now
            self.table[number] = handler

    def mask(self) -> int:
        return sum(1 << number for number, handler in enumerate(self.table) if handler is not None)

    def tell(self) -> None:
        """What is wanted, to whoever writes the stream."""
        since = time.monotonic() - KEPT_S
        recorded = library().ulma_is_recorded(self.handle)
        mask = self.mask()
        for number, at in enumerate(self.wanted_at):
            if at > since or (recorded and at > 0):
                mask |= 1 << number
        library().ulma_set_mask(self.handle, mask)
        slower_ns = int(self.monitor.slower_than * 1e9)
        if slower_ns != self.slower_ns:
            self.slower_ns = slower_ns
            library().ulma_set_slower(self.handle, slower_ns)

    def run(self, handle: int) -> None:
        """Until the stream's end, or the monitor's."""
        self.handle = handle
        try:
            self.busy_since = time.monotonic()
            self.monitor.on_begin()
            try:
                self.read_all(handle)
            except EnoughError:
                self.leave()
            if self.closed:
                return
            self.monitor.lost = library().ulma_lost(handle)
            self.busy_since = time.monotonic()
            self.monitor.on_end()
        except BaseException as error:
            self.take_off(error)
        finally:
            self.busy_since = None

    def leave(self) -> None:
        if self.handle is not None and not self.closed:
            library().ulma_leave(self.handle)

    def close(self) -> None:
        """The session goes: nothing of it may be asked any more."""
        self.closed = True
        if self.names is not None:
            self.names.handle = None

    def read_all(self, handle: int) -> None:
        self.names = names = Names(handle)
        tables = (names.functions, names.stacks, names.threads, names.words, KINDS)
        most, lent = BATCH_FIRST, ctypes.c_void_p()
        read, deliver = library().ulma_read, events.deliver
        rebuild, choose = self.rebuild, self.monitor.choose
        while not self.closed:
            self.tell()
            self.busy_since = None
            count = read(handle, ctypes.byref(lent), most, READ_MS)
            if count == -ENODATA:
                return
            if count > 0:
                self.busy_since = begin = time.monotonic()
                deliver(lent.value, count, self.table, tables, self.changed, rebuild, choose)
                most = next_size(most, count, time.monotonic() - begin)

    def take_off(self, error: BaseException) -> None:
        if self.closed:
            return
        self.monitor.error = error
        self.leave()
        frames = traceback.extract_tb(error.__traceback__)
        # The last line that is the monitor's, not ours.
        own = [frame for frame in frames if frame.filename != __file__]
        place = f" ({own[-1].filename}:{own[-1].lineno})" if own else ""
        what = "".join(traceback.format_exception_only(type(error), error)).strip()
        say(f"{self.name} was taken off: {what}{place}")


def next_size(most: int, count: int, taken_s: float) -> int:
    """A batch is short, so that a slow monitor can be told from one that hangs."""
    if taken_s > BATCH_LONG_S:
        return max(most // 4, 1)
    return min(most * 2, BATCH_MOST) if taken_s < BATCH_SHORT_S and count == most else most


def say(text: str) -> None:
    sys.stderr.write(f"ulma: {text}\n")
    sys.stderr.flush()


# --- a session -----------------------------------------------------------------------------------


def option_words(options: dict[str, Any]) -> list[str]:
    """duration=5, only=["a", "b"], children=True: as they stand on the command line."""
    words = []
    for name, value in options.items():
        option = "--" + name.replace("_", "-")
        for one in value if isinstance(value, (list, tuple)) else [value]:
            if one is True:
                words.append(option)
            elif one is not None and one is not False:
                words += [option, str(one)]
    return words


def word_list(words: collections.abc.Sequence[str]) -> Any:
    encoded = [os.fsencode(word) for word in words]
    return (ctypes.c_char_p * (len(encoded) + 1))(*encoded, None)


def starts_nothing(words: collections.abc.Sequence[str]) -> bool:
    """A PID or a recording: what ulma says on stderr is not mixed with a program's own words."""
    return len(words) == 1 and (words[0].isdigit() or words[0].endswith(".ulma"))


def open_session(
    readers: list[Reader], words: list[str], options: dict[str, Any], errors: str
) -> ctypes.c_void_p:
    masks = (ctypes.c_uint64 * len(readers))(*(reader.mask() for reader in readers))
    session, error = ctypes.c_void_p(), ctypes.create_string_buffer(1024)
    given = Options(
        size=ctypes.sizeof(Options),
        executable=os.fsencode(executable() or "ulma"),
        options=word_list(["--python", sys.executable, *option_words(options)]),
        error_file=os.fsencode(errors) if starts_nothing(words) else None,
        names=word_list([reader.name for reader in readers]),
    )
    result = library().ulma_open(
        word_list(words), masks, len(readers), ctypes.byref(given), ctypes.byref(session),
        error, len(error),
    )  # fmt: skip
    if result:
        with open(errors, encoding="utf-8", errors="replace") as file:
            told = file.read().strip()
        raise Error(told or error.value.decode(errors="replace"))
    return session


def wait_for(readers: list[Reader], threads: list[threading.Thread]) -> None:
    """Until each has ended or hangs; one that hangs is a daemon, and left behind."""
    waiting = list(zip(readers, threads))
    while waiting:
        waiting[0][1].join(0.05)
        for pair in list(waiting):
            reader, thread = pair
            since = reader.busy_since
            if not thread.is_alive():
                waiting.remove(pair)
            elif since is not None and time.monotonic() - since > HANGS_S:
                say(f"{reader.name} was taken off: it has been busy for {HANGS_S:.0f} s")
                waiting.remove(pair)


def close_session(session: ctypes.c_void_p, readers: list[Reader]) -> int:
    for reader in readers:
        reader.close()
    return int(library().ulma_close(session))


def run_monitors(
    monitors: Monitor | collections.abc.Iterable[Monitor],
    *what: str | int,
    **options: Any,
) -> int:
    """Run monitors on a program (``run_monitors([Slow()], "app.py", "--port", 80)``), a process
    (``run_monitors(Slow(), 1234, duration=5)``) or a recording's trace (``"x.ulma"``), to its end.

    Options are those of ``ulma monitor``. Each monitor has a thread of its own; what it has found
    out is in it afterwards. Returns the program's exit status; raises ulma.Error when ulma refuses.
    """
    listed = [monitors] if isinstance(monitors, Monitor) else list(monitors)
    if not listed or not what:
        raise Error("run_monitors needs a monitor, and what to run it on")
    readers = [Reader(monitor, type(monitor).__name__) for monitor in listed]
    words = [os.fspath(word) if not isinstance(word, int) else str(word) for word in what]
    with tempfile.TemporaryDirectory(prefix="ulma-") as folder:
        errors = os.path.join(folder, "errors")
        with open(errors, "w", encoding="utf-8"):
            session = open_session(readers, words, options, errors)
        threads = []
        for index, reader in enumerate(readers):
            handle = library().ulma_session_monitor(session, index)
            threads.append(threading.Thread(target=reader.run, args=(handle,), daemon=True))
            threads[-1].start()
        try:
            wait_for(readers, threads)
        finally:
            status = close_session(session, readers)
            with open(errors, encoding="utf-8", errors="replace") as file:
                sys.stderr.write(file.read())
    return status
