"""The manifest and the pipelines that the laws' streams are judged by."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Final

from detector.features.declarations import Declarations, Declared
from detector.features.pipelines import Pipeline
from detector.features.prefixes import Prefixes
from tests.stories import ADMIN, HOME, RELEASE, Tenant, guid, network

_CONTOSO, _FABRIKAM = Tenant("contoso"), Tenant("fabrikam")
_HOME: Final = Prefixes((ip_network(str(HOME.prefix)),))
_GROUPS: Final = ("contoso/red", "contoso/blue", "fabrikam/red", "fabrikam/green")

MANIFEST: Final = Declarations(
    declared={
        each.id: each
        for each in (
            Declared(
                id=_CONTOSO.agent("red", role="blueprint").id,
                environment="production",
                resources=frozenset({guid("resource", "graph"), guid("resource", "vault")}),
                egress=_HOME,
                credential_types=frozenset({"certificate"}),
                permissions=frozenset({"mail.read"}),
                owners=frozenset({guid("user", "olga")}),
                handshake_required=True,
            ),
            Declared(id=_CONTOSO.agent("red-1", blueprint="red").id, environment="non_production", egress=_HOME),
            Declared(
                id=_FABRIKAM.agent("green-1", blueprint="green").id,
                permissions=frozenset(),
                owners=frozenset(),
                handshake_required=True,
            ),
        )
    },
    production_resources=frozenset({guid("resource", "vault"), guid("resource", "sql")}),
    non_production_actors=frozenset({str(ADMIN.id)}),
    azure_egress=Prefixes((ip_network(str(network(4).prefix)),)),
    azure_asns=frozenset({network(3).asn or 0, network(4).asn or 0}),
    environment_attribute="Agents.Stage",
    production_values=frozenset({"production"}),
)


def deployer(group: str) -> str:
    """Object id of the identity that deploys a blueprint."""
    return guid("deployer", group)


PIPELINES: Final = (
    Pipeline("release", frozenset({str(RELEASE.id)}), (ip_network("203.0.113.0/24"),), evidence_required=True),
    *(Pipeline(f"deploy-{group}", frozenset({deployer(group)}), evidence_required=True) for group in _GROUPS),
)
"""One that changes everything, and one for each blueprint: what a pipeline did is no matter of one blueprint."""
