"""The manifest: the intended configuration of agents, inline in the configuration or in a file of its own.

`docs/deployments.md` says what each field is used for. A field that is left out declares nothing; an empty list
declares that there is to be none.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self, get_args

from annotated_types import Ge, Le
from pydantic import AfterValidator, StringConstraints, model_validator

from detector.config.blocks import Block
from detector.config.fields import EgressNetwork, FoldedName, Guid, Name, choice, wrong
from detector.decode.signin import CredentialType as LoggedType
from detector.features.declarations import MICROSOFT_ASNS
from detector.features.declarations import Environment as DeclaredEnvironment
from detector.features.declarations import Flow as DeclaredFlow

CREDENTIAL_TYPES: tuple[str, ...] = tuple(each for each in get_args(LoggedType) if each)


def _attribute(value: str) -> str:
    if value.count(".") != 1 or value.startswith(".") or value.endswith("."):
        raise wrong("Not a custom security attribute.", "Write the attribute set and the name, like Agents.Stage.")
    return value


Environment = Annotated[DeclaredEnvironment, choice("Not an environment.", get_args(DeclaredEnvironment))]
Flow = Annotated[DeclaredFlow, choice("Not a flow.", get_args(DeclaredFlow))]
Handshake = Annotated[
    Literal["required", "not_required"], choice("Neither required nor not_required.", ("required", "not_required"))
]
CredentialType = Annotated[str, choice("Not a type of credential.", CREDENTIAL_TYPES)]
Asn = Annotated[int, Ge(1), Le(2**32 - 1)]
Attribute = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), AfterValidator(_attribute)]


class DeclaredSettings(Block):
    """What an agent, or every agent of a blueprint, is meant to be; what is left out is not declared."""

    id: Guid
    """App id or object id."""
    name: Name | None = None
    """What people call it; only for people."""
    environment: Environment | None = None
    """production or non_production."""
    resources: frozenset[Guid] | None = None
    """App ids of the resources that it may get tokens for."""
    egress: tuple[EgressNetwork, ...] | None = None
    """Networks that it signs in from, in CIDR notation."""
    credential_types: frozenset[CredentialType] | None = None
    """Types of credential that it may sign in with, as in the sign-in log: none, clientSecret, clientAssertion,
    federatedIdentityCredential, managedIdentity, certificate."""
    flow: Flow | None = None
    """autonomous (tokens for itself), on_behalf_of (tokens for users) or both."""
    permissions: frozenset[FoldedName] | None = None
    """Values of the app roles that it may hold."""
    owners: frozenset[Guid] | None = None
    """Object ids of its owners."""
    sponsors: frozenset[Guid] | None = None
    """Object ids of its sponsors."""
    handshake: Handshake | None = None
    """Whether it must have passed the handshake before it works in production: required or not_required."""


class ManifestSettings(Block):
    """The intended configuration of agents."""

    agents: tuple[DeclaredSettings, ...] = ()
    """Agents; an entry here stands in place of that of the agent's blueprint."""
    blueprints: tuple[DeclaredSettings, ...] = ()
    """Blueprints, whose entries hold for all their agents."""
    production_resources: frozenset[Guid] = frozenset()
    """App ids of resources that belong to production."""
    non_production_actors: frozenset[Guid] = frozenset()
    """Object ids of people and pipelines that have no business in production."""
    azure_egress: tuple[EgressNetwork, ...] | None = None
    """Networks inside Azure that are ours, in CIDR notation; null when not declared."""
    azure_asns: frozenset[Asn] = MICROSOFT_ASNS
    """Numbers of the autonomous systems that count as Azure."""
    environment_attribute: Attribute | None = None
    """Custom security attribute that says which environment an object belongs to, like Agents.Stage."""
    production_values: frozenset[FoldedName] = frozenset({"production", "prod"})
    """Values of that attribute that mean production; every other one means non-production."""

    @model_validator(mode="after")
    def _declared_once(self) -> Self:
        first: dict[str, str] = {}
        for block in ("agents", "blueprints"):
            for place, entry in enumerate(getattr(self, block)):
                here = f"{block}[{place}]"
                before = first.setdefault(entry.id, here)
                if before != here:
                    raise wrong(f"{before} and {here} have the same id.", "Keep one entry for each id.")
        return self
