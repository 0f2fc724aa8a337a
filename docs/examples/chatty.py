# SPDX-License-Identifier: MIT
"""Writes a table line by line to a file without a buffer, and a copy of it in one piece."""

import os
import tempfile


def rows(number):
    return [(i, i * i, sum(range(i % 50))) for i in range(number)]


def write_lines(path, table):
    with open(path, "wb", buffering=0) as file:
        for row in table:
            file.write(b"%d;%d;%d\n" % row)


def write_whole(path, table):
    with open(path, "wb") as file:
        file.write(b"".join(b"%d;%d;%d\n" % row for row in table))


def main():
    with tempfile.TemporaryDirectory() as folder:
        table = rows(100_000)
        write_lines(os.path.join(folder, "lines.csv"), table)
        write_whole(os.path.join(folder, "whole.csv"), table)


main()
