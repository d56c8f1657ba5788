"""The declared configuration of agents: what the manifest says that they are, may reach and must have.

A manifest is optional, and so is everything in it: `None` means that it does not say, an empty set that there is to be
none. What is not declared is never a deviation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from detector.features.prefixes import Prefixes

Environment = Literal["production", "non_production"]
Flow = Literal["autonomous", "on_behalf_of", "both"]

MICROSOFT_ASNS: Final = frozenset({*range(8068, 8076), 12076})
"""Autonomous systems that Microsoft's own networks are announced by: AS8068 to AS8075, and AS12076 for ExpressRoute.

Source: Microsoft's peering policy (https://learn.microsoft.com/azure/internet-peering/policy) and the set that it
names, RADb:AS-MICROSOFT.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What is declared of one agent, or of a blueprint for its agents."""

    id: str
    """Its appId or object id, lower case."""
    name: str | None = None
    environment: Environment | None = None
    resources: frozenset[str] | None = None
    """appIds of the resources that it may get tokens for, lower case."""
    egress: Prefixes | None = None
    """Networks that it signs in from."""
    credential_types: frozenset[str] | None = None
    """Types of credential that it may sign in with, as sign-in logs spell them."""
    flow: Flow | None = None
    """`autonomous`: app-only tokens. `on_behalf_of`: tokens for a user. `both`: either."""
    permissions: frozenset[str] | None = None
    """Values of the app roles that it may hold, case-folded."""
    owners: frozenset[str] | None = None
    """Object ids, lower case."""
    sponsors: frozenset[str] | None = None
    """Object ids, lower case."""
    handshake_required: bool | None = None
    """Whether it must have passed the handshake before it works in production."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declarations:
    """The manifest."""

    declared: Mapping[str, Declared] = field(default_factory=dict)
    """Agents and blueprints by the id that they are declared with."""
    production_resources: frozenset[str] = frozenset()
    """appIds of resources that belong to production, lower case."""
    non_production_actors: frozenset[str] = frozenset()
    """Object ids of people and pipelines that have no business in production, lower case."""
    azure_egress: Prefixes | None = None
    """Networks inside Azure that are ours."""
    azure_asns: frozenset[int] = MICROSOFT_ASNS
    """Autonomous systems that count as Azure."""
    environment_attribute: str | None = None
    """Custom security attribute that says which environment an object belongs to: `Set.Name`."""
    production_values: frozenset[str] = frozenset()
    """Values of that attribute that mean production, case-folded; every other one means non-production."""

    def of(self, agent_id: str, blueprint_id: str | None = None, object_id: str | None = None) -> Declared | None:
        """What is declared of an agent: its own entry, else that of its blueprint; `None` when there is neither.

        Args:
            agent_id: The appId of the agent, lower case; for an agent identity it is the object id too.
            blueprint_id: The appId of its blueprint, where known.
            object_id: The object id of its service principal, where it differs.
        """
        for known in (agent_id, object_id, blueprint_id):
            found = self.declared.get(known) if known is not None else None
            if found is not None:
                return found
        return None

    def environment_of(
        self, declared: Declared | None, attributes: Mapping[str, tuple[str, ...]] | None = None
    ) -> Environment | None:
        """Which environment an agent belongs to: as declared, else as its attribute says; `None` when neither does.

        Args:
            declared: What is declared of it.
            attributes: Its custom security attributes, `Set.Name` to values, where an inventory knows them.
        """
        if declared is not None and declared.environment is not None:
            return declared.environment
        if self.environment_attribute is None or not attributes:
            return None
        values = attributes.get(self.environment_attribute, ())
        if not values:
            return None
        return "production" if self.production_values & {value.casefold() for value in values} else "non_production"

    def foreign_azure(self, address: str | None, asn: int | None) -> bool:
        """Whether an address lies in Azure, by its autonomous system, and is none of ours.

        False where either is not known, or no address in Azure is declared to be ours.
        """
        if address is None or asn is None or self.azure_egress is None:
            return False
        return asn in self.azure_asns and address not in self.azure_egress
