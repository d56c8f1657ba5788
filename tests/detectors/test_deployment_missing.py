"""D114: a credential was added and no deployment record explains it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from detector.detectors.deployment_missing import DeploymentMissing
from detector.domain.alerts import Alert
from detector.domain.events import Actor, Change
from detector.engine.settings import EngineSettings
from tests.detectors import stage
from tests.detectors.stage import (
    AGENT,
    BLUEPRINT,
    LONER,
    NOW,
    TENANT,
    said,
    same_however_told,
    signal,
    with_pipeline,
)
from tests.stories import ADMIN, HOUR, MINUTE, RELEASE, defaults, guid, in_order, tell

NAME = "deployment_missing"
FIRST = TENANT.run(NOW, run="first", pipeline="other")
LATER = NOW + 3 * HOUR


def added(at: float = LATER, target: Any = BLUEPRINT, **fields: Any) -> Change:
    return TENANT.change("credential_added", at, target, **fields)


def found(*story: Any, chosen: EngineSettings | None = None) -> list[Alert]:
    return said(NAME, *story, chosen=chosen or with_pipeline())


def test_a_credential_that_nobody_deployed_is_said() -> None:
    (alert,) = found(FIRST, added())
    assert alert.severity == "medium"
    assert alert.catalogue_ids == ("D114",)
    assert (alert.subject.kind, alert.subject.id) == ("blueprint", BLUEPRINT.id)
    assert alert.explanation == (
        "admin@example.com added a credential to crew from 198.51.100.20, and no deployment record that explains it "
        "came within 10 minutes."
    )
    assert len(found(FIRST, added(), chosen=defaults())) == 1


def test_without_any_deployment_record_it_is_silent() -> None:
    assert found(added()) == []
    assert found(added(), TENANT.run(LATER + 11 * MINUTE)) == []
    assert found(TENANT.deployment(NOW, kind="handshake", agents=(AGENT,)), added()) == []


@pytest.mark.parametrize("named", [{}, {"agents": (BLUEPRINT,)}, {"pipeline": "release"}, {"status": "failed"}])
def test_a_run_of_anybody_at_the_time_explains_it(named: dict[str, Any]) -> None:
    assert found(FIRST, TENANT.deployment(LATER + 60, run="second", started=LATER - 60, **named), added()) == []


@pytest.mark.parametrize(("recorded", "alerts"), [(-10 * MINUTE, 0), (-10 * MINUTE - 1, 1), (10 * MINUTE, 0), (601, 1)])
def test_it_must_have_come_in_time(recorded: float, alerts: int) -> None:
    record = TENANT.deployment(LATER + recorded, run="second")
    assert len(found(in_order(FIRST, record, added()))) == alerts


def test_a_run_that_lists_others_is_named() -> None:
    (alert,) = found(FIRST, TENANT.run(LATER - 60, run="second", agents=(LONER,)), added())
    assert alert.explanation.endswith("came within 10 minutes; run second was at work then, but does not list it.")


def test_a_federated_credential_is_one_and_a_removed_one_is_not() -> None:
    federated = TENANT.change(
        "update application",
        LATER,
        BLUEPRINT,
        properties_changed=("FederatedIdentityCredentials",),
        federated_credentials_changed=True,
    )
    (alert,) = found(FIRST, federated)
    assert alert.explanation.startswith("admin@example.com added a federated credential to crew")
    assert found(FIRST, TENANT.change("credential_removed", LATER, BLUEPRINT)) == []
    assert found(FIRST, TENANT.change("owner_added", LATER, AGENT), added(succeeded=False)) == []


def test_a_pipeline_that_gives_no_evidence_itself_is_left_alone_where_it_always_is() -> None:
    assert found(FIRST, added(actor=RELEASE)) == []
    elsewhere = msgspec.structs.replace(RELEASE, ip="198.51.100.9")
    assert len(found(FIRST, added(actor=elsewhere))) == 1


def test_a_pipeline_that_gives_evidence_is_the_business_of_another_detector() -> None:
    story = [*TENANT.run(NOW, run="first"), added(actor=RELEASE)]
    assert found(story) == []
    assert len(said("pipeline_without_run", story, chosen=with_pipeline())) == 1


def test_a_platform_actor_makes_it_low() -> None:
    platform = Actor(kind="app", id=guid("msi"), name="Managed Service Identity")
    (alert,) = found(FIRST, added(actor=platform))
    assert alert.severity == "low"
    person = Actor(kind="user", id=guid("eve"), name="Managed Service Identity")
    (alert,) = found(FIRST, added(actor=person))
    assert alert.severity == "medium"
    nobody = Actor(kind="app", id=None)
    (alert,) = found(FIRST, added(actor=nobody))
    assert alert.explanation.startswith("somebody unknown added a credential to crew from an unknown address")


def test_one_deed_that_is_logged_as_several_records_is_one_alert() -> None:
    story = [added(LATER + at, correlation_id="c1") for at in (0, 1, 2)]
    assert len(found(FIRST, story, added(LATER + 60))) == 2


def test_other_issues_are_left_alone() -> None:
    assert DeploymentMissing().judge(signal("deployment", facts={"issue": "run_missing"})) is None


def test_it_is_the_same_alert_however_it_is_told() -> None:
    story = in_order(
        FIRST,
        added(LATER),
        TENANT.sign_ins(AGENT, LATER, 12, every=300),
        TENANT.deployment(LATER + HOUR - 60, run="second", status="in_progress"),
        added(LATER + HOUR, target=AGENT),
        TENANT.deployment(LATER + HOUR + 11 * MINUTE, run="second"),
        TENANT.sign_ins(LONER, LATER + HOUR, 12, every=300),
        added(LATER + 90 * MINUTE, actor=ADMIN, target=LONER),
    )
    assert len(same_however_told(story, NAME, with_pipeline())) == 2


def test_whom_it_is_about_is_as_known_when_evidence_was_due() -> None:
    """A newborn signs in later: whether that is known by now depends on the record that told the time."""
    newborn = TENANT.agent("newborn", blueprint="crew")
    uses = [TENANT.sign_in(newborn, LATER + 25 * MINUTE), TENANT.sign_in(newborn, LATER + 31 * MINUTE)]
    told: list[Alert] = []
    for order in (uses, uses[::-1]):
        playing = stage.engine(replace(with_pipeline(), scope="workloads"))
        alerts = tell(playing, [*in_order(FIRST), added(target=newborn), *order], size=1)
        told += [alert for alert in alerts if alert.detector == NAME]
    assert [alert.subject.blueprint for alert in told] == [None, None]
