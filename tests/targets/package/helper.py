# SPDX-License-Identifier: MIT
"""Imports the package that imports it."""

import package


def half():
    return 21 if package.answer else 0
