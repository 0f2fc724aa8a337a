# SPDX-License-Identifier: MIT
"""Flask with ulma's WSGI middleware."""

import os
import time

import flask
import ulma.wsgi
from web_work import burn

app = flask.Flask(__name__)


@app.get("/burn/<int:ms>")
def burns(ms):
    burn(ms)
    return "burned"


@app.route("/sleep/<int:ms>", methods=["GET", "POST"])
def sleeps(ms):
    time.sleep(ms / 1000)
    return "slept"


@app.get("/stream")
def streams():
    def pieces():
        for _ in range(3):
            burn(4)
            yield b"piece"

    return flask.Response(pieces())


@app.get("/fail")
def fails():
    raise ValueError


@app.get("/server")
def server():
    return str(os.getppid())


app.wsgi_app = ulma.wsgi.Middleware(app.wsgi_app, secret="the secret")
