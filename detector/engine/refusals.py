"""Refusals: failed token requests by class of error, and successes that follow a run of guesses."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from detector.domain.events import SignIn
from detector.domain.signals import Fact, Signal
from detector.engine.novelties import who
from detector.engine.routing import Route, key_of, subject_of
from detector.features.failures import FailureMemory, Failures
from detector.features.timeline import DAY, HOUR, SIX_HOURS, Horizon

if TYPE_CHECKING:
    from detector.engine.saying import Saying
    from detector.engine.settings import EngineSettings
    from detector.engine.state import State


_CREDENTIAL: Final = frozenset({"credential_expired", "credential_invalid"})
"""Classes that say something of the credential itself."""


class Refusals:
    """Failures of identities."""

    def __init__(self, settings: EngineSettings, state: State, saying: Saying) -> None:
        self.settings = settings
        self.state = state
        self.saying = saying
        hour, window = Horizon.of(HOUR, settings.lateness), Horizon.of(SIX_HOURS, settings.lateness)
        self.failures = Failures(settings.failures, hour, window)
        self.on_refused: list[Callable[[Route, SignIn, int], None]] = []
        """Told of every refused token request, with its hour."""

    def observe(self, route: Route, event: SignIn, hour: int) -> None:
        """A refused token request."""
        identity, access = route.identity, event.access
        route.name(access, hour)
        failures = self.failures
        memory = identity.failures
        if memory is None:
            memory = identity.failures = FailureMemory()
        kind = failures.class_of(access.error_code)
        count, in_class = failures.observe(memory, kind, event.time)
        window = int(event.time) // SIX_HOURS
        self.state.failing.setdefault(window, set()).add((access.tenant_id, identity.id))
        burst = failures.burst(memory, identity.rates, hour, count)
        facts: dict[str, Fact] = {}
        if kind in _CREDENTIAL or burst is not None:
            facts = {**who(route), "class": kind, "error_code": access.error_code}
        if kind in _CREDENTIAL:
            self.saying.tell_of(
                route,
                Signal(
                    kind="credential_failure",
                    key=key_of(identity),
                    time=event.time,
                    window=(float(window * SIX_HOURS), float((window + 1) * SIX_HOURS)),
                    occasion=f"{kind}:{window * SIX_HOURS}",
                    value=in_class,
                    usual=0,
                    unit="refused requests",
                    p_value=1.0,
                    seen=0,
                    event=event,
                    facts=facts,
                ),
            )
        if burst is not None:
            self.saying.tell_of(
                route,
                Signal(
                    kind="failure_burst",
                    key=key_of(identity),
                    time=event.time,
                    window=(float(hour * HOUR), float((hour + 1) * HOUR)),
                    occasion=f"six-hours:{window * SIX_HOURS}",
                    value=burst.count,
                    usual=burst.expected,
                    unit="failed requests",
                    p_value=burst.p_value,
                    seen=burst.seen,
                    event=event,
                    facts=facts,
                    first_seen=float(hour * HOUR),
                    last_seen=event.time,
                ),
            )
        if kind in self.settings.failures.guesses:
            complete = failures.guess(memory, event.time)
            identity.rates.armed = min(identity.rates.armed, complete)
            if identity.rates.granted > complete:
                self.success_after_guesses(route, event, identity.rates.granted)
        for listener in self.on_refused:
            listener(route, event, hour)

    def success_after_guesses(self, route: Route, event: SignIn, success: float | None = None) -> None:
        """A granted token later than the completion of a run of guesses; `event` tipped it.

        When that is a guess that came late, `success` is when the token was granted. Nothing else is remembered of
        the token, so the alert names the record of the guess but not its address, resource or credential.
        """
        identity, tenant_id = route.identity, event.access.tenant_id
        memory = identity.failures
        assert memory is not None
        time = event.time if success is None else success
        facts = who(route)
        if success is None:
            facts["address"] = event.origin.ip
        for start, complete in self.failures.runs_before(memory, time):
            memory.told.append(start)
            signal = Signal(
                kind="success_after_failures",
                key=key_of(identity),
                time=time,
                window=(float(start * HOUR), float((start + 2) * HOUR)),
                occasion=f"hour:{start}",
                value=self.settings.failures.run,
                usual=0,
                unit="refused attempts",
                p_value=1.0,
                seen=0,
                event=event if success is None else None,
                facts=facts,
                first_seen=complete,
                last_seen=time,
                record_ids=(event.record_id,),
            )
            if success is None:
                self.saying.tell_of(route, signal)
            else:
                self.saying.tell(signal, tenant_id, subject_of(signal.key, tenant_id, identity, route.fleet))
        identity.rates.armed = min(self.failures.armed_after(memory, time), identity.watched)

    def tick(self, watermark: float) -> None:
        """Judges the failure ratio of every six-hour window in which nothing can arrive any more."""
        failing = self.state.failing
        if not failing:
            return
        for window in sorted(failing):
            if (window + 1) * SIX_HOURS + self.settings.lateness > watermark:
                break
            for tenant_id, identity_id in sorted(failing.pop(window)):
                self._close(tenant_id, identity_id, window)

    def _close(self, tenant_id: str, identity_id: str, window: int) -> None:
        tenant = self.state.tenants[tenant_id]
        identity = tenant.identities[identity_id]  # whoever is forgotten is no longer among the failing
        assert identity.failures is not None
        ratio = self.failures.ratio(identity.failures, identity.rates, window)
        if ratio is None:
            return
        fleet = tenant.fleets.get(identity.blueprint_id) if identity.blueprint_id is not None else None
        end = float((window + 1) * SIX_HOURS)
        signal = Signal(
            kind="failure_ratio",
            key=key_of(identity),
            time=end,
            window=(float(window * SIX_HOURS), end),
            occasion=f"day:{window * SIX_HOURS // DAY * DAY}",
            value=ratio.failures / ratio.attempts,
            usual=ratio.usual,
            unit="share of requests",
            p_value=ratio.p_value,
            seen=ratio.seen,
            event=None,
            facts={"failures": ratio.failures, "attempts": ratio.attempts, "class": ratio.classes},
            first_seen=float(window * SIX_HOURS),
            last_seen=end,
        )
        self.saying.tell(signal, tenant_id, subject_of(signal.key, tenant_id, identity, fleet))
