"""The fold of one stretch of events: the hot path of the product.

A stretch holds no copies, and in it the watermark stays in its ten-minute bucket. In the steady case a sign-in costs a
few look-ups and two counts. `steady.pyx` is the same loop, compiled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from detector.domain.events import SignIn
from detector.features.timeline import STEP

if TYPE_CHECKING:
    from detector.domain.events import Event
    from detector.engine.counting import Counting
    from detector.engine.routing import Route, Router

PlaceInTime = tuple[int, int, float, float]
"""Number of a ten-minute bucket, its hour, and the event times at which it begins and ends."""


_SIGN_INS: Final = frozenset({SignIn})

Novel = Callable[["Route", SignIn, int], None]


@dataclass(frozen=True, slots=True)
class Steps:
    """Who is asked when a record is not steady."""

    router: Router
    counting: Counting
    refused: Callable[[Route, SignIn, int], None]
    """A refused token request, with its hour."""
    remarkable: Callable[[Route, SignIn], None]
    """A granted token that somebody waits for."""
    novel: Novel
    """A granted token whose resource or origin was not dealt with yet in the hour."""
    other: Callable[[Event], bool]
    """An event that is no sign-in; whether it was left out."""
    place_of: Callable[[int], PlaceInTime]
    """Where the ten-minute bucket of a number lies."""


class Folded(NamedTuple):
    """What became of a stretch."""

    watermark: float
    late: int
    unwatched: int
    """Sign-ins of identities that nobody watches."""
    left_out: int
    """Other events that their reader left out."""


class Fold(Protocol):
    """Folds stretches."""

    def fold(self, events: Sequence[Event], newest: float, lateness: float) -> Folded:
        """Folds a stretch; `newest` is the watermark before it."""
        ...


def times_of(events: Sequence[Event]) -> tuple[float, float] | None:
    """The earliest and the latest time of sign-ins; `None` where some event is none, or there are no events."""
    if not events or not _SIGN_INS.issuperset(map(type, events)):
        return None
    times = [event.time for event in events]
    return min(times), max(times)


def copies(ids: set[int], digests: list[int]) -> list[int]:
    """Takes in hashed ids; the places of those that were there before them."""
    known = ids.intersection(digests)
    before = len(ids)
    ids.update(digests)
    if len(ids) - before + len(known) == len(digests):  # most often: none of them came twice in this very stretch
        return sorted(map(digests.index, known))
    places = []
    for place, digest in enumerate(digests):
        if digest in known:
            places.append(place)
        else:
            known.add(digest)
    return places


class Plain:
    """The fold in Python."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    def fold(self, events: Sequence[Event], newest: float, lateness: float) -> Folded:  # noqa: C901, PLR0912, PLR0915 - the hot path pays for no calls
        """Folds a stretch; `newest` is the watermark before it."""
        steps = self._steps
        router, counting, novel = steps.router, steps.counting, steps.novel
        epoch, watermark = router.epoch, newest
        buckets: dict[int, PlaceInTime] = {}
        bucket, hour, low, high = -1, -1, 0.0, 0.0
        late = unwatched = left_out = 0
        oldest = watermark - lateness
        for event in events:
            time = event.time
            if time > watermark:
                watermark, oldest = time, time - lateness
            elif time < oldest:
                late += 1
                continue
            if time < low or time >= high:
                number = int(time) // STEP
                known = buckets.get(number)
                if known is None:
                    known = buckets[number] = steps.place_of(number)
                bucket, hour, low, high = known
            if type(event) is not SignIn:
                left_out += steps.other(event)
                continue
            route = event.access.route
            if route is None or route.epoch is not epoch:
                route = router.route(event.access, time, hour)
                epoch = router.epoch
                if route is None:
                    unwatched += 1
                    continue
            rates = route.rates
            if rates.bucket == bucket:
                n = rates.n = rates.n + 1
                if n >= rates.trip:
                    counting.judge(route, event, hour)
                counting.sustaining.counted(route, event, bucket)
            elif rates.bucket < bucket:
                counting.open_bucket(route, event, bucket)
            else:
                counting.older_bucket(route, event, bucket)
            fleet_rates = route.fleet_rates
            if fleet_rates is not None:
                if fleet_rates.bucket == bucket:
                    n = fleet_rates.n = fleet_rates.n + 1
                    if n >= fleet_rates.trip:
                        counting.judge_fleet(route, event, hour)
                elif fleet_rates.bucket < bucket:
                    counting.open_fleet_bucket(route, event, bucket)
                else:
                    counting.older_fleet_bucket(route, event, bucket)
            if route.failed:
                steps.refused(route, event, hour)
                continue
            rates.granted = max(rates.granted, time)
            if time > rates.armed:
                steps.remarkable(route, event)
            if route.hour != hour or event.origin not in route.origins:
                novel(route, event, hour)
        return Folded(watermark, late, unwatched, left_out)
