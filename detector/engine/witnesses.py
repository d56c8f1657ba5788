"""What the agents of a blueprint did after one of them came from a new network: whether they followed or stayed.

A deployment, a failover or a renumbered range moves all of them; a thief moves one. So an alert that is not worth a
word by itself is told apart by what was seen of the others in the hour of the news and the next one. Both are asked for
when they are final, so the order of arrival within the lateness makes no difference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from detector.features.timeline import HOUR
from detector.features.token_rate import count_in

if TYPE_CHECKING:
    from collections.abc import Iterable

    from detector.domain.alerts import Alert
    from detector.features.memory import IdentityMemory

Witnessed = Literal["siblings followed", "siblings stayed"]

_DETECTOR: Final = "network_novelty"
_LEVEL: Final = "prefix"


def witnessed_until(alert: Alert, time: float) -> float | None:
    """The end of the time in which siblings are looked at; `None` when an alert is not of this kind.

    Args:
        alert: Whatever was told.
        time: Its event time, seconds since the epoch.
    """
    if alert.detector != _DETECTOR or alert.sort != _LEVEL:
        return None
    return float((int(time) // HOUR + 2) * HOUR)


def witnessed(alert: Alert, time: float, identities: Iterable[IdentityMemory]) -> Witnessed | None:
    """What siblings did; `None` when none of them was at work.

    To be asked once the two hours are final, and before they are so old that counts of hours are folded.

    Args:
        alert: For which `witnessed_until` gave a time.
        time: Its event time.
        identities: Of its tenant.
    """
    blueprint = alert.subject.id if alert.subject.kind == "blueprint" else alert.subject.blueprint
    value = f"p{alert.evidence.details.get('network')}"
    first = int(time) // HOUR
    moved, stayed = 0, 0
    for identity in identities:
        if blueprint is None or identity.blueprint_id != blueprint:
            continue
        since = identity.networks.get(value)
        if since is not None and abs(since) <= first + 1:
            moved += 1
        elif any(count_in(identity.rates, 1, hour) for hour in (first, first + 1)):
            stayed += 1
    if moved > 1:
        return "siblings followed"
    return "siblings stayed" if stayed else None
