"""A shop: one route computes, one blocks the event loop, one awaits, one works in a thread."""

import asyncio
import hashlib
import pathlib
import time

import ulma.asgi
from fastapi import FastAPI

app = FastAPI()


def price(item: int) -> str:
    return hashlib.sha256(b"price of an item" * 200_000 + bytes(item)).hexdigest()


@app.get("/items/{item}")
async def show(item: int):
    return price(item)


@app.get("/stock/{item}")
async def stock(item: int):
    time.sleep(0.02)  # blocks everybody
    return 7


@app.get("/orders/{order}")
async def order(order: int):
    with ulma.span("query", table="orders"):
        await asyncio.sleep(0.02)
    return order


@app.get("/invoices/{order}")
def invoice(order: int):
    return len(pathlib.Path(__file__).read_text()) + len(price(order))


app = ulma.asgi.Middleware(app)
