"""What one finished hour of an agent was like, as a row of numbers: each says how far it lay from the agent's own ways.

The detectors before this one ask one question each. A row asks many at once, so that a model may judge hours in which
several things are a little strange and none is strange by itself. Nothing here is learned from a record: a row is made
when an hour is final, out of what other features remember and of what finished hours have taught. So it costs nothing
while records come, and does not depend on the order in which they came.

All parts are 0 for an ordinary hour. `docs/methods.md` gives their formulas.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from math import exp2, fsum, log, log2, log10, sqrt
from typing import Final, NamedTuple, Protocol

import msgspec

from detector.features.known import chance_of_new
from detector.features.moments import CAP, EXPERIENCED, Numbers
from detector.features.tails import negative_binomial_tail
from detector.features.timeline import HOUR, weight

SCHEMA: Final = 1
"""Version of the meaning of the parts; a model is made for one."""

PARTS: Final = (
    "volume",
    "surprise",
    "apart",
    "alone",
    "spread",
    "new_resources",
    "mix",
    "mix_of_late",
    "failing",
    "new_networks",
    "new_means",
    "off_hours",
    "gap",
    "regular",
    "day_volume",
    "day_hours",
    "day_apart",
)
"""Names of the numbers of a row, in order."""

Row = tuple[float, ...]
"""One number for each of `PARTS`."""

_CAPACITY: Final = 16
"""Resources whose use is followed."""
_DAY: Final = 24
_SLOW: Final = 14.0 * _DAY / log(2.0)
"""Hours that usual sums stretch over: what was usual counts half after a fortnight, see `timeline.weight`."""
_FAST_HALF: Final = 0.5 * _DAY
_FAST: Final = _FAST_HALF / log(2.0)
"""The same of what was lately: half after 12 hours."""
_GAPS: Final = 6.0
"""Gaps in which those of late count half; usual ones count half after eight times as many."""
_RATES: Final = (1.0 - 0.5 ** (1.0 / (8.0 * _GAPS)), 1.0 - 0.5 ** (1.0 / _GAPS))
_FEW_GAPS: Final = 0.3
"""Spread of the logarithm of gaps below which differences are not worth telling apart."""
_PRIOR: Final = 4.0
"""Active hours that the blueprint's hours of the day stand for."""
_SURE: Final = 0.99
"""No resource is taken to be used in more of the hours than this, or in fewer than the rest."""
_LARGEST: Final = 20.0
"""No part is larger: one without bound would drown the others."""
_GAP, _LATE_GAP, _DISTINCT, _OF_DAY = 5, 7, 9, 10
"""Places in `HourMemory.numbers`."""


class HourMemory(msgspec.Struct, gc=False):
    """What finished hours of one agent have taught. Usual sums are in `timeline.weight`."""

    since: int = -1
    """The first active hour that was finished."""
    last: int = -1
    """The last one."""
    numbers: Numbers = msgspec.field(default_factory=lambda: array("d", bytes(8 * (_OF_DAY + _DAY))))
    """Usual active hours, requests and failures; active hours and requests of late, as of `last`; mean and mean square
    of the logarithm of gaps, usual and of late; usual distinct resources; usual active hours by hour of the day."""
    uses: dict[str, float] = {}
    """Usual active hours in which a resource was used."""
    uses_of_late: dict[str, float] = {}
    """The same of late, as of `last`."""


class BlueprintDay(msgspec.Struct, gc=False):
    """Requests of all agents of one blueprint, usual and of late; see `HourMemory`."""

    since: int = -1
    last: int = -1
    usual: float = 0.0
    of_late: float = 0.0


class Hour(NamedTuple):
    """The facts of one finished hour of one agent. `learn` needs only the first four and what is expected."""

    hour: int
    """Since the epoch."""
    requests: int
    failures: int
    resources: Sequence[str]
    """Those it got tokens for."""
    expected: float = 0.0
    """Requests that an active hour of it usually holds, at this hour of the week; 0: not known."""
    dispersion: float = 0.0
    seen: float = 0.0
    """Active hours behind `expected`."""
    siblings: int = 0
    """Other agents of its blueprint that were active in the hour."""
    usual_siblings: float = 0.0
    siblings_requests: int = 0
    siblings_expected: float = 0.0
    new_resources: float = 0.0
    """Those of them that it had never used before; of what siblings began to use in the same hour, a part."""
    kinds: int = 0
    """Resources that it knew before."""
    unknown_resources: float = 0.0
    """New ones that no sibling had used before either."""
    new_networks: float = 0.0
    """Networks that it had never come from before, counted like `new_resources`."""
    networks: int = 0
    """Networks that it knew before."""
    unknown_networks: float = 0.0
    """New ones that no sibling had come from before either."""
    new_means: float = 0.0
    """Types of credentials and flows never shown before, counted like `new_resources`."""
    means: int = 0
    """Types, flows and keys that it knew before."""
    presence: float = 1.0
    """How often the blueprint is at work at this hour of the week; 1: as at any other."""


