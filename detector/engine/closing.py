"""Hours as a whole: when one is final, a row for each agent that was active in it, and what a model says of them.

Only there when there is a model. Records are not looked at: once in every hour of event time all agents are asked
whether they were active, and what their memory tells of the hour becomes a row (`features.hours`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from math import inf, log10
from typing import TYPE_CHECKING, Final, NamedTuple

from detector.domain.signals import Signal
from detector.engine.routing import key_of, subject_of
from detector.features import fleet as fleets
from detector.features import hours, token_rate
from detector.features.apis import Apis
from detector.features.hours import BlueprintDay, Hour, HourMemory, Judged, Row
from detector.features.known import fresh, is_known, kinds_known
from detector.features.timeline import DAY, HOUR, NEVER, STEPS_PER_HOUR, horizons
from detector.features.token_rate import NO_PRIOR, Prior

if TYPE_CHECKING:
    from detector.engine.counting import Counting
    from detector.engine.journal import Journal
    from detector.engine.saying import Saying
    from detector.engine.settings import EngineSettings
    from detector.engine.state import State
    from detector.features.hours import Model
    from detector.features.memory import FleetMemory, IdentityMemory, TenantMemory

_NO_KEYS: Final = "TF"
"""First letters of types and flows in `features.habits`. Keys are rotated all the time, and others ask about them."""
_LEAST_SEEN: Final = 2.0
"""Active hours that a row is compared with, whatever a model asks for."""
_STEP: Final = 3.0
"""Decades by which an hour must be stranger than others of its day to be told beside them."""


class _Siblings(NamedTuple):
    """What the agents of one blueprint did in one hour."""

    prior: Prior
    active: int
    usual: float
    requests: int
    presence: float


_NOBODY: Final = _Siblings(NO_PRIOR, 0, 0.0, 0, 1.0)


class Closing:
    """Closes hours."""

    def __init__(
        self, settings: EngineSettings, state: State, saying: Saying, journal: Journal, counting: Counting
    ) -> None:
        assert settings.model is not None
        self.model: Final[Model] = settings.model
        self.lateness: Final = settings.lateness
        self.state: Final = state
        self.saying: Final = saying
        self.journal: Final = journal
        self.rates: Final = counting.agent_rates
        self.horizon: Final = horizons(settings.lateness)[1]
        self.apis: Final = Apis(settings.apis, self.horizon)
        self.least_seen: Final = max(self.model.min_seen, _LEAST_SEEN)
        asked = [getattr(each, "p_value", 0.0) for each in saying.readers.get("unusual_hour", ())]
        self.least: Final = max(asked, default=0.0)
        """Least p-value that nobody wants to hear of."""

    def tick(self, watermark: float) -> None:
        """Closes the hours in which nothing can arrive any more, the earliest first."""
        newest = int(watermark - self.lateness) // HOUR - 1 if watermark < inf else NEVER
        state = self.state
        if newest <= state.closed_hour:
            return
        open_hours: dict[int, list[tuple[str, str]]] = {}
        for tenant_id, tenant in state.tenants.items():
            for identity in tenant.identities.values():
                if identity.rates.bucket // STEPS_PER_HOUR > state.closed_hour:
                    for hour in _active(identity, state.closed_hour, newest):
                        open_hours.setdefault(hour, []).append((tenant_id, identity.id))
        for hour in sorted(open_hours):
            self._close(hour, sorted(open_hours[hour]))
        state.closed_hour = max(open_hours, default=newest) if watermark == inf else newest

    def _close(self, hour: int, active: list[tuple[str, str]]) -> None:
        blueprints: dict[tuple[str, str], _Siblings] = {}
        begun, together = self._begun_together(hour, active)
        subjects: list[tuple[str, str, Hour]] = []
        rows: list[Row] = []
        for tenant_id, identifier in active:
            tenant = self.state.tenants[tenant_id]
            identity = tenant.identities[identifier]
            memory = identity.hours
            if memory is None:
                memory = identity.hours = HourMemory()
            self.journal.touch("identity", tenant_id, identifier)
            fleet = tenant.fleets.get(identity.blueprint_id or "")
            siblings = _NOBODY
            if fleet is not None:
                key = tenant_id, fleet.id
                known = blueprints.get(key)
                if known is None:
                    known = blueprints[key] = self._siblings(tenant_id, fleet, hour)
                siblings = known
            if not self._known(identity, hour):
                hours.learn(memory, self._counts(identity, hour))
                continue
            new = {
                name: _alone(together[tenant_id, identity.blueprint_id or "", name], siblings.active)
                for name in begun[tenant_id, identifier]
            }
            facts = self._facts(identity, fleet, siblings, hour, new)
            subjects.append((tenant_id, identifier, facts))
            rows.append(hours.row(memory, (fleet.day if fleet is not None else None) or BlueprintDay(), facts))
            hours.learn(memory, facts)
        if rows:
            self._judge(hour, subjects, rows)

    def _siblings(self, tenant_id: str, fleet: FleetMemory, hour: int) -> _Siblings:
        """What a blueprint did in an hour, which is learned."""
        requests = token_rate.count_in(fleet.rates, 1, hour)
        if fleet.day is None:
            fleet.day = BlueprintDay()
        hours.learn_blueprint(fleet.day, hour, requests)
        self.journal.touch("fleet", tenant_id, fleet.id)
        return _Siblings(
            fleets.priors(fleet.hours, fleet.rates, hour, self.horizon)[0],
            fleets.active_in(fleet.hours, hour),
            fleets.usual_agents(fleet.hours, hour, self.horizon)[0],
            requests,
            fleets.presence_before(fleet.hours, hour, self.horizon),
        )

    def _known(self, identity: IdentityMemory, hour: int) -> bool:
        """Whether enough is known of an agent to judge an hour of it."""
        return identity.hours is not None and hours.experience(identity.hours, hour) >= self.least_seen

    def _begun_together(
        self, hour: int, active: list[tuple[str, str]]
    ) -> tuple[dict[tuple[str, str], list[str]], Counter[tuple[str, str, str]]]:
        """What identities began in an hour; and of each blueprint how many began each.

        Nobody asks where none of a blueprint's agents is judged, as in the first hours of a tenant.
        """
        named = [(each, self.state.tenants[each[0]].identities[each[1]]) for each in active]
        asked = {(key[0], identity.blueprint_id) for key, identity in named if self._known(identity, hour)}
        begun: dict[tuple[str, str], list[str]] = {}
        together: Counter[tuple[str, str, str]] = Counter()
        for key, identity in named:
            if (key[0], identity.blueprint_id) in asked:
                begun[key] = self._begun(identity, hour)
                if identity.blueprint_id is not None:
                    together.update((key[0], identity.blueprint_id, name) for name in begun[key])
        return begun, together

    def _begun(self, identity: IdentityMemory, hour: int) -> list[str]:
        """What an identity showed for the first time in an hour: tagged resources, networks and means."""
        apis, first = identity.apis, fresh(hour)
        found = [
            "R" + name for name in self.apis.used_in(apis, hour) if not is_known(apis.values, name, hour, self.horizon)
        ]
        found += ["N" + name for name, since in identity.networks.items() if since == first and name[0] == "p"]
        found += [
            "M" + name for name, since in (identity.habits or {}).items() if since == first and name[0] in _NO_KEYS
        ]
        return found

    def _counts(self, identity: IdentityMemory, hour: int) -> Hour:
        """What an agent that is too young to be judged learns of an hour."""
        return Hour(
            hour=hour,
            requests=token_rate.count_in(identity.rates, 1, hour),
            failures=_failures_in(identity, hour),
            resources=self.apis.used_in(identity.apis, hour),
        )

    def _facts(
        self,
        identity: IdentityMemory,
        fleet: FleetMemory | None,
        siblings: _Siblings,
        hour: int,
        new: dict[str, float],
    ) -> Hour:
        """The facts of an hour; `new` is what was begun in it, and how far the identity is alone with each."""
        rates, apis = identity.rates, identity.apis
        requests = token_rate.count_in(rates, 1, hour)
        expected, dispersion, seen = self.rates.expectation(rates, 1, hour, siblings.prior)
        others = 0 if fleet is None else max(0, siblings.active - 1)
        networks = identity.networks
        resources = places = means = strange = far = 0.0
        for name, share in new.items():
            if name[0] == "R":
                resources += share
                if fleet is None or not is_known(fleet.apis, name[1:], hour, self.horizon):
                    strange += share
            elif name[0] == "N":
                places += share
                if fleet is None or not is_known(fleet.networks, name[1:], hour, self.horizon):
                    far += share
            else:
                means += share
        return Hour(
            hour=hour,
            requests=requests,
            failures=_failures_in(identity, hour),
            expected=expected,
            dispersion=dispersion,
            seen=seen,
            siblings=others,
            usual_siblings=max(0.0, siblings.usual - 1.0),
            siblings_requests=max(0, siblings.requests - requests) if others else 0,
            siblings_expected=others * siblings.prior.mean * siblings.prior.shape,
            resources=self.apis.used_in(apis, hour),
            new_resources=resources,
            kinds=kinds_known(apis.values, hour, self.horizon) if resources else 0,
            unknown_resources=strange,
            new_networks=places,
            networks=_prefixes_known(networks, hour - self.horizon.lag) if places else 0,
            unknown_networks=far,
            new_means=means,
            means=kinds_known(identity.habits or {}, hour, self.horizon) if means else 0,
            presence=siblings.presence,
        )

    def _judge(self, hour: int, subjects: list[tuple[str, str, Hour]], rows: list[Row]) -> None:
        counters = self.state.counters
        counters["model_judged"] += len(rows)
        for (tenant_id, identifier, facts), row, judged in zip(
            subjects, rows, self.model.judge(hour, rows, self.least), strict=True
        ):
            if judged.p_value >= self.least:
                continue
            counters["model_unusual"] += 1
            if not self.model.shadow:
                self._tell(self.state.tenants[tenant_id], tenant_id, identifier, facts, row, judged)

    def _tell(
        self, tenant: TenantMemory, tenant_id: str, identifier: str, facts: Hour, row: Row, judged: Judged
    ) -> None:
        identity = tenant.identities[identifier]
        fleet = tenant.fleets.get(identity.blueprint_id or "")
        start, end = float(facts.hour * HOUR), float((facts.hour + 1) * HOUR)
        key = key_of(identity)
        signal = Signal(
            kind="unusual_hour",
            key=key,
            time=end,
            window=(start, end),
            occasion=f"day:{facts.hour * HOUR // DAY * DAY}:{int(-log10(judged.p_value) / _STEP)}",
            value=facts.requests,
            usual=facts.expected,
            unit="token requests",
            p_value=judged.p_value,
            seen=facts.seen,
            event=None,
            facts={
                "agent_id": identifier,
                "agent_name": identity.name or identifier,
                "model": self.model.name,
                "carried_by": tuple(name for name, _ in judged.carried),
                "carried": tuple(f"{share:.2f}" for _, share in judged.carried),
                "resources": len(facts.resources),
                "failures": facts.failures,
                **{f"part_{name}": round(value, 3) for name, value in zip(hours.PARTS, row, strict=True) if value},
            },
            first_seen=start,
            last_seen=end,
        )
        self.saying.tell(signal, tenant_id, subject_of(key, tenant_id, identity, fleet))


def _alone(sharing: int, active: int) -> float:
    """How far an agent is alone with something new: 1 when no sibling at work in the hour began it as well, 0 when all.

    Deployments show on all agents; a theft shows on those that were stolen.
    """
    return 1.0 - max(0, sharing - 1) / max(1, active - 1)


def _active(identity: IdentityMemory, closed: int, newest: int) -> Iterator[int]:
    """The hours after `closed` and up to `newest` in which an identity was active."""
    rates = identity.rates
    for hour in rates.hours[::3]:
        if closed < hour <= newest:
            yield hour
    hour = rates.bucket // STEPS_PER_HOUR
    if closed < hour <= newest:
        yield hour


def _prefixes_known(networks: dict[str, int], limit: int) -> int:
    return sum(1 for name, state in networks.items() if name[0] == "p" and (state > 0 or -state <= limit))


def _failures_in(identity: IdentityMemory, hour: int) -> int:
    if identity.failures is None:
        return 0
    counted = identity.failures.hours
    return next((counted[place + 1] for place in range(len(counted) - 2, -1, -2) if counted[place] == hour), 0)
