# SPDX-License-Identifier: MIT
import flask
import served

app = flask.Flask(__name__)
served.begin()


@app.get("/")
def page():
    return flask.Response(served.page(), mimetype="application/json")


@app.get("/empty")
def empty():
    return "ok"


@app.get("/status")
def status():
    return flask.jsonify(served.status())
