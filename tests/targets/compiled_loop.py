# SPDX-License-Identifier: MIT
"""Code made in a loop by compile(): many names, files and lines; code that dies."""

SOURCE = """
{blank}def f_{n}(x):
    def inside(y):
        return y + {n}
    return [inside(v) for v in gen(x)]
def gen(x):
    for i in range(x):
        yield i
class C_{n}:
    def method(self):
        return f_{n}(3)
answer = C_{n}().method()
"""


def build(n):
    return compile(SOURCE.format(n=n % 11, blank="\n" * (n % 5)), f"<made {n % 3}>", "exec")


def use(code):
    namespace = {}
    exec(code, namespace)
    return namespace["answer"]


def suspended(n):
    """A generator whose code nothing else holds, left before its end."""
    namespace = {}
    exec(f"def gen(n):\n    while True:\n        yield n\n        n += {n % 4}\n", namespace)
    return namespace["gen"](n)


def main():
    for n in range(300):
        assert use(build(n)) == [n % 11, n % 11 + 1, n % 11 + 2]
    live = []
    for n in range(200):
        one = suspended(n)
        next(one)
        next(one)
        live.append(one)
        if n % 2:
            live.pop(0)
    codes = [build(n) for n in range(20)]
    for code in codes * 3:
        use(code)


main()
