# SPDX-License-Identifier: MIT
"""Plain recursion: fib, hanoi, ackermann, permutations; methods and closures that recurse."""


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def hanoi(n, source, spare, goal):
    if n == 0:
        return 0
    return hanoi(n - 1, source, goal, spare) + 1 + hanoi(n - 1, spare, source, goal)


def ackermann(m, n):
    if m == 0:
        return n + 1
    if n == 0:
        return ackermann(m - 1, 1)
    return ackermann(m - 1, ackermann(m, n - 1))


def permutations(items):
    if len(items) <= 1:
        return [list(items)]
    found = []
    for index, item in enumerate(items):
        for rest in permutations(items[:index] + items[index + 1 :]):
            found.append([item, *rest])
    return found


class Node:
    def __init__(self, depth):
        self.kids = [Node(depth - 1) for _ in range(3)] if depth else []

    def size(self):
        return 1 + sum([kid.size() for kid in self.kids])


def make_closure(step):
    def count_down(n):
        return 0 if n <= 0 else 1 + count_down(n - step)

    return count_down


def main():
    assert fib(16) == 987
    assert hanoi(9, "a", "b", "c") == 511
    assert ackermann(2, 12) == 27
    assert len(permutations([1, 2, 3, 4, 5])) == 120
    assert Node(5).size() == 364
    assert make_closure(2)(300) == 150
    assert (lambda f: f(f, 100))(lambda f, n: n and f(f, n - 1)) == 0


main()
