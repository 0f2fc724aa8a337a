# SPDX-License-Identifier: MIT
"""Three threads in one function at the same time."""

import threading
import time


def work():
    time.sleep(0.2)


threads = [threading.Thread(target=work) for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
