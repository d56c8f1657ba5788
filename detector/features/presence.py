"""Where an identity gets its tokens from while it may be in two places at once.

Which places an identity is at is not written down in the steady case. So when it comes from a place that is new to it,
it is watched for an hour from the moment on by which nothing of the hour of the news can arrive any more: every record
of that watch arrives while it is on, in whatever order, and what is found depends on event times alone.

Times are kept as the first and the last of every place in ten minutes. That is enough to tell whether two places took
turns: if one of them was seen between two sights of the other, this is true of those four times as well, one way or
the other way round.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from detector.domain.events import Origin
from detector.features.known import is_known
from detector.features.networks import Level
from detector.features.timeline import HOUR, STEP, STEPS_PER_HOUR, Horizon

MOST_NEWS: Final = 16
MOST_SIGHTS: Final = 128


class Sight(msgspec.Struct, gc=False):
    """Tokens granted to one place in ten minutes."""

    step: int
    asn: int
    country: str
    first: float
    last: float
    address: str = ""


class News(msgspec.Struct, frozen=True, gc=False):
    """A place that was not known in an hour."""

    hour: int
    asn: int
    """0 where the record does not say."""
    country: str
    """`""` where the record does not say."""
    p_value: float
    """How unlikely a new place was in that hour."""
    seen: float
    """Active hours behind that."""
    kinds: int
    """Places of the same level that were known."""
    siblings_know: bool


class Presence(msgspec.Struct, gc=False):
    """An identity that came from a new place of late."""

    news: list[News] = []
    sights: list[Sight] = []
    since: float = 0.0
    """Start of the earliest watch."""
    until: float = 0.0
    """End of the latest watch."""


class Turns(NamedTuple):
    """Two places that took turns, the new one and another."""

    news: News
    new: Sight
    other: Sight


def window(hour: int, lateness: float) -> tuple[int, int]:
    """The ten-minute buckets [start, end) in which the news of an hour are watched."""
    start = int(-(-((hour + 1) * HOUR + lateness) // STEP))
    return start, start + STEPS_PER_HOUR


def new_level(values: dict[str, int], origin: Origin, hour: int, horizon: Horizon) -> Level | None:
    """The widest level, country or autonomous system, at which a place was not known in `hour`."""
    if origin.country is not None and not is_known(values, "c" + origin.country, hour, horizon):
        return "country"
    if origin.asn is not None and not is_known(values, f"a{origin.asn}", hour, horizon):
        return "asn"
    return None


def watch(memory: Presence, news: News, lateness: float) -> bool:
    """Remembers news and what is to be watched for their sake; whether they were new and there was room."""
    if len(memory.news) >= MOST_NEWS or any(_key(each) == _key(news) for each in memory.news):
        return False
    memory.news = sorted((*memory.news, news), key=_key)
    spans = [window(each.hour, lateness) for each in memory.news]
    memory.since, memory.until = float(spans[0][0] * STEP), float(spans[-1][1] * STEP)
    return True


def see(memory: Presence, time: float, origin: Origin, lateness: float) -> bool:
    """Remembers a granted token, if it lies in a watch; whether that may change what is found."""
    step = int(time) // STEP
    asn, country = origin.asn or 0, origin.country or ""
    if not (asn or country) or not any(start <= step < end for start, end in _windows(memory, lateness)):
        return False
    for known in memory.sights:
        if (known.step, known.asn, known.country) == (step, asn, country):
            if known.first <= time <= known.last:
                return False
            known.first, known.last = min(known.first, time), max(known.last, time)
            return True
    if len(memory.sights) >= MOST_SIGHTS:
        return False
    memory.sights.append(Sight(step, asn, country, time, time, origin.ip or ""))
    return True


def turns(memory: Presence, lateness: float) -> list[Turns]:
    """For each piece of news, the place that took turns with it in its hour of watch, if one did."""
    found: list[Turns] = []
    for news in memory.news:
        start, end = window(news.hour, lateness)
        sights = sorted(
            (sight for sight in memory.sights if start <= sight.step < end), key=lambda each: (each.first, each.asn)
        )
        here = [sight for sight in sights if (sight.asn, sight.country) == (news.asn, news.country)]
        others: dict[tuple[int, str], list[Sight]] = {}
        for sight in sights:
            if _apart(news, sight):
                others.setdefault((sight.asn, sight.country), []).append(sight)
        for there in others.values():
            if here and (_between(here, there) or _between(there, here)):
                found.append(Turns(news, here[0], there[0]))
                break
    return found


def _windows(memory: Presence, lateness: float) -> list[tuple[int, int]]:
    return [window(news.hour, lateness) for news in memory.news]


def _key(news: News) -> tuple[int, int, str]:
    return news.hour, news.asn, news.country


def _apart(news: News, sight: Sight) -> bool:
    """Whether both records say where, and say two different things."""
    systems, countries = {news.asn, sight.asn}, {news.country, sight.country}
    return (len(systems) > 1 and 0 not in systems) or (len(countries) > 1 and "" not in countries)


def _between(outer: list[Sight], inner: list[Sight]) -> bool:
    """Whether a sight of one place lies between two of the other."""
    low, high = min(sight.first for sight in outer), max(sight.last for sight in outer)
    return any(low < time < high for sight in inner for time in (sight.first, sight.last))
