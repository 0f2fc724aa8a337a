# SPDX-License-Identifier: MIT
"""A web application in one process, asked by itself: WSGI, routes, forms, JSON, a template.

Nothing but the standard library, so that it runs on every Python; the requests are always the same.
"""

import email.message
import html
import io
import json
import re
import string
import urllib.parse
from wsgiref.handlers import SimpleHandler
from wsgiref.util import setup_testing_defaults

import pyperf

REQUESTS = 40
ROW = string.Template("<tr><td>$name</td><td>$price</td><td>$stock</td></tr>")
PAGE = string.Template("<html><h1>$title</h1><table>$rows</table></html>")
ROUTES = []


def route(pattern):
    def add(function):
        ROUTES.append((re.compile(pattern), function))
        return function

    return add


class Item:
    def __init__(self, number):
        self.number = number
        self.name = f"item <{number}>"
        self.stock = number * 7 % 13

    @property
    def price(self):
        return discounted(self.number * 1.25, self.stock)


def discounted(price, stock):
    return price * 0.9 if stock > 10 else price


def shown(item):
    return ROW.substitute(name=html.escape(item.name), price=money(item.price), stock=item.stock)


def money(value):
    return f"{value:,.2f}"


def as_json(item):
    return {"number": item.number, "name": item.name, "price": item.price}


ITEMS = [Item(number) for number in range(25)]


@route(r"^/$")
def index(_match, _query):
    return "text/html", PAGE.substitute(title="all", rows="".join(map(shown, ITEMS)))


@route(r"^/items/(\d+)$")
def one(match, _query):
    return "application/json", json.dumps(as_json(ITEMS[int(match[1])]), indent=1)


@route(r"^/search$")
def search(_match, query):
    found = [item for item in ITEMS if matches(item, query["q"][0])]
    return "application/json", json.dumps([as_json(item) for item in found], indent=1)


def matches(item, word):
    return word in item.name.lower()


def app(environment, start):
    query = urllib.parse.parse_qs(environment["QUERY_STRING"])
    for pattern, function in ROUTES:
        match = pattern.match(environment["PATH_INFO"])
        if match:
            kind, text = function(match, query)
            break
    message = email.message.Message()
    message["X-Kind"] = kind
    body = text.encode()
    start("200 OK", [("Content-Type", kind), ("X-Kind", message["X-Kind"])])
    return [body]


def ask(path):
    split = urllib.parse.urlsplit(path)
    environment = {"PATH_INFO": split.path, "QUERY_STRING": split.query}
    setup_testing_defaults(environment)
    out = io.BytesIO()
    SimpleHandler(io.BytesIO(), out, io.StringIO(), environment, multithread=False).run(app)
    return out.getvalue()


def shop():
    for number in range(REQUESTS):
        assert ask("/").count(b"<tr>") == len(ITEMS)
        assert f"item <{number % 25}>".encode() in ask(f"/items/{number % 25}")
        assert b"price" in ask(f"/search?q={urllib.parse.quote('item <1')}")


if __name__ == "__main__":
    pyperf.Runner().bench_func("shop", shop)
