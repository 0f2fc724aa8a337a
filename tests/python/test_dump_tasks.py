# SPDX-License-Identifier: MIT
"""`ulma dump`: asyncio's tasks read from outside are those that the program itself tells.

The programs stand still where they are compared. What they say of themselves comes from
asyncio.all_tasks() and from cr_await, gi_yieldfrom and ag_await of what is awaited.
"""

import contextlib
import json
import re

import pytest
import test_dump

# Tells every task but the one that runs, then stays in a call that never ends. Wrappers without a
# Python attribute for what they wrap tell it to the garbage collector.
TELL = """
import asyncio, gc, json, sys, threading, types

GENERATORS = {
    types.CoroutineType: "cr", types.GeneratorType: "gi", types.AsyncGeneratorType: "ag",
}
WRAPPERS = (
    "async_generator_asend", "async_generator_athrow", "coroutine_wrapper", "anext_awaitable",
)

def below(kind, awaitable):
    return getattr(awaitable, kind + ("_yieldfrom" if kind == "gi" else "_await"))

def frames_of(awaitable):
    frames = []
    while awaitable is not None:
        kind = GENERATORS.get(type(awaitable))
        if kind:
            frame = getattr(awaitable, kind + "_frame")
            row = [awaitable.__qualname__, frame.f_code.co_filename, frame.f_lineno]
            frames.insert(0, row)
            awaitable = below(kind, awaitable)
        elif type(awaitable).__name__ in WRAPPERS:
            (awaitable,) = [
                other for other in gc.get_referents(awaitable)
                if type(other) in GENERATORS or type(other).__name__ in WRAPPERS
            ]
        else:
            break
    return frames

def tell(loop=None):
    told = []
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        coroutine = task.get_coro()
        told.append({
            "id": id(task), "name": task.get_name(), "coroutine": coroutine.__qualname__,
            "line": coroutine.cr_code.co_firstlineno, "file": coroutine.cr_code.co_filename,
            "frames": [] if coroutine.cr_running else frames_of(coroutine),
            "running": coroutine.cr_running, "loop": id(task.get_loop()),
        })
    print(json.dumps({"tasks": told, "tid": threading.get_native_id()}), flush=True)

def tell_and_wait():
    tell()
    sys.stdin.read()  # main waits
"""

SHAPES = (
    TELL
    + """
class Custom:
    def __await__(self):
        yield from asyncio.sleep(1000).__await__()

class Passing:
    def __init__(self, awaitable):
        self.awaitable = awaitable

    def __await__(self):
        return self.awaitable.__await__()

async def order(seconds):
    await asyncio.sleep(
        seconds
    )

async def locked(lock):
    async with lock:
        pass

async def numbers():
    yield 1
    await asyncio.Event().wait()
    yield 2

async def reads():
    async for _ in numbers():
        pass

async def first():
    await asyncio.sleep(2.5)
    yield 1

async def anexts():
    if sys.version_info >= (3, 10):
        await anext(first(), None)
    else:
        await first().__anext__()

async def throws():
    async def stream():
        try:
            yield 1
        finally:
            await asyncio.sleep(4000)
    generator = stream()
    await generator.__anext__()
    await generator.athrow(ValueError)

@types.coroutine
def old():
    yield from asyncio.sleep(5000)

class Shop:
    async def open(self):
        await old()

async def custom():
    await Custom()

async def passing():
    await Passing(order(6))

async def queue():
    await asyncio.Queue().get()

async def future():
    await asyncio.get_running_loop().create_future()

async def waits(task):
    await task

async def gathers(*tasks):
    await asyncio.gather(*tasks)

async def waits_all(*tasks):
    await asyncio.wait(tasks)

async def waits_for(task):
    await asyncio.wait_for(task, 1000)

async def shields(task):
    await asyncio.shield(task)

async def grouped():
    if sys.version_info < (3, 11):
        return await asyncio.gather(asyncio.create_task(order(7), name="in group"))
    async with asyncio.TaskGroup() as group:
        group.create_task(order(7), name="in group")

async def deep(depth):
    if depth:
        await deep(depth - 1)
    else:
        await order(8)

async def never_begun():
    pass

def start(coroutine, name):
    return asyncio.create_task(coroutine, name=name)

async def main():
    lock = asyncio.Lock()
    await lock.acquire()
    a, b, c, d = (start(order(1000 + number), name) for number, name in enumerate("abcd"))
    kept = [
        start(locked(lock), "locked"), start(reads(), "reads"), start(anexts(), "anexts"),
        start(throws(), "throws"), start(Shop().open(), "shop"), start(custom(), "custom"),
        start(passing(), "passing"), start(queue(), "queue \u20ac"), start(future(), "future"),
        start(waits(a), "waits"), start(gathers(a, b), "gathers"),
        start(waits_all(b, c), "waits_all"), start(waits_for(c), "waits_for"),
        start(shields(d), "shields"), start(grouped(), "grouped"), start(deep(100), "deep"),
        asyncio.create_task(order(9)),
    ]
    done = start(asyncio.sleep(0), "done")
    await asyncio.sleep(0.1)
    assert done.done()
    kept.append(start(never_begun(), "never begun"))
    tell_and_wait()

asyncio.run(main())
"""
)

