"""Does what it reads, a line at a time, and says so; the tests change what is followed between."""

import queue
import sys
import threading

orders, answers = queue.SimpleQueue(), queue.SimpleQueue()
other_tool_heard = []


def left_leaf():
    pass


def left_mid():
    kept_leaf()
    left_leaf()


def kept_leaf():
    pass


def kept_top():
    left_mid()
    kept_leaf()
    len("")


def left_steps(count):
    for _ in range(count):
        kept_leaf()
        yield


def kept_step():
    kept_leaf()


def work():
    while True:
        for _ in range(orders.get()):
            kept_top()
        answers.put(None)


def calls(count):
    for _ in range(count):
        kept_top()
    orders.put(count)
    answers.get()
    return "called"


def steps(count):
    for _ in left_steps(count):
        pass
    return "stepped"


def left_hold():
    print("held", flush=True)
    for line in iter(sys.stdin.readline, "leave\n"):
        for _ in range(int(line)):
            kept_step()
        print("held", flush=True)
    return "left"


def profile():
    sys.setprofile(lambda *_: None)
    return "profiled"


def other_tool():
    """A tool that wants to hear of every function once."""
    monitoring = sys.monitoring
    monitoring.use_tool_id(2, "once")

    def hear(code, _offset):
        other_tool_heard.append(code.co_name)
        return monitoring.DISABLE

    monitoring.register_callback(2, monitoring.events.PY_START, hear)
    monitoring.set_events(2, monitoring.events.PY_START)
    return "there"


def other_heard():
    return ",".join(name for name in other_tool_heard if name.startswith(("left", "kept")))


def serve():
    print("ready", flush=True)
    for line in sys.stdin:
        verb, *words = line.split()
        print(globals()[verb](*map(int, words)), flush=True)


if __name__ == "__main__":
    threading.Thread(target=work, name="worker", daemon=True).start()
    serve()
