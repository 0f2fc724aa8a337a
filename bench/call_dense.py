# SPDX-License-Identifier: MIT
"""Ten call-dense programs, as text with marks, for what corrected times are worth.

Why marks: a function's true self time is read from un-profiled runs alone, as the slope of the
program's time when that function's work stands there k times instead of once. So a line

    #work NAME STATEMENT     is STATEMENT once, or k times
    #call NAME COUNT STATEMENT is nothing, or STATEMENT k times

`#call` is what the interpreter itself needs to call what NAME calls, which is NAME's time too: the
call of a function of the same shape that does nothing, COUNT of them in each call of NAME.
Rules: `run(n)` runs the program; nothing but `run` calls from outside of it. Work is without calls,
so that repeating it changes nothing in what a profiler hears (`c_calls`: of Python functions).
"""

from typing import NamedTuple


class Program(NamedTuple):
    name: str
    count: int  # run(count) takes some 0.7 ms
    # Those that are judged; the driver `run` has the rest. A+B: the sum of both is, since who does
    # what of raising and catching cannot be told apart from outside.
    functions: "tuple[str, ...]"
    text: str
    c_functions: "tuple[tuple[str, str], ...]" = ()  # C function, and who calls it


LEAF = """
def leaf(x):
    #work leaf x = (x * 5 + 3) & 1023
    #work leaf x = (x * 7 + 1) & 1023
    #work leaf x = (x * 3 + 7) & 1023
    #work leaf x = (x * 9 + 5) & 1023
    return x

def run(n):
    x = 1
    for _ in range(n):
        x = leaf(x)
"""

RECURSION = """
def nothing(n, x):
    pass

def tree(n, x):
    #work tree x = (x * 5 + n) & 1023
    #work tree x = (x * 7 + 1) & 1023
    #work tree y = x ^ n
    #work tree x = (x + y) & 1023
    #work tree x = (x * 3 + y) & 1023
    #work tree y = (x - n) & 255
    #call tree 1 nothing(n - 1, x)
    if n:
        tree(n - 1, x)
        tree(n - 1, y)

def run(n):
    for _ in range(n):
        tree(9, 3)
"""

METHODS = """
class Point:
    def __init__(self):
        self.x = 3
        self.y = 4

    @property
    def size(self):
        #work size s = self.x + self.y
        #work size s = (s * 5 + self.x) & 1023
        #work size s = (s * 7 + self.y) & 1023
        #work size s = (s ^ self.x) + 1
        return s

    @property
    def nothing(self):
        pass

    def step(self, by):
        #work step self.x = (self.x + by) & 1023
        #work step self.y = (self.y + self.x) & 1023
        #work step x = self.x * 3 + by
        #work step x = (x ^ self.y) & 255
        #call step 1 self.nothing
        return self.size + x

def run(n):
    point = Point()
    for i in range(n):
        point.step(i)
"""

GENERATORS = """
def numbers(n):
    x = 1
    for i in range(n):
        #work numbers x = (x * 5 + i) & 1023
        #work numbers x = (x * 7 + 1) & 1023
        #work numbers x = (x * 3 + i) & 1023
        #work numbers x = (x * 9 + 5) & 1023
        #work numbers x = (x ^ i) & 1023
        yield x

def total(n):
    s = 0
    for _ in range(n):
        for x in numbers(10):
            #work total s = (s + x) & 4095
            #work total s = (s * 3 + x) & 4095
            #work total s = (s ^ x) + 1
            #work total s = (s * 5 + 1) & 4095
            pass
    return s

def run(n):
    total(n)
"""