# What each task waits for, and for whom.
AWAITING = {
    "a": ("asyncio.sleep(1000)", ""),
    "anexts": ("asyncio.sleep(2.5)", ""),
    "custom": ("asyncio.sleep(1000)", ""),
    "deep": ("asyncio.sleep(8)", ""),
    "future": ("<Future>", ""),
    "gathers": ("asyncio.gather", "a b"),
    "in group": ("asyncio.sleep(7)", ""),
    "locked": ("asyncio.Lock.acquire", ""),
    "passing": ("asyncio.sleep(6)", ""),
    "queue \u20ac": ("asyncio.Queue.get", ""),
    "reads": ("asyncio.Event.wait", ""),
    "shop": ("asyncio.sleep(5000)", ""),
    "throws": ("asyncio.sleep(4000)", ""),
    "waits": ("task", "a"),
    "waits_all": ("asyncio.wait", "b c"),
    "waits_for": ("asyncio.wait_for", "c"),
}


@pytest.fixture
def start(tmp_path):
    with contextlib.ExitStack() as stack:

        def starting(python, source):
            target = test_dump.Target(python, tmp_path, source)
            stack.callback(target.end)
            return target

        yield starting


def dump(target, *options):
    return test_dump.dump(target, *options)


def by_name(report):
    tasks = {task["name"]: task for task in report["tasks"]}
    assert len(tasks) == len(report["tasks"])
    return tasks


def awaited_names(report, task):
    names = {other["id"]: other["name"] for other in report["tasks"]}
    return " ".join(names[other] for other in task["awaits"])


def rows(task):
    return [[frame["name"], frame["file"], frame["line"]] for frame in task["frames"]]


def compare(report, told):
    """Every task that the program told of; of the one that runs the frames come from its thread."""
    seen = {task["id"]: task for task in report["tasks"]}
    assert set(seen) == {task["id"] for task in told["tasks"]}
    assert report["tasks_complete"]
    (loop,) = report["loops"]
    assert loop["tid"] == told["tid"] and loop["type"] == "_UnixSelectorEventLoop"
    for expected in told["tasks"]:
        task = seen[expected["id"]]
        assert task["complete"] and task["loop"] == loop["id"] == expected["loop"]
        for key in ("name", "coroutine", "file", "line"):
            assert task[key] == expected[key]
        if not expected["running"]:
            assert rows(task) == expected["frames"], task["name"]


def compare_awaiting(report, python):
    tasks = by_name(report)
    for name, (awaiting, awaited) in AWAITING.items():
        task = tasks[name]
        assert task["state"] == "waiting", name
        assert (task["awaiting"], awaited_names(report, task)) == (awaiting, awaited), name
    # Of a shield older versions keep no more than a future.
    shielded = "d" if python.minor >= (3, 14) else ""
    assert awaited_names(report, tasks["shields"]) == shielded
    assert awaited_names(report, tasks["grouped"]) == "in group"
    begun = tasks["never begun"]
    assert (begun["state"], begun["awaiting"]) == ("runnable", None)


