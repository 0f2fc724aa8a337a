# SPDX-License-Identifier: MIT
"""Three phases, each of other functions: the same work in every run, some five seconds a phase.

One counts words, one multiplies small matrices, one walks a maze. A phase is a loop of the bench.
"""

import pyperf

WORDS = ["the", "cat", "sat", "on", "the", "mat", "and", "the", "dogs", "ate", "the", "rats"] * 4
SIZE = 6


def stem(word):
    return word[:-1] if word.endswith("s") else word


def vowels(word):
    return sum(is_vowel(letter) for letter in word)


def is_vowel(letter):
    return letter in "aeiou"


def weight(word):
    return vowels(stem(word)) + len(word)


def count_words():
    counts = {}
    for word in WORDS:
        counts[word] = counts.get(word, 0) + weight(word)
    return counts


def cell(left, right, row, column):
    total = 0
    for at in range(SIZE):
        total += product(left[row][at], right[at][column])
    return total


def product(one, other):
    return one * other % 1009


def multiply(left, right):
    return [[cell(left, right, row, column) for column in range(SIZE)] for row in range(SIZE)]


def power(matrix, exponent):
    result = matrix
    for _ in range(exponent):
        result = multiply(result, matrix)
    return result


class Maze:
    def __init__(self, size):
        self.size = size
        self.seen = set()

    def is_wall(self, x, y):
        return (x * 7 + y * 13) % 5 == 0

    def is_inside(self, x, y):
        return 0 <= x < self.size and 0 <= y < self.size

    def neighbours(self, x, y):
        for dx, dy in ((1, 0), (0, 1), (-1, 0), (0, -1)):
            if self.is_inside(x + dx, y + dy) and not self.is_wall(x + dx, y + dy):
                yield x + dx, y + dy

    def walk(self, start):
        todo = [start]
        while todo:
            place = todo.pop()
            if place not in self.seen:
                self.visit(place, todo)
        return len(self.seen)

    def visit(self, place, todo):
        self.seen.add(place)
        todo.extend(self.neighbours(*place))


def word_phase():
    for _ in range(150000):
        count_words()


def matrix_phase():
    matrix = [[(row * SIZE + column) % 7 for column in range(SIZE)] for row in range(SIZE)]
    for _ in range(31000):
        power(matrix, 6)


def maze_phase():
    for _ in range(21000):
        assert Maze(40).walk((1, 0)) > 100


def phases():
    word_phase()
    matrix_phase()
    maze_phase()


if __name__ == "__main__":
    pyperf.Runner().bench_func("phases", phases)
