import json
import time


def parse(text):
    return json.loads(text)


def price(item):
    return item["count"] * item["price"]


def total(order):
    return sum(price(item) for item in order["items"])


def handle(text):
    return total(parse(text))


def serve():
    text = json.dumps({"items": [{"count": n, "price": 3} for n in range(40)]})
    while True:
        for _ in range(20):
            handle(text)
        time.sleep(0.002)


serve()
