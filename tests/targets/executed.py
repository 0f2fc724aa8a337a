# SPDX-License-Identifier: MIT
"""exec, eval, compile: modules, functions and classes from text, one inside the other."""

PROGRAM = """
def double(n):
    return 2 * n

class Box:
    def __init__(self, n):
        self.n = double(n)

    @property
    def inside(self):
        return self.n

result = [Box(i).inside for i in range(5)]
"""

NESTED = """
depth -= 1
if depth:
    exec(NESTED, globals())
else:
    bottom()
"""


def bottom():
    return "bottom"


def run_program(name):
    namespace = {"__name__": name}
    exec(compile(PROGRAM, name, "exec"), namespace)
    return namespace


def evaluate(text, **names):
    return eval(text, {"evaluate": evaluate}, names)


def shadowed():
    exec("def local(): return 1\nseen.append(local())", {"seen": (seen := [])})
    return seen


def main():
    global depth
    kept = [run_program(f"<program {n}>") for n in range(3)]
    for namespace in kept:
        for i in range(5):
            namespace["double"](i)
            namespace["Box"](i)
    for _ in range(20):
        assert run_program("<again>")["result"] == [0, 2, 4, 6, 8]
    for i in range(50):
        assert evaluate("a + 1", a=i) == i + 1
    assert evaluate("evaluate('x * 2', x=n) + 1", n=4) == 9
    assert evaluate("(lambda v: v + 1)(n)", n=1) == 2
    assert evaluate("[f() for f in fs]", fs=[bottom, bottom]) == ["bottom", "bottom"]
    depth = 20
    exec(NESTED, globals())
    for _ in range(10):
        assert shadowed() == [1]
    single = compile("bottom()\n", "<single>", "single")
    import sys

    sys.displayhook = lambda value: None
    for _ in range(3):
        exec(single, globals())
    made = type("Made", (), {"run": eval("lambda self: 5")})
    assert made().run() == 5


main()
