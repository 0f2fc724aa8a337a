# SPDX-License-Identifier: MIT
"""20,000 short-lived lambdas: code objects die, and their addresses are used again at once."""


def apply(function, value):
    return function(value)


def make(n):
    return eval(f"lambda x: x + {n}")


def make_named(n):
    namespace = {}
    exec(f"def made_{n % 7}(x):\n    return x * {n}\n", namespace)
    return namespace.popitem()[1]


def main():
    total = 0
    for n in range(16000):
        total += apply(make(n), 1)
    for n in range(4000):
        total += make_named(n)(1) - n
    assert total == sum(range(1, 16001)), total
    kept = []
    for n in range(200):
        kept.append(make(n))
        if n % 3 == 0:
            kept.pop(0)
        total = sum([f(n) for f in kept[:5]])


main()
