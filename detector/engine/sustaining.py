"""Requests that go on: minute by minute, of identities that ask for far more than they ever do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from detector.domain.signals import Signal
from detector.engine.routing import key_of
from detector.features import sustained
from detector.features.sustained import FILLED, MINUTE, WINDOW, WITHOUT, least_sum, size_for
from detector.features.timeline import DAY, SIX_HOURS, STEP, STEPS_PER_HOUR

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from detector.domain.events import SignIn
    from detector.domain.keys import Key
    from detector.domain.signals import Fact
    from detector.engine.routing import Route
    from detector.engine.saying import Saying
    from detector.features.token_rate import Prior, RateMemory, Spike, TokenRate

_MAX_USUAL: Final = 20_000


class Sustaining:
    """Minutes of identities."""

    def __init__(self, rates: TokenRate, saying: Saying, prior: Callable[[Route, int], Prior], growth: float) -> None:
        self.rates = rates
        self.saying = saying
        self.prior = prior
        self.growth = growth
        self.size = size_for(rates.spans[0].lag)
        self.usual: dict[str, tuple[RateMemory, int, int]] = {}
        """By id of the identity: whose, the bucket, and requests a minute that are usual in it. A cache;
        `steady.pyx` looks here as well."""

    def opened(self, rates: RateMemory, event: SignIn, bucket: int) -> None:
        """A request opens a newer bucket; to be told before `token_rate.roll`."""
        rates.minutes = sustained.opened(rates.minutes, bucket - rates.bucket, _minute(event, bucket), self.size)

    def counted(self, route: Route, event: SignIn, bucket: int) -> None:
        """One request more in the newest bucket or one before it that is not final."""
        rates = route.rates
        place = self.size - WINDOW * (rates.bucket - bucket + 1) + _minute(event, bucket)
        rates.minutes = sustained.raised(rates.minutes, place, self.size)
        if sustained.is_rung(rates.minutes[place]):
            self.reached(route, event, place)

    def reached(self, route: Route, event: SignIn, place: int) -> None:
        """A minute has its first request, or has reached a rung: looks at all ten minutes that it completes."""
        rates = route.rates
        first = (rates.bucket + 1) * WINDOW - self.size
        spikes: dict[tuple[int, int], Spike | None] = {}
        for start, rung in sustained.filled(rates.minutes, place):
            bucket = (first + start + FILLED - 1) // WINDOW
            if (bucket, rung) not in spikes:
                spikes[bucket, rung] = self._judged(route, bucket, rung)
            spike = spikes[bucket, rung]
            if spike is not None:
                self._tell(route, event, first + start, rung, spike)

    def _judged(self, route: Route, bucket: int, rung: int) -> Spike | None:
        """The spike that ten minutes are, none of them empty, nine of which have reached a rung.

        They are judged as a ten-minute bucket with as many requests as they have at least: how evenly these are spread
        is no part of the p-value.
        """
        rates, known = route.rates, self.usual.get(route.identity.id)
        if known is not None and known[0] is rates and known[1] == bucket and rung <= known[2]:
            return None
        expectation = self.rates.expectation(rates, 0, bucket, self.prior(route, bucket // STEPS_PER_HOUR))
        spike = self.rates.judge_count(bucket, least_sum(rung), *expectation)
        if spike is None:
            if len(self.usual) >= _MAX_USUAL:
                self.usual.clear()
            ratio = self.rates.settings.ratio
            usual = int(ratio * expectation[0] - WITHOUT) // FILLED if expectation[0] else sustained.MOST
            self.usual[route.identity.id] = rates, bucket, max(rung, usual)
        return spike

    def _tell(self, route: Route, event: SignIn, first: int, least: int, spike: Spike) -> None:
        period = f"sustained:{spike.start - spike.start % SIX_HOURS}"
        occasion = self.saying.graded(period, spike.p_value, self.rates.settings.p_value, self.growth)
        identity, minutes = route.identity, msgspec.structs.replace(spike, start=first * MINUTE)
        signal = signal_of(minutes, event, key_of(identity), occasion, identity.first_seen, {"each_minute": least})
        self.saying.tell_of(route, signal)


def signal_of(
    spike: Spike,
    event: SignIn,
    key: Key,
    occasion: str,
    first_seen: float,
    own: Mapping[str, Fact],
    *,
    fleet: bool = False,
) -> Signal:
    """A spike as a signal.

    Args:
        spike: What is told.
        event: The record that tipped it.
        key: Whose spike it is.
        occasion: See `Signal.occasion`.
        first_seen: Event time from which on the key has been known.
        own: Facts of this sort of spike.
        fleet: Whether agents are added up.
    """
    return Signal(
        kind="token_rate",
        key=key,
        time=event.time,
        window=(float(spike.start), float(spike.start + spike.span)),
        occasion=occasion,
        value=spike.count,
        usual=spike.expected,
        unit="token requests",
        p_value=spike.p_value,
        seen=spike.seen,
        event=event,
        facts={
            "span": spike.span,
            "fleet": fleet,
            **own,
            "dispersion": round(spike.dispersion, 3),
            "known_days": round(max(0.0, spike.start - first_seen) / DAY, 1),
        },
        first_seen=float(spike.start),
        last_seen=event.time,
    )


def _minute(event: SignIn, bucket: int) -> int:
    return int(event.time - bucket * STEP) // MINUTE
