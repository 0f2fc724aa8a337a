# SPDX-License-Identifier: MIT
"""Eight threads that call at full rate, a known number of times.

python eight_threads.py CALLS
"""

import sys
import threading


def nothing():
    pass


def work(n):
    for _ in range(n):
        nothing()


threads = [threading.Thread(target=work, args=(int(sys.argv[1]),)) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("done")
