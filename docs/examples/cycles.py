# SPDX-License-Identifier: MIT
"""Trees whose nodes know their parents: garbage that only the collector finds."""


class Node:
    def __init__(self, parent):
        self.parent = parent
        self.children = []
        if parent:
            parent.children.append(self)


def grow(depth, parent=None):
    node = Node(parent)
    if depth:
        for _ in range(3):
            grow(depth - 1, node)
    return node


def main():
    for _ in range(40):
        grow(7)


main()
