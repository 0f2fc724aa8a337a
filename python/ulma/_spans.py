# SPDX-License-Identifier: MIT
"""Spans: named pieces of work, told to whoever records this process.

``begin`` and ``end`` are None until the source ``spans`` is on in this process; then the probe puts
its own two functions there, and takes them back when it is off. So a span that nobody records costs
one look at None. Which span runs is in a context variable of the probe's, which asyncio, threads'
executors and frameworks carry along; the probe looks at it when functions begin.
"""

from __future__ import annotations

TYPE_CHECKING = False  # the probe has a copy of its own (_private.py), which imports nothing
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any, TypeVar

    Function = TypeVar("Function", bound=Callable[..., Any])

__all__ = ["span"]

PLAIN, REQUEST, TASK = 0, 1, 2
NAME_MOST, LABELS_MOST, TEXT_MOST = 200, 255, 511

begin: Callable[..., int] | None = None
end: Callable[[int, bool, bytes], None] | None = None


def clean(text: str, most: int) -> str:
    return text[:most].replace("\0", " ").replace("\n", " ")


def text_of(name: str, method: str, status: str, labels: dict[str, object] | None) -> bytes:
    words = [clean(name, NAME_MOST), clean(method, 16), clean(status, 16)]
    words += [clean(f"{key}={value}", LABELS_MOST) for key, value in (labels or {}).items()]
    text = "\0".join(words).encode("utf-8", "backslashreplace") + b"\0"
    return text[:TEXT_MOST]


def start(sort: int, name: str, method: str = "", labels: dict[str, object] | None = None) -> int:
    """Where the end may never be told: a process that is killed has its spans named by this."""
    begin_now = begin  # another thread may take it back
    return 0 if begin_now is None else begin_now(sort, text_of(name, method, "", labels))


def finish(
    ticket: int,
    name: str,
    method: str = "",
    status: str = "",
    labels: dict[str, object] | None = None,
    failed: bool = False,
) -> None:
    """Ends what ``begin`` gave the ticket of; 0 and what has ended already are nobody's."""
    if ticket == 0 or end is None:
        return
    end(ticket, failed, text_of(name, method, status, labels))


class span:  # noqa: N801 - a word that is used like a statement
    """``with ulma.span("name", key=value):`` or ``@ulma.span("name")``.

    A name stands for a kind of work; what differs from one time to the next is a label.
    """

    __slots__ = ("labels", "name", "ticket")

    def __init__(self, name: str, **labels: object) -> None:
        self.name = name
        self.labels = labels
        self.ticket = 0

    def __enter__(self) -> span:
        self.ticket = begin(PLAIN) if begin is not None else 0
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.ticket:
            ticket, self.ticket = self.ticket, 0
            finish(ticket, self.name, labels=self.labels, failed=kind is not None)

    def __call__(self, function: Function) -> Function:
        import functools
        import inspect

        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(
                f"{function.__qualname__} is a generator, which runs a bit whenever somebody asks "
                "it: open the span in its body, or around whoever uses it"
            )
        name, labels = self.name, self.labels

        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def waits(*args: Any, **kwargs: Any) -> Any:
                with span(name, **labels):
                    return await function(*args, **kwargs)

            return waits  # type: ignore[return-value]

        @functools.wraps(function)
        def runs(*args: Any, **kwargs: Any) -> Any:
            with span(name, **labels):
                return function(*args, **kwargs)

        return runs  # type: ignore[return-value]
