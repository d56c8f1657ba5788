"""D16: a sign-in from outside the networks that the manifest declares."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest

from detector.detectors.undeclared_egress import UndeclaredEgress
from detector.domain.alerts import Alert
from detector.domain.events import Origin
from detector.features.declarations import Declared
from detector.features.prefixes import Prefixes
from tests.detectors.stage import AGENT, BLUEPRINT, CREW, NOW, TENANT, said, same_however_told, signal, with_manifest
from tests.stories import HOME, HOUR, INVALID, NOWHERE, defaults, in_order, network

NAME = "undeclared_egress"
OWN = Declared(id=AGENT.id, egress=Prefixes((ip_network("192.0.2.0/24"),)))


def found(*story: Any, declared: Declared = OWN) -> list[Alert]:
    return said(NAME, *story, chosen=with_manifest(declared))


def test_a_sign_in_from_elsewhere_is_said_with_address_and_system() -> None:
    (alert,) = found(TENANT.sign_in(AGENT, NOW, origin=network(1)))
    assert alert.severity == "medium"
    assert alert.catalogue_ids == ("D16",)
    assert (alert.subject.kind, alert.subject.id) == ("agent", AGENT.id)
    assert alert.explanation == (
        "invoices got a token from 198.51.100.7 (198.51.100.0/24, AS64497), outside the 1 network that the manifest "
        "declares for itself."
    )
    assert alert.evidence.addresses == ("198.51.100.7",)


def test_no_address_is_no_violation_nor_is_one_inside_nor_a_refusal() -> None:
    story = [
        TENANT.sign_in(AGENT, NOW, origin=NOWHERE),
        TENANT.sign_in(AGENT, NOW + 1, origin=HOME),
        TENANT.sign_in(AGENT, NOW + 2, origin=network(0, host=200)),
        TENANT.sign_in(AGENT, NOW + 3, origin=network(1), error=INVALID),
        TENANT.sign_in(CREW[1], NOW + 4, origin=network(1)),
    ]
    assert found(story) == []
    assert said(NAME, TENANT.sign_in(AGENT, NOW, origin=network(1)), chosen=defaults()) == []


@pytest.mark.parametrize(("host", "alerts"), [(15, 0), (16, 1)])
def test_a_declared_network_ends_where_it_ends(host: int, alerts: int) -> None:
    declared = replace(OWN, egress=Prefixes((ip_network("192.0.2.0/28"),)))
    story = [TENANT.sign_in(AGENT, NOW), TENANT.sign_in(AGENT, NOW + 60, origin=network(0, host=host))]
    assert len(found(story, declared=declared)) == alerts


@pytest.mark.parametrize(
    ("environment", "severity"), [("production", "high"), ("non_production", "low"), (None, "medium")]
)
def test_the_environment_makes_the_severity(environment: Any, severity: str) -> None:
    declared = replace(OWN, environment=environment)
    (alert,) = found(TENANT.sign_in(AGENT, NOW, origin=network(1)), declared=declared)
    assert alert.severity == severity


def test_an_empty_list_allows_nothing_and_a_blueprint_declares_for_its_agents() -> None:
    declared = Declared(id=BLUEPRINT.id, egress=Prefixes(()))
    (alert,) = found(TENANT.sign_in(AGENT, NOW), declared=declared)
    assert alert.explanation.endswith("outside the 0 networks that the manifest declares for its blueprint.")


def test_a_record_that_says_little_reads_well() -> None:
    finding = UndeclaredEgress().judge(signal("declaration", facts={"issue": NAME, "networks_declared": 2}))
    assert finding is not None
    assert finding.explanation == (
        "unknown got a token from unknown (unknown), outside the 2 networks that the manifest declares for unknown."
    )
    assert UndeclaredEgress().judge(signal("declaration", facts={"issue": "undeclared_resource"})) is None


def test_one_alert_for_each_network() -> None:
    story = [
        TENANT.sign_in(AGENT, NOW + hour * HOUR, origin=network(1 + hour % 2, host=hour + 1)) for hour in range(20)
    ]
    assert len(found(story)) == 2


def test_it_is_the_same_alert_however_it_is_told() -> None:
    unnamed = Origin(ip="2001:db8:ffff::1", prefix="2001:db8:ffff::/48", asn=None, country=None)
    story = in_order(
        TENANT.sign_ins(AGENT, NOW, 3, origin=network(1)),
        TENANT.sign_ins(AGENT, NOW + 2000, 3, every=1500, origin=unnamed),
        TENANT.sign_ins(AGENT, NOW + 100, 3, every=1500),
    )
    assert len(same_however_told(story, NAME, with_manifest(OWN))) == 2
