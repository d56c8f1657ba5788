"""Simulate a tenant: the public entry."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from detector.runtime.simulation.attacks import Staged, chosen_stories, stage_attacks
from detector.runtime.simulation.benign import benign_drafts
from detector.runtime.simulation.configuring import configuration
from detector.runtime.simulation.delivery import Copy, Delivery, bodies, deliver
from detector.runtime.simulation.deploying import handshake_records
from detector.runtime.simulation.inventory import rounds
from detector.runtime.simulation.labels import Label
from detector.runtime.simulation.past import asleep_labels, build_past, past_drafts
from detector.runtime.simulation.plan import build_plan
from detector.runtime.simulation.population import build_directory
from detector.runtime.simulation.records import Draft
from detector.runtime.simulation.routines import plan_routines, routine_drafts
from detector.runtime.simulation.settings import SimulationSettings
from detector.runtime.simulation.stage import Gaps, World
from detector.runtime.simulation.tenant import build_tenant


class Simulation:
    """What a tenant exported, and the truth about it. Equal settings give equal bytes, on any machine."""

    def __init__(self, world: World, copies: list[Copy]) -> None:
        """Hold what was simulated; use `simulate`."""
        self.settings = world.settings
        self.tenant_id = world.tenant.id
        self.labels: list[Label] = []
        """What attackers did."""
        self.benign_labels: list[Label] = []
        """What looked like trouble and was none."""
        self._world = world
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

    def moments(self, record_ids: Collection[str]) -> dict[str, int]:
        """Give the event times (ticks) of those of these records that are delivered."""
        return {copy.record_id: copy.draft.ticks for copy in self._copies if copy.record_id in record_ids}

    def blueprints(self) -> dict[str, str]:
        """Give the application id of the blueprint of every agent of the benign tenant."""
        world = self._world
        agents = [*world.plan.agents(world.tenant), *(sleeper.agent for sleeper in world.past.sleepers)]
        return {agent.id: agent.blueprint.app_id for agent in agents}

    def configuration(self) -> dict[str, Any]:
        """Give what the tenant's operator would configure: pipelines, manifest, and which tenant is watched."""
        world = self._world
        return configuration(world.settings, world.tenant, world.plan, world.past, world.directory)


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
    world = _world(settings)
    benign = _benign(world)
    staged = stage_attacks(world) if settings.attacks else Staged([], [], Gaps(()))
    if settings.inventory:
        benign += rounds(settings, world.directory, world.past.begins)
    benign = [draft for draft in benign if not staged.gaps.hide(draft)]
    copies = deliver(
        benign,
        seed=settings.seed,
        duplicates=settings.duplicates,
        lost=settings.lost,
        slowness=settings.traits.lag,
        late_windows=world.plan.late,
        lost_windows=world.plan.lost,
    )
    copies += deliver(staged.drafts, seed=settings.seed, duplicates=settings.duplicates, slowness=settings.traits.lag)
    simulation = Simulation(world, copies)
    simulation.benign_labels = world.plan.labels + asleep_labels(settings, world.past)
    simulation.labels = staged.labels
    return simulation


def _world(settings: SimulationSettings) -> World:
    tenant = build_tenant(settings)
    plan = build_plan(settings, tenant)
    plan_routines(settings, tenant, plan)
    past = build_past(settings, tenant, plan)
    return World(settings, tenant, plan, past, build_directory(settings, tenant, plan, past))


def _benign(world: World) -> list[Draft]:
    """Draft all that no attacker does, but for the inventory, which shows what attackers did to the directory."""
    settings, tenant, plan, past = world.settings, world.tenant, world.plan, world.past
    drafts = [*benign_drafts(settings, tenant, plan), *past_drafts(settings, tenant, past)]
    drafts += routine_drafts(settings, tenant, plan, world.directory)
    if settings.deployments:
        drafts += handshake_records(tenant, plan, past)
    return [draft for draft in drafts if draft.ticks < settings.end_ticks]
