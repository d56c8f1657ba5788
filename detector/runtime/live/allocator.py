"""How the C library hands memory back, for a process that lives for months.

glibc gives each thread an arena of its own, and what one thread frees between what another keeps stays resident: the
service grew by 11 MiB in ten minutes of steady load, in steps whenever receivers were renewed, and not at all with one
arena (`docs/performance.md`). Python's own objects rarely come from there; buffers of messages do. The knobs are those
of mallopt(3); other C libraries do not have them, and need them less.
"""

from __future__ import annotations

import ctypes
from typing import Final

_M_TRIM_THRESHOLD: Final = -1
_M_ARENA_MAX: Final = -8
"""Of `malloc.h`."""

_KEPT: Final = 256 * 2**10
"""Bytes at the top of the heap that may stay free."""


def keep_memory_flat() -> bool:
    """Has one arena for all threads, which gives free memory back; whether the C library can.

    To be called before there are threads: an arena that exists stays.
    """
    try:
        adjust = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(adjust(_M_ARENA_MAX, 1)) and bool(adjust(_M_TRIM_THRESHOLD, _KEPT))
