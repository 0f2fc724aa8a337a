# SPDX-License-Identifier: MIT
"""ASGI: ``app = ulma.asgi.Middleware(app)``, or ``app.add_middleware(ulma.asgi.Middleware)``.

Pure ASGI: no task and no queue between the server and the application. A request begins when the
server calls the application and ends with the last piece of the response; what the application does
after that (background tasks) is no request's. A WebSocket ends when the application returns.
"""

from __future__ import annotations

import asyncio
import time

from ulma import _spans
from ulma._requests import Request, checked_secret, is_asked, pattern_of, server_timing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping
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
        if inner:
            return str(getattr(route, "path", "")) + inner
    return ""


def route_of(scope: Scope, path: str, root: str, status: str) -> str:
    """What the application, or its framework, left in the scope; `path` and `root` as they were."""
    if named := scope.get("ulma.route"):
        return str(named)
    mounted = str(scope.get("root_path", ""))[len(root) :]
    if (route := getattr(scope.get("route"), "path", None)) is not None:  # FastAPI
        return mounted + str(route)
    if (endpoint := scope.get("endpoint")) is not None:
        app = scope.get("app")
        return route_path(getattr(app, "routes", None), endpoint)
    if "app" in scope or status == "404":  # of a framework that found no route
        return ""
    return pattern_of(path)


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
