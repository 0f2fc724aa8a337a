# SPDX-License-Identifier: MIT
"""Runs lines as it is told to, an order a line, and says how often; the tests choose lines between.
3.12 and newer.

    counted N    calls a function whose loop turns N times
    other N      the same of another function
    begin        begins a thread that turns in one call, until `end`; nothing is called in it
    turns        waits until it has turned some more, and says how often it has
    end          ends it, and says how often it turned
    instrumented names the functions that hold an instrumented line
"""

import opcode
import sys
import threading

INSTRUMENTED = opcode.opmap["INSTRUMENTED_LINE"]


def counted(n):
    done = 0
    for _ in range(n):
        done += 1
    return done


def other(n):
    done = 0
    for _ in range(n):
        done += 1
    return done


def turning(state):
    while state[0]:
        state[1] += 1


state = [True, 0]
threads = []


def begin():
    threads.append(threading.Thread(target=turning, args=(state,)))
    threads[0].start()
    return "begun"


def turns():
    before = state[1]
    while state[1] < before + 1000:
        pass
    return state[1]


def end():
    state[0] = False
    threads[0].join()
    return state[1]


def instrumented():
    functions = [counted, other, turning, begin, turns, end, instrumented]
    return [
        function.__name__
        for function in functions
        if INSTRUMENTED in function.__code__._co_code_adaptive[::2]
    ]


print("ready", flush=True)
for order in sys.stdin:
    name, *number = order.split()
    print(globals()[name](*map(int, number)), flush=True)
