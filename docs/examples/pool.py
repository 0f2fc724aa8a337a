# SPDX-License-Identifier: MIT
"""A pool of three processes that share out the work."""

import multiprocessing


def square(n):
    return add(n, n)


def add(n, times):
    total = 0
    for _ in range(times):
        total = plus(total, n)
    return total


def plus(a, b):
    return a + b


if __name__ == "__main__":
    with multiprocessing.get_context("fork").Pool(3) as pool:
        pool.map(square, range(2000), 50)
        pool.close()
        pool.join()
