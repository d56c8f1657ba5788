"""Which networks a key signs in from: /24 or /48 prefix, autonomous system, country.

An absent address is not a new address: managed identities never carry one. Like APIs, networks are learned and
judged from granted tokens only.

They are remembered in one dictionary of `detector.features.known`, tagged by level: `p`, `a` or `c` before the value.
"""

from __future__ import annotations

from typing import Final, Literal

from detector.domain.events import Origin
from detector.features.known import chance_of_new, meet, settled_until
from detector.features.timeline import NEVER, Horizon

Level = Literal["prefix", "asn", "country"]

LEVELS: Final[tuple[Level, ...]] = ("prefix", "asn", "country")
"""From narrow to wide."""

CAPACITY: Final = 512
"""Networks of all levels remembered per agent or blueprint."""


Places = tuple[str | None, str | None, str | None]
"""Tagged values, one for each of `LEVELS`; `None` where the record does not say."""


def places(origin: Origin) -> Places:
    """The tagged values of an origin."""
    return (
        "p" + origin.prefix if origin.prefix is not None else None,
        f"a{origin.asn}" if origin.asn is not None else None,
        "c" + origin.country if origin.country is not None else None,
    )


class Networks:
    """The feature."""

    __slots__ = ("horizon",)

    def __init__(self, horizon: Horizon) -> None:
        self.horizon = horizon

    def observe(self, values: dict[str, int], where: Places, hour: int) -> Level | None:
        """Remembers a granted token from `places(origin)`; the widest level that was unknown, or `None`.

        Inside a known prefix nothing is new: geolocation that changes its mind is no move.
        """
        return self.meet(values, where, hour)[0]

    def meet(self, values: dict[str, int], where: Places, hour: int) -> tuple[Level | None, int]:
        """`observe`, and the hour before which the same may be met again without any change to memory."""
        prefix, asn, country = where
        horizon = self.horizon
        new: Level | None = None
        until = NEVER
        if prefix is not None:
            state = meet(values, prefix, hour, horizon, CAPACITY)
            until = settled_until(state, hour, horizon)
            if state > 0 or (state < 0 and hour + state >= horizon.lag):
                return None, until
            new = "prefix"
        # A system and a country are fresh when their state says so: no need to meet most.
        if asn is not None:
            state = values.get(asn, 0)
            if not state or hour + state < horizon.lag:
                new = "asn"
                if not meet(values, asn, hour, horizon, CAPACITY):
                    until = hour
        if country is not None:
            state = values.get(country, 0)
            if not state or hour + state < horizon.lag:
                new = "country"
                if not meet(values, country, hour, horizon, CAPACITY):
                    until = hour
        return new, until

    def chance(self, values: dict[str, int], level: Level, hour: int, seen: float) -> tuple[float, int]:
        """(probability that an active hour shows an unknown network of `level`, networks of it known)."""
        tag = level[0]
        limit = hour - self.horizon.lag
        kinds = sum(1 for v, state in values.items() if v[0] == tag and (state > 0 or -state <= limit))
        return chance_of_new(kinds, seen), kinds
