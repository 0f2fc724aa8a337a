# SPDX-License-Identifier: MIT
"""A package in the package."""


def late():
    return "late"


def early():
    return late()


assert early() == "late"
