"""Whether the log categories of a tenant flow: which of them has been silent for longer than it ever was."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from detector.domain.alerts import Subject
from detector.domain.keys import Key
from detector.domain.signals import Signal
from detector.features.flow import Silence, came, fold
from detector.features.timeline import STEP

if TYPE_CHECKING:
    from collections.abc import Mapping

    from detector.engine.journal import Journal
    from detector.engine.saying import Saying
    from detector.engine.settings import EngineSettings
    from detector.engine.state import State


class Flowing:
    """The part of the engine that notices what does not come."""

    def __init__(self, settings: EngineSettings, state: State, saying: Saying, journal: Journal) -> None:
        self.settings = settings
        self.state = state
        self.saying = saying
        self.journal = journal

    def observe(self, flows: Mapping[tuple[str, str], set[int]]) -> None:
        """Takes in what one body has; see `detector.decode.flows`. Tenants beyond their number are left out."""
        for (tenant_id, category), buckets in flows.items():
            tenant = self.state.tenant(tenant_id)
            if tenant is None:
                continue
            for bucket in sorted(buckets):
                if came(tenant.flows, category, bucket):
                    self.journal.touch("flow", tenant_id, category)
                    self.journal.touch("flow", tenant_id, "")

    def tick(self, watermark: float) -> None:
        """Folds what is final. At the end of an archive everything is; a silence that lasts until then is told."""
        before = int(watermark - self.settings.lateness) // STEP if watermark < inf else 1 << 60
        for tenant_id, tenant in self.state.tenants.items():
            silences, changed = fold(tenant.flows, before)
            for category in changed:
                self.journal.touch("flow", tenant_id, category)
            for silence in silences:
                self._tell(tenant_id, silence)

    def _tell(self, tenant_id: str, silence: Silence) -> None:
        key = Key("tenant", tenant_id)
        start, end = float((silence.start + 1) * STEP), float(silence.end * STEP)
        signal = Signal(
            kind="log_gap",
            key=key,
            time=end,
            window=(start, end),
            occasion=f"{silence.category}:{silence.start * STEP}",
            value=silence.length * STEP,
            usual=silence.usual * STEP,
            unit="seconds",
            p_value=1.0,
            seen=silence.seen,
            event=None,
            facts={"category": silence.category, "over": silence.over, "lasted": end - start},
            first_seen=start,
            last_seen=end,
        )
        self.saying.tell(signal, tenant_id, Subject(key.kind, key.id, tenant=tenant_id))
