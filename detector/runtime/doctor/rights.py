"""What it means that a hub lets us read, or does not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from detector.runtime.doctor.results import Result, unchecked

if TYPE_CHECKING:
    from detector.runtime.doctor.receiving import Outcome, Sight

CHECK: Final = "hub.rights"
_WORST: Final[tuple[Outcome, ...]] = ("unauthorized", "not_found", "throttled", "other", "silent")


def rights(sights: Sequence[Sight], group: str, hub: str, *, identity: bool) -> Result:
    """Whether messages may be received.

    The hub has answered questions before, so what is refused now is receiving. The service itself would not be told:
    the SDK tries a receiver that is refused again and again, without an error.

    Args:
        sights: One for each partition.
        group: The consumer group.
        hub: Name of the hub.
        identity: Whether a role gives the right, and not a policy.
    """
    if not sights:
        return unchecked(CHECK, "There is no partition to try.")
    outcomes = {sight.partition: sight.outcome for sight in sights}
    bad = next((outcome for outcome in _WORST if outcome in outcomes.values()), None)
    details = {"partitions": outcomes}
    if bad is None:
        taken = sum(outcome == "owned" for outcome in outcomes.values())
        how = f" {taken} of them are read by a service with an owner level." if taken else ""
        found = f"All {len(sights)} partitions let us read in the consumer group {group}.{how}"
        return Result(check=CHECK, verdict="ok", found=found, details=details)
    where = [partition for partition, outcome in outcomes.items() if outcome == bad]
    found, meaning, advice = _told(bad, group, hub, identity=identity)
    part = "" if len(where) == len(sights) else f" ({len(where)} of {len(sights)} partitions)"
    return Result(
        check=CHECK,
        verdict="warning" if bad == "throttled" else "failed",
        found=found + part + ".",
        meaning=meaning,
        advice=advice,
        details=details,
    )


def owners(sights: Sequence[Sight], group: str) -> Iterator[Result]:
    """Who reads already."""
    levels = {sight.partition: sight.level for sight in sights if sight.outcome == "owned"}
    if not levels:
        if sights and all(sight.outcome == "opened" for sight in sights):
            found = f"Nobody reads the consumer group {group} with an owner level."
            yield Result(check="hub.owner", verdict="ok", found=found)
        return
    known = sorted({level for level in levels.values() if level is not None})
    named = f" (owner level {', '.join(map(str, known))})" if known else ""
    yield Result(
        check="hub.owner",
        verdict="ok",
        found=f"A service reads {len(levels)} of {len(sights)} partitions{named}; it was not disturbed.",
        details={"levels": levels},
    )


def _told(outcome: Outcome, group: str, hub: str, *, identity: bool) -> tuple[str, str, str]:
    """What was found, without its full stop, what it means, and what to do."""
    match outcome:
        case "unauthorized":
            missing = (
                'the role "Azure Event Hubs Data Receiver" is missing' if identity else "the Listen claim is missing"
            )
            advice = (
                f'Give the identity the role "Azure Event Hubs Data Receiver" on the hub {hub}; one on another '
                f"consumer group than {group} is not enough. See docs/event-hubs.md. It takes some minutes."
                if identity
                else "Use a policy with the Listen claim; see docs/event-hubs.md."
            )
            return (
                "The hub answers questions, but refuses to be read: unauthorized",
                f"It shows as silence: the service would connect, receive nothing and be told nothing, for {missing}.",
                advice,
            )
        case "not_found":
            return (
                f"The hub has no consumer group {group}",
                "The service would wait for ever: a receiver in a group that does not exist is refused in silence.",
                f"Create it: az eventhubs eventhub consumer-group create --eventhub-name {hub} --name {group} ..., or "
                "set `consumer_group` to one that exists. The service needs one of its own.",
            )
        case "throttled":
            return (
                "The hub is too busy, or five others read this consumer group already",
                "The service has an owner level and would get in, and throw them out.",
                "Give every reader a consumer group of its own.",
            )
        case "silent":
            return (
                "The hub answers questions, but opening a receiver gets no answer",
                "The service would receive nothing.",
                "Try again. If it stays so, try `transport: websocket`.",
            )
        case _:
            return (
                "The hub refuses to be read, for a reason that is not known here",
                "The service would receive nothing.",
                "Look at the health of the namespace in the portal.",
            )
