"""Memory that was read back shares again what its keys have in common.

While an engine works, siblings hold one object for each resource, network, hour and bucket. Bytes know nothing of that:
read back, every key has its own, and takes half as much memory again. So whatever is equal is made one object here.
Only what nobody can change is shared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from detector.features.apis import ApiMemory
from detector.features.memory import Alias, FleetMemory, IdentityMemory, TenantMemory
from detector.features.moments import NOTHING
from detector.features.token_rate import RateMemory

_Value = TypeVar("_Value")


class Pool:
    """One object for each text, number and tuple of what is read back together."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._numbers: dict[int, int] = {}
        self._times: dict[float, float] = {}
        self._names: dict[tuple[str, ...], tuple[str, ...]] = {}

    def text(self, text: str) -> str:
        """The one for all that are equal."""
        return self._texts.setdefault(text, text)

    def tenant(self, tenant: TenantMemory) -> None:
        """Shares what identities, blueprints and aliases have in common."""
        tenant.identities = {self.text(key): self.identity(each) for key, each in tenant.identities.items()}
        tenant.fleets = {self.text(key): self.fleet(each) for key, each in tenant.fleets.items()}
        tenant.aliases = {self.text(key): self.alias(each) for key, each in tenant.aliases.items()}

    def pooled(self, value: _Value) -> _Value:
        """The same memory, with what it shares with others."""
        if isinstance(value, IdentityMemory):
            self.identity(value)
        elif isinstance(value, FleetMemory):
            self.fleet(value)
        elif isinstance(value, Alias):
            self.alias(value)
        return value

    def identity(self, memory: IdentityMemory) -> IdentityMemory:
        """See `pooled`."""
        memory.kind, memory.id = self.text(memory.kind), self.text(memory.id)
        memory.blueprint_id = None if memory.blueprint_id is None else self.text(memory.blueprint_id)
        memory.first_seen, memory.watched = self._time(memory.first_seen), self._time(memory.watched)
        memory.named = self._number(memory.named)
        memory.networks = self._known(memory.networks)
        memory.habits = None if memory.habits is None else self._known(memory.habits)
        self._rates(memory.rates)
        self._apis(memory.apis)
        periods, mix = memory.periods, memory.mix
        if periods is not None:
            periods.hour, periods.day = self._number(periods.hour), self._number(periods.day)
            periods.patience = self._number(periods.patience)
        if mix is not None:
            mix.names = self._texts_of(mix.names)
        return memory

    def fleet(self, memory: FleetMemory) -> FleetMemory:
        """See `pooled`."""
        memory.id, memory.first_seen = self.text(memory.id), self._time(memory.first_seen)
        memory.named = self._number(memory.named)
        memory.apis, memory.networks = self._known(memory.apis), self._known(memory.networks)
        memory.flows = None if memory.flows is None else self._known(memory.flows)
        self._rates(memory.rates)
        return memory

    def alias(self, alias: Alias) -> Alias:
        """See `pooled`."""
        alias.owner, alias.since = self.text(alias.owner), self._time(alias.since)
        return alias

    def _rates(self, rates: RateMemory) -> None:
        rates.bucket, rates.trip = self._number(rates.bucket), self._number(rates.trip)
        rates.armed, rates.six_check = self._time(rates.armed), self._number(rates.six_check)
        rates.step_check, rates.hour_check = self._number(rates.step_check), self._number(rates.hour_check)
        rates.steps, rates.hours = self._numbers_of(rates.steps), self._numbers_of(rates.hours)
        rates.sixes = self._numbers_of(rates.sixes)
        rates.base = NOTHING if rates.base == NOTHING else rates.base

    def _apis(self, apis: ApiMemory) -> None:
        apis.values, apis.hour = self._known(apis.values), self._number(apis.hour)
        apis.used, apis.used_before = self._texts_of(apis.used), self._texts_of(apis.used_before)
        apis.closed = self._numbers_of(apis.closed)

    def _known(self, values: Mapping[str, int]) -> dict[str, int]:
        """Values of `known`."""
        texts, numbers = self._texts.setdefault, self._numbers.setdefault
        return {texts(value, value): numbers(state, state) for value, state in values.items()}

    def _texts_of(self, texts: Iterable[str]) -> tuple[str, ...]:
        shared = tuple(map(self.text, texts))
        return self._names.setdefault(shared, shared)

    def _numbers_of(self, numbers: Iterable[int]) -> tuple[int, ...]:
        return tuple(map(self._number, numbers))

    def _number(self, number: int) -> int:
        return self._numbers.setdefault(number, number)

    def _time(self, time: float) -> float:
        return self._times.setdefault(time, time)
