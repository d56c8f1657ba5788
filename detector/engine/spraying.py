"""Spraying: one source is refused for wrong secrets of many blueprints and agents.

Refusals are counted as they arrive. Something is told at certain numbers of targets only, and then as of the first
so many of them: so number, likelihood and time are the same in any order of arrival.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from detector.detectors.secret_spray import SecretSpray
from detector.domain.alerts import Entity, Subject
from detector.domain.keys import Key
from detector.domain.signals import Signal
from detector.features import sprays
from detector.features.known import is_known
from detector.features.sprays import Kind, Refusal, SourceMemory
from detector.features.timeline import DAY, SIX_HOURS, Horizon, horizons

if TYPE_CHECKING:
    from detector.domain.events import SignIn
    from detector.engine.journal import Journal
    from detector.engine.routing import Route
    from detector.engine.saying import Saying
    from detector.engine.settings import EngineSettings
    from detector.engine.state import State
    from detector.features.memory import TenantMemory

_MAX_SOURCES: Final = 256
"""Sources of a tenant that are remembered; the longest silent goes first, of equals the one with the fewest targets."""

_MAX_SHOWN: Final = 20
"""Targets and records named in an alert."""

_MAX_ADDRESSES: Final = 5
_GROWTH: Final = 2.0
_WRONG: Final = "credential_invalid"
"""The class of errors of a secret that does not fit; one that is expired did fit, and is no guess."""


class Spraying:
    """Sources of refused requests."""

    def __init__(self, settings: EngineSettings, state: State, saying: Saying, journal: Journal) -> None:
        self.classes = settings.failures.classes
        self.state = state
        self.saying = saying
        self.journal = journal
        self.horizon = Horizon.of(SIX_HOURS, settings.lateness)
        self.hours = horizons(settings.lateness)[1]
        asked = [each for each in settings.detectors if isinstance(each, SecretSpray)]
        self.rungs: dict[Kind, tuple[int, ...]] = {
            "strangers": tuple(sorted({rung for each in asked for rung in sprays.rungs(each.floor)})),
            "regulars": tuple(sorted({rung for each in asked for rung in sprays.rungs(each.floor_regulars)})),
        }
        """Numbers of targets at which something is told."""
        self.p_value = max((each.p_value for each in asked), default=1.0)

    def refused(self, route: Route, event: SignIn, hour: int) -> None:
        """A refused token request; see `detector.engine.refusals.Refusals.on_refused`."""
        prefix = event.origin.prefix
        if prefix is None or self.classes.get(event.access.error_code) != _WRONG:
            return
        tenant_id = event.access.tenant_id
        tenant = self.state.tenants[tenant_id]
        source = tenant.sources.get(prefix)
        if source is None:
            source = self._met(tenant_id, tenant, prefix)
        kind: Kind = "strangers" if self._strange(route, f"p{prefix}", hour) else "regulars"
        target = route.fleet.id if route.fleet is not None else route.identity.id
        refusal = Refusal(event.time, event.record_id, event.origin.ip or "")
        changed = sprays.observe(source, kind, target, refusal, self.horizon)
        self.journal.touch("source", tenant_id, prefix)
        if changed:
            self._tell(tenant_id, prefix, source, kind, int(event.time) // SIX_HOURS)

    def _met(self, tenant_id: str, tenant: TenantMemory, prefix: str) -> SourceMemory:
        sources = tenant.sources
        if len(sources) >= _MAX_SOURCES:
            gone = min(sources, key=lambda each: (sources[each].newest, _targets(sources[each]), each))
            del sources[gone]
            self.journal.forget("source", tenant_id, gone)
            self.state.counters["evicted_sources"] += 1
        source = sources[prefix] = SourceMemory()
        return source

    def _strange(self, route: Route, value: str, hour: int) -> bool:
        """Whether the target got tokens by this hour, with its blueprint's agents, and none of them from here."""
        known = [route.identity.networks, *([route.fleet.networks] if route.fleet is not None else [])]
        if any(is_known(each, value, hour, self.hours) for each in known):
            return False
        return any(is_known(each, other, hour, self.hours) for each in known for other in each)

    def _tell(self, tenant_id: str, prefix: str, source: SourceMemory, kind: Kind, window: int) -> None:
        tries = source.open[window]
        if len(tries.of(kind)) < min(self.rungs[kind], default=sprays.CAPACITY + 1):
            return
        targets = sprays.earliest(tries, kind)
        usual = sprays.usual(source, kind, window, self.horizon)
        for rung in self.rungs[kind]:
            if rung <= len(targets):
                self._tell_of(tenant_id, prefix, kind, window, targets[:rung], tries.requests, usual)

    def _tell_of(
        self,
        tenant_id: str,
        prefix: str,
        kind: Kind,
        window: int,
        targets: list[tuple[str, Refusal]],
        requests: int,
        usual: sprays.Usual,
    ) -> None:
        refusals = [refusal for _, refusal in targets]
        first, last = refusals[0].time, refusals[-1].time
        p_value = sprays.chance(len(targets), usual)
        day = window * SIX_HOURS // DAY * DAY
        key = Key("network", prefix)
        signal = Signal(
            kind="secret_spray",
            key=key,
            time=last,
            window=(float(window * SIX_HOURS), float((window + 1) * SIX_HOURS)),
            occasion=self.saying.graded(f"{kind}:{day}", p_value, self.p_value, _GROWTH),
            value=len(targets),
            usual=usual.targets,
            unit="blueprints and agents",
            p_value=p_value,
            seen=usual.seen,
            event=None,
            facts={
                "network": prefix,
                "strangers": kind == "strangers",
                "requests": requests,
                "within": last - first,
                "known_days": round(usual.seen * SIX_HOURS / DAY, 1),
            },
            record_ids=tuple(refusal.record_id for refusal in refusals[:_MAX_SHOWN]),
            addresses=tuple(sorted({each.address for each in refusals if each.address})[:_MAX_ADDRESSES]),
            first_seen=first,
            last_seen=last,
        )
        tenant = self.state.tenants[tenant_id]
        shown = sorted(target for target, _ in targets)[:_MAX_SHOWN]
        subject = Subject(key.kind, key.id, tenant=tenant_id)
        self.saying.tell(signal, tenant_id, subject, tuple(_entity(tenant, target) for target in shown))


def _targets(source: SourceMemory) -> int:
    """Targets of the latest six hours of a source."""
    tries = source.open[source.newest]
    return len(tries.strangers) + len(tries.regulars)


def _entity(tenant: TenantMemory, target: str) -> Entity:
    """A target by name, as far as memory knows it."""
    fleet = tenant.fleets.get(target)
    if fleet is not None:
        return Entity("blueprint", target, fleet.name)
    identity = tenant.identities.get(target)
    return Entity("agent", target, identity.name if identity is not None else None)
