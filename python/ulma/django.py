# SPDX-License-Identifier: MIT
"""Django: ``MIDDLEWARE = ["ulma.django.Middleware", ...]``, the first of them.

A request begins when the middleware is called and ends when the response is there; what a streaming
response makes after that is not in it. Inside of ulma's WSGI or ASGI middleware it only says the
route. ``ULMA_SECRET`` in the settings: who sends it as the header ``X-Ulma`` gets a header
``Server-Timing``.
"""

from __future__ import annotations

import time

from ulma import _spans
from ulma._requests import Request, checked_secret, is_asked, server_timing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

__all__ = ["Middleware"]


def route_of(request: Any) -> str:
    match = getattr(request, "resolver_match", None)
    return "/" + str(match.route) if match is not None and match.route is not None else ""


def outer_of(request: Any) -> Any:
    """Where ulma's other middleware keeps what it knows of this request; None: there is none."""
    for where in (getattr(request, "scope", None), getattr(request, "META", None)):
        if where is not None and "ulma.request" in where:
            return where
    return None


class Middleware:
    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[Any], Any]) -> None:
        from inspect import iscoroutinefunction

        from django.conf import settings  # type: ignore[import-untyped, unused-ignore]

        self.get_response = get_response
        self.secret = checked_secret(getattr(settings, "ULMA_SECRET", None))
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            from asgiref.sync import markcoroutinefunction  # type: ignore[import-untyped, unused-ignore]

            markcoroutinefunction(self)

    def __call__(self, request: Any) -> Any:
        if self.is_async:
            return self.answer_async(request, self.get_response)
        begun_ns = time.perf_counter_ns()
        told = self.begin(request)
        try:
            response = self.get_response(request)
        except BaseException:
            self.fail(told)
            raise
        return self.finish(request, told, response, begun_ns)

    async def answer_async(
        self, request: Any, get_response: Callable[[Any], Awaitable[Any]]
    ) -> Any:
        begun_ns = time.perf_counter_ns()
        told = self.begin(request)
        try:
            response = await get_response(request)
        except BaseException:
            self.fail(told)
            raise
        return self.finish(request, told, response, begun_ns)

    @staticmethod
    def begin(request: Any) -> Request | None:
        if _spans.begin is None or outer_of(request) is not None:
            return None
        traceparent = request.META.get("HTTP_TRACEPARENT", "")
        return Request(str(request.method), request.path, traceparent)

    @staticmethod
    def fail(told: Request | None) -> None:
        if told is not None:
            told.status = "500"
            told.end(failed=True)

    def finish(self, request: Any, told: Request | None, response: Any, begun_ns: int) -> Any:
        if told is not None:
            told.route = route_of(request)
            told.status = str(response.status_code)
            told.end()
        elif (outer := outer_of(request)) is not None and (route := route_of(request)):
            outer["ulma.route"] = route
        if self.secret is not None and is_asked(
            self.secret, request.META.get("HTTP_X_ULMA", "").encode("latin-1", "replace")
        ):
            response["Server-Timing"] = server_timing(begun_ns, time.perf_counter_ns())
        return response
