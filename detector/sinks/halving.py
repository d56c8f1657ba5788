"""A batch that is refused because of one alert in it: found by halving, so that the others still arrive."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from detector.domain.alerts import Alert
from detector.sinks.outcome import Fate, Outcome, Refused, all_of


async def by_halves(batch: Sequence[Alert], send: Callable[[Sequence[Alert]], Awaitable[Fate]]) -> Outcome:
    """Sends a batch as one, and in halves of halves as long as it is refused."""
    fate = await send(batch)
    if not isinstance(fate, Refused) or len(batch) == 1:
        return all_of((alert.id for alert in batch), fate)
    middle = len(batch) // 2
    first = await by_halves(batch[:middle], send)
    return {**first, **await by_halves(batch[middle:], send)}
