# SPDX-License-Identifier: MIT
"""In the target: what a layer around an empty application costs, in CPU time a request.

Blocks of the variants are interleaved, so that a slow moment of the machine meets all of them. The
server is left out here: bench/middleware.py asks what a whole request costs.
"""

import asyncio
import json
import statistics
import sys
import time

import ulma.asgi
import ulma.wsgi

REQUESTS, BLOCKS = 2000, 15
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def empty_wsgi(environ, start_response):
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]


async def empty_asgi(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


def with_pyinstrument(app):
    """Its documentation's recipe: a profiler a request."""
    from pyinstrument import Profiler

    def around(environ, start_response):
        with Profiler():
            return app(environ, start_response)

    return around


def with_pyinstrument_async(app):
    from pyinstrument import Profiler

    async def around(scope, receive, send):
        with Profiler(async_mode="enabled"):
            await app(scope, receive, send)

    return around


def environ():
    return {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "HTTP_TRACEPARENT": TRACEPARENT}


def scope():
    headers = [(b"host", b"here"), (b"traceparent", TRACEPARENT.encode())]
    return {"type": "http", "method": "GET", "path": "/", "root_path": "", "headers": headers}


def run_wsgi(app):
    def start_response(status, headers, exc_info=None):
        pass

    for _ in range(REQUESTS):
        app(environ(), start_response)


def run_asgi(app):
    async def send(message):
        pass

    async def all_of_them():
        for _ in range(REQUESTS):
            await app(scope(), None, send)

    asyncio.run(all_of_them())


def main():
    variants = {
        ("WSGI", "bare"): (run_wsgi, empty_wsgi),
        ("WSGI", "ulma"): (run_wsgi, ulma.wsgi.Middleware(empty_wsgi)),
        ("ASGI", "bare"): (run_asgi, empty_asgi),
        ("ASGI", "ulma"): (run_asgi, ulma.asgi.Middleware(empty_asgi)),
    }
    if "pyinstrument" in sys.argv[2:]:
        variants["WSGI", "pyinstrument"] = (run_wsgi, with_pyinstrument(empty_wsgi))
        variants["ASGI", "pyinstrument"] = (run_asgi, with_pyinstrument_async(empty_asgi))
    times = {variant: [] for variant in variants}
    for _ in range(BLOCKS):
        for variant, (run, app) in variants.items():
            begin = time.process_time_ns()
            run(app)
            times[variant].append((time.process_time_ns() - begin) / REQUESTS)
    found = {" ".join(variant): statistics.median(all) for variant, all in times.items()}
    with open(sys.argv[1], "w") as file:
        json.dump(found, file)


main()
