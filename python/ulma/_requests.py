# SPDX-License-Identifier: MIT
"""What the middleware of all kinds share: a request's name, its labels, its head's answer.

Rules: a route is the program's own pattern, never the address that was asked for, of which there is
no end. Nothing of what was measured goes into a response but for who sends the secret.
"""

from __future__ import annotations

import re

from ulma import _spans

# Version, trace, parent, flags: https://www.w3.org/TR/trace-context/
TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
WITH_DIGIT = re.compile(r"/[^/]*\d[^/]*")
NO_ROUTE = "(no route)"
PATH_MOST = 120
SECRET_LEAST = 8


def checked_secret(secret: str | None) -> bytes | None:
    if secret is None:
        return None
    if len(secret) < SECRET_LEAST:
        raise ValueError(f"a secret has {SECRET_LEAST} characters at least")
    return secret.encode()


def is_asked(secret: bytes | None, sent: bytes) -> bool:
    import hmac

    return secret is not None and hmac.compare_digest(secret, sent)


def server_timing(begun_ns: int, now_ns: int) -> str:
    return f"ulma;dur={(now_ns - begun_ns) / 1e6:.3f}"


def pattern_of(path: str) -> str:
    """Where no framework says what the route is: the path, segments that hold a digit left out."""
    return WITH_DIGIT.sub("/{}", path)


def labels_of(path: str, traceparent: str) -> dict[str, object]:
    labels: dict[str, object] = {}
    if TRACEPARENT.fullmatch(traceparent):
        labels["traceparent"] = traceparent
    labels["path"] = path[:PATH_MOST]
    return labels


class Request:
    """One that is under way. It ends once, whoever ends it first."""

    __slots__ = ("labels", "method", "route", "status", "ticket")

    def __init__(self, method: str, path: str, traceparent: str) -> None:
        self.method = method
        self.labels = labels_of(path, traceparent)
        self.ticket = _spans.start(_spans.REQUEST, NO_ROUTE, method, self.labels)
        self.route = ""
        self.status = ""

    def end(self, failed: bool = False) -> None:
        ticket, self.ticket = self.ticket, 0
        _spans.finish(
            ticket,
            self.route or NO_ROUTE,
            self.method,
            self.status,
            self.labels,
            failed or self.status.startswith("5"),
        )