WRAPPERS = """
def scaled(by):
    def inner(x, *, add=1, **more):
        #work inner x = (x * by + add) & 1023
        #work inner x = (x * 7 + 1) & 1023
        #work inner x = (x * by + 7) & 1023
        #work inner x = (x ^ add) & 1023
        #work inner x = (x * 9 + 5) & 1023
        return x
    return inner

def empty(x, *, add=1, **more):
    pass

def wrap(function):
    def wrapper(*args, **kwargs):
        #work wrapper y = args[0]
        #work wrapper y = (y * 5 + 1) & 255
        #work wrapper y = (y * 3 + 5) & 255
        #work wrapper y = (y ^ 17) & 255
        #work wrapper y = (y * 9 + 7) & 255
        #work wrapper z = (y * 7 + 7) & 255
        #call wrapper 1 empty(*args, **kwargs)
        return function(*args, **kwargs)
    return wrapper

def run(n):
    function = wrap(scaled(5))
    x = 1
    for _ in range(n):
        x = function(x, add=3)
"""

EXCEPTIONS = """
class Refused(Exception):
    pass

refused = Refused()

def check(x):
    #work check x = (x * 5 + 3) & 1023
    #work check x = (x * 7 + 1) & 1023
    #work check x = (x * 3 + 7) & 1023
    #work check x = (x * 9 + 5) & 1023
    #work check x = (x ^ 77) & 1023
    #work check x = (x * 5 + 1) & 1023
    raise refused

def refuse(x):
    raise refused

def attempt(x):
    #work attempt y = (x * 5 + 3) & 255
    #work attempt y = (y * 7 + 1) & 255
    #work attempt y = (y * 3 + 7) & 255
    #work attempt y = (y * 9 + 5) & 255
    #work attempt y = (y ^ 77) & 255
    #work attempt y = (y * 5 + 1) & 255
    #call attempt 1 try: refuse(x)
    #call attempt 1 except Refused: refused.__traceback__ = None
    try:
        check(x)
    except Refused:
        refused.__traceback__ = None

def run(n):
    for i in range(n):
        attempt(i)
"""

C_CALLS = """
def nothing(data):
    pass

def part(data):
    #work part s = 3
    #work part s = (s * 5 + 3) & 1023
    #work part s = (s * 7 + 1) & 1023
    #work part s = (s * 3 + 7) & 1023
    #work part s = (s * 9 + 5) & 1023
    #work part s = (s ^ 77) & 1023
    #work sum t = sum(data)
    return s

def table(data, key):
    #work table s = (key * 5 + 3) & 1023
    #work table s = (s * 7 + 1) & 1023
    #work table s = (s * 3 + 7) & 1023
    #work table s = (s * 9 + 5) & 1023
    #work count t = data.count(s)
    #call table 1 nothing(data)
    return part(data)

def run(n):
    data = list(range(60))
    for i in range(n):
        table(data, i)
"""

CHAIN = """
def nothing(x):
    pass

def a(x):
    #work a x = (x * 5 + 3) & 1023
    #work a x = (x * 7 + 1) & 1023
    #work a x = (x * 3 + 7) & 1023
    #work a x = (x ^ 77) & 1023
    #work a x = (x * 5 + 3) & 1023
    #call a 1 nothing(x)
    return b(x)

def b(x):
    #work b x = (x * 9 + 5) & 1023
    #work b x = (x * 7 + 1) & 1023
    #work b x = (x * 3 + 7) & 1023
    #work b x = (x * 5 + 1) & 1023
    #work b x = (x ^ 77) & 1023
    #call b 1 nothing(x)
    return c(x)

def c(x):
    #work c x = (x * 5 + 3) & 1023
    #work c x = (x * 3 + 7) & 1023
    #work c x = (x * 7 + 1) & 1023
    #work c x = (x ^ 77) & 1023
    #work c x = (x * 5 + 3) & 1023
    #call c 1 nothing(x)
    return d(x)

def d(x):
    #work d x = (x * 9 + 3) & 1023
    #work d x = (x * 7 + 5) & 1023
    #work d x = (x * 3 + 7) & 1023
    #work d x = (x * 5 + 1) & 1023
    #work d x = (x ^ 77) & 1023
    #call d 1 nothing(x)
    return e(x)

def e(x):
    #work e x = (x * 5 + 3) & 1023
    #work e x = (x * 7 + 1) & 1023
    #work e x = (x * 3 + 7) & 1023
    #work e x = (x ^ 77) & 1023
    #work e x = (x * 5 + 3) & 1023
    return x

def run(n):
    x = 1
    for _ in range(n):
        x = a(x)
"""

