# SPDX-License-Identifier: MIT
"""A small shop that does what the monitors beside this file look for: calls that are slow now and
then, exceptions that travel, recursion, garbage."""

import time


class Node:
    def __init__(self, depth):
        self.parent = None
        self.children = [Node(depth - 1) for _ in range(2)] if depth else []
        for child in self.children:
            child.parent = self


def lookup(stock, name):
    return stock[name]


def price(stock, name):
    return lookup(stock, name) * 1.2


def offer(stock, names):
    total = 0.0
    for name in names:
        try:
            total += price(stock, name)
        except KeyError:
            total += 1.0
    return total


def ship(order):
    time.sleep(0.02 if order % 50 == 0 else 0)
    return order


def categories(depth):
    return 1 + sum(categories(depth - 1) for _ in range(2)) if depth else 1


def main():
    stock = {"tea": 3.0, "cup": 5.0}
    for order in range(200):
        offer(stock, ["tea", "cup", "spoon"])
        ship(order)
    print(categories(8), "categories")
    for _ in range(20):
        Node(8)


main()