def check_shapes(target, python, report, told):
    compare(report, told)
    compare_awaiting(report, python)
    tasks = by_name(report)
    assert len(tasks) == 24
    assert len(tasks["deep"]["frames"]) == 103
    main = tasks["Task-1"]
    assert main["state"] == "running" and main["awaiting"] is None
    assert [frame["name"].rpartition(".")[2] for frame in main["frames"]] == [
        "tell_and_wait",
        "main",
    ]
    assert main["frames"][0]["line"] == target.line_of("main waits")


def test_tasks_are_those_that_the_program_tells(python, start):
    target = start(python, SHAPES)
    told = target.told()
    target.wait_for_states("S")
    check_shapes(target, python, dump(target), told)


def test_a_stopped_process_is_read_and_nothing_of_it_changes(python, start):
    target = start(python, SHAPES)
    told = target.told()
    target.wait_for_states("S")
    target.stop()
    before = test_dump.picture(target.pid)
    report = dump(target, "--locals")
    assert test_dump.picture(target.pid) == before
    check_shapes(target, python, report, told)
    order = by_name(report)["a"]["frames"][-1]
    assert {"name": "seconds", "value": "1000"} in order["locals"]
    assert set(target.states().values()) == {"T"}


def test_a_task_in_a_c_call_that_holds_the_gil(python, start):
    source = (
        TELL
        + """
async def sleeps():
    await asyncio.sleep(1000)

async def computes():
    print("{}", flush=True)
    sum(range(10 ** 14))  # works

async def main():
    other = asyncio.create_task(sleeps(), name="other")
    await asyncio.sleep(0.01)
    await computes()

asyncio.run(main())
"""
    )
    target = start(python, source)
    target.told()

    def is_in_the_call():
        frames = by_name(dump(target))["Task-1"]["frames"]
        return frames and frames[0]["line"] == target.line_of("works")

    test_dump.wait_until(is_in_the_call)
    tasks = by_name(dump(target))
    assert [frame["name"] for frame in tasks["Task-1"]["frames"]] == ["computes", "main"]
    assert tasks["Task-1"]["state"] == "running"
    assert tasks["other"]["awaiting"] == "asyncio.sleep(1000)"


def test_loops_of_several_threads(python, start):
    source = (
        TELL
        + """
arrived = threading.Semaphore(0)

async def inner():
    arrived.release()
    await asyncio.sleep(1000)

async def work(number):
    await asyncio.gather(asyncio.create_task(inner(), name=f"inner {number}"))

def run(number):
    asyncio.run(work(number))

for number in range(3):
    threading.Thread(target=run, args=(number,), name=f"loop {number}", daemon=True).start()
for _ in range(3):
    arrived.acquire()
idle = asyncio.new_event_loop()
stopped = idle.create_task(inner(), name="stopped")
print("{}", flush=True)
sys.stdin.read()
"""
    )
    target = start(python, source)
    target.told()
    target.wait_for_states("S")
    report = dump(target)
    tids = {thread["name"]: thread["tid"] for thread in report["threads"]}
    loops = {loop["id"]: loop["tid"] for loop in report["loops"]}
    assert len(loops) == 4
    found = {}
    for task in report["tasks"]:
        found.setdefault(loops[task["loop"]], []).append((task["name"], task["state"]))
    assert found.pop(None) == [("stopped", "runnable")]
    for number in range(3):
        tasks = found.pop(tids[f"loop {number}"])
        assert (f"inner {number}", "waiting") in tasks and len(tasks) == 2
    assert not found


