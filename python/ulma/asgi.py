# SPDX-License-Identifier: MIT
"""ASGI: ``app = ulma.asgi.Middleware(app)``, or ``app.add_middleware(ulma.asgi.Middleware)``.

Pure ASGI: no task and no queue between the server and the application. A request begins when the
server calls the application and ends with the last piece of the response; what the application does
after that (background tasks) is no request's. A WebSocket ends when the application returns.
"""

from __future__ import annotations

import asyncio
import functools
import re
import time

from ulma import _spans
from ulma._requests import Request, checked_secret, is_asked, pattern_of, server_timing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping
    from typing import Any

    Message = MutableMapping[str, Any]
    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    App = Callable[[Scope, Receive, Send], Awaitable[None]]

__all__ = ["Middleware"]


def header(scope: Scope, name: bytes) -> bytes:
    for key, value in scope.get("headers", ()):
        if key == name:
            return bytes(value)
    return b""


def route_path(routes: Any, endpoint: object) -> str:
    """Starlette: the path of the route that has this endpoint, those of mounted routers too."""
    for route in routes or ():
        if getattr(route, "endpoint", None) is endpoint:
            return str(getattr(route, "path", ""))
        inner = route_path(getattr(route, "routes", None), endpoint)
        if inner or getattr(route, "app", None) is endpoint:  # of what is mounted and has no routes
            return str(getattr(route, "path", "")) + (inner or REST)
    return ""


REST = "/{path:path}"
PARAMETER = re.compile(r"\{(\w+)(?::(\w+))?\}")


@functools.lru_cache(maxsize=1024)
def ending_in(template: str) -> re.Pattern[str]:
    """Of an address: what stands before the part that the template is of."""
    words, at = ["(.*?)"], 0
    for match in PARAMETER.finditer(template):
        words.append(re.escape(template[at : match.start()]))
        words.append(".*" if match[2] == "path" else "[^/]+")
        at = match.end()
    return re.compile("".join(words) + re.escape(template[at:]), re.DOTALL)


def prefix_of(template: str, address: str, values: Mapping[str, Any]) -> str | None:
    """What a mount, or a router that was included with a prefix, has before the route's own path,
    the values of its parameters left out again: they are no names. None: it cannot be told.
    """
    if (match := ending_in(template).fullmatch(address)) is None:
        return None
    own = {found[1] for found in PARAMETER.finditer(template)}
    names = {str(value): name for name, value in values.items() if name not in own}
    words = match[1].split("/")
    for i in range(len(words) - 1, 0, -1):
        if (name := names.pop(words[i], None)) is not None:
            words[i] = f"{{{name}}}"
    return "/".join(words)


def route_of(scope: Scope, path: str, root: str, status: str) -> str:
    """What the application, or its framework, left in the scope; `path` and `root` as they were."""
    if named := scope.get("ulma.route"):
        return str(named)
    template, before = "", ""
    route: Any = scope.get("route")
    if (own := getattr(route, "path", None)) is not None:  # FastAPI, Starlette 1.0 and newer
        if not hasattr(route, "routes"):
            template, before = str(own), str(scope.get("root_path", ""))[len(root) :]
        elif not route.routes:  # mounted, and no router: files
            template = str(own) + REST
    elif (endpoint := scope.get("endpoint")) is not None:
        template = route_path(getattr(scope.get("app"), "routes", None), endpoint)
    elif "app" not in scope and status != "404":  # of no framework that found no route
        return pattern_of(path)
    if not template:
        return ""
    address = path[len(root) :] if path.startswith(root) else path
    known = prefix_of(template, address, scope.get("path_params") or {})
    return (before if known is None else known) + template


class Middleware:
    """``secret``: who sends it as the header ``X-Ulma`` gets a header ``Server-Timing``."""

    def __init__(self, app: App, *, secret: str | None = None) -> None:
        self.app = app
        self.secret = checked_secret(secret)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.secret is not None and scope["type"] == "http":
            send = self.answering(scope, send)
        if (
            _spans.begin is None
            or "ulma.request" in scope  # which is told of already
            or scope["type"] not in ("http", "websocket")
        ):
            await self.app(scope, receive, send)
        else:
            await self.told(scope, receive, send)

    def answering(self, scope: Scope, send: Send) -> Send:
        begun_ns = time.perf_counter_ns()
        if not is_asked(self.secret, header(scope, b"x-ulma")):
            return send

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                timing = server_timing(begun_ns, time.perf_counter_ns()).encode()
                headers = [*message.get("headers", ()), (b"server-timing", timing)]
                message = {**message, "headers": headers}
            await send(message)

        return answer

    async def told(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, root = str(scope.get("path", "")), str(scope.get("root_path", ""))
        method = str(scope.get("method", "WEBSOCKET"))
        traceparent = header(scope, b"traceparent").decode("latin-1")
        request = Request(method, path, traceparent)
        scope["ulma.request"] = request

        def done(failed: bool) -> None:
            request.route = route_of(scope, path, root, request.status)
            request.end(failed)

        async def tell(message: Message) -> None:
            kind = message["type"]
            if kind == "http.response.start":
                request.status = str(message["status"])
            await send(message)
            if kind == "http.response.body" and not message.get("more_body", False):
                done(False)

        try:
            await self.app(scope, receive, tell)
        except asyncio.CancelledError:
            request.status = request.status or "cancelled"
            done(True)
            raise
        except BaseException:
            request.status = request.status or "500"
            done(True)
            raise
        done(False)
