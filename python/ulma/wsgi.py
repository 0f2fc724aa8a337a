# SPDX-License-Identifier: MIT
"""WSGI: ``app = ulma.wsgi.Middleware(app)``.

A request begins when the server calls the application and ends when what it returned is closed; of
a list, and of what the server sends by itself (``wsgi.file_wrapper``), when it is returned.
"""

from __future__ import annotations

import time

from ulma import _spans
from ulma._requests import Request, checked_secret, is_asked, pattern_of, server_timing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    Environ = dict[str, Any]
    StartResponse = Callable[..., Any]
    App = Callable[[Environ, StartResponse], Iterable[bytes]]

__all__ = ["Middleware"]


def route_of(environ: Environ, status: str) -> str:
    """What the application, or its framework, left in the environment."""
    if named := environ.get("ulma.route"):
        return str(named)
    if (request := environ.get("werkzeug.request")) is not None and hasattr(request, "url_rule"):
        rule = request.url_rule  # Flask
        return str(rule.rule) if rule is not None else ""
    if (route := environ.get("bottle.route")) is not None:
        return str(getattr(route, "rule", ""))
    if status == "404":
        return ""
    return pattern_of(environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", ""))


class Body:
    """What the application returned; its end is the request's."""

    def __init__(self, body: Iterable[bytes], done: Callable[[bool], None]) -> None:
        self.body = body
        self.next = iter(body).__next__
        self.done = done

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return self.next()
        except StopIteration:
            raise
        except BaseException:
            self.done(True)
            raise

    def close(self) -> None:
        try:
            close = getattr(self.body, "close", None)
            if close is not None:
                close()
        finally:
            self.done(False)


class Middleware:
    """``secret``: who sends it as the header ``X-Ulma`` gets a header ``Server-Timing``."""

    def __init__(self, app: App, *, secret: str | None = None) -> None:
        self.app = app
        self.secret = checked_secret(secret)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if self.secret is not None and "HTTP_X_ULMA" in environ:
            start_response = self.answering(environ, start_response)
        if _spans.begin is None or "ulma.request" in environ:  # which is told of already
            return self.app(environ, start_response)
        return self.told(environ, start_response)

    def answering(self, environ: Environ, start_response: StartResponse) -> StartResponse:
        begun_ns = time.perf_counter_ns()
        if not is_asked(self.secret, environ["HTTP_X_ULMA"].encode("latin-1", "replace")):
            return start_response

        def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            timing = server_timing(begun_ns, time.perf_counter_ns())
            return start_response(status, [*headers, ("Server-Timing", timing)], *exc_info)

        return start

    def told(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        request = Request(
            environ.get("REQUEST_METHOD", ""),
            path,
            environ.get("HTTP_TRACEPARENT", ""),
        )
        environ["ulma.request"] = request

        def start(status: str, *rest: Any) -> Any:
            request.status = status[:3]
            request.route = route_of(environ, request.status)  # Flask forgets it at its end
            return start_response(status, *rest)

        def done(failed: bool) -> None:
            request.route = request.route or route_of(environ, request.status)
            request.end(failed)

        try:
            body = self.app(environ, start)
        except BaseException:
            request.status = request.status or "500"
            done(True)
            raise
        wrapper = environ.get("wsgi.file_wrapper")
        if isinstance(body, (list, tuple)) or (
            isinstance(wrapper, type) and isinstance(body, wrapper)
        ):
            done(False)
            return body
        return Body(body, done)
