"""Label values of metrics: closed sets and bounded ones, so that no record can blind or flood a scrape.

A single lone surrogate in a label makes every later scrape fail, and 100,000 values of one label make it take seconds.
So every value passes a guard: it comes out as a member of a set that was known beforehand, or as `OTHER`.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from typing import Final, Protocol

OTHER: Final = "other"
"""What stands for every value that is not known."""
FILES: Final = "files"
"""What stands for every partition that is a file."""

_SAFE: Final = re.compile(r"[A-Za-z0-9_.:+-]{1,64}", re.ASCII)
VERSION: Final = r"[0-9]{1,4}(\.[0-9]{1,4}){0,2}((a|b|rc|\.dev|\.post)[0-9]{1,4})?"
SHA256: Final = r"[0-9a-f]{64}"
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,4}", re.ASCII)


def is_file(partition: str) -> bool:
    """Whether a partition is a file and not one of a hub."""
    return not _NUMBER.fullmatch(partition)


class Guard(Protocol):
    """What makes a label value safe."""

    def safe(self, value: str) -> str:
        """The value itself, or what stands for it."""


class Closed:
    """A set of values that is known when the service starts.

    Raises:
        ValueError: A value is not fit for a label: letters, digits and `_.:+-`, at most 64.
    """

    def __init__(self, values: Iterable[str]) -> None:
        self.values: Final = tuple(dict.fromkeys(values))
        for value in self.values:
            if not _SAFE.fullmatch(value):
                raise ValueError(f"A label value may hold letters, digits and _.:+- only: {value!a}.")
        self._known: Final = frozenset(self.values)

    def safe(self, value: str) -> str:
        """The value when it is known, else `OTHER`."""
        return value if value in self._known else OTHER


class Partitions:
    """Partitions of a hub, which are numbers: the first `limit` of them by name; every other partition is a file.

    Names of files are the choice of whoever writes them, and rotation makes new ones every hour: they are `FILES`.
    """

    def __init__(self, limit: int) -> None:
        self._limit: Final = limit
        self._known: Final[set[str]] = set()
        self._lock: Final = threading.Lock()

    def safe(self, value: str) -> str:
        """The number of the partition, `OTHER` beyond the limit, or `FILES`."""
        if value in self._known:
            return value
        if is_file(value):
            return FILES
        with self._lock:
            if value not in self._known and len(self._known) >= self._limit:
                return OTHER
            self._known.add(value)
        return value


class Shaped:
    """The few values of one shape that the program makes itself, such as its version; never more than 8.

    Args:
        shape: Regular expression that the whole value has to match.
    """

    def __init__(self, shape: str) -> None:
        self._shape: Final = re.compile(shape, re.ASCII)
        self._known: Final[set[str]] = set()
        self._lock: Final = threading.Lock()

    def safe(self, value: str) -> str:
        """The value, or `OTHER` when it has another shape or there are too many."""
        with self._lock:
            if value in self._known:
                return value
            if len(self._known) >= 8 or not self._shape.fullmatch(value):
                return OTHER
            self._known.add(value)
        return value
