"""The compiled fold, where there is one.

It is built when the package is installed with a C compiler at hand (`hatch_build.py`). Without it the plain one does
the same, more slowly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from detector.engine import attendance, folding
from detector.engine.novelties import MAX_ORIGINS
from detector.features import mix

try:
    from detector.engine.attending import at_work, mixed
    from detector.engine.newness import Early, Looking, Newness
    from detector.engine.steady import Compiled, copies, times_of
except ImportError:
    COMPILED = False
    copies, times_of = folding.copies, folding.times_of
else:
    COMPILED = True

if TYPE_CHECKING:
    from detector.engine.attendance import AtWork
    from detector.engine.early import EarlyLife
    from detector.engine.folding import Fold, Novel, Steps
    from detector.engine.habits import Habits
    from detector.engine.mixing import TakeIn
    from detector.engine.novelties import LookAtAccess, Novelties

__all__ = ["COMPILED", "attending", "copies", "fold", "greeting", "looking", "mixing", "observing", "times_of"]


def fold(steps: Steps) -> Fold:
    """The fastest fold that there is."""
    return Compiled(steps) if COMPILED else folding.Plain(steps)


def observing(novelties: Novelties) -> Novel:
    """The fastest way to observe granted tokens."""
    return Newness(novelties, MAX_ORIGINS).observe if COMPILED else novelties.observe


def looking(habits: Habits) -> LookAtAccess:
    """The fastest way to look at habits."""
    return Looking(habits).look if COMPILED else habits.look


def greeting(early: EarlyLife) -> LookAtAccess:
    """The fastest way to look at newcomers."""
    return Early(early).look if COMPILED else early.look


def attending() -> AtWork:
    """The fastest way to take in who was at work in an hour."""
    return at_work if COMPILED else attendance.at_work


def mixing() -> TakeIn:
    """The fastest way to take in the resources of an hour at work."""
    return mixed if COMPILED else mix.take_in
