"""Reads, writes, sends, fails and sleeps, and counts for itself what it does to the files in its
folder and to its sockets: {operation: [calls, bytes, errors]}. argv: the folder."""

import json
import os
import socket
import sys
import threading
import time

FOLDER = sys.argv[1]
counted = {}
measured = {}
lock = threading.Lock()


def count(operation, size=0, failed=False):
    with lock:
        row = counted.setdefault(operation, [0, 0, 0])
        row[0] += 1
        row[1] += size
        row[2] += failed


def write_small(path, number):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    count("open")
    for _ in range(number):
        count("write", os.write(fd, b"a small line\n"))
    os.fsync(fd)
    count("fsync")
    os.close(fd)
    count("close")


def read_back(path):
    with open(path, "rb", buffering=0) as file:
        count("open")
        while True:
            piece = file.read(1000)
            count("read", len(piece))
            if not piece:
                break
    count("close")


def read_at(path):
    fd = os.open(path, os.O_RDWR)
    count("open")
    for at in range(50):
        count("pread", len(os.pread(fd, 10, at)))
        count("pwrite", os.pwrite(fd, b"1234", at))
    count("readv", os.readv(fd, [bytearray(5), bytearray(7)]))
    count("writev", os.writev(fd, [b"12", b"345"]))
    copy = os.dup(fd)
    count("fcntl" if sys.platform == "linux" else "dup")
    count("read", len(os.read(copy, 3)))
    os.close(copy)
    os.close(fd)
    count("close")
    count("close")


def fail(path):
    for _ in range(7):
        try:
            os.open(path, os.O_RDONLY)
        except FileNotFoundError as error:
            assert error.errno == 2
            count("open", 0, True)


def serve(listener):
    connection, _ = listener.accept()
    connection.settimeout(None)
    total = 0
    while total < 5000:
        piece = connection.recv(100)
        count("recv", len(piece))
        total += len(piece)
    connection.sendall(b"well done")
    count("send", 9)
    connection.close()


def talk(listener):
    thread = threading.Thread(target=serve, args=(listener,))
    thread.start()
    client = socket.create_connection(listener.getsockname())
    client.settimeout(None)
    for _ in range(50):
        count("send", client.send(b"x" * 100))
    begin = time.perf_counter()
    count("recv", len(client.recv(100)))
    measured["recv"] = time.perf_counter() - begin
    client.close()
    thread.join()


def pause():
    begin = time.perf_counter()
    time.sleep(0.05)
    measured["sleep"] = time.perf_counter() - begin


def main():
    path = os.path.join(FOLDER, "lines.txt")
    write_small(path, 3000)
    read_back(path)
    read_at(path)
    fail(os.path.join(FOLDER, "missing"))
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    talk(listener)
    listener.close()
    pause()
    print(json.dumps({"counted": counted, "measured": measured, "path": path}))


main()
