# SPDX-License-Identifier: MIT
"""Names requests by the server's call into the application, and tasks by the worker's call of them.

Why: a program that has no middleware has a server, and each of them gets its application out of one
known place. While the source `spans` is on, what is read there is the application with ulma's
middleware around it; tasks are heard by what their library itself calls before and after one.
Rules: the probe loads this (_private.py), tells it of modules that the program has imported, and
puts back what `replace` and `append` are given when the source goes off. A server that is another
one than is known here is left alone; nothing of ulma's raises into the program.
"""

from __future__ import annotations

import time

from ulma import _spans

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

    Replace = Callable[[Any, str, Any], None]
    Appended = Callable[[list[Any], Any], None]
    Install = Callable[[ModuleType, Replace, Appended], bool]


class Told:
    """Stands in a class for its instances' attribute that holds the application."""

    def __init__(self, name: str, layer: Callable[[Any], Any]) -> None:
        self.name = name
        self.layer = layer

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            whose = f"type object {owner.__name__!r}"
        elif self.name in vars(instance):
            app = vars(instance)[self.name]
            return app if _spans.begin is None else self.layer(app)
        else:
            whose = f"{owner.__name__!r} object"
        raise AttributeError(f"{whose} has no attribute {self.name!r}")

    def __set__(self, instance: Any, value: Any) -> None:
        vars(instance)[self.name] = value

    def __delete__(self, instance: Any) -> None:
        del vars(instance)[self.name]


def like(ours: Any, original: Any) -> Any:
    for name in ("__module__", "__name__", "__qualname__", "__doc__"):
        setattr(ours, name, getattr(original, name, None))
    ours.__wrapped__ = original
    return ours


# --- servers: where each of them has its application ----------------------------------------------


def wsgi_layer() -> Callable[[Any], Any]:
    from ulma.wsgi import Middleware

    return Middleware


def asgi_layer() -> Callable[[Any], Any]:
    from ulma.asgi import Middleware

    return Middleware


def told(classes: tuple[str, ...], attribute: str, layer: Callable[[], Any]) -> Install:
    def install(module: ModuleType, replace: Replace, appended: Appended) -> bool:
        found = [vars(module)[name] for name in classes if name in vars(module)]
        for owner in found:
            if attribute not in vars(owner):
                replace(owner, attribute, Told(attribute, layer()))
        return len(found) > 0

    return install


def of_wsgiref(module: ModuleType, replace: Replace, appended: Appended) -> bool:
    """Also of Django's runserver, Bottle's own server, and whoever else uses it."""
    handler = vars(module).get("BaseHandler")
    if handler is None:
        return False
    run, layer = handler.run, wsgi_layer()

    def run_told(self: Any, application: Any) -> Any:
        return run(self, application if _spans.begin is None else layer(application))

    replace(handler, "run", like(run_told, run))
    return True


def of_hypercorn(module: ModuleType, replace: Replace, appended: Appended) -> bool:
    found = [
        told((name,), "app", layer)(module, replace, appended)
        for name, layer in (("ASGIWrapper", asgi_layer), ("WSGIWrapper", wsgi_layer))
    ]
    return all(found)


def of_django(module: ModuleType, replace: Replace, appended: Appended) -> bool:
    """No server, but who knows the route."""
    handler = vars(module).get("BaseHandler")
    if handler is None:
        return False
    from ulma.django import outer_of

    resolve = handler.resolve_request

    def resolve_told(self: Any, request: Any) -> Any:
        match = resolve(self, request)
        outer = None if _spans.begin is None else outer_of(request)
        if outer is not None and getattr(match, "route", None) is not None:
            outer["ulma.route"] = f"/{match.route}"
        return match

    replace(handler, "resolve_request", like(resolve_told, resolve))
    return True


# --- tasks ----------------------------------------------------------------------------------------


def waited(since: float) -> str:
    """As src/model/spans.c reads it."""
    return f"{max(time.time() - since, 0.0):.6f}s"


def of_rq(module: ModuleType, replace: Replace, appended: Appended) -> bool:
    job_class = vars(module).get("Job")
    if job_class is None:
        return False
    from datetime import timezone

    perform = job_class.perform

    def name_of(job: Any) -> str:
        try:
            return str(job.func_name)
        except Exception:  # what is in the queue cannot be read, as the worker is about to say
            return "(unreadable)"

    def perform_told(self: Any) -> Any:
        if _spans.begin is None:
            return perform(self)
        labels: dict[str, object] = {"id": self.id, "queue": self.origin}
        if (enqueued := self.enqueued_at) is not None:
            zone = enqueued.tzinfo or timezone.utc
            labels["queued"] = waited(enqueued.replace(tzinfo=zone).timestamp())
        name, status = name_of(self), "failed"
        ticket = _spans.start(_spans.TASK, name, labels=labels)
        try:
            result = perform(self)
            status = "finished"
            return result
        finally:
            _spans.finish(ticket, name, "", status, labels, status == "failed")

    replace(job_class, "perform", like(perform_told, perform))
    return True


