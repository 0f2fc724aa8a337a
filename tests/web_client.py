# SPDX-License-Identifier: MIT
"""A client of `ulma web` that hides nothing: raw HTTP and WebSocket on a socket.

Why not a library: the tests send what no library would, and look at what comes byte by byte.
"""

import base64
import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import urllib.parse

import harness

LIMIT_S = 60


class Target(str):
    """A word that names what is followed."""


ORDERS = Target(harness.TARGETS / "web_orders.py")


class Answer:
    """What came back for one request."""

    def __init__(self, raw: bytes) -> None:
        head, _, self.body = raw.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        self.status = int(lines[0].split()[1]) if lines[0] else 0
        pairs = [line.split(": ", 1) for line in lines[1:]]
        self.headers = {name.lower(): value for name, value in pairs}

    def json(self):
        return json.loads(self.body)


class Server:
    """An `ulma web` that a test has started: where it is, and its token."""

    def __init__(self, process: subprocess.Popen, url: str) -> None:
        self.process = process
        parts = urllib.parse.urlsplit(url)
        self.url = url
        self.port = parts.port
        self.name = parts.hostname
        self.token = urllib.parse.parse_qs(parts.query)["token"][0]
        self.host = f"127.0.0.1:{self.port}"

    def connect(self) -> socket.socket:
        connection = socket.create_connection((self.name, self.port), timeout=LIMIT_S)
        connection.settimeout(LIMIT_S)
        return connection

    def raw(self, data: bytes) -> bytes:
        """All that the server answers until it closes."""
        with self.connect() as connection:
            # It may refuse and close before it has read all.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(data)
            answer = b""
            with contextlib.suppress(ConnectionResetError):
                while part := connection.recv(65536):
                    answer += part
            return answer

    def request(self, target: str, *, method="GET", token=True, body=b"", **headers) -> Answer:
        lines = {"Host": self.host, "Connection": "close"}
        if token:
            lines["Authorization"] = f"Bearer {self.token if token is True else token}"
        if body:
            lines["Content-Length"] = str(len(body))
        lines.update({name.replace("_", "-"): value for name, value in headers.items()})
        head = f"{method} {target} HTTP/1.1\r\n" + "".join(
            f"{name}: {value}\r\n" for name, value in lines.items() if value is not None
        )
        return Answer(self.raw(head.encode() + b"\r\n" + body))

    def get(self, target: str, **more):
        """The JSON of what must be right."""
        answer = self.request(target, **more)
        assert answer.status == 200, (target, answer.status, answer.body)
        return answer.json()

    def post(self, target: str, value) -> Answer:
        return self.request(target, method="POST", body=json.dumps(value).encode())

    def functions(self, **query) -> dict:
        """Rows of the view `functions` by the name of the function."""
        words = urllib.parse.urlencode({"window": "all", "limit": 0, **query})
        return by_name(self.get(f"/api/views/functions?{words}"))

    def ask(self, order: str) -> None:
        """Has the target `web_orders.py` do something, and waits until it has."""
        self.process.stdin.write(order + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"

    def end(self) -> None:
        """The target has ended, and its last numbers are there."""
        self.process.stdin.write("quit\n")
        self.process.stdin.flush()
        with Live(self) as live:
            live.until(lambda message: message["state"] == "ended")

    def is_alive(self) -> bool:
        return self.process.poll() is None and self.request("/api/views").status == 200


def by_name(view: dict) -> dict:
    ids = [column["id"] for column in view["columns"]]
    rows = [dict(zip(ids, row["cells"]), id=row["function"]) for row in view["rows"]]
    return {row["function"].split(" (")[0]: row for row in rows}


class Live:
    """A WebSocket that is spoken by hand."""

    def __init__(self, server: Server, *, pongs=True, **headers) -> None:
        self.pongs = pongs
        self.buffer = b""
        self.socket = server.connect()
        key = base64.b64encode(os.urandom(16)).decode()
        lines = {
            "Host": server.host,
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": key,
            "Origin": f"http://{server.host}",
        }
        lines.update({name.replace("_", "-"): value for name, value in headers.items()})
        head = f"GET /live?token={server.token} HTTP/1.1\r\n" + "".join(
            f"{name}: {value}\r\n" for name, value in lines.items()
        )
        self.socket.sendall(head.encode() + b"\r\n")
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        self.answer = Answer(head + b"\r\n\r\n")
        self.key = key

    def _more(self) -> None:
        part = self.socket.recv(65536)
        if not part:
            raise ConnectionError("the server has closed")
        self.buffer += part

    def send_frame(self, first: int, payload: bytes, *, mask=b"\1\2\3\4", length=None) -> None:
        size = len(payload) if length is None else length
        bit = 0x80 if mask else 0
        if size < 126:
            head = struct.pack("!BB", first, bit | size)
        elif size < 65536:
            head = struct.pack("!BBH", first, bit | 126, size)
        else:
            head = struct.pack("!BBQ", first, bit | 127, size)
        body = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload)) if mask else payload
        self.socket.sendall(head + mask + body)

    def wish(self, **wish) -> None:
        self.send_frame(0x81, json.dumps(wish).encode())

    def frame(self) -> tuple:
        """The next frame: opcode and payload."""
        while True:
            if len(self.buffer) >= 2:
                size, at = self.buffer[1] & 127, 2
                if size == 126 and len(self.buffer) >= 4:
                    size, at = struct.unpack("!H", self.buffer[2:4])[0], 4
                elif size == 127 and len(self.buffer) >= 10:
                    size, at = struct.unpack("!Q", self.buffer[2:10])[0], 10
                if (size < 126 or at > 2) and len(self.buffer) >= at + size:
                    frame = self.buffer[0] & 15, self.buffer[at : at + size]
                    self.buffer = self.buffer[at + size :]
                    return frame
            self._more()

    def message(self) -> dict:
        """The next text; pings are answered on the way."""
        while True:
            opcode, payload = self.frame()
            if opcode == 9 and self.pongs:
                self.send_frame(0x8A, payload)
            if opcode == 8:
                raise ConnectionError(f"closed with {struct.unpack('!H', payload[:2])[0]}")
            if opcode == 1:
                return json.loads(payload)

    def until(self, condition) -> dict:
        """The first message for which the condition holds."""
        while True:
            message = self.message()
            if condition(message):
                return message

    def close_code(self) -> int:
        with contextlib.suppress(ConnectionResetError):
            while True:
                opcode, payload = self.frame()
                if opcode == 8:
                    return struct.unpack("!H", payload[:2])[0]
        return 0

    def close(self) -> None:
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_) -> None:
        self.close()


@contextlib.contextmanager
def serving(*words, env=None, cwd=None, ulma=harness.ULMA):
    """`ulma web WORDS`, until the block ends. Without a Target: one that takes orders."""
    if not any(isinstance(word, Target) for word in words):
        words = ("--python", harness.pythons()[-1].path, *words, ORDERS)
    process = subprocess.Popen(
        [str(word) for word in [ulma, "web", *words]],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=env or harness.environment(),
        cwd=cwd,
        start_new_session=True,
        text=True,
    )
    try:
        line = process.stdout.readline()
        if not line.startswith("http://"):
            raise AssertionError((line, process.communicate(timeout=LIMIT_S)))
        yield Server(process, line.strip())
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