def row(memory: HourMemory, day: BlueprintDay, facts: Hour) -> Row:
    """The row of a finished hour, compared with what came before it.

    To be called before `learn`, once two earlier hours of the agent are known; `day` knows earlier hours, and perhaps
    this one.
    """
    own = log2((facts.requests + 1.0) / (facts.expected + 1.0)) if facts.expected else 0.0
    common = log2((facts.siblings_requests + 1.0) / (facts.siblings_expected + 1.0)) if facts.siblings else 0.0
    tail = negative_binomial_tail(facts.requests, facts.expected, facts.dispersion) if facts.expected else 1.0
    late = _of_late(memory, facts)
    common_late = _ratio_of_blueprint(day, facts.hour)
    found = (
        own,
        -log10(max(tail, 1e-20)),
        own - common,
        log2((facts.usual_siblings + 1.0) / (facts.siblings + 1.0)),
        log2((len(facts.resources) + 1.0) / (memory.numbers[_DISTINCT] / memory.numbers[0] + 1.0)),
        _novelty(facts.new_resources, facts.kinds, facts.seen) + facts.unknown_resources,
        _mix(memory, facts),
        _shift(memory, facts),
        _failing(memory, facts),
        _novelty(facts.new_networks, facts.networks, facts.seen) + facts.unknown_networks,
        _novelty(facts.new_means, facts.means, facts.seen),
        _off_hours(memory, facts),
        _gap(memory, facts),
        _regular(memory, facts),
        late[0],
        late[1],
        late[0] - common_late,
    )
    return tuple(min(_LARGEST, max(-_LARGEST, each)) for each in found)


def experience(memory: HourMemory, hour: int) -> float:
    """Active hours that a row is compared with."""
    return memory.numbers[0] / weight(hour * HOUR)


def learn(memory: HourMemory, facts: Hour) -> None:
    """Takes in a finished hour, in order of time."""
    numbers, hour = memory.numbers, facts.hour
    now = weight(hour * HOUR)
    if memory.last < 0:
        memory.since = hour
    else:
        _learn_gap(numbers, log(hour - memory.last), first=memory.last == memory.since)
    kept = exp2((memory.last - hour) / _FAST_HALF)
    taught = float(facts.requests)
    usual = facts.expected if facts.seen > _PRIOR else 0.0
    if not usual and numbers[0] > EXPERIENCED * now:
        usual = numbers[1] / numbers[0]
    if usual:
        taught = min(taught, max(1.0, CAP * usual))
    numbers[0] += now
    numbers[1] += now * taught
    numbers[2] += now * min(float(facts.failures), taught)
    numbers[3] = numbers[3] * kept + 1.0
    numbers[4] = numbers[4] * kept + facts.requests
    numbers[_DISTINCT] += now * len(facts.resources)
    numbers[_OF_DAY + hour % _DAY] += now
    memory.uses_of_late = _used(memory.uses_of_late, facts.resources, kept)
    uses = memory.uses
    for name in facts.resources:
        known = uses.get(name)
        if known is not None:
            uses[name] = known + now
        elif len(uses) < _CAPACITY:
            if not uses:
                uses = memory.uses = {}
            uses[name] = now
        else:
            seldom = min(uses, key=lambda each: (uses[each], each))
            if uses[seldom] < 0.1 * now:
                del uses[seldom]
                uses[name] = now
    memory.last = hour


def learn_blueprint(day: BlueprintDay, hour: int, requests: int) -> None:
    """Takes in what all agents of a blueprint asked for in a finished hour, in order of time."""
    if day.last < 0:
        day.since = hour
    day.of_late = day.of_late * exp2((day.last - hour) / _FAST_HALF) + requests
    day.usual += weight(hour * HOUR) * requests
    day.last = hour


def _usual_share(since: int, hour: int) -> float:
    """What usual sums are to be multiplied with, to be those of as long a time as sums of late stretch over."""
    now = weight(hour * HOUR)
    return _FAST / (_SLOW * (now - weight(since * HOUR)))


def _used(uses: dict[str, float], now: Iterable[str], kept: float) -> dict[str, float]:
    aged = {name: each * kept for name, each in uses.items() if each * kept > 0.02} if uses else {}
    for name in now:
        if name in aged or len(aged) < _CAPACITY:
            aged[name] = aged.get(name, 0.0) + 1.0
    return aged


def _novelty(new: float, known: int, seen: float) -> float:
    """-log10 of the chance of something new, for each new thing."""
    return -new * log10(chance_of_new(known, seen)) if new else 0.0


def _mix(memory: HourMemory, facts: Hour) -> float:
    """How much less likely the set of resources is than such sets usually are, in decimal places."""
    hours = memory.numbers[0]
    now = weight(facts.hour * HOUR)
    used = set(facts.resources)
    parts: list[float] = []
    for name, each in memory.uses.items():
        share = min(_SURE, max(1.0 - _SURE, each / (hours + now)))
        parts.append(-log10(share if name in used else 1.0 - share))
        parts.append(share * log10(share) + (1.0 - share) * log10(1.0 - share))
    return fsum(parts)  # whichever resource came first


