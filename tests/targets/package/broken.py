# SPDX-License-Identifier: MIT
"""Fails while it is imported."""


def fails():
    return 1 / 0


fails()
