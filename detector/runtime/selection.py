"""Which events of an archive are looked at: a stretch of time, and some agents or blueprints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf
from typing import Final

import msgspec

from detector.decode.decoded import Decoded
from detector.domain.events import Change, Event, GraphActivity, Identity, Risk, SignIn

OUT_OF_WINDOW: Final = "out_of_window"
NOT_CHOSEN: Final = "not_chosen"


@dataclass(frozen=True, slots=True)
class Selection:
    """What to keep; everything else is counted as filtered, so that the account of records stays exact.

    A record that is left out teaches nothing either: baselines are built from the selected records only.
    """

    since: float = -inf
    """First event time kept, seconds since the epoch, UTC."""
    until: float = inf
    """First event time not kept any more."""
    agents: frozenset[str] = field(default_factory=frozenset)
    """appIds or object ids of agents, lower case: their sign-ins and requests, and changes and risks that name them."""
    blueprints: frozenset[str] = field(default_factory=frozenset)
    """appIds or object ids of blueprints, lower case: their own records and those of the agents that name them."""

    @property
    def keeps_all(self) -> bool:
        """Whether nothing is left out."""
        return self.since == -inf and self.until == inf and not self.agents and not self.blueprints

    def of(self, decoded: Decoded) -> Decoded:
        """The same account with the events that are not wanted moved to `filtered`."""
        since, until, chosen = self.since, self.until, self.agents | self.blueprints
        kept: list[Event] = []
        outside = others = 0
        for event in decoded.events:
            if not since <= event.time < until:
                outside += 1
            elif chosen and not self._concerns(event):
                others += 1
            else:
                kept.append(event)
        if not outside and not others:
            return decoded
        filtered = Counter(decoded.filtered)
        if outside:
            filtered[OUT_OF_WINDOW] += outside
        if others:
            filtered[NOT_CHOSEN] += others
        return msgspec.structs.replace(decoded, events=kept, filtered=filtered)

    def _concerns(self, event: Event) -> bool:
        return not self.agents.isdisjoint(_own(event)) or not self.blueprints.isdisjoint(
            [*_own(event), *_parents(event)]
        )


def _own(event: Event) -> Iterator[str | None]:
    """Ids of the identities that a record is about."""
    match event:
        case SignIn():
            access = event.access
            yield from (access.agent_id, access.service_principal_id, event.user_id)
        case Change():
            for target in event.targets:
                yield from _ids(target)
            yield from (event.grantee_app_id, event.grantee_object_id, event.actor.id, event.actor.app_id)
        case Risk():
            yield from _ids(event.identity)
        case GraphActivity():
            yield from (event.app_id, event.service_principal_id, event.user_id)


def _parents(event: Event) -> Iterator[str | None]:
    """Ids of the blueprints that a record names."""
    match event:
        case SignIn():
            yield from (event.access.blueprint_id, event.access.parent_id)
        case Change():
            for target in event.targets:
                yield target.blueprint_id
        case Risk():
            yield event.identity.blueprint_id
        case _:
            pass


def _ids(identity: Identity) -> tuple[str | None, str | None]:
    return identity.id, identity.app_id
