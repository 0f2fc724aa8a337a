# SPDX-License-Identifier: MIT
"""A package for tests/targets: circular, lazy, with __getattr__ and __main__."""

__all__ = ["answer"]


def answer():
    return helper.half() * 2


def __getattr__(name):
    if name != "unknown":
        raise AttributeError(name)
    return f"module {name}"


from package import helper  # noqa: E402
