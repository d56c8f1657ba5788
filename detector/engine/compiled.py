"""The compiled fold, where there is one.

It is built when the package is installed with a C compiler at hand (`hatch_build.py`). Without it the plain one does
the same, more slowly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from detector.engine.folding import Plain

try:
    from detector.engine.steady import Compiled
except ImportError:
    COMPILED = False
else:
    COMPILED = True

if TYPE_CHECKING:
    from detector.engine.folding import Fold, Steps


def fold(steps: Steps) -> Fold:
    """The fastest fold that there is."""
    return Compiled(steps) if COMPILED else Plain(steps)
