# SPDX-License-Identifier: MIT
"""Ten call-dense programs, as text with marks, for what corrected times are worth.

Why marks: a function's true self time is read from un-profiled runs alone, as the slope of the
program's time over how often that function's work stands there. So a line

    #work NAME STATEMENT       is STATEMENT, or nothing
    #call NAME COUNT STATEMENT is nothing, or STATEMENT

`#call` is what the interpreter itself needs to call what NAME calls, which is NAME's time too: the
call of a function of the same shape that does nothing, COUNT of them in each call of NAME; and, of
its loops and branches, what they need without what is in them. Where NAME is a C function, it is
what its caller needs to call it.
Rules: `run(n)` runs the program; nothing but `run` calls from outside of it. Work is without calls,
so that repeating it changes nothing in what a profiler hears (`c_calls`: of Python functions).
Its numbers lie above 1,023, also those in between: small ones the interpreter has ready, so that
the processor would have to guess which it is to be. What a function works out goes nowhere: were it
another's argument, the other's guesses would be right as soon as this work is away, and their time
this function's truth. It leaves nothing to be freed after its return, in its caller's time, either.
"""

from typing import NamedTuple


class Program(NamedTuple):
    name: str
    count: int  # run(count) takes some 40 µs
    # Those that are judged; the driver `run` has the rest. A+B: the sum of both is, since who does
    # what of raising and catching cannot be told apart from outside.
    functions: "tuple[str, ...]"
    text: str
    c_functions: "tuple[tuple[str, str], ...]" = ()  # C function, and who calls it


LEAF = """
def leaf(x):
    #work leaf y = (x * 5 + 3 | 1024) & 2047
    #work leaf y = (y * 7 + 1 | 1024) & 2047
    #work leaf y = (y * 3 + 7 | 1024) & 2047
    #work leaf y = (y * 9 + 5 | 1024) & 2047
    #work leaf y = 0
    return x

def run(n):
    for i in range(1024, 1024 + n):
        leaf(i)
"""

RECURSION = """
def nothing(n, x, y=1027):
    pass

def tree(n, x, y=1027):
    #work tree z = (x * 5 + n | 1024) & 2047
    #work tree z = (z * 7 + 1 | 1024) & 2047
    #work tree w = (z ^ n | 1024) & 2047
    #work tree z = (z + w | 1024) & 2047
    #work tree z = (z * 3 + w | 1024) & 2047
    #work tree w = (z - n | 1024) & 2047
    #work tree z = w = 0
    #call tree 1 nothing(n - 1, x)
    #call tree 1 if n: pass
    if n:
        tree(n - 1, x)
        tree(n - 1, y)

def run(n):
    for _ in range(n):
        tree(6, 1027)
"""

METHODS = """
class Point:
    def __init__(self):
        self.x = 1027
        self.y = 1028
        self.z = 1029

    @property
    def size(self, s=1027):
        #work size s = (self.x + self.y | 1024) & 2047
        #work size s = (s * 5 + self.x | 1024) & 2047
        #work size s = (s * 7 + self.y | 1024) & 2047
        #work size s = (s + 1 ^ self.x | 1024) & 2047
        #work size s = 0
        return self.x

    @property
    def nothing(self, s=1027):
        pass

    def step(self, by):
        #work step self.z = (self.x + by | 1024) & 2047
        #work step x = (self.y + self.z | 1024) & 2047
        #work step x = (x * 3 + by | 1024) & 2047
        #work step x = (x ^ self.y | 1024) & 2047
        #work step x = 0
        #call step 1 self.nothing
        return self.size

def run(n):
    point = Point()
    for i in range(1024, 1024 + n):
        point.step(i)
"""

GENERATORS = """
def numbers(n):
    #call numbers 1 for i in range(n): pass
    for i in range(n):
        #work numbers y = (i * 5 + 3 | 1024) & 2047
        #work numbers y = (y * 7 + 1 | 1024) & 2047
        #work numbers y = (y * 3 + i | 1024) & 2047
        #work numbers y = (y * 9 + 5 | 1024) & 2047
        #work numbers y = (y ^ i | 1024) & 2047
        #work numbers y = 0
        yield i

def total(n):
    s = 1024
    for _ in range(n):
        for x in numbers(10):
            #work total s = (s + x | 1024) & 2047
            #work total s = (s * 3 + x | 1024) & 2047
            #work total s = (s + 1 ^ x | 1024) & 2047
            #work total s = (s * 5 + 1 | 1024) & 2047
            pass
    return s

def run(n):
    total(n)
"""

