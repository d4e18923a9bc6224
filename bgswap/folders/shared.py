"""What several records use is made once and kept, up to a number of bytes; the longest unused goes first."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any


class Shared:
    """Values by key; may be asked from many threads."""

    def __init__(self, limit: int) -> None:
        """limit: bytes that the values kept may take, by what `get` is told of each."""
        self._limit = limit
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, Future[tuple[Any, int]]] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], tuple[Any, int]]) -> Any:
        """The value of a key; `make` gives it and its bytes. What `make` raises, all who asked for it get."""
        with self._lock:
            mine = key not in self._kept
            future = self._kept.setdefault(key, Future())
            self._kept.move_to_end(key)
        if mine:  # whoever comes while it is made waits for it instead of making it again
            try:
                future.set_result(make())
            except Exception as cause:  # noqa: BLE001 - everybody who uses it fails with its reason
                future.set_exception(cause)
            self._let_go()
        return future.result()[0]

    def _let_go(self) -> None:
        with self._lock:
            done = [(key, future.result()[1]) for key, future in self._kept.items() if _is_kept(future)]
            size = sum(weight for _, weight in done)
            for key, weight in done[:-1]:
                if size > self._limit:
                    size -= weight
                    del self._kept[key]


def _is_kept(future: "Future[Any]") -> bool:
    return future.done() and not future.exception()
