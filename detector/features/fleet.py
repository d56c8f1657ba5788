"""What the agents of one blueprint have in common: level and shape of their week.

The blueprint's hours teach, in 48 cells (hour of the day, working day or weekend, UTC), how many requests an
active agent makes and how many the blueprint makes in all. A young agent borrows the level, every agent borrows
the shape (empirical Bayes: the many inform the one).
"""

from __future__ import annotations

from array import array
from typing import Final

import msgspec

from detector.features.moments import Numbers
from detector.features.timeline import HOUR, Horizon, weight
from detector.features.token_rate import Prior, RateMemory, count_in

CELLS: Final = 48
_SMOOTHING: Final = 6.0
_FLATTEST: Final = 4.0


class FleetHours(msgspec.Struct, gc=False):
    """How many agents were active in each hour, and what final hours have taught."""

    active: list[int] = []
    """Hours not folded yet and their active agents: hour, agents, hour, agents, ... rising."""
    cells: Numbers = msgspec.field(default_factory=lambda: array("d", bytes(8 * 3 * CELLS)))
    """Weighted requests, agent-hours and hours of each cell."""
    totals: Numbers = msgspec.field(default_factory=lambda: array("d", bytes(8 * 3)))


def cell_of(hour: int) -> int:
    """Cell of an hour since the epoch (which began on a Thursday)."""
    weekday = (hour // 24 + 3) % 7
    return hour % 24 + (24 if weekday >= 5 else 0)


def activate(memory: FleetHours, hour: int) -> None:
    """One more agent of the blueprint was active in `hour`."""
    active = memory.active
    for place in range(len(active) - 2, -1, -2):
        if active[place] == hour:
            active[place + 1] += 1
            return
        if active[place] < hour:
            active[place + 2 : place + 2] = [hour, 1]
            return
    active[0:0] = [hour, 1]


def learn(memory: FleetHours, rates: RateMemory, newest: int, horizon: Horizon) -> None:
    """Folds the hours beyond change; to be called when hour `newest` opens, before `rates` rolls into it."""
    active = memory.active
    done = 0
    while done < len(active) and active[done] <= newest - horizon.keep:
        hour = active[done]
        _add(memory.totals, 0, hour, count_in(rates, 1, hour), active[done + 1])
        _add(memory.cells, 3 * cell_of(hour), hour, count_in(rates, 1, hour), active[done + 1])
        done += 2
    del active[:done]


def _add(sums: Numbers, index: int, hour: int, requests: int, agents: int) -> None:
    start = weight(hour * HOUR)
    sums[index] += start * requests
    sums[index + 1] += start * agents
    sums[index + 2] += start


def priors(memory: FleetHours, rates: RateMemory, hour: int, horizon: Horizon) -> tuple[Prior, Prior]:
    """What the blueprint lends in `hour`: (to one of its agents, to its own sum)."""
    totals = memory.totals[:]
    active = memory.active
    for place in range(0, len(active), 2):
        if active[place] > hour - horizon.lag:
            break
        _add(totals, 0, active[place], count_in(rates, 1, active[place]), active[place + 1])
    requests, agent_hours, hours = totals
    if not requests:
        return Prior(0.0, 0.0, 1.0), Prior(0.0, 0.0, 1.0)
    now = weight(hour * HOUR)
    index = 3 * cell_of(hour)
    cell_requests, cell_agent_hours, cell_hours = memory.cells[index : index + 3]
    per_agent = requests / agent_hours
    per_hour = requests / hours
    agent_shape = _shape(cell_requests / now, cell_agent_hours / now, per_agent)
    total_shape = _shape(cell_requests / now, cell_hours / now, per_hour)
    return Prior(per_agent, agent_hours / now, agent_shape), Prior(0.0, 0.0, total_shape)


def _shape(requests: float, exposure: float, usual: float) -> float:
    smooth = (requests + _SMOOTHING * usual) / (exposure + _SMOOTHING)
    return min(_FLATTEST, max(1.0 / _FLATTEST, smooth / usual))