def celery_since(request: Any) -> float | None:
    """When the task might have begun: when it was sent, or its worker got it, or it was due."""
    # RabbitMQ's rabbitmq_message_timestamp adds the second: milliseconds, when the broker got it.
    if (known := request.get("ulma_sent")) is None:
        if (known_ms := request.get("timestamp_in_ms")) is not None:
            known = float(known_ms) / 1000
        elif (known := request.get("ulma_received")) is None:
            return None
    if eta := request.get("eta"):
        from datetime import datetime

        return max(float(known), datetime.fromisoformat(str(eta)).timestamp())
    return float(known)


def of_celery(module: ModuleType, replace: Replace, appended: Appended) -> bool:
    if "task_postrun" not in vars(module):
        return False

    def on_publish(headers: Any = None, **rest: Any) -> None:
        if isinstance(headers, dict):
            headers["ulma_sent"] = time.time()

    def on_received(request: Any = None, **rest: Any) -> None:
        kept = getattr(request, "request_dict", None)
        if isinstance(kept, dict):
            kept["ulma_received"] = time.time()

    def on_begin(task: Any = None, task_id: str = "", **rest: Any) -> None:
        if _spans.begin is None:
            return
        delivery = task.request.get("delivery_info") or {}
        labels: dict[str, object] = {"id": task_id}
        if delivery.get("routing_key"):
            labels["queue"] = delivery["routing_key"]
        if (since := celery_since(task.request)) is not None:
            labels["queued"] = waited(since)
        task.request.ulma_labels = labels
        task.request.ulma_ticket = _spans.start(_spans.TASK, task.name, labels=labels)

    def on_end(task: Any = None, state: Any = "", **rest: Any) -> None:
        ticket = task.request.get("ulma_ticket")
        if ticket is None:
            return
        labels = task.request.ulma_labels
        done = ("SUCCESS", "RETRY", "IGNORED", "REJECTED")
        _spans.finish(ticket, task.name, "", str(state or "ended"), labels, state not in done)

    hears = {
        "before_task_publish": on_publish,
        "task_received": on_received,
        "task_prerun": on_begin,
        "task_postrun": on_end,
    }
    for name, receiver in hears.items():
        signal = getattr(module, name)
        signal.connect(receiver, weak=False, dispatch_uid=f"ulma.{name}")
        appended(signal.receivers, signal.receivers[-1])
    return True


UVICORN = (
    "HttpToolsProtocol",
    "H11Protocol",
    "WebSocketProtocol",
    "WebSocketsSansIOProtocol",
    "WSProtocol",
)

# By the module that has it. True: there is nothing left to do; False: ask again at the next import.
KNOWN: dict[str, Install] = {
    "gunicorn.workers.sync": told(("SyncWorker",), "wsgi", wsgi_layer),
    "gunicorn.workers.gthread": told(("ThreadWorker",), "wsgi", wsgi_layer),
    "gunicorn.workers.base_async": told(("AsyncWorker",), "wsgi", wsgi_layer),
    "gunicorn.asgi.protocol": told(("ASGIProtocol",), "app", asgi_layer),
    "uvicorn.protocols.http.h11_impl": told(UVICORN, "app", asgi_layer),
    "uvicorn.protocols.http.httptools_impl": told(UVICORN, "app", asgi_layer),
    "uvicorn.protocols.websockets.websockets_impl": told(UVICORN, "app", asgi_layer),
    "uvicorn.protocols.websockets.websockets_sansio_impl": told(UVICORN, "app", asgi_layer),
    "uvicorn.protocols.websockets.wsproto_impl": told(UVICORN, "app", asgi_layer),
    "hypercorn.app_wrappers": of_hypercorn,
    "daphne.server": told(("Server",), "application", asgi_layer),
    "werkzeug.serving": told(("BaseWSGIServer",), "app", wsgi_layer),
    "waitress.server": told(("BaseWSGIServer",), "application", wsgi_layer),
    "cheroot.wsgi": told(("Server",), "wsgi_app", wsgi_layer),
    "gevent.pywsgi": told(("WSGIServer",), "application", wsgi_layer),
    "eventlet.wsgi": told(("Server",), "app", wsgi_layer),
    "wsgiref.handlers": of_wsgiref,
    "django.core.handlers.base": of_django,
    "celery.signals": of_celery,
    "rq.job": of_rq,
}


def install(name: str, module: ModuleType, replace: Replace, appended: Appended) -> bool:
    return KNOWN[name](module, replace, appended)
