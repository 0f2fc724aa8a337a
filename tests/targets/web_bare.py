# SPDX-License-Identifier: MIT
"""Applications of Flask, FastAPI and Django that know nothing of ulma.

web_bare.py own: each of the frameworks' own servers, asked by this process itself.
"""

import os
import sys
import threading
import urllib.error
import urllib.request

from web_work import burn


def flask_app():
    import flask

    app = flask.Flask(__name__)

    @app.get("/burn/<int:ms>")
    def burns(ms):
        burn(ms)
        return "burned"

    @app.get("/fail")
    def fails():
        raise ValueError

    @app.get("/server")
    def server():
        return str(os.getppid())

    return app


def fastapi_app():
    import asyncio

    import fastapi

    app = fastapi.FastAPI()

    @app.get("/burn/{ms}")
    async def burns(ms: int):
        burn(ms / 2)
        await asyncio.sleep(0.01)
        burn(ms / 2)
        return "burned"

    @app.get("/server")
    async def server():
        return os.getppid()

    return app


def django_app():
    import django
    from django.conf import settings
    from django.http import HttpResponse
    from django.urls import path

    def burns(request, ms):
        burn(ms)
        return HttpResponse("burned")

    settings.configure(
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=type("Urls", (), {"urlpatterns": [path("burn/<int:ms>/", burns)]}),
        SECRET_KEY="not one",
    )
    django.setup()
    from django.core.wsgi import get_wsgi_application

    return get_wsgi_application()


def plain_app(environ, start_response):
    burn(10)
    start_response("200 OK", [])
    return [b"burned"]


def ask(server, *paths):
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = server.socket.getsockname()[1]
    for path in paths:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}{path}").read()
        except urllib.error.HTTPError as error:
            error.read()
    server.shutdown()
    server.server_close()


def own():
    from wsgiref import simple_server

    import werkzeug.serving
    from django.core.servers import basehttp

    sys.stderr = open(os.devnull, "w")  # they log each request
    ask(werkzeug.serving.make_server("127.0.0.1", 0, flask_app()), "/burn/10", "/burn/11", "/fail")
    django = basehttp.WSGIServer(("127.0.0.1", 0), basehttp.WSGIRequestHandler)
    django.set_app(django_app())
    ask(django, "/burn/10/", "/burn/11/", "/none")
    ask(simple_server.make_server("127.0.0.1", 0, plain_app), "/plain/1", "/plain/2")


if __name__ == "__main__":
    own()
