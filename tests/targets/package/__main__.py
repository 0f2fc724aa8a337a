# SPDX-License-Identifier: MIT
"""`python -m package`."""

import sys

import package


def main():
    print("package", package.answer(), sys.argv[1:], __name__, __spec__.name)


main()
