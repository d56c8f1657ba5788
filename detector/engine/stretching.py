"""Two hours of requests: many at hours of little work, or as many as never in every ten minutes.

Judged when an hour is final, for those who were at work in it for most of the time; then the hour teaches. What
siblings do more than usual at the same time is divided out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import inf
from typing import TYPE_CHECKING, Final, NamedTuple

from detector.detectors.busy_stretch import BusyStretch
from detector.domain.signals import Fact, Signal
from detector.engine.routing import blueprint_of, key_of, subject_of
from detector.features import periods, stretches
from detector.features.periods import STRETCH, PeriodMemory
from detector.features.stretches import Counts
from detector.features.timeline import DAY, HOUR, STEPS_PER_HOUR, horizons
from detector.features.token_rate import baseline

if TYPE_CHECKING:
    from detector.engine.saying import Saying
    from detector.engine.settings import EngineSettings
    from detector.engine.state import State
    from detector.features.memory import IdentityMemory

_KNOWN: Final = 3
"""Days of a key from which on hours of little work are remembered: nobody could say before that they are such."""
_LITTLE: Final = 3.0
"""Usual busy periods of two hours in which a key does little."""
_SEEN: Final = 20.0
"""Busy periods that the usual requests in one must have been learned from."""
_SHARED: Final = 1.0
"""Requests that siblings are held to have made as usual, so that few of them say little."""
_MOST_SHARED: Final = 6.0
"""How many times as much as usual siblings may ask for to explain anything."""
_EVEN: Final = 0.01
"""Chance below which it is worth a word how evenly requests are spread."""
_GROWTH: Final = 1.5
"""What goes on for hours is told again when its surprise has grown by so much; see `tails.grade`."""

Factor = Callable[[str, "IdentityMemory", PeriodMemory, int, int], float]
"""How many times as busy as usual the siblings of an identity are; see `Working`."""


class _Work(NamedTuple):
    """Two hours of an identity that ends with an hour of work."""

    identity: IdentityMemory
    memory: PeriodMemory
    stretch: Counts


class _Found(NamedTuple):
    """A stretch that is worth telling."""

    work: _Work
    value: int
    usual: float
    p_value: float
    facts: dict[str, Fact]


class Stretching:
    """Looks at every hour once it is final."""

    def __init__(self, settings: EngineSettings, state: State, saying: Saying, factor: Factor) -> None:
        self.state = state
        self.saying = saying
        self.factor = factor
        self.horizon = horizons(settings.lateness)[0]
        asked = [each for each in settings.detectors if isinstance(each, BusyStretch) and each.enabled]
        self.min_days = min((each.min_days for each in asked), default=inf)
        self.p_value = max((each.p_value for each in asked), default=0.0)
        self.floor = min((each.floor for each in asked), default=0)
        self.requests = min((each.requests for each in asked), default=0)
        self.least = min((each.least for each in asked), default=0)

    def look(self, tenant_id: str, hour: int, present: Sequence[tuple[IdentityMemory, PeriodMemory]]) -> None:
        """Judges an hour of those who were at work in it, then learns from it."""
        working = list(_working(present, hour))
        found: list[_Found] = []
        for work in working:
            memory = work.memory
            if periods.days(memory) >= self.min_days and periods.knows(memory, hour):
                found += self._beside(tenant_id, work, hour)
                found += self._steady(work, working)
        for work in working:
            learned = stretches.take_in(periods.stretch_of(work.memory), hour, work.stretch)
            periods.put_stretch(work.memory, learned)
        for each in sorted(found, key=lambda one: (one.work.identity.id, one.facts["issue"])):
            self._tell(tenant_id, hour, each)

    def _beside(self, tenant_id: str, work: _Work, hour: int) -> Iterator[_Found]:
        identity, memory, stretch = work
        if stretches.beside_bursts(stretch) < self.requests:
            return
        busy = periods.expected(memory, hour, STRETCH)
        if busy > _LITTLE:
            return
        # Up to the last ten minutes before the hour, which are final as it is: whether they are folded makes no
        # difference.
        seen, mean, _ = baseline(identity.rates, 0, hour * STEPS_PER_HOUR - 1 + self.horizon.lag, self.horizon)
        if seen < _SEEN:
            return
        spread, days = periods.dispersion(memory, periods.DISPERSIONS[STRETCH]), float(periods.days(memory))
        judged = stretches.beside(stretch, busy * mean, spread, days)
        if judged.p_value >= self.p_value:
            return
        factor = self.factor(tenant_id, identity, memory, hour, STRETCH)
        at_work = periods.judge(memory, hour, STRETCH, busy, factor)
        if at_work.count >= self.floor and at_work.p_value < self.p_value:
            return  # that it is at work at all is told
        judged = stretches.beside(stretch, busy * mean * factor, spread, days)
        facts: dict[str, Fact] = {"issue": "requests", "total": judged.total, "siblings_factor": round(factor, 2)}
        yield _Found(work, judged.count, judged.usual, judged.p_value, facts)

    def _steady(self, work: _Work, working: Sequence[_Work]) -> Iterator[_Found]:
        if stretches.least_of(work.stretch) < self.least:
            return
        learned = periods.stretch_of(work.memory)
        judged = stretches.steady(learned, work.stretch, 1.0)
        if judged is None or judged.p_value >= self.p_value:
            return
        factor = _shared(work, working)
        judged = stretches.steady(learned, work.stretch, factor) or judged
        facts: dict[str, Fact] = {
            "issue": "steady",
            "total": judged.total,
            "even": judged.even < _EVEN,
            "stretches": judged.stretches,
            "siblings_factor": round(factor, 2),
        }
        yield _Found(work, judged.least, judged.usual, judged.p_value, facts)

    def _tell(self, tenant_id: str, hour: int, found: _Found) -> None:
        if found.p_value >= self.p_value:
            return
        identity, memory, _ = found.work
        fleet = self.state.tenants[tenant_id].fleets.get(identity.blueprint_id or "")
        end, key = float((hour + 1) * HOUR), key_of(identity)
        facts: dict[str, Fact] = {
            "agent_id": identity.id,
            "agent_name": identity.name or identity.id,
            "hours": STRETCH,
            **found.facts,
        }
        day = hour * HOUR // DAY * DAY
        signal = Signal(
            kind="busy",
            key=key,
            time=end,
            window=(end - STRETCH * HOUR, end),
            occasion=self.saying.graded(f"{found.facts['issue']}:{day}", found.p_value, self.p_value, _GROWTH),
            value=found.value,
            usual=found.usual,
            unit="token requests",
            p_value=found.p_value,
            seen=float(periods.days(memory)),
            event=None,
            facts=facts,
            first_seen=end - STRETCH * HOUR,
            last_seen=end,
        )
        self.saying.tell(signal, tenant_id, subject_of(key, tenant_id, identity, fleet), blueprint_of(fleet))


def _working(present: Sequence[tuple[IdentityMemory, PeriodMemory]], hour: int) -> Iterator[_Work]:
    """Those whose hour was one of work, each with its last two hours."""
    for identity, memory in present:
        now = periods.newest(memory)
        if now >= stretches.WORK and (now >= stretches.ON_END or periods.days(memory) >= _KNOWN):
            worked = periods.count(memory, hour, STRETCH) > now
            before = stretches.before(periods.stretch_of(memory), hour) if worked else stretches.IDLE
            yield _Work(identity, memory, before + stretches.counts_in(identity.rates, hour))


def _shared(own: _Work, working: Sequence[_Work]) -> float:
    """How many times as much as usual siblings ask for in nearly every ten minutes, of those that are known."""
    least, usual, blueprint = _SHARED, _SHARED, own.identity.blueprint_id
    for each in working:
        seen, mean = stretches.usual_least(periods.stretch_of(each.memory))
        if each is not own and each.identity.blueprint_id == blueprint is not None and seen >= stretches.EXPERIENCE:
            least, usual = least + stretches.least_of(each.stretch), usual + mean
    return max(1.0, min(_MOST_SHARED, least / usual))
