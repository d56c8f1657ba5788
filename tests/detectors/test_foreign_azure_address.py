"""D17: a sign-in from inside Azure, but from none of our addresses there."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest

from detector.detectors.foreign_azure_address import ForeignAzureAddress
from detector.domain.alerts import Alert
from detector.domain.events import Origin
from detector.features.declarations import Declared
from detector.features.prefixes import Prefixes
from tests.detectors.stage import AGENT, CREW, NOW, TENANT, said, same_however_told, signal, with_manifest
from tests.stories import HOUR, NOWHERE, defaults, in_order, network

NAME = "foreign_azure_address"
OURS = Prefixes((ip_network("203.0.113.0/24"),))
FOREIGN = network(1, asn=8075)


def found(*story: Any, declared: tuple[Declared, ...] = (), **fields: Any) -> list[Alert]:
    return said(NAME, *story, chosen=with_manifest(*declared, **({"azure_egress": OURS} | fields)))


def test_an_address_in_azure_that_is_not_ours_is_said() -> None:
    (alert,) = found(TENANT.sign_in(AGENT, NOW, origin=FOREIGN))
    assert alert.severity == "medium"
    assert alert.catalogue_ids == ("D17",)
    assert (alert.subject.kind, alert.subject.id) == ("agent", AGENT.id)
    assert alert.explanation == (
        "invoices got a token from 198.51.100.7 (AS8075), inside Azure and in none of the networks there that are "
        "declared as ours."
    )


@pytest.mark.parametrize(
    "origin",
    [
        network(2, asn=8075),
        network(1),
        network(1, asn=8076),
        NOWHERE,
        Origin(ip="198.51.100.7", prefix="198.51.100.0/24", asn=None, country="DE"),
    ],
)
def test_our_addresses_other_systems_and_what_is_not_known_are_nothing(origin: Origin) -> None:
    assert found(TENANT.sign_in(AGENT, NOW, origin=origin)) == []


def test_without_a_word_on_what_is_ours_nothing_is_foreign() -> None:
    story = TENANT.sign_in(AGENT, NOW, origin=FOREIGN)
    assert found(story, azure_egress=None) == []
    assert said(NAME, story, chosen=defaults()) == []


def test_a_network_that_is_declared_for_the_agent_is_its_own() -> None:
    declared = Declared(id=AGENT.id, egress=Prefixes((ip_network("198.51.100.0/24"),)))
    assert found(TENANT.sign_in(AGENT, NOW, origin=FOREIGN), declared=(declared,)) == []
    (alert,) = found(TENANT.sign_in(CREW[1], NOW, origin=FOREIGN), declared=(declared,))
    assert alert.subject.id == CREW[1].id


@pytest.mark.parametrize(("environment", "severity"), [("production", "high"), ("non_production", "medium")])
def test_a_production_agent_makes_it_high(environment: Any, severity: str) -> None:
    declared = Declared(id=AGENT.id, environment=environment)
    (alert,) = found(TENANT.sign_in(AGENT, NOW, origin=FOREIGN), declared=(declared,))
    assert alert.severity == severity


def test_other_issues_are_left_alone() -> None:
    assert ForeignAzureAddress().judge(signal("declaration", facts={"issue": "undeclared_egress"})) is None


def test_it_is_the_same_alert_however_it_is_told() -> None:
    story = in_order(
        TENANT.sign_ins(AGENT, NOW, 4, every=1500, origin=FOREIGN),
        TENANT.sign_ins(AGENT, NOW + 2 * HOUR, 3, origin=network(1, asn=8075, host=9)),
    )
    assert len(same_however_told(story, NAME, with_manifest(azure_egress=OURS))) == 1
