"""The life of identities: switched off and still at work, asleep, awake again.

What is asked of granted tokens is asked once a day of each access; whoever sleeps is looked for once a day of the
watermark; only a refusal because somebody is switched off is looked at each time.
"""

from __future__ import annotations

from math import floor, inf, nextafter
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from detector.domain.events import Change, SignIn
from detector.domain.keys import Key
from detector.domain.signals import Fact, Signal
from detector.engine.novelties import who
from detector.engine.routing import Route, key_of, subject_of
from detector.features.dormancy import DormancySettings, Pause, pause_before
from detector.features.failures import in_class
from detector.features.known import DAILY, is_known
from detector.features.networks import places
from detector.features.timeline import DAY, HOUR, SIX_HOURS, STEP, horizons

if TYPE_CHECKING:
    from detector.engine.casebook import Casebook
    from detector.engine.recognising import Recognised
    from detector.engine.refusals import Refusals
    from detector.engine.saying import Saying
    from detector.engine.settings import EngineSettings
    from detector.engine.state import State
    from detector.features.ledger import Entry
    from detector.features.memory import IdentityMemory, TenantMemory

SWITCHED_OFF: Final = "disabled"
"""Class of the error codes that say so."""

_ENDS: Final = frozenset({"agent_disabled", "service_principal_deleted", "application_deleted"})
_BEGINS: Final = frozenset({"agent_enabled", "service_principal_restored", "application_restored"})


