# SPDX-License-Identifier: MIT
"""A B-tree in plain Python: inserts, look-ups and a walk by a recursive generator.

pyperformance has a btree in its repository, but not in the wheel that the bench installs.
"""

import random
from bisect import bisect_left

import pyperf

ORDER = 16
KEYS = 4000


class Node:
    __slots__ = ("children", "keys")

    def __init__(self, keys, children):
        self.keys = keys
        self.children = children

    def is_leaf(self):
        return not self.children

    def is_full(self):
        return len(self.keys) >= 2 * ORDER - 1

    def position(self, key):
        return bisect_left(self.keys, key)

    def split_child(self, index):
        child = self.children[index]
        right = Node(child.keys[ORDER:], child.children[ORDER:])
        self.keys.insert(index, child.keys[ORDER - 1])
        self.children.insert(index + 1, right)
        del child.keys[ORDER - 1 :]
        del child.children[ORDER:]

    def insert(self, key):
        index = self.position(key)
        if index < len(self.keys) and self.keys[index] == key:
            return False
        if self.is_leaf():
            self.keys.insert(index, key)
            return True
        if self.children[index].is_full():
            self.split_child(index)
            if key == self.keys[index]:
                return False
            index += key > self.keys[index]
        return self.children[index].insert(key)

    def has(self, key):
        index = self.position(key)
        if index < len(self.keys) and self.keys[index] == key:
            return True
        return not self.is_leaf() and self.children[index].has(key)

    def walk(self):
        if self.is_leaf():
            yield from self.keys
            return
        for index, key in enumerate(self.keys):
            yield from self.children[index].walk()
            yield key
        yield from self.children[-1].walk()


class Tree:
    def __init__(self):
        self.root = Node([], [])
        self.size = 0

    def insert(self, key):
        if self.root.is_full():
            self.root = Node([], [self.root])
            self.root.split_child(0)
        self.size += self.root.insert(key)

    def __contains__(self, key):
        return self.root.has(key)

    def __iter__(self):
        return self.root.walk()


def btree():
    numbers = random.Random(1)
    tree = Tree()
    for _ in range(KEYS):
        tree.insert(numbers.randrange(10 * KEYS))
    found = sum(key in tree for key in range(2 * KEYS))
    keys = list(tree)
    assert keys == sorted(set(keys)) and len(keys) == tree.size and found > 0


if __name__ == "__main__":
    pyperf.Runner().bench_func("btree", btree)
