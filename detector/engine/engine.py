"""The engine: a fold of events over keyed memory that yields alerts.

Admit, route to keys, fold, judge, name, say once. One engine serves every driver (live, replay, Spark); it reads
no clock and does no I/O. `process` is the hot path of the product: in the steady case a sign-in costs a few
dictionary look-ups and two counters, and nothing is allocated that outlives it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import inf
from typing import TYPE_CHECKING, Final

from xxhash import xxh3_64_intdigest

from detector.domain.accounting import Accounting
from detector.domain.events import Change, SignIn
from detector.engine.admission import Admission
from detector.engine.changing import Changing
from detector.engine.counting import Counting
from detector.engine.fingerprints import SEEDS
from detector.engine.journal import Journal
from detector.engine.novelties import Novelties
from detector.engine.refusals import Refusals
from detector.engine.routing import Router
from detector.engine.saying import Saying
from detector.engine.state import State
from detector.features.timeline import HOUR, STEP, horizons
from detector.features.token_rate import hour_of

if TYPE_CHECKING:
    from detector.decode.decoded import Decoded
    from detector.domain.alerts import Alert
    from detector.domain.events import Event
    from detector.engine.settings import EngineSettings

_MAX_COUNTERS: Final = 1_000


class Engine:
    """Folds events over memory.

    Args:
        settings: What to admit, remember and say.
        state: Memory of an earlier engine (see `snapshot`), to go on exactly where it stopped.
        journal: The journal of that engine, when it is in use.
    """

    def __init__(self, settings: EngineSettings, state: State | None = None, journal: Journal | None = None) -> None:
        self.settings = settings
        self.state = state if state is not None else State(admission=Admission(settings.lateness))
        self.state.admission.lateness = settings.lateness
        self.spans = horizons(settings.lateness)
        self.journal = journal if journal is not None else Journal(self.state)
        """Notes what changes, once somebody listens."""
        self.saying = Saying(settings, self.state, self.journal)
        self.router = Router(settings, self.state, self.journal)
        self.counting = Counting(settings, self.router, self.saying)
        self.novelties = Novelties(settings, self.saying)
        self.refusals = Refusals(settings, self.state, self.saying)
        self.changing = Changing(settings, self.state, self.saying, self.journal)
        self.router.on_learned = self.changing.recognise

    @property
    def accounting(self) -> Accounting:
        """The conservation law's counts so far."""
        return self.state.accounting

    @property
    def counters(self) -> Counter[str]:
        """What the engine did not know or had to forget, by name; for telemetry."""
        return self.state.counters

    def process(self, decoded: Decoded) -> list[Alert]:
        """Folds what one body decoded to; returns the alerts that it raised, in order."""
        accounting = self.state.accounting
        accounting.received += len(decoded.events) + len(decoded.quarantined)
        for quarantined in decoded.quarantined:
            accounting.quarantined[quarantined.reason] += 1
        if decoded.filtered:
            accounting.filtered.update(decoded.filtered)
            accounting.received += decoded.filtered.total()
        if decoded.unknown:
            self._note_unknown(decoded.unknown)
        self._fold(decoded.events)
        self.journal.saw(decoded.events)
        forgotten = self.state.admission.bound(self.settings.max_record_ids)
        if forgotten:
            self.counters["forgotten_record_ids"] += forgotten
        return self.saying.take()

    def _note_unknown(self, unknown: Counter[str]) -> None:
        """Counts spellings never seen before; when there are too many different ones, the rest are one."""
        counters = self.counters
        for spelling, times in unknown.items():
            name = f"unknown_{spelling}"
            counters[name if name in counters or len(counters) < _MAX_COUNTERS else "unknown_other"] += times

    def _fold(self, events: Sequence[Event]) -> None:
        """Folds events, stretch by stretch: within one, the watermark stays in its ten-minute bucket."""
        times = [event.time for event in events]
        if times and max(times) >= self.state.admission.next_bucket:
            start = 0
            for place, time in enumerate(times):
                if time >= self.state.admission.next_bucket:
                    if place > start:
                        self._stretch(events[start:place], times[start:place])
                    self._advance(time)
                    start = place
            events, times = events[start:], times[start:]
        if times:
            self._stretch(events, times)

    def _once(self, events: Sequence[Event], times: Sequence[float]) -> Sequence[Event]:
        """The events without copies of what came before."""
        admission, digest_of = self.state.admission, xxh3_64_intdigest
        digests = [
            digest_of(event.record_id.encode(), 0 if type(event) is SignIn else SEEDS[type(event)]) for event in events
        ]
        hour, latest = int(min(times)) // HOUR, int(max(times)) // HOUR
        if hour == latest:
            copies = admission.copies(hour, digests)
        else:
            by_hour: dict[int, list[int]] = {}
            for place, time in enumerate(times):
                by_hour.setdefault(int(time) // HOUR, []).append(place)
            copies = []
            for hour, places in by_hour.items():
                copies += [places[copy] for copy in admission.copies(hour, [digests[place] for place in places])]
        if not copies:
            return events
        self.state.accounting.duplicate += len(copies)
        once = list(events)
        for place in sorted(copies, reverse=True):
            del once[place]
        return once

    def _stretch(self, events: Sequence[Event], times: Sequence[float]) -> None:  # noqa: C901, PLR0912, PLR0915 - the hot path pays for no calls
        events = self._once(events, times)
        admission, accounting = self.state.admission, self.state.accounting
        lateness, counting, router = self.settings.lateness, self.counting, self.router
        novelties, epoch = self.novelties.observe, self.router.epoch
        watermark = admission.watermark
        buckets: dict[int, tuple[int, int, float, float]] = {}
        bucket, hour, low, high = -1, -1, 0.0, 0.0
        left_out = 0
        oldest = watermark - lateness
        for event in events:
            time = event.time
            if time > watermark:
                watermark, oldest = time, time - lateness
            elif time < oldest:
                accounting.late += 1
                left_out += 1
                continue
            if time < low or time >= high:
                number = int(time) // STEP
                known = buckets.get(number)
                if known is None:
                    start = float(number * STEP)
                    known = buckets[number] = (admission.shared(number), hour_of(number), start, start + STEP)
                bucket, hour, low, high = known
            if type(event) is not SignIn:
                left_out += self._other(event)
                continue
            route = event.access.route
            if route is None or route.epoch is not epoch:
                route = router.route(event.access, time, hour)
                epoch = router.epoch
                if route is None:
                    accounting.filtered["not_an_agent"] += 1
                    left_out += 1
                    continue
            rates = route.rates
            if rates.bucket == bucket:
                n = rates.n = rates.n + 1
                if n >= rates.trip:
                    counting.judge(route, event, hour)
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
                self.refusals.observe(route, event, hour)
                continue
            rates.granted = max(rates.granted, time)
            if time > rates.armed:
                self.refusals.success_after_guesses(route, event)
            if route.hour != hour or event.origin not in route.origins:
                novelties(route, event, hour)
        admission.watermark = watermark
        accounting.applied += len(events) - left_out

    def _other(self, event: Event) -> bool:
        """An event that is not a sign-in; whether it was left out."""
        reason = self.changing.observe(event) if isinstance(event, Change) else "category_not_read"
        if reason is not None:
            self.state.accounting.filtered[reason] += 1
        return reason is not None

    def _advance(self, time: float) -> None:
        """The watermark enters a new ten-minute bucket: forget what has passed, judge windows that became final."""
        self.state.admission.advance(time)
        self.refusals.close_windows(time)
        self.changing.forget(time)

    def finish(self) -> list[Alert]:
        """Judges every window that is still open, as if time had passed without records; for the end of an archive."""
        self.refusals.close_windows(inf)
        return self.saying.take()

    def snapshot(self) -> bytes:
        """All memory, as versioned msgpack; `State.load` reads it."""
        return self.state.dump()
