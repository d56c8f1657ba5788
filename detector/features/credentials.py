"""Which blueprints a credential is used by, and when it was last used.

The unit is who holds credentials: the blueprint for its agents, a classic principal for itself. A credential is
remembered by its key id (`servicePrincipalCredentialKeyId` or `federatedCredentialId`).
"""

from __future__ import annotations

from typing import Final

import msgspec

from detector.domain.events import Access
from detector.features.known import DAILY, meet, settled_until
from detector.features.timeline import Horizon

CAPACITY: Final = 32
"""Units remembered for a credential: the first in the alphabet, so that the order of arrival does not matter."""


class CredentialMemory(msgspec.Struct, gc=False):
    """The use of one credential."""

    users: dict[str, int] = {}
    """Units that got tokens with it; see `detector.features.known`."""
    last: int = -1
    """An hour in which it was used, at most a day before the last one."""
    kind: str | None = None
    """Its type as sign-in logs spell it; of several the first in the alphabet."""


def unit_of(access: Access) -> str | None:
    """Who holds the credential of a sign-in; `None` for an agent whose record does not name its blueprint."""
    if access.role == "blueprint" or access.blueprint_id is None:
        return access.agent_id if access.role in {"blueprint", "none"} else None
    return access.blueprint_id


def use(memory: CredentialMemory, unit: str, kind: str | None, hour: int, horizon: Horizon) -> tuple[bool, int, bool]:
    """Remembers a use in `hour`.

    Returns:
        Whether the unit was known to use it; the hour before which the same use changes nothing; whether it did.
    """
    users = memory.users
    before = users.get(unit)
    if before is None and len(users) >= CAPACITY:
        last = max(users)
        if unit > last:
            return False, hour, False
        del users[last]
    state = meet(users, unit, hour, horizon, CAPACITY)
    changed = state != before
    if hour >= memory.last + DAILY:
        memory.last, changed = hour, True
    if kind is not None and (memory.kind is None or kind < memory.kind):
        memory.kind, changed = kind, True
    until = min(settled_until(state, hour, horizon), memory.last + DAILY)
    return state > 0 or hour + state >= horizon.lag, until, changed


def sharers(memory: CredentialMemory) -> tuple[str, ...]:
    """The units that share a credential, except for the first in the alphabet; none when only one uses it.

    Whoever comes, and in whatever order, in the end each of these was told of once.
    """
    return tuple(sorted(memory.users)[1:])
