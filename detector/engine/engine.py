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
from detector.features.timeline import STEP, horizons
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

    def _fold(self, events: Sequence[Event]) -> None:  # noqa: C901, PLR0912, PLR0915 - the hot path pays for no calls
        admission, accounting = self.state.admission, self.state.accounting
        lateness, counting = self.settings.lateness, self.counting
        routes, novelties = self.router.routes, self.novelties.observe
        digest_of = xxh3_64_intdigest
        watermark, next_bucket = admission.watermark, admission.next_bucket
        bucket_open, hour = -1, -1
        ids: set[int] = set()
        left_out = 0
        for event in events:
            time = event.time
            bucket = int(time) // STEP
            if bucket == bucket_open:
                bucket = bucket_open  # the same object: what keys remember of it is shared
            else:
                bucket_open = bucket = admission.shared(bucket)
                hour = hour_of(bucket)
                ids = admission.generation(hour)
            is_sign_in = type(event) is SignIn
            digest = digest_of(event.record_id.encode(), 0 if is_sign_in else SEEDS[type(event)])
            if digest in ids:
                accounting.duplicate += 1
                left_out += 1
                continue
            ids.add(digest)
            if time > watermark:
                watermark = time
                if time >= next_bucket:
                    self._advance(time)
                    next_bucket = admission.next_bucket
                    bucket_open = -1
            elif watermark - time > lateness:
                accounting.late += 1
                left_out += 1
                continue
            if not is_sign_in:
                left_out += self._other(event)
                continue
            sign_in: SignIn = event  # type: ignore[assignment]
            route = routes.get(sign_in.access)
            if route is None:
                route = self.router.route(sign_in.access, time, hour)
                if route is None:
                    accounting.filtered["not_an_agent"] += 1
                    left_out += 1
                    continue
            rates = route.rates
            if rates.bucket == bucket:
                n = rates.n = rates.n + 1
                if n >= rates.trip:
                    counting.judge(route, sign_in, hour)
            elif rates.bucket < bucket:
                counting.open_bucket(route, sign_in, bucket)
            else:
                counting.older_bucket(route, sign_in, bucket)
            fleet_rates = route.fleet_rates
            if fleet_rates is not None:
                if fleet_rates.bucket == bucket:
                    n = fleet_rates.n = fleet_rates.n + 1
                    if n >= fleet_rates.trip:
                        counting.judge_fleet(route, sign_in, hour)
                elif fleet_rates.bucket < bucket:
                    counting.open_fleet_bucket(route, sign_in, bucket)
                else:
                    counting.older_fleet_bucket(route, sign_in, bucket)
            if route.failed:
                self.refusals.observe(route, sign_in, hour)
                continue
            if time > rates.granted:
                rates.granted = time
                if time > rates.armed:
                    self.refusals.success_after_guesses(route, sign_in)
            elif time > rates.armed:
                self.refusals.success_after_guesses(route, sign_in)
            if route.hour != hour or sign_in.origin not in route.origins:
                novelties(route, sign_in, hour)
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
