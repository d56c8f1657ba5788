"""The pass over an archive, seen by the report: what every watched agent did, hour by hour."""

from __future__ import annotations

from array import array
from collections import Counter
from math import inf
from typing import Final

import msgspec

from detector.decode.decoded import Decoded
from detector.domain.events import Event, SignIn
from detector.engine.fingerprints import fingerprint
from detector.features.timeline import HOUR
from detector.runtime.dossier.trail import Trail
from detector.runtime.dossier.uses import Touch

MAX_AGENTS: Final = 5_000
_MAX_LANES: Final = 40
"""Resources, or networks, of one agent whose times of use are kept."""
_COPIES_KEPT: Final = 2
"""Hours of event time in which a record is recognised when it comes again, as the engine does."""


class Activity(msgspec.Struct):
    """What one agent did."""

    touch: Touch
    tenant: str
    hours: dict[int, int] = {}
    """Token requests by hour since the epoch."""
    refused: dict[int, int] = {}
    resources: dict[str, array[int]] = {}
    """By id: begin and end of stretches of hours in which it was in use, the end not included."""
    networks: dict[str, array[int]] = {}
    """The same of network prefixes."""
    prefixes: dict[str, str] = {}
    """Autonomous systems by prefix."""

    def add(self, event: SignIn) -> None:
        """Takes in one sign-in."""
        hour = int(event.time) // HOUR
        self.touch.add(event)
        self.hours[hour] = self.hours.get(hour, 0) + 1
        if event.access.error_code:
            self.refused[hour] = self.refused.get(hour, 0) + 1
        if event.access.resource_id is not None:
            _seen(self.resources, event.access.resource_id, hour)
        prefix = event.origin.prefix
        if prefix is not None:
            _seen(self.networks, prefix, hour)
            if event.origin.asn is not None and prefix in self.networks:
                self.prefixes[prefix] = f"AS{event.origin.asn}"


def _seen(lanes: dict[str, array[int]], key: str, hour: int) -> None:
    runs = lanes.get(key)
    if runs is None:
        if len(lanes) < _MAX_LANES:
            lanes[key] = array("q", (hour, hour + 1))
    elif hour > runs[-1]:
        runs.extend((hour, hour + 1))
    elif hour == runs[-1]:
        runs[-1] = hour + 1


class Gathering:
    """Takes in all events of an archive, copies left out; bounded.

    Args:
        trail: Told every event too.
        everybody: Whether sign-ins that no engine watches count as well: there is no engine.
    """

    def __init__(self, trail: Trail, *, everybody: bool = False) -> None:
        self.trail: Final = trail
        self.agents: Final[dict[tuple[str, str], Activity]] = {}
        self.kinds: Final[Counter[str]] = Counter()
        self.busy: Final[set[int]] = set()
        """Hours with a record of a log."""
        self.first, self.last = inf, -inf
        self.unlisted = 0
        """Sign-ins of agents beyond the bound."""
        self._everybody = everybody
        self._seen: dict[int, set[int]] = {}

    def read(self, decoded: Decoded) -> None:
        """Takes in all that a piece of a source decoded to."""
        for event in decoded.events:
            self.take(event)

    def take(self, event: Event) -> bool:
        """Takes in one event; whether it is no copy."""
        if self._copy(event):
            return False
        self.kinds[type(event).__name__] += 1
        self.first, self.last = min(self.first, event.time), max(self.last, event.time)
        self.busy.add(int(event.time) // HOUR)
        self.trail.take(event)
        if isinstance(event, SignIn) and (self._everybody or event.access.route is not None):
            self._sign_in(event)
        return True

    def _sign_in(self, event: SignIn) -> None:
        key = event.access.tenant_id, event.access.agent_id
        activity = self.agents.get(key)
        if activity is None:
            if len(self.agents) >= MAX_AGENTS:
                self.unlisted += 1
                return
            activity = self.agents[key] = Activity(Touch.of(event), event.access.tenant_id)
        activity.add(event)

    def _copy(self, event: Event) -> bool:
        hour = int(event.time) // HOUR
        seen = self._seen.get(hour)
        if seen is None:
            seen = self._seen[hour] = set()
            for old in [each for each in self._seen if each < hour - _COPIES_KEPT]:
                del self._seen[old]
        digest = fingerprint(event)
        if digest in seen:
            return True
        seen.add(digest)
        return False
