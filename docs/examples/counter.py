# SPDX-License-Identifier: MIT
"""A counter where customers wait; the next one is served. The queue is a list, and each one who leaves moves all others
up by one place: a collections.deque would not."""


def serve(waiting):
    served = 0
    while waiting:
        customer = waiting[0]
        del waiting[0]
        served += customer
    return served


print(serve(list(range(60000))))
