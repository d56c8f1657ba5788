"""Simulate a tenant: the public entry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from detector.runtime.simulation.attacks import chosen_stories, stage_attacks
from detector.runtime.simulation.benign import benign_drafts
from detector.runtime.simulation.delivery import Copy, Delivery, bodies, deliver
from detector.runtime.simulation.labels import Label
from detector.runtime.simulation.plan import build_plan
from detector.runtime.simulation.settings import SimulationSettings
from detector.runtime.simulation.tenant import Tenant, build_tenant


class Simulation:
    """What a tenant exported, and the truth about it. Equal settings give equal bytes, on any machine."""

    def __init__(self, settings: SimulationSettings, tenant: Tenant, copies: list[Copy]) -> None:
        """Hold what was simulated; use `simulate`."""
        self.settings = settings
        self.tenant_id = tenant.id
        self.labels: list[Label] = []
        """What attackers did."""
        self.benign_labels: list[Label] = []
        """What looked like trouble and was none."""
        self._tenant = tenant
        self._copies = copies

    @property
    def record_count(self) -> int:
        """How many records are delivered, copies included."""
        return len(self._copies)

    def deliveries(self) -> Iterator[Delivery]:
        """Give Event Hubs messages with the time of their arrival, in order."""
        return bodies(self._copies, self.tenant_id, self.settings.records_per_body)

    def bodies(self) -> Iterator[bytes]:
        """Give the bodies of the Event Hubs messages, `{"records": [...]}`, in order of delivery."""
        return (delivery.body for delivery in self.deliveries())

    def configuration(self) -> dict[str, Any]:
        """Give what the tenant's operator would configure: the pipelines, and which tenant is watched."""
        return {
            "pipelines": [
                {
                    "name": pipeline.name,
                    "object_ids": [pipeline.application.service_principal_id],
                    "addresses": [pipeline.network.cidr],
                }
                for pipeline in self._tenant.pipelines
            ],
            "scope": "agents",
        }


def simulate(settings: SimulationSettings | None = None) -> Simulation:
    """Invent a tenant and let it live.

    Args:
        settings: What to simulate; nine days of sixty agents by default.

    Returns:
        The records and their labels. Records are written only when `bodies` is read.

    Raises:
        ValueError: `attack_stories` names a story that does not exist.
    """
    settings = settings or SimulationSettings()
    chosen_stories(settings)
    tenant = build_tenant(settings)
    plan = build_plan(settings, tenant)
    copies = deliver(
        benign_drafts(settings, tenant, plan),
        seed=settings.seed,
        duplicates=settings.duplicates,
        lost=settings.lost,
        late_windows=plan.late,
        lost_windows=plan.lost,
    )
    simulation = Simulation(settings, tenant, copies)
    simulation.benign_labels = plan.labels
    if settings.attacks:
        malicious, simulation.labels = stage_attacks(settings, tenant, plan)
        copies += deliver(malicious, seed=settings.seed, duplicates=settings.duplicates)
    return simulation
