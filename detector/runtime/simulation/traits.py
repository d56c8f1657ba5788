"""What makes one tenant unlike another: the parameters of benign life, to be drawn from ranges.

A detector that was tuned on one set of them has to prove itself on tenants drawn from ranges that it never met.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from random import Random
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """The parameters of benign life. Ranges are within a tenant: each agent or blueprint draws its own value.

    Attributes:
        zipf: Exponent of the activity of agents by rank.
        burst_low: Least gamma shape of an agent's hourly factor; small is bursty.
        burst_high: Greatest of them.
        flicker: Gamma shape of the factor of ten minutes.
        sessions: Share of requests that begin a session of further ones within minutes, as many as Pareto's law
            with exponent 1.5 gives.
        night: Activity of office blueprints at night, against 1 by day.
        weekend: The same at weekends.
        failures_low: Least share of requests of a blueprint that fail on an ordinary day.
        failures_high: Greatest of them.
        jitter: Greatest mean delay of a scheduled run, seconds; each agent draws its own from 1 on.
        hosts_low: Fewest addresses of an egress network.
        hosts_high: Most of them.
        home_share: Share of requests from the host that an agent lives on for some hours.
        seldom: Weight of the resource that an agent hardly ever uses, against 1 of its main one.
        surge_low: Least factor of autoscaling.
        surge_high: Greatest of them.
        growth: Factor that a growing customer's work has reached at the end.
        holiday: Activity on a public holiday, against 1.
        outage_low: Least share of requests that fail in an outage.
        outage_high: Greatest of them.
        asleep: Share of agents that fall asleep on the second day.
        lag: Factor of the delay of delivery, at most 1: what is later than the usual lateness is a story of its own.
        wander: First uses of an everyday resource that nobody rolled out, an agent and day.
        failovers: Hours in which a blueprint goes by way of a network kept in reserve, a blueprint and day.
        flaky: Gamma shape of the factor of an agent's failures on a day; 0 for a factor of 1.
        stories: How often each benign story that concerns a blueprint or an agent is staged in either span of time,
            for each blueprint; once at least.
    """

    zipf: float = 0.9
    burst_low: float = 1.2
    burst_high: float = 6.0
    flicker: float = 2.0
    sessions: float = 0.0
    night: float = 0.03
    weekend: float = 0.06
    failures_low: float = 0.002
    failures_high: float = 0.012
    jitter: float = 15.0
    hosts_low: int = 3
    hosts_high: int = 7
    home_share: float = 0.8
    seldom: float = 0.01
    surge_low: float = 2.5
    surge_high: float = 4.0
    growth: float = 1.5
    holiday: float = 0.12
    outage_low: float = 0.4
    outage_high: float = 0.8
    asleep: float = 1 / 30
    lag: float = 1.0
    wander: float = 0.0
    failovers: float = 0.0
    flaky: float = 0.0
    stories: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is no tenant."""
        for name in ("burst", "failures", "hosts", "surge", "outage"):
            low, high = getattr(self, f"{name}_low"), getattr(self, f"{name}_high")
            if not 0 < low <= high:
                raise ValueError(f"traits.{name}_low: must be above 0 and at most {name}_high")
        for name in ("sessions", "home_share", "outage_high", "asleep", "lag", "failures_high"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"traits.{name}: must be from 0 to 1")
        for name in ("zipf", "flicker", "night", "weekend", "seldom", "growth", "holiday", "jitter"):
            if getattr(self, name) <= 0:
                raise ValueError(f"traits.{name}: must be above 0")


def drawn(rng: Random, ranges: Mapping[str, tuple[float, float]]) -> Traits:
    """Draw traits, each uniformly from its range; those without a range keep their default.

    Raises:
        ValueError: A range is of no trait, or a drawn value makes no sense.
    """
    types = {field.name: field.type for field in fields(Traits)}
    values: dict[str, Any] = {}
    for name in sorted(ranges):
        if name not in types:
            raise ValueError(f"traits: {name!r} is not one of {', '.join(types)}")
        low, high = ranges[name]
        values[name] = round(rng.uniform(low, high)) if types[name] == "int" else rng.uniform(low, high)
    return Traits(**values)
