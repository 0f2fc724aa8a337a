"""Calls of the C library that rules hold against predicates. argv: a folder, how many small writes."""

import contextlib
import os
import socket
import sys
import threading
import time

FOLDER, MANY = sys.argv[1], int(sys.argv[2])


def small(fd, number):
    for _ in range(number):
        os.write(fd, b"two\n")


def large(fd):
    os.write(fd, b"x" * 5000)
    os.write(fd, b"x" * 9000)
    os.write(fd, b"x" * 7000)


def missing(number):
    for _ in range(number):
        with contextlib.suppress(FileNotFoundError):
            os.open(os.path.join(FOLDER, "missing"), os.O_RDONLY)


def back(path):
    fd = os.open(path, os.O_RDONLY)
    for at in range(60):
        os.pread(fd, 10, at)
    os.close(fd)


def late(connection):
    time.sleep(0.1)
    connection.send(b"late")


def talk():
    one, other = socket.socketpair()
    thread = threading.Thread(target=late, args=(other,))
    thread.start()
    one.recv(100)
    thread.join()
    one.close()
    other.close()


def main():
    path = os.path.join(FOLDER, "lines.txt")
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    small(fd, MANY)
    large(fd)
    threads = [threading.Thread(target=small, args=(fd, MANY)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.close(fd)
    missing(7)
    back(path)
    talk()


main()
