"""What the answers of a hub mean, and what it means that there are none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from detector.runtime.doctor.results import Result, ago

if TYPE_CHECKING:
    from detector.errors import SourceError
    from detector.sources.event_hubs.hub import HubProperties
    from detector.sources.event_hubs.positions import PartitionProperties
    from detector.sources.facts import Ending

QUIET: Final = 2 * 3600.0
"""Seconds without a message after which something is likely wrong: a tenant with agents signs in all the time."""
_DAY: Final = 86_400.0


def unusable(error: SourceError) -> Result:
    """There is no connection string, or one that cannot work."""
    return Result(
        check="hub.token",
        verdict="failed",
        found=str(error),
        meaning="There is nothing to prove who we are with.",
        advice="See docs/event-hubs.md.",
    )


def unanswered(ending: Ending, hub: str, namespace: str, *, identity: bool) -> Result:
    """Why the hub did not say who it is."""
    meaning, advice = _UNANSWERED.get(ending, _UNANSWERED["other"])
    if ending == "unauthorized":
        advice = _ROLE if identity else _KEY
    return Result(
        check="hub.answers",
        verdict="failed",
        found=f"The hub {hub} in {namespace} gave no answer ({ending.replace('_', ' ')}).",
        meaning=meaning,
        advice=advice,
        details={"reason": ending},
    )


def answered(answers: HubProperties, now: float) -> Result:
    """Who the hub is."""
    age = ago(now - answers.created.timestamp())
    count = len(answers.partitions)
    return Result(
        check="hub.answers",
        verdict="ok",
        found=f"The hub {answers.name} answers: {count} partition{'s' if count != 1 else ''}, made {age} ago.",
        details={"name": answers.name, "created": answers.created.isoformat(), "partitions": list(answers.partitions)},
    )


def filled(known: Mapping[str, PartitionProperties], partitions: int, now: float) -> Result:
    """How full the hub is, and when it was last written to.

    Args:
        known: What each partition that was asked said.
        partitions: How many there are.
        now: Wall clock, seconds since the epoch.
    """
    full = {name: each for name, each in known.items() if each.last >= 0}
    details = _numbers(known)
    if not known:
        return Result(
            check="hub.partitions",
            verdict="failed",
            found="No partition told how far it goes.",
            meaning="Without that the service does not know whether it is behind.",
            advice="Try again; if it stays so, look at the health of the namespace in the portal.",
        )
    if not full:
        return Result(
            check="hub.partitions",
            verdict="warning",
            found=f"Nothing was ever enqueued in the {len(known)} partitions that answered.",
            meaning="There is nothing to watch.",
            advice=_DIAGNOSTIC,
            details=details,
        )
    newest = max(each.last_time.timestamp() for each in full.values())
    held = sum(each.last + 1 - each.first for each in known.values())
    silence = now - newest
    mute = "" if len(known) == partitions else f" {len(known)} of {partitions} partitions were looked at."
    found = f"{held:,} messages are held, the newest was enqueued {ago(silence)} ago.{mute}"
    details["newest_enqueued"] = newest
    if silence > QUIET:
        return Result(
            check="hub.partitions",
            verdict="warning",
            found=f"Nothing was enqueued for {silence / 3600:.0f} hours.{mute}",
            meaning="Either nobody signs in, or nothing is exported any more.",
            advice=_DIAGNOSTIC,
            details=details,
        )
    return Result(check="hub.partitions", verdict="ok", found=found, details=details)


def retention(oldest: float, properties: PartitionProperties, now: float) -> Result:
    """How long messages stay, by the age of the oldest one of a partition (when it was enqueued)."""
    age = now - oldest
    details = {"oldest_enqueued": oldest}
    # Only where something has left already does the age of the oldest message say what the retention is.
    if properties.first > 0 and age < 0.9 * _DAY:
        return Result(
            check="hub.retention",
            verdict="warning",
            found=f"Messages leave the hub after about {ago(age)}.",
            meaning="If the service stands still for longer than that, records are lost.",
            advice="Set the retention of the hub to a day or more.",
            details=details,
        )
    found = f"The oldest message that is held was enqueued {ago(age)} ago."
    return Result(check="hub.retention", verdict="ok", found=found, details=details)


def _numbers(known: Mapping[str, PartitionProperties]) -> dict[str, Any]:
    return {
        "partitions": {
            name: {
                "oldest_sequence": each.first,
                "newest_sequence": each.last,
                "newest_enqueued": None if each.last < 0 else each.last_time.timestamp(),
            }
            for name, each in known.items()
        }
    }


_DIAGNOSTIC: Final = (
    "Is the diagnostic setting on? In the Entra admin center, under Monitoring, Diagnostic settings, sign-in and audit "
    "logs go to this event hub. After a change it takes up to an hour until records come."
)
_ROLE: Final = (
    'Give the identity the role "Azure Event Hubs Data Receiver" on the hub (docs/event-hubs.md has the commands). A '
    "new assignment takes some minutes to come into force."
)
_KEY: Final = (
    "Copy the connection string again: the key was regenerated or mistyped, belongs to another hub, or its policy "
    "lacks the Listen claim."
)
_UNANSWERED: Final[dict[str, tuple[str, str]]] = {
    "unauthorized": ("The hub does not accept who we are: a wrong key, or an identity without a right to it.", _ROLE),
    "not_found": ("There is no hub of this name in the namespace.", "Check `hub` for a slip, and the namespace."),
    "timeout": (
        "The port is open, but what listens there does not talk: a proxy, or a device on the way.",
        "Try `transport: websocket`; look at the health of the namespace in the portal.",
    ),
    "throttled": ("The namespace is too busy.", "Try again later; raise its throughput units."),
    "connection": (
        "The connection breaks off. The namespace may refuse this network.",
        "Check the networking rules of the namespace: public access, selected networks, private endpoints.",
    ),
    "other": ("The answer was not understood.", "Try again; look at the health of the namespace in the portal."),
}
