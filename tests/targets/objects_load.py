"""Threads that make and free objects of builtin types, of types derived from them, and lists nested
deep; beside them known ones. Lines on standard input: `known`, `million`, `end`."""

import sys
import threading

end = threading.Event()
kept = []


class Numbers(list):
    pass


class Names(dict):
    pass


class Words(str):
    pass


def nested(depth, kind):
    box = kind()
    for _ in range(depth):
        box = kind([box])
    return box


def mixed():
    while not end.is_set():
        one = Numbers(range(20))
        other = Names(a=one, b=Words("b" * 30))
        text = "".join(sorted(other)) + "%s" % len(one)
        cls = type("Made", (Numbers,), {"text": text})
        kept = [cls(), cls([1, 2]), (other, text), {text}, lambda text=text: text]
        kept.append(next(iter(kept)) for _ in kept)
        del kept


def deep():
    while not end.is_set():
        nested(30_000, list)
        nested(1_000, Numbers)


class Known:
    pass


def known():
    kept.extend(Known() for _ in range(1000))
    for _ in range(500):
        Known()


def main():
    threads = [threading.Thread(target=work) for work in (mixed, mixed, deep)]
    for thread in threads:
        thread.start()
    print("ready", flush=True)
    for line in sys.stdin:
        if line == "known\n":
            known()
            print("done", flush=True)
        elif line == "million\n":
            nested(1_000_000, list)
            print("done", flush=True)
        elif line == "end\n":
            break
    end.set()
    for thread in threads:
        thread.join()
    print(len(kept), flush=True)


main()
