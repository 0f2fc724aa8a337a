# SPDX-License-Identifier: MIT
"""Counts words of many pages, keeps more than it says, and needs much for a moment."""

import time

pages = {}


def read_page(number):
    words = [f"word{number % 97}-{i}" for i in range(2000)]
    pages[number] = " ".join(words)
    return len(words)


def sort_all():
    longest = sorted(pages.values(), key=len)
    return [page.upper() for page in longest]


def main():
    count = sum(read_page(number) for number in range(300))
    sort_all()
    time.sleep(1.2)  # the memory that the machine gave is looked at once a second
    print(count)


main()