WRAPPERS = """
def scaled(by):
    def inner(x, *, add=1, **more):
        #work inner y = (x * by + add | 1024) & 2047
        #work inner y = (y * 7 + 1 | 1024) & 2047
        #work inner y = (y * by + 7 | 1024) & 2047
        #work inner y = (y ^ add | 1024) & 2047
        #work inner y = (y * 9 + 5 | 1024) & 2047
        #work inner y = 0
        return by
    return inner

def empty(x, *, add=1, **more):
    pass

def wrap(function):
    def wrapper(*args, **kwargs):
        #work wrapper y = args[0]
        #work wrapper y = (y * 5 + 1 | 1024) & 2047
        #work wrapper y = (y * 3 + 5 | 1024) & 2047
        #work wrapper y = (y ^ 17 | 1024) & 2047
        #work wrapper y = (y * 9 + 7 | 1024) & 2047
        #work wrapper z = (y * 7 + 7 | 1024) & 2047
        #work wrapper y = z = 0
        #call wrapper 1 empty(*args, **kwargs)
        return function(*args, **kwargs)
    return wrapper

def run(n):
    function = wrap(scaled(5))
    for i in range(1024, 1024 + n):
        function(i, add=3)
"""

EXCEPTIONS = """
class Refused(Exception):
    pass

refused = Refused()

def check(x):
    #work check y = (x * 5 + 3 | 1024) & 2047
    #work check y = (y * 7 + 1 | 1024) & 2047
    #work check y = (y * 3 + 7 | 1024) & 2047
    #work check y = (y * 9 + 5 | 1024) & 2047
    #work check y = (y ^ 77 | 1024) & 2047
    #work check y = (y * 5 + 1 | 1024) & 2047
    #work check y = 0
    raise refused

def refuse(x):
    raise refused

def attempt(x):
    #work attempt y = (x * 5 + 3 | 1024) & 2047
    #work attempt y = (y * 7 + 1 | 1024) & 2047
    #work attempt y = (y * 3 + 7 | 1024) & 2047
    #work attempt y = (y * 9 + 5 | 1024) & 2047
    #work attempt y = (y ^ 77 | 1024) & 2047
    #work attempt y = (y * 5 + 1 | 1024) & 2047
    #work attempt y = 0
    #call attempt 1 try: refuse(x)
    #call attempt 1 except Refused: refused.__traceback__ = None
    try:
        check(x)
    except Refused:
        refused.__traceback__ = None

def run(n):
    for i in range(1024, 1024 + n):
        attempt(i)
"""

C_CALLS = """
def nothing(data, s=1027):
    pass

def part(data, s=1027):
    #work part s = (s * 5 + 3 | 1024) & 2047
    #work part s = (s * 7 + 1 | 1024) & 2047
    #work part s = (s * 3 + 7 | 1024) & 2047
    #work part s = (s * 9 + 5 | 1024) & 2047
    #work part s = (s ^ 77 | 1024) & 2047
    #work part s = 0
    #work sum sum(data)
    #call sum 1 callable(data)
    return data

def table(data, key, s=1027, none=()):
    #work table s = (key * 5 + 3 | 1024) & 2047
    #work table s = (s * 7 + 1 | 1024) & 2047
    #work table s = (s * 3 + 7 | 1024) & 2047
    #work table s = (s * 9 + 5 | 1024) & 2047
    #work table s = 0
    #work count data.count(key)
    #call count 1 none.count(key)
    #call table 1 nothing(data)
    return part(data)

def run(n):
    data = list(range(60))
    for i in range(1024, 1024 + n):
        table(data, i)
"""

CHAIN = """
def nothing(x):
    pass

def a(x):
    #work a y = (x * 5 + 3 | 1024) & 2047
    #work a y = (y * 7 + 1 | 1024) & 2047
    #work a y = (y * 3 + 7 | 1024) & 2047
    #work a y = (y ^ 77 | 1024) & 2047
    #work a y = (y * 5 + 3 | 1024) & 2047
    #work a y = 0
    #call a 1 nothing(x)
    return b(x)

def b(x):
    #work b y = (x * 9 + 5 | 1024) & 2047
    #work b y = (y * 7 + 1 | 1024) & 2047
    #work b y = (y * 3 + 7 | 1024) & 2047
    #work b y = (y * 5 + 1 | 1024) & 2047
    #work b y = (y ^ 77 | 1024) & 2047
    #work b y = 0
    #call b 1 nothing(x)
    return c(x)

def c(x):
    #work c y = (x * 5 + 3 | 1024) & 2047
    #work c y = (y * 3 + 7 | 1024) & 2047
    #work c y = (y * 7 + 1 | 1024) & 2047
    #work c y = (y ^ 77 | 1024) & 2047
    #work c y = (y * 5 + 3 | 1024) & 2047
    #work c y = 0
    #call c 1 nothing(x)
    return d(x)

def d(x):
    #work d y = (x * 9 + 3 | 1024) & 2047
    #work d y = (y * 7 + 5 | 1024) & 2047
    #work d y = (y * 3 + 7 | 1024) & 2047
    #work d y = (y * 5 + 1 | 1024) & 2047
    #work d y = (y ^ 77 | 1024) & 2047
    #work d y = 0
    #call d 1 nothing(x)
    return e(x)

def e(x):
    #work e y = (x * 5 + 3 | 1024) & 2047
    #work e y = (y * 7 + 1 | 1024) & 2047
    #work e y = (y * 3 + 7 | 1024) & 2047
    #work e y = (y ^ 77 | 1024) & 2047
    #work e y = (y * 5 + 3 | 1024) & 2047
    #work e y = 0
    return x

def run(n):
    for i in range(1024, 1024 + n):
        a(i)
"""

