"""What is declared of an agent, and what is not."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from detector.features.declarations import MICROSOFT_ASNS, Declarations, Declared, Environment
from detector.features.prefixes import Prefixes

AGENT, BLUEPRINT, OBJECT = "agent", "blueprint", "object"
OURS = Prefixes((ip_network("203.0.113.0/24"),))


def declarations(*entries: str, **more: object) -> Declarations:
    return Declarations(declared={entry: Declared(id=entry) for entry in entries}, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        ((AGENT, BLUEPRINT, OBJECT), AGENT),
        ((BLUEPRINT, OBJECT), OBJECT),
        ((BLUEPRINT,), BLUEPRINT),
        (("other",), None),
        ((), None),
    ],
)
def test_an_agents_own_entry_stands_in_place_of_its_blueprints(entries: tuple[str, ...], found: str | None) -> None:
    declared = declarations(*entries).of(AGENT, BLUEPRINT, OBJECT)
    assert (None if declared is None else declared.id) == found


def test_an_agent_without_a_known_blueprint_has_its_own_entry_or_none() -> None:
    assert declarations(BLUEPRINT).of(AGENT) is None
    assert declarations(AGENT).of(AGENT) == Declared(id=AGENT)


@pytest.mark.parametrize(
    ("declared", "attributes", "environment"),
    [
        (Declared(id=AGENT, environment="production"), {"Agents.Stage": ("dev",)}, "production"),
        (Declared(id=AGENT), {"Agents.Stage": ("Production",)}, "production"),
        (None, {"Agents.Stage": ("dev", "PROD")}, "production"),
        (None, {"Agents.Stage": ("dev",)}, "non_production"),
        (None, {"Agents.Stage": ()}, None),
        (None, {"Agents.Other": ("dev",)}, None),
        (None, {}, None),
        (None, None, None),
    ],
)
def test_the_environment_is_declared_or_what_the_attribute_says(
    declared: Declared | None, attributes: dict[str, tuple[str, ...]] | None, environment: Environment | None
) -> None:
    known = Declarations(environment_attribute="Agents.Stage", production_values=frozenset({"production", "prod"}))
    assert known.environment_of(declared, attributes) == environment


def test_without_the_name_of_the_attribute_it_says_nothing() -> None:
    assert Declarations().environment_of(None, {"Agents.Stage": ("prod",)}) is None


@pytest.mark.parametrize(
    ("address", "asn", "foreign"),
    [
        ("198.51.100.1", 8075, True),
        ("203.0.113.9", 8075, False),
        ("198.51.100.1", 64496, False),
        ("198.51.100.1", None, False),
        (None, 8075, False),
    ],
)
def test_an_address_in_azure_that_is_not_ours(address: str | None, asn: int | None, foreign: bool) -> None:
    assert Declarations(azure_egress=OURS).foreign_azure(address, asn) is foreign
    assert Declarations().foreign_azure(address, asn) is False, "nothing is declared"


def test_the_autonomous_systems_of_microsoft() -> None:
    assert sorted(MICROSOFT_ASNS) == [8068, 8069, 8070, 8071, 8072, 8073, 8074, 8075, 12076]