def _shift(memory: HourMemory, facts: Hour) -> float:
    """How far the resources of late lie from the usual ones: their total variation, in standard deviations."""
    late = _used(memory.uses_of_late, facts.resources, exp2((memory.last - facts.hour) / _FAST_HALF))
    uses = memory.uses
    all_late, all_usual = fsum(late.values()), fsum(uses.values())
    if not all_late or not all_usual:
        return 0.0
    names = late.keys() | uses.keys()
    apart = fsum(abs(late.get(name, 0.0) / all_late - uses.get(name, 0.0) / all_usual) for name in names)
    return 0.5 * apart * sqrt(all_late)


def _failing(memory: HourMemory, facts: Hour) -> float:
    """The share of failures against the usual one, as a logarithm to base 2; few requests are not trusted."""
    now = weight(facts.hour * HOUR)
    usual = (memory.numbers[2] / now + 0.2) / (memory.numbers[1] / now + 10.0)
    return log2((facts.failures / usual + 10.0) / (facts.requests + 10.0))


def _off_hours(memory: HourMemory, facts: Hour) -> float:
    """How seldom it is at work at such an hour of the day, in decimal places; 0 when as often as on average."""
    numbers, place, now = memory.numbers, facts.hour % _DAY, weight(facts.hour * HOUR)
    before, here, after = (numbers[_OF_DAY + (place + step) % _DAY] for step in (-1, 0, 1))
    near = (0.25 * before + 0.5 * here + 0.25 * after) / now
    prior = min(2.0, max(0.02, facts.presence))
    share = (near * _DAY + _PRIOR * prior) / (numbers[0] / now + _PRIOR)
    return -log10(min(1.0, share))


def _learn_gap(numbers: Numbers, gap: float, *, first: bool) -> None:
    """Two running means of the logarithm of gaps and of its square; the first gap is the mean so far."""
    usual, late = (1.0, 1.0) if first else _RATES
    numbers[_GAP] += usual * (gap - numbers[_GAP])
    numbers[_GAP + 1] += usual * (gap * gap - numbers[_GAP + 1])
    numbers[_LATE_GAP] += late * (gap - numbers[_LATE_GAP])
    numbers[_LATE_GAP + 1] += late * (gap * gap - numbers[_LATE_GAP + 1])


def _spread_of_gaps(numbers: Numbers, place: int) -> float:
    return sqrt(max(0.0, numbers[place + 1] - numbers[place] ** 2)) + _FEW_GAPS


def _gap(memory: HourMemory, facts: Hour) -> float:
    """The pause before the hour against the usual ones, in standard deviations of its logarithm; below 0: soon."""
    numbers = memory.numbers
    return (log(facts.hour - memory.last) - numbers[_GAP]) / _spread_of_gaps(numbers, _GAP)


def _regular(memory: HourMemory, facts: Hour) -> float:
    """How much more regular the pauses of late are than usual, as a logarithm to base 2."""
    numbers = memory.numbers[:_OF_DAY]
    _learn_gap(numbers, log(facts.hour - memory.last), first=False)
    return log2(_spread_of_gaps(memory.numbers, _GAP) / _spread_of_gaps(numbers, _LATE_GAP))


def _of_late(memory: HourMemory, facts: Hour) -> tuple[float, float]:
    """(requests, active hours) of late against those of as long a time as a rule, as logarithms to base 2."""
    numbers, kept = memory.numbers, exp2((memory.last - facts.hour) / _FAST_HALF)
    share = _usual_share(memory.since, facts.hour)
    requests, hours = numbers[4] * kept + facts.requests, numbers[3] * kept + 1.0
    return log2((requests + 2.0) / (numbers[1] * share + 2.0)), log2((hours + 1.0) / (numbers[0] * share + 1.0))


def _ratio_of_blueprint(day: BlueprintDay, hour: int) -> float:
    """Requests of a blueprint of late against those of as long a time as a rule, as a logarithm to base 2."""
    if day.last < 0 or day.since == hour:
        return 0.0
    of_late = day.of_late * exp2((day.last - hour) / _FAST_HALF)
    return log2((of_late + 2.0) / (day.usual * _usual_share(day.since, hour) + 2.0))


class Judged(NamedTuple):
    """What a model says of one row."""

    p_value: float
    """How many of ordinary hours are at least as strange, in (0, 1]."""
    carried: tuple[tuple[str, float], ...]
    """Parts that it is strange for, the most telling first: name, and the decimal places of `p_value` that would be
    missing without it. Empty when the hour is ordinary."""


class Model(Protocol):
    """Judges rows. What it says of a row depends on that row alone."""

    @property
    def name(self) -> str:
        """Name and version."""
        ...

    @property
    def min_seen(self) -> float:
        """Active hours that must be known of an agent."""
        ...

    @property
    def shadow(self) -> bool:
        """Whether what it says is only counted."""
        ...

    def judge(self, hour: int, rows: Sequence[Row], least: float) -> Sequence[Judged]:
        """Judges the rows of one hour, one for one; what carried a p-value of `least` or more is not looked for."""
        ...

    def stability(self) -> Mapping[str, float]:
        """How far each part has moved from what it was in training; empty while too little was seen."""
        ...
