# SPDX-License-Identifier: MIT
"""web_servers.py NAME: a server of that name, which is asked four things and ends."""

import os
import socket
import sys
import threading
import time
import urllib.error
import urllib.request

from web_work import burn

MS = 20


def wsgi(environ, start_response):
    found = environ["PATH_INFO"].startswith("/burn/")
    if found:
        burn(MS)
    start_response("200 OK" if found else "404 Not Found", [("Content-Type", "text/plain")])
    return [b"burned"]


async def asgi(scope, receive, send):
    if scope["type"] != "http":
        raise ValueError(scope["type"])
    found = scope["path"].startswith("/burn/")
    if found:
        burn(MS)
    await send({"type": "http.response.start", "status": 200 if found else 404, "headers": []})
    await send({"type": "http.response.body", "body": b"burned"})


def ask(port):
    end = time.monotonic() + 60
    for path in ("/burn/1", "/burn/2", "/none", "/none"):
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}{path}").read()
            except urllib.error.HTTPError:
                pass
            except OSError:
                if time.monotonic() < end:
                    time.sleep(0.02)
                    continue
            break
    os._exit(0)


def waitress(port):
    from waitress import serve

    serve(wsgi, host="127.0.0.1", port=port)


def hypercorn(port, app=asgi):
    import asyncio

    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    asyncio.run(serve(app, config, mode="asgi" if app is asgi else "wsgi"))


def hypercorn_wsgi(port):
    hypercorn(port, wsgi)


def daphne(port):
    from daphne.server import Server

    Server(asgi, endpoints=[f"tcp:port={port}:interface=127.0.0.1"], signal_handlers=False).run()


def cheroot(port):
    from cheroot.wsgi import Server

    Server(("127.0.0.1", port), wsgi).start()


def gevent(port):
    from gevent.pywsgi import WSGIServer

    WSGIServer(("127.0.0.1", port), wsgi, log=None).serve_forever()


def eventlet(port):
    from eventlet import listen, wsgi as server

    server.server(listen(("127.0.0.1", port)), wsgi, log_output=False)


def gunicorn(port, kind, app):
    from gunicorn.app.wsgiapp import run

    sys.argv = ["gunicorn", "-k", kind, "-b", f"127.0.0.1:{port}", f"web_servers:{app}"]
    run()


def gunicorn_gevent(port):
    gunicorn(port, "gevent", "wsgi")


def gunicorn_uvicorn(port):
    gunicorn(port, "uvicorn_worker.UvicornWorker", "asgi")


if __name__ == "__main__":
    with socket.create_server(("127.0.0.1", 0)) as found:
        free = found.getsockname()[1]
    threading.Thread(target=ask, args=(free,), daemon=True).start()
    globals()[sys.argv[1]](free)
