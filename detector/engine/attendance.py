"""Who was at work in an hour that is final: taken in for all identities at once.

The form of it that is compiled is `attending.pyx`; `tests/engine/test_folding.py` holds both against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from detector.features import periods, silence
from detector.features.periods import PeriodMemory
from detector.features.timeline import STEPS_PER_HOUR

if TYPE_CHECKING:
    from detector.features.memory import IdentityMemory

Present = list[tuple["IdentityMemory", PeriodMemory]]
"""Those who were at work."""

AtWork = Callable[[Mapping[str, "IdentityMemory"], int], tuple[Present, list["IdentityMemory"]]]
"""Takes in an hour; tells who was at work, and who was not for longer than is worth a look."""


def at_work(identities: Mapping[str, IdentityMemory], hour: int) -> tuple[Present, list[IdentityMemory]]:
    """See `AtWork`. A blueprint's own principal is never asked."""
    first = hour * STEPS_PER_HOUR
    present: Present = []
    quiet: list[IdentityMemory] = []
    for identity in identities.values():
        memory = identity.periods
        if identity.rates.bucket >= first and identity.kind != "blueprint":
            busy = periods.busy_in(identity.rates, hour)
            if busy:
                if memory is None:
                    memory = identity.periods = PeriodMemory()
                silence.end(memory, hour)
                periods.take_in(memory, hour, busy)
                present.append((identity, memory))
                continue
        if memory is not None and hour - memory.hour >= memory.patience:
            quiet.append(identity)
    return present, quiet