KEYS = """
def key(x):
    #work key y = (x * 5 + 3) & 1023
    #work key y = (y * 7 + 1) & 1023
    #work key y = (y * 3 + 7) & 1023
    #work key y = (y ^ 77) & 1023
    #work key y = (y * 5 + 3) & 1023
    #work key y = (y * 9 + 5) & 1023
    return y

def half(x):
    #work half y = (x * 5 + 3) & 1023
    #work half y = (y * 7 + 1) & 1023
    #work half y = (y * 3 + 7) & 1023
    #work half y = (y ^ 77) & 1023
    #work half y = (y * 9 + 5) & 1023
    return y

def run(n):
    data = list(range(16))
    for _ in range(n):
        sorted(data, key=key)
        list(map(half, data))
"""

STEPS = """
class Pause:
    def __await__(self):
        yield self

pause = Pause()

async def step(x):
    #work step x = (x * 5 + 3) & 1023
    #work step x = (x * 7 + 1) & 1023
    #work step x = (x * 3 + 7) & 1023
    #work step x = (x ^ 77) & 1023
    #work step x = (x * 5 + 3) & 1023
    #work step x = (x * 9 + 5) & 1023
    return x

async def nothing(x):
    pass

async def work(n):
    x = 1
    for _ in range(n):
        #work work y = (x * 5 + 3) & 255
        #work work y = (y * 7 + 1) & 255
        #work work y = (y * 3 + 7) & 255
        #work work y = (y ^ 77) & 255
        #work work y = (y * 9 + 5) & 255
        #work work y = (y * 5 + 3) & 255
        #call work 1 await nothing(x)
        x = await step(x)
    return x

def run(n):
    for _ in range(n):
        try:
            work(10).send(None)
        except StopIteration:
            pass
"""

PROGRAMS = [
    Program("leaf", 2500, ("leaf",), LEAF),
    Program("recursion", 2, ("tree",), RECURSION),
    Program("methods", 1750, ("size", "step"), METHODS),
    Program("generators", 175, ("numbers",), GENERATORS),
    Program("wrappers", 1250, ("inner", "wrapper"), WRAPPERS),
    Program("exceptions", 1000, ("check+attempt",), EXCEPTIONS),
    Program("c_calls", 1000, ("part", "table"), C_CALLS, (("sum", "part"), ("count", "table"))),
    Program("chain", 625, ("a", "b", "c", "d", "e"), CHAIN),
    Program("keys", 87, ("key", "half"), KEYS),
    Program("steps", 150, ("step", "work"), STEPS),
]


def source(program, repeated="", k=1):
    """The program's text; REPEATED, `work NAME` or `call NAME`, stands there K times more."""
    lines = []
    block = []  # of the same mark, so that all of it is repeated, not each of its lines

    def flush():
        if block:
            mark = block[0][0]
            times = (mark.startswith("work")) + (k if mark == repeated else 0)
            for _ in range(times):
                lines.extend(line for _, line in block)
            block.clear()

    for line in program.text.splitlines():
        bare = line.lstrip()
        indent = line[: len(line) - len(bare)]
        if bare.startswith(("#work ", "#call ")):
            kind, name, statement = bare[1:].split(" ", 2)
            if kind == "call":
                statement = statement.split(" ", 1)[1]
            mark = f"{kind} {name}"
            if block and block[0][0] != mark:
                flush()
            block.append((mark, indent + statement))
        else:
            flush()
            lines.append(line)
    flush()
    return "\n".join(lines) + "\n"


def knobs(program):
    """What can be repeated: `work NAME` and `call NAME` -> how many of the latter a call makes."""
    found = {}
    for line in program.text.splitlines():
        words = line.split()
        if words and words[0] in ("#work", "#call"):
            found[f"{words[0][1:]} {words[1]}"] = int(words[2]) if words[0] == "#call" else 1
    return found
