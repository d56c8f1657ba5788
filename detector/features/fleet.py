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
_WORKING_DAYS: Final = 5
_WEEKEND: Final = 2
_WEEK: Final = 168
"""Hours of a week, of which each cell holds one for every one of its days."""

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


def activate(memory: FleetHours, hour: int) -> int:
    """One more agent of the blueprint was active in `hour`; how many were by now."""
    active = memory.active
    for place in range(len(active) - 2, -1, -2):
        if active[place] == hour:
            active[place + 1] += 1
            return active[place + 1]
        if active[place] < hour:
            active[place + 2 : place + 2] = [hour, 1]
            return 1
    active[0:0] = [hour, 1]
    return 1


def active_in(memory: FleetHours, hour: int) -> int:
    """Agents that were active in `hour`, while it has not been folded."""
    active = memory.active
    return next((active[place + 1] for place in range(len(active) - 2, -1, -2) if active[place] == hour), 0)


def usual_agents(memory: FleetHours, hour: int, horizon: Horizon) -> tuple[float, float]:
    """(agents that are usually active in such an hour, active hours that this was learned from)."""
    _, agent_hours, hours = memory.totals
    active = memory.active
    for place in range(0, len(active), 2):
        if active[place] > hour - horizon.lag:
            break
        start = weight(active[place] * HOUR)
        agent_hours += start * active[place + 1]
        hours += start
    if not hours:
        return 0.0, 0.0
    now, index = weight(hour * HOUR), 3 * cell_of(hour)
    _, cell_agent_hours, cell_hours = memory.cells[index : index + 3]
    mean = agent_hours / hours
    return mean * _shape(cell_agent_hours / now, cell_hours / now, mean), hours / now


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


def presence(memory: FleetHours, hour: int) -> tuple[float, float]:
    """How often the blueprint is at work in such an hour of the week, and the active hours that say so.

    The first number is 1 when it is as often as at any other time, 0 when never.
    """
    hours = memory.totals[2]
    if not hours:
        return 1.0, 0.0
    cell = cell_of(hour)
    usual = hours * (_WEEKEND if cell >= CELLS // 2 else _WORKING_DAYS) / _WEEK
    return memory.cells[3 * cell + 2] / usual, hours / weight(hour * HOUR)


def presence_before(memory: FleetHours, hour: int, horizon: Horizon) -> float:
    """The first number of `presence`, of all that was final when `hour` began, folded or not.

    To be called for an hour that was opened: then no unfolded hour before it lies in its cell.
    """
    cell, limit = cell_of(hour), hour - horizon.lag
    hours = memory.totals[2] + sum(weight(place * HOUR) for place in memory.active[::2] if place <= limit)
    if not hours:
        return 1.0
    return memory.cells[3 * cell + 2] / (hours * (_WEEKEND if cell >= CELLS // 2 else _WORKING_DAYS) / _WEEK)


def _shape(requests: float, exposure: float, usual: float) -> float:
    smooth = (requests + _SMOOTHING * usual) / (exposure + _SMOOTHING)
    return min(_FLATTEST, max(1.0 / _FLATTEST, smooth / usual))
