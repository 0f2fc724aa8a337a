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


def text_of(name: str, method: str, status: str, labels: dict[str, object] | None) -> bytes:
    words = [name[:NAME_MOST], method[:16], status[:16]]
    if labels:
        try:
            words += [f"{key}={value}"[:LABELS_MOST] for key, value in labels.items()]
        except Exception:  # of a label's own __str__: the program is not to end by being recorded
            words.append("labels=(unreadable)")
    # One line for all: a function of its own would be a call that is recorded, for each word.
    text = "\0".join([word.replace("\0", " ").replace("\n", " ") for word in words]) + "\0"
    return text.encode("utf-8", "backslashreplace")[:TEXT_MOST]


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


class Again:
    """In a context variable, made once it is wanted: a span that was opened while it was open, its
    ticket, and the one before."""

    variable: Any = None

    @classmethod
    def of_context(cls) -> Any:
        if cls.variable is None:
            import contextvars

            cls.variable = contextvars.ContextVar("ulma_opened_again", default=None)
        return cls.variable


def refuse_generators(function: Callable[..., Any], advice: str) -> None:
    import inspect

    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(
            f"{function.__qualname__} is a generator, which runs a bit whenever somebody asks it: "
            f"{advice}"
        )


class span:  # noqa: N801 - a word that is used like a statement
    """``with ulma.span("name", key=value):`` or ``@ulma.span("name")``.

    A name stands for a kind of work; what differs from one time to the next is a label. One object
    may be open several times, within itself, in several threads and tasks.
    """

    __slots__ = ("is_shared", "labels", "name", "ticket")

    def __init__(self, name: str, **labels: object) -> None:
        self.name = str(name)
        self.labels = labels
        self.ticket = 0
        self.is_shared = False

    def __enter__(self) -> span:
        ticket = begin(PLAIN) if begin is not None else 0
        if self.ticket:
            self.is_shared = True
            again = Again.of_context()
            again.set((self, ticket, again.get()))
        else:
            self.ticket = ticket
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.is_shared and (own := Again.of_context().get()) is not None and own[0] is self:
            ticket = own[1]
            Again.variable.set(own[2])
        else:
            ticket, self.ticket = self.ticket, 0
        if ticket:
            finish(ticket, self.name, labels=self.labels, failed=kind is not None)

    def __call__(self, function: Function) -> Function:
        import functools
        import inspect

        refuse_generators(function, "open the span in its body, or around whoever uses it")
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
