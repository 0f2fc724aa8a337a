# SPDX-License-Identifier: MIT
"""A queue of RQ's and its worker, which forks for each job: tasks_rq.py SOCKET of a Redis."""

import sys

from web_work import burn


def burns(ms):
    burn(ms)


def fails():
    raise ValueError


def main():
    import redis
    import rq
    import tasks_rq  # its jobs' names are of this module, not of __main__

    connection = redis.Redis(unix_socket_path=sys.argv[1])
    queue = rq.Queue("letters", connection=connection)
    for _ in range(3):
        queue.enqueue(tasks_rq.burns, 20)
    queue.enqueue(tasks_rq.fails)
    rq.Worker([queue], connection=connection).work(burst=True, logging_level="CRITICAL")


if __name__ == "__main__":
    main()
