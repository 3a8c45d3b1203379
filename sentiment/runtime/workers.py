"""Work shared out among threads, answers in order: ONNX Runtime and `tokenizers` free Python.

`concurrent.futures` is imported where there is work for it: one text needs none, and waits for it.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_order(
    function: Callable[[_Item], _Answer], items: Iterable[_Item], *, workers: int
) -> Iterator[_Answer]:
    """Yield the function of every item, in order, worked out by so many threads.

    Few items are taken before they are needed. One item, or one worker, needs no thread.
    """
    items = iter(items)
    head = list(islice(items, 2))
    items = chain(head, items)
    if workers == 1 or len(head) < 2:
        yield from map(function, items)
        return
    from concurrent.futures import ThreadPoolExecutor

    waiting: deque[Future[_Answer]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def ahead(items: Iterator[_Item]) -> Iterator[_Item]:
    """Yield the items; while one is used, a thread makes the next."""
    from concurrent.futures import ThreadPoolExecutor

    end = object()
    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(next, items, end)
        while (item := following.result()) is not end:
            following = pool.submit(next, items, end)
            yield item  # type: ignore[misc]


def beside(function: Callable[[], _Answer]) -> Callable[[], _Answer]:
    """Start a function on a thread; return what waits for its answer, or raises its error."""
    answers: list[_Answer] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            answers.append(function())
        except BaseException as error:
            errors.append(error)

    def answer() -> _Answer:
        thread.join()
        if errors:
            raise errors[0]
        return answers[0]

    thread = Thread(target=run, daemon=True)
    thread.start()
    return answer
