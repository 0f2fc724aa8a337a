import json
import threading
import time


def parse(text):
    return json.loads(text)


def price(item):
    return item["count"] * item["price"]


def serve(seconds):
    text = json.dumps([{"count": n, "price": 3} for n in range(40)])
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sum(price(item) for item in parse(text))


threads = [threading.Thread(target=serve, args=(s,), name=f"worker-{s}") for s in (2, 4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
