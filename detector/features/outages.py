"""Agents that an edit of Conditional Access starts to block: an outage that somebody has made.

An edit opens a time of two hours. An agent counts once it is refused within it by the edited policy (or by one that
the record does not name), unless it was refused in the day before the edit already. That is asked only of the time in
which nothing could arrive any more when the edit was made, so the answer does not depend on the order of arrival, and
agents can only be added.
"""

from __future__ import annotations

from typing import Final

import msgspec

from detector.features.timeline import DAY, HOUR

LASTS: Final = 2 * HOUR
"""Seconds after an edit within which a refusal is taken to come from it."""

BEFORE: Final = DAY
"""Seconds before an edit in which a refusal shows that it was not the edit."""

CAPACITY: Final = 1_000
"""Agents counted for one edit; more are as bad."""


class Outage(msgspec.Struct, gc=False):
    """One edit and whom it blocks."""

    time: float
    record_id: str
    policy_id: str
    """`""` where the record does not name one."""
    policy_name: str
    location: bool
    """Whether a named location was edited, which every policy may use."""
    who: str
    name: str
    address: str
    activity: str
    pipeline: str
    """The declared pipeline that made the edit, as declared; else `""`."""
    agents: dict[str, float] = {}
    """Agents that it started to block, and the time of the earliest refusal known."""

    def holds(self, time: float) -> bool:
        """Whether a refusal at `time` may come from it."""
        return self.time < time <= self.time + LASTS

    def explains(self, policy_id: str) -> bool:
        """Whether it may be behind a refusal by this policy, `""` for one that the record does not name."""
        return self.location or not self.policy_id or not policy_id or self.policy_id == policy_id

    def count(self, agent: str, time: float) -> bool:
        """Counts an agent that it started to block; whether it is a further one."""
        known = self.agents.get(agent)
        if known is None and len(self.agents) >= CAPACITY:
            return False
        if known is None or time < known:
            self.agents[agent] = time
        return known is None
