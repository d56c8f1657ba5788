"""The positions of the store against the hub, and whoever reads it already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from detector.runtime.doctor.results import Result, unchecked
from detector.sources.event_hubs.positions import Ahead, PartitionProperties, resumed

if TYPE_CHECKING:
    from detector.domain.delivery import Position
    from detector.runtime.doctor.hub import HubFindings
    from detector.runtime.doctor.store import StoreFindings


def positions(store: StoreFindings, hub: HubFindings, *, accept_new_hub: bool) -> Iterator[Result]:
    """Whether the service can go on in the hub where the store says it was, and whether it would be let in."""
    check = "store.positions"
    if store.epoch is None or not (store.positions or store.identities):
        yield unchecked(check, "The store holds no position yet, so the first start begins where `start` says.")
    elif hub.properties is None or not hub.partitions:
        yield unchecked(check, "The hub did not say how far it goes.")
    else:
        yield _position(store, hub, hub.properties.identity, accept_new_hub=accept_new_hub)
    yield from _level(store, hub)


def _position(store: StoreFindings, hub: HubFindings, identity: str, *, accept_new_hub: bool) -> Result:
    check = "store.positions"
    known = store.identities.get(hub.name)
    other = (known is not None and known != identity) or (known is None and bool(store.identities))
    lost, behind, ahead = _compared(store.positions, hub.partitions)
    details = {"lost": lost, "behind": behind, "ahead": ahead}
    if other or ahead:
        return Result(
            check=check,
            verdict="warning" if accept_new_hub else "failed",
            found="The hub is not the one whose positions the store holds: it was deleted and made again, or the "
            "configuration names another one.",
            meaning="The service reads the new one from its beginning."
            if accept_new_hub
            else "The service refuses to read (hub_recreated) until somebody decides: guessing would skip messages.",
            advice="" if accept_new_hub else "If it is the right hub, set `accept_new_hub: true` for one start.",
            details=details,
        )
    if lost:
        return Result(
            check=check,
            verdict="failed",
            found=f"{lost:,} messages left the hub before they were read.",
            meaning="Nobody will ever judge them. The service goes on with the oldest message that is there.",
            advice="Replay that time from an archive, if there is one; raise the retention of the hub.",
            details=details,
        )
    found = f"The positions fit the hub; {behind:,} messages are not committed yet."
    return Result(check=check, verdict="ok", found=found, details=details)


def _compared(
    positions: Mapping[str, Position], partitions: Mapping[str, PartitionProperties]
) -> tuple[int, int, list[str]]:
    """Messages that are lost, messages that wait, and partitions whose position is beyond the end."""
    lost = behind = 0
    ahead: list[str] = []
    for name, properties in partitions.items():
        position = positions.get(name)
        if position is None:
            behind += properties.last + 1 - properties.first
            continue
        try:
            lost += resumed(position, properties).lost
        except Ahead:
            ahead.append(name)
        else:
            behind += properties.last - max(position.sequence, properties.first - 1)
    return lost, behind, ahead


def _level(store: StoreFindings, hub: HubFindings) -> Iterator[Result]:
    """Whether whoever reads now would shut the service of this store out."""
    levels = [level for level in hub.levels.values() if level is not None]
    if not levels:
        return
    highest, ours = max(levels), store.epoch or 0
    if store.held and highest == ours:
        yield Result(check="store.owner", verdict="ok", found="It is the service of this store that reads the hub.")
    elif highest > ours:
        yield Result(
            check="store.owner",
            verdict="failed",
            found=f"Another service reads this consumer group, with owner level {highest}; this store is at {ours}.",
            meaning="The one with the higher level wins: a service on this store would be refused, in silence.",
            advice="Stop the other service, or give each a consumer group of its own.",
            details={"level": highest, "epoch": ours},
        )
    else:
        yield Result(
            check="store.owner",
            verdict="warning",
            found=f"A service that does not work on this store reads this consumer group, with owner level {highest}.",
            meaning=f"Starting one on this store (level {ours + 1}) would throw it out.",
            advice="If two services are meant to run, give each a consumer group of its own.",
            details={"level": highest, "epoch": ours},
        )
