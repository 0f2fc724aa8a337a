# SPDX-License-Identifier: MIT
"""A Celery application that knows nothing of ulma; its broker is files where it runs.

tasks_celery.py burns|rest: sends these; the last tasks, one in each process of the pool, kill the
worker when all others are done.
"""

import os
import pathlib
import select
import signal
import sys
import time

from celery import Celery, signals
from web_work import burn

DONE = pathlib.Path("done")
BURNS, MS, PROCESSES = 6, 20, 2
LONG_AGO_MS = 50_000

app = Celery("tasks_celery", broker="filesystem://")
app.conf.update(
    broker_transport_options={
        "data_folder_in": "broker",
        "data_folder_out": "broker",
        "processed_folder": "rest",
        "control_folder": "rest",
    },
    task_ignore_result=True,
)
for folder in ("broker", "rest", "done"):
    os.makedirs(folder, exist_ok=True)


@app.task
def burns(ms):
    burn(ms)


@app.task
def fails():
    raise ValueError


@app.task
def ends():
    (DONE / f"ends {os.getpid():09}").touch()
    while len(list(DONE.iterdir())) < BURNS + 1 + PROCESSES:
        time.sleep(0.01)
    # Each process is in this task, so that nothing is under way that had said that it was done.
    if str(os.getpid()) not in max(file.name for file in DONE.glob("ends *")):
        signal.pause()
    # A worker that is told to end hangs now and then, whoever looks on.
    worker = os.getppid()
    children = pathlib.Path(f"/proc/{worker}/task/{worker}/children").read_text().split()
    for pid in map(int, children):
        if pid != os.getpid():
            end = os.pidfd_open(pid)
            os.kill(pid, signal.SIGKILL)
            select.select([end], [], [])
    os.kill(worker, signal.SIGKILL)
    os._exit(0)


@signals.task_postrun.connect
def is_done(task_id=None, **rest):
    (DONE / task_id).touch()


if __name__ == "__main__":
    import tasks_celery  # its tasks' names are of this module, not of __main__

    if sys.argv[1] == "burns":
        # As RabbitMQ's rabbitmq_message_timestamp has it: when the broker got the message.
        headers = {"timestamp_in_ms": int(time.time() * 1000) - LONG_AGO_MS}
        tasks_celery.burns.apply_async((MS,), headers=headers)
        for _ in range(BURNS - 1):
            tasks_celery.burns.delay(MS)
    else:
        tasks_celery.fails.delay()
        for _ in range(PROCESSES):
            tasks_celery.ends.delay()
