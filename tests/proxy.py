# SPDX-License-Identifier: MIT
"""What may stand before `ulma web`: a proxy that takes its prefix away, or, without one, a port that is
forwarded as `ssh -L` and `kubectl port-forward` do it.

Rules: it looks at the first line and at Connection alone, and hands on all else as it comes; a
connection is one request's, or one WebSocket's."""

import contextlib
import re
import socket
import socketserver
import threading
from collections.abc import Iterator


def pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while part := source.recv(65536):
            target.sendall(part)
    for one in (source, target):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


def rewritten(head: bytes, prefix: str) -> bytes:
    line, _, rest = head.partition(b"\r\n")
    method, path, version = line.split(b" ")
    assert path.startswith(prefix.encode() + b"/"), path
    rest = re.sub(rb"(?i)\r\nConnection: keep-alive", b"\r\nConnection: close", b"\r\n" + rest)
    return b" ".join((method, path[len(prefix) :], version)) + rest


class Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        data = b""
        while b"\r\n\r\n" not in data:
            part = self.request.recv(65536)
            if not part:
                return
            data += part
        with socket.create_connection(("127.0.0.1", self.server.behind)) as target:
            target.sendall(rewritten(data, self.server.prefix))
            back = threading.Thread(target=pump, args=(target, self.request))
            back.start()
            pump(self.request, target)
            back.join()


class Proxy(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    behind = 0
    prefix = ""


@contextlib.contextmanager
def before(port: int, prefix: str = "") -> Iterator[int]:
    """The port at which it listens."""
    with Proxy(("127.0.0.1", 0), Handler) as proxy:
        proxy.behind, proxy.prefix = port, prefix
        thread = threading.Thread(target=proxy.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield proxy.server_address[1]
        finally:
            proxy.shutdown()
            thread.join()
