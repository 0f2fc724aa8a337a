# SPDX-License-Identifier: MIT
"""`steady` computes all the time; `checkout` hardly, but much more of it while the file of argv[1]
is there. Goes on until it is killed."""

import os
import sys
import time


def steady():
    for number in range(4000):
        number * 3


def checkout(rounds):
    for number in range(rounds):
        number * 3


while True:
    steady()
    checkout(100_000 if os.path.exists(sys.argv[1]) else 100)
    time.sleep(0.002)
