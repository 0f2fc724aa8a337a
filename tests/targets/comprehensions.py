# SPDX-License-Identifier: MIT
"""Comprehensions and generator expressions, nested, in class bodies, with lambdas inside."""


def square(n):
    return n * n


def rows(n):
    return [[square(i * j) for j in range(n)] for i in range(n)]


def table(n):
    return {i: {j for j in range(i) if square(j) % 2} for i in range(n)}


def flat(n):
    return [item for row in rows(n) for item in row if item]


def lazily(n):
    return sum(square(i) for i in range(n) if any(j == i for j in range(n)))


def lambdas(n):
    return [f(2) for f in [lambda x, i=i: square(x + i) for i in range(n)]]


def walrus(n):
    return [y for i in range(n) if (y := square(i)) % 3]


class Body:
    squares = [square(n) for n in range(5)]
    lookup = dict((n, square(n)) for n in range(5))

    def method(self):
        return [self.squares[i] for i in range(5)]


def closes_over(n):
    return [lambda: n + i for i in range(3)][1]()


def main():
    for _ in range(10):
        rows(8)
        table(8)
        flat(5)
        lazily(12)
        lambdas(6)
        walrus(9)
        Body().method()
        closes_over(2)
    assert tuple(square(i) for i in range(3)) == (0, 1, 4)
    assert set(map(square, (i for i in range(4)))) == {0, 1, 4, 9}
    assert max((square(i) for i in range(4)), key=lambda v: -v) == 0
    nested = ((i, j) for i in range(3) for j in (square(k) for k in range(i)))
    assert list(nested) == [(1, 0), (2, 0), (2, 1)]
    assert [[[k for k in range(j)] for j in range(i)] for i in range(4)][3] == [[], [0], [0, 1]]


main()