class Lifecycle:
    """Switched off, asleep and awake again."""

    def __init__(
        self, settings: EngineSettings, state: State, saying: Saying, casebook: Casebook, refusals: Refusals
    ) -> None:
        self.settings = settings
        self.state = state
        self.saying = saying
        self.casebook = casebook
        self.refusals = refusals
        self.horizon = horizons(settings.lateness)[1]
        self.asleep = dormancy_of(settings, {"dormant_agent"})
        self.woken = dormancy_of(settings, {"dormant_agent_wakes", "dormant_rearmed"})
        self.short = int(self.woken.days) * DAILY - 2 * self.horizon.lag
        """Hours of a pause that is not worth a look."""
        proof = next((each for each in settings.sequences if each.name == "kill_switch_failed"), None)
        self.proof = None if proof is None else proof.steps[-1]

    # ------------------------------------------------------------------------------------------- switched off

    def changed(self, kind: str, change: Change, recognised: Recognised) -> None:
        """An agent or blueprint was switched off: from now on every token that it gets after all is noted."""
        if kind == "agent_disabled" and change.succeeded and self.proof is not None:
            since = nextafter(change.time + self.proof.at_least, -inf)  # who watches notes what is later than this
            until = change.time + self.proof.within
            self.casebook.watch(change.tenant_id, recognised.key, SWITCHED_OFF, since, until)

    def refused(self, route: Route, event: SignIn, hour: int) -> None:
        """A refused token request; of interest when it was refused because somebody is switched off."""
        failures = self.refusals.failures
        identity, access, memory = route.identity, event.access, route.identity.failures
        if memory is None or failures.class_of(access.error_code) != SWITCHED_OFF:
            return
        window = int(event.time) // SIX_HOURS * SIX_HOURS
        off = switched_off(self.state.tenants[access.tenant_id], identity, event.time)
        prefix = places(event.origin)[0]
        facts: dict[str, Fact] = {
            **who(route),
            "error_code": access.error_code,
            "address": event.origin.ip,
            "unknown_network": prefix is not None
            and bool(identity.networks)
            and not is_known(identity.networks, prefix, hour, self.horizon),
        }
        if off is not None:
            facts |= {"disabled_at": off.time, "disabled_by": off.name or off.who or None}
        self.saying.tell_of(
            route,
            Signal(
                kind="disabled_use",
                key=key_of(identity),
                time=event.time,
                window=(float(window), float(window + SIX_HOURS)),
                occasion=f"day:{window // DAY * DAY}",
                value=in_class(memory, SWITCHED_OFF, event.time),
                usual=0,
                unit="refused requests",
                p_value=1.0,
                seen=0,
                event=event,
                facts={name: fact for name, fact in facts.items() if fact is not None},
            ),
        )

    # ------------------------------------------------------------------------------------------ awake again

    def granted(self, route: Route, event: SignIn, hour: int) -> int:
        """The first granted token of an access in an hour; the hour before which it need not be told again.

        As everywhere, what may still change does not count: the pause is the one before the last final hour. So an
        hour of work just before this one may belong to the same awakening, which is named by the pause it ends.
        """
        identity, limit = route.identity, hour - self.horizon.lag
        closed = identity.apis.closed
        if not closed or limit - self.short < closed[-2] <= limit:
            return hour + DAILY  # newborn, or (most often) at work a few hours ago
        pause = pause_before(identity.apis, limit, int(identity.first_seen) // HOUR)
        if pause is None:
            return hour + DAILY
        dormant_at = pause.dormant_at(self.woken)
        if hour * HOUR < dormant_at:  # in the hours until this one is final, it may yet be later than that
            return hour if dormant_at <= (hour + self.horizon.lag) * HOUR else hour + DAILY
        self.casebook.first(route, "woke", str(pause.since), hour, event, detail=f"{pause.usual:.3f}")
        values, prefix = identity.networks, places(event.origin)[0]
        access = event.access
        facts: dict[str, Fact] = {
            **who(route),
            **_of_pause(pause, hour * HOUR),
            "stage": "awake",
            "address": event.origin.ip,
            "resource_id": access.resource_id,
            "resource_name": access.resource_name or access.resource_id,
            "new_network": prefix is not None and not is_known(values, prefix, hour, self.horizon),
            "new_resource": not is_known(identity.apis.values, access.resource_id or "", hour, self.horizon),
        }
        self.saying.tell_of(route, self._signal(key_of(identity), pause, event.time, event, facts))
        return hour

    # ---------------------------------------------------------------------------------------------- asleep

    def tick(self, watermark: float) -> None:
        """Judges every day that has begun since the last time and for which nothing can arrive any more."""
        newest = self.state.admission.watermark if watermark == inf else watermark - self.settings.lateness
        if newest == -inf:
            return
        day, last = floor(newest / DAY), self.state.judged_day
        if day <= last:
            return
        self.state.judged_day = day
        if last < 0:
            return
        start = day * DAY // HOUR
        limit = start - int(self.asleep.days) * DAILY
        for tenant_id, tenant in sorted(self.state.tenants.items(), key=itemgetter(0)):
            found: list[tuple[str, Pause]] = []
            for identity in tenant.identities.values():
                if limit < identity.apis.hour < start:
                    continue  # most of them: at work of late
                pause = pause_before(identity.apis, start - 1, int(identity.first_seen) // HOUR)
                if pause is not None and last < pause.first_day(self.asleep) <= day:
                    found.append((identity.id, pause))
            for identifier, pause in sorted(found, key=itemgetter(0)):
                self._asleep(tenant_id, tenant, tenant.identities[identifier], pause)

    def _asleep(self, tenant_id: str, tenant: TenantMemory, identity: IdentityMemory, pause: Pause) -> None:
        moment = pause.first_day(self.asleep) * DAY
        fleet = tenant.fleets.get(identity.blueprint_id or "")
        key = key_of(identity)
        subject = subject_of(key, tenant_id, identity, fleet)
        facts: dict[str, Fact] = {
            "agent_id": identity.id,
            "agent_name": identity.name or identity.id,
            **_of_pause(pause, moment),
            "stage": "asleep",
            "switched_off": switched_off(tenant, identity, nextafter(moment, -inf)) is not None,
            "still_trying": identity.rates.bucket * STEP > pause.start + HOUR,
        }
        self.saying.tell(self._signal(key, pause, moment, None, facts), tenant_id, subject)

    @staticmethod
    def _signal(key: Key, pause: Pause, time: float, event: SignIn | None, facts: dict[str, Fact]) -> Signal:
        return Signal(
            kind="dormancy",
            key=key,
            time=time,
            window=(pause.start, time),
            occasion=f"since:{pause.since * HOUR}",
            value=(time - pause.start) / DAY,
            usual=pause.usual / DAILY,
            unit="days",
            p_value=1.0,
            seen=pause.seen,
            event=event,
            facts={name: fact for name, fact in facts.items() if fact is not None},
            first_seen=pause.start,
            last_seen=time,
        )


def _of_pause(pause: Pause, moment: float) -> dict[str, Fact]:
    """What the pause until a moment was, in numbers."""
    hours = (moment - pause.start) / HOUR
    return {"usual_hours": round(pause.usual, 1), "usual_pauses": round(hours / pause.usual, 1)}


def dormancy_of(settings: EngineSettings, names: set[str]) -> DormancySettings:
    """The least that one of these detectors calls dormant."""
    asking = [detector for detector in settings.detectors if detector.name in names]
    if not asking:
        return DormancySettings()
    return DormancySettings(
        *(min(getattr(each, field) for each in asking) for field in ("min_days", "min_usual_pauses", "min_seen"))
    )


def switched_off(tenant: TenantMemory, identity: IdentityMemory, time: float) -> Entry | None:
    """The change by which an identity, or else its blueprint, is switched off at a time, as far as ledgers know."""
    for identifier in (identity.id, identity.blueprint_id):
        ledger = tenant.ledgers.get(identifier or "")
        if identifier is not None and ledger is not None:
            past = [entry for entry in ledger.of(*_ENDS, *_BEGINS) if entry.time <= time]
            if past and past[-1].kind in _ENDS:
                return past[-1]
    return None
