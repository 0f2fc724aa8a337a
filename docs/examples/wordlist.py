# SPDX-License-Identifier: MIT
"""Which words of the first list are not in the second one? The second should have been a set."""

first = [f"word{number}" for number in range(0, 4000, 2)]
second = [f"word{number}" for number in range(0, 4000, 3)]


def position(word):
    try:
        return second.index(word)
    except ValueError:
        return None


def missing():
    return [word for word in first if position(word) is None]


print(len(missing()))