def test_tasks_of_other_kinds(python, start):
    """Of Python, of a class derived from C's, and begun eagerly."""
    source = (
        TELL
        + """
class Derived(asyncio.Task):
    pass

async def inner():
    await asyncio.sleep(1000)

async def awaits(*tasks):
    await asyncio.gather(*tasks)

async def main():
    loop = asyncio.get_running_loop()
    python = asyncio.tasks._PyTask(inner(), loop=loop, name="python")
    kept = [Derived(inner(), loop=loop, name="derived"), python]
    if sys.version_info >= (3, 12):
        kept.append(asyncio.eager_task_factory(loop, inner(), name="eager"))
    kept.append(asyncio.tasks._PyTask(awaits(python), loop=loop, name="awaits"))
    await asyncio.sleep(0.05)
    if sys.version_info >= (3, 12):
        asyncio.eager_task_factory(loop, telling(), name="telling")
    else:
        tell_and_wait()

async def telling():
    tell_and_wait()

asyncio.run(main())
"""
    )
    target = start(python, source)
    target.told()
    target.wait_for_states("S")
    report = dump(target)
    tasks = by_name(report)
    eager = python.minor >= (3, 12)
    assert set(tasks) == {"Task-1", "awaits", "derived", "python"} | (
        {"eager", "telling"} if eager else set()
    )
    for name in ("derived", "python", "eager")[: 3 if eager else 2]:
        task = tasks[name]
        assert (task["state"], task["awaiting"]) == ("waiting", "asyncio.sleep(1000)")
        assert [frame["name"] for frame in task["frames"]][-2:] == ["sleep", "inner"]
    assert tasks["awaits"]["awaiting"] == "asyncio.gather"
    assert awaited_names(report, tasks["awaits"]) == "python"
    assert tasks["telling" if eager else "Task-1"]["state"] == "running"


# Each coroutine awaits the next one only, from one line. Half of the tasks go on at once: how long
# their chains stand still, and whether that suffices to read one, is the machine's affair. The
# others' stand for some milliseconds each.
CHURN = (
    TELL
    + """
async def leaf(seconds):
    await asyncio.sleep(seconds)  # leaf awaits

async def middle(number, seconds):
    for _ in range(number):
        await leaf(seconds)  # middle awaits

async def work(number, seconds):
    await middle(number, seconds)  # work awaits

async def group(seconds):
    while True:
        await asyncio.gather(*[work(number % 5, seconds) for number in range(30)])

async def main():
    await asyncio.gather(group(0), group(0.005))

print("{}", flush=True)
asyncio.run(main())
"""
)


def check_chains(target, tasks):
    """The length of the longest of those that await each other."""
    deepest = 0
    for task in tasks:
        chain = [
            (frame["name"], frame["line"])
            for frame in reversed(task["frames"])
            if frame["file"] == str(target.file)
        ]
        names = [name for name, _ in chain]
        if not chain:
            assert not task["complete"], task
        elif task["coroutine"] == "work":
            assert names == ["work", "middle", "leaf"][: len(names)], chain
            for name, line in chain[:-1]:
                assert line == target.line_of(f"{name} awaits"), chain
            deepest = max(deepest, len(chain))
        else:
            # Above it coroutine objects of group or work may be made.
            assert names[0] in ("main", "group")
            assert not {"middle", "leaf"} & set(names)
    return deepest


def test_a_busy_program_has_only_chains_that_can_be(python, start):
    target = start(python, CHURN)
    target.told()
    test_dump.wait_until(lambda: len(dump(target).get("tasks", [])) > 5)
    for _ in range(15):
        check_chains(target, dump(target)["tasks"])
    test_dump.wait_until(lambda: check_chains(target, dump(target)["tasks"]) == 3)


CIRCLE = (
    TELL
    + """
async def waits(names):
    await asyncio.sleep(0)
    await asyncio.wait([tasks[name] for name in names])

async def main():
    tasks["one"] = asyncio.create_task(waits(["two"]), name="one")
    tasks["two"] = asyncio.create_task(waits(["one"]), name="two")
    tasks["both"] = asyncio.create_task(waits(["one", "two"]), name="both")
    await asyncio.sleep(0.1)
    tell_and_wait()

tasks = {}
asyncio.run(main())
"""
)


def test_text_for_people(python, start):
    """Tasks that wait for each other in a circle are printed, too, and each of them once."""
    target = start(python, CIRCLE)
    target.told()
    target.wait_for_states("S")
    done = test_dump.ulma_dump(target.pid)
    assert done.status == 0 and done.err == b""
    _, _, text = done.out.decode().partition("\nLoop ")
    assert text.startswith(f"_UnixSelectorEventLoop (thread {target.pid}): 4 tasks\n")
    heads = re.findall(r"^ *(?:waits for )?Task \"(.*)\" \((.*)\): (\w+)$", text, re.MULTILINE)
    assert sorted(heads) == [
        ("Task-1", "running", "main"),
        ("both", "waiting for asyncio.wait", "waits"),
        ("one", "waiting for asyncio.wait", "waits"),
        ("two", "waiting for asyncio.wait", "waits"),
    ]
    _, _, tree = text.partition('\n\nTask "both"')
    order = re.findall(r"^( *)waits for .ask \"(\w+)\" \(([a-z]+)", tree, re.MULTILINE)
    assert [(len(indent), name, word) for indent, name, word in order] == [
        (4, "one", "waiting"),
        (8, "two", "waiting"),
        (12, "one", "above"),
        (4, "two", "above"),
    ]


