# SPDX-License-Identifier: MIT
"""Limits on what tests do, by exact counts: docs/pytest.md. Run it with `pytest test_limits.py`."""

import os

import pytest


def tax(price):
    return {"net": price, "gross": price * 1.2}


def bill(prices):
    return [tax(price)["gross"] for price in prices for _ in range(2)]  # each one twice


def save(lines, path):
    file = os.open(path, os.O_WRONLY | os.O_CREAT)
    for line in lines:
        os.write(file, line.encode())
    os.close(file)


@pytest.mark.ulma_max_calls("test_limits:tax", 100)
def test_each_price_is_taxed_once():
    assert len(bill(range(100))) == 200


@pytest.mark.ulma_max_io("write", 1)
def test_a_file_is_written_in_one_piece(tmp_path):
    save(["tea\n"] * 50, tmp_path / "list")


@pytest.mark.ulma_max_bytes("64K")
def test_little_memory():
    assert sum(list(range(10_000))) == 49_995_000


@pytest.mark.ulma(max_calls=10_000, max_io=0)
def test_that_keeps_its_limits():
    bill(range(1000))