KEYS = """
def key(x, y=1027):
    #work key y = (x * 5 + 3 | 1024) & 2047
    #work key y = (y * 7 + 1 | 1024) & 2047
    #work key y = (y * 3 + 7 | 1024) & 2047
    #work key y = (y ^ 77 | 1024) & 2047
    #work key y = (y * 5 + 3 | 1024) & 2047
    #work key y = (y * 9 + 5 | 1024) & 2047
    #work key y = 0
    return x

def half(x, y=1027):
    #work half y = (x * 5 + 3 | 1024) & 2047
    #work half y = (y * 7 + 1 | 1024) & 2047
    #work half y = (y * 3 + 7 | 1024) & 2047
    #work half y = (y ^ 77 | 1024) & 2047
    #work half y = (y * 9 + 5 | 1024) & 2047
    #work half y = 0
    return x

def run(n):
    data = list(range(1024, 1040))
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
    #work step y = (x * 5 + 3 | 1024) & 2047
    #work step y = (y * 7 + 1 | 1024) & 2047
    #work step y = (y * 3 + 7 | 1024) & 2047
    #work step y = (y ^ 77 | 1024) & 2047
    #work step y = (y * 5 + 3 | 1024) & 2047
    #work step y = (y * 9 + 5 | 1024) & 2047
    #work step y = 0
    return x

async def nothing(x):
    pass

async def work(n):
    #call work 1 for x in range(1024, 1024 + n): pass
    for x in range(1024, 1024 + n):
        #work work y = (x * 5 + 3 | 1024) & 2047
        #work work y = (y * 7 + 1 | 1024) & 2047
        #work work y = (y * 3 + 7 | 1024) & 2047
        #work work y = (y ^ 77 | 1024) & 2047
        #work work y = (y * 9 + 5 | 1024) & 2047
        #work work y = (y * 5 + 3 | 1024) & 2047
        #work work y = 0
        #call work 1 await nothing(x)
        await step(x)

def run(n):
    for _ in range(n):
        try:
            work(10).send(None)
        except StopIteration:
            pass
"""

PROGRAMS = [
    Program("leaf", 150, ("leaf",), LEAF),
    Program("recursion", 1, ("tree",), RECURSION),
    Program("methods", 100, ("size", "step"), METHODS),
    Program("generators", 12, ("numbers",), GENERATORS),
    Program("wrappers", 75, ("inner", "wrapper"), WRAPPERS),
    Program("exceptions", 60, ("check+attempt",), EXCEPTIONS),
    Program("c_calls", 40, ("part", "table"), C_CALLS, (("sum", "part"), ("count", "table"))),
    Program("chain", 40, ("a", "b", "c", "d", "e"), CHAIN),
    Program("keys", 6, ("key", "half"), KEYS),
    Program("steps", 8, ("step", "work"), STEPS),
]


def source(program, changed=""):
    """The program's text; CHANGED, `work NAME` or `call NAME`, is not, or is, in it; `more NAME`:
    NAME's work is in it twice.
    """
    lines = []
    block = []  # of the same mark

    def flush():
        if block:
            mark = block[0][0]
            if mark.startswith("work") != (mark == changed):
                times = 2 if mark == changed.replace("more ", "work ") != changed else 1
                lines.extend([line for _, line in block] * times)
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
    """What can be changed: `work NAME`, `more NAME`, `call NAME` -> how many a call makes of it."""
    found = {}
    for line in program.text.splitlines():
        words = line.split()
        if words and words[0] in ("#work", "#call"):
            found[f"{words[0][1:]} {words[1]}"] = int(words[2]) if words[0] == "#call" else 1
            if words[0] == "#work":
                found[f"more {words[1]}"] = 1
    return found