def test_a_program_without_asyncio(python, start):
    target = start(python, "import json, sys; print(json.dumps({}), flush=True); sys.stdin.read()")
    target.told()
    report = dump(target)
    assert "tasks" not in report and "loops" not in report
    assert b"Loop" not in test_dump.ulma_dump(target.pid).out


def test_names_are_cleaned_for_a_terminal(python, start):
    source = TELL + (
        "async def main():\n"
        "    asyncio.current_task().set_name('\\x1b[31mred\\n')\n"
        "    tell_and_wait()\n"
        "asyncio.run(main())\n"
    )
    target = start(python, source)
    target.told()
    target.wait_for_states("S")
    assert json.loads(json.dumps(dump(target)))["tasks"][0]["name"] == "\x1b[31mred\n"
    assert b"\x1b" not in test_dump.ulma_dump(target.pid).out


# For each line of its stdin: words of tasks, of their coroutines and of what these await are
# replaced by others of that kind, by addresses that lead in circles and by numbers; then put back.
# No Python code touches them meanwhile.
SCRAMBLED = (
    TELL
    + """
import ctypes, random

async def inner():
    await asyncio.sleep(1000)

async def outer():
    await inner()

async def main():
    gc.disable()
    tasks = [asyncio.create_task(outer()) for _ in range(20)]
    await asyncio.sleep(0.05)
    objects = []
    for task in tasks:
        coroutine = task.get_coro()
        objects += [task, coroutine, coroutine.cr_await]
        if sys.version_info < (3, 11):
            objects += [coroutine.cr_frame, coroutine.cr_await.cr_frame]
    new = sys.version_info >= (3, 12)
    objects.append((asyncio.tasks._scheduled_tasks if new else asyncio.tasks._all_tasks).data)
    words = [
        id(object) + 8 * number
        for object in objects
        for number in range(1, type(object).__basicsize__ // 8)
    ]
    print("{}", flush=True)
    for line in sys.stdin:
        random.seed(int(line))
        before = {}
        for _ in range(40):
            place = random.choice(words)
            value = random.choice((
                0, 1, random.getrandbits(8), random.getrandbits(64), place, place & ~15,
                id(random.choice(objects)), random.choice(words),
            ))
            before.setdefault(place, ctypes.c_uint64.from_address(place).value)
            ctypes.c_uint64.from_address(place).value = value
        print("{}", flush=True)
        sys.stdin.readline()
        for place, value in before.items():
            ctypes.c_uint64.from_address(place).value = value

asyncio.run(main())
"""
)


def test_scrambled_memory_is_read_without_harm(python, start):
    read_scrambled(start(python, SCRAMBLED), range(8))


@pytest.mark.torture
def test_memory_scrambled_often_is_read_without_harm(python, start):
    read_scrambled(start(python, SCRAMBLED), range(1000, 1500))


def read_scrambled(target, seeds):
    target.told()
    whole = len(dump(target)["tasks"])
    seen = set()
    for seed in seeds:
        target.process.stdin.write(b"%d\n" % seed)
        target.process.stdin.flush()
        target.told()
        done = test_dump.ulma_dump("-f", "json", "--locals", target.pid)
        assert done.status == 0 and done.err == b"", (seed, done.told())
        tasks = json.loads(done.out)["tasks"]
        seen.add((len(tasks), sum(task["complete"] for task in tasks)))
        assert test_dump.ulma_dump(target.pid).status == 0
        target.process.stdin.write(b"\n")
        target.process.stdin.flush()
    assert whole == 21 and len(seen) > 1, "nothing was scrambled"
    test_dump.wait_until(lambda: all(task["complete"] for task in dump(target)["tasks"]))
    assert len(dump(target)["tasks"]) == whole
