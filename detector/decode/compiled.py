"""The compiled part, where there is one.

It is built when the package is installed with a C compiler at hand (`hatch_build.py`). Without it everything is decoded
the usual way: the same events, at about half the speed.
"""

from __future__ import annotations

from detector.decode import pieces

try:
    from detector.decode.scanning import Scanner, line_ends
except ImportError:
    COMPILED = False
    line_ends = pieces.line_ends
else:
    COMPILED = True

__all__ = ["COMPILED", "Scanner", "line_ends", "scanner"]


def scanner() -> Scanner | None:
    """A scanner of its own; `None` where it was not built.

    The key of its hash is made of Python's own salt, which nobody knows (unless `PYTHONHASHSEED` is set, which must not
    be done in operation).
    """
    if not COMPILED:
        return None
    halves = (hash(f"scanner, half {half}") & (2**64 - 1) for half in (0, 1))
    return Scanner(b"".join(half.to_bytes(8, "little") for half in halves))
