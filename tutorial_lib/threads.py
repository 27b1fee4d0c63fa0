"""Decode, compute and encode at the same time: what comes next is fetched early, what is done is put away later."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

Item = TypeVar("Item")

_END = object()


def ahead(items: Iterator[Item], most: int = 4) -> Iterator[Item]:
    """The same items in the same order, each fetched in another thread while those before it are worked on.

    most: how many are fetched before they are asked for. What `items` raises is raised here, after the items before it.
    """
    pool = ThreadPoolExecutor(1, "ahead")
    try:
        fetched = deque(pool.submit(next, items, _END) for _ in range(most))
        while (item := fetched.popleft().result()) is not _END:
            fetched.append(pool.submit(next, items, _END))
            yield item
    finally:
        pool.shutdown(cancel_futures=True)


class Behind:
    """Calls `function` in another thread, in the order of the calls, in a context: `with Behind(f) as later: later(x)`.

    A caller that is `most` calls ahead waits. The block ends when every call is done, or with the first error of one;
    when the block itself fails, calls that have not begun are dropped.
    """

    def __init__(self, function: Callable[..., Any], most: int = 4):
        self._function, self._most = function, most

    def __enter__(self) -> "Behind":
        self._pool, self._waiting = ThreadPoolExecutor(1, "behind"), deque[Future]()
        return self

    def __call__(self, *args: Any) -> None:
        self._waiting.append(self._pool.submit(self._function, *args))
        while len(self._waiting) > self._most:
            self._waiting.popleft().result()

    def __exit__(self, kind, error, trace) -> None:
        try:
            while error is None and self._waiting:
                self._waiting.popleft().result()
        finally:
            self._pool.shutdown(cancel_futures=True)
