"""D81: an agent or blueprint was changed by what is no declared pipeline."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from detector.detectors.change_outside_pipeline import ChangeOutsidePipeline
from detector.domain.alerts import Alert
from detector.domain.events import Actor, Change
from detector.engine.settings import EngineSettings
from detector.features.pipelines import Window
from tests.detectors.stage import AGENT, BLUEPRINT, NOW, TENANT, change, said, same_however_told, with_pipeline
from tests.stories import HOUR, MINUTE, RELEASE, defaults, guid, in_order

NAME = "change_outside_pipeline"


def office_hours() -> EngineSettings:
    chosen = with_pipeline()
    hours = Window(frozenset(range(5)), 8 * 60, 18 * 60, ZoneInfo("UTC"))
    return replace(chosen, pipelines=(replace(chosen.pipelines[0], windows=(hours,)),))


def edit(kind: str = "application_updated", at: float = NOW, target: Any = BLUEPRINT, **fields: Any) -> Change:
    return TENANT.change(kind, at, target, **fields)


def outside(*story: Any) -> list[Alert]:
    return said(NAME, *story, chosen=with_pipeline())


def test_a_change_by_hand_is_said_with_who_where_and_why() -> None:
    (alert,) = outside(edit())
    assert alert.severity == "medium"
    assert alert.catalogue_ids == ("D81",)
    assert (alert.subject.kind, alert.subject.id) == ("blueprint", BLUEPRINT.id)
    assert alert.title == "Changed outside the deployment pipeline: application updated"
    assert alert.explanation == (
        "admin@example.com changed crew (Update application) from 198.51.100.20; no declared pipeline has this "
        "identity."
    )


def test_what_the_pipeline_does_is_nothing() -> None:
    assert (
        outside(edit(actor=RELEASE), edit("credential_added", actor=RELEASE), edit("owner_added", actor=RELEASE)) == []
    )


def test_without_a_declared_pipeline_it_is_silent() -> None:
    assert said(NAME, edit(), chosen=defaults()) == []


@pytest.mark.parametrize(
    "kind",
    ["credential_added", "app_role_granted", "delegated_permission_granted", "directory_role_assigned", "owner_added"],
)
def test_what_gives_power_is_high(kind: str) -> None:
    (alert,) = outside(edit(kind, target=AGENT))
    assert alert.severity == "high"


def test_the_pipeline_from_elsewhere_is_said_to_be_so() -> None:
    (alert,) = outside(edit(actor=replace_ip("198.51.100.9")))
    assert alert.explanation == (
        "release changed crew (Update application) from 198.51.100.9; this is the identity of pipeline release, which "
        "does not deploy from there."
    )


def replace_ip(address: str | None) -> Actor:
    return Actor(kind="app", id=RELEASE.id, name=RELEASE.name, ip=address)


def test_a_pipeline_without_an_address_is_not_where_it_deploys_from() -> None:
    (alert,) = outside(edit(actor=replace_ip(None)))
    assert "from an unknown address; this is the identity of pipeline release" in alert.explanation


@pytest.mark.parametrize(("hour", "alerts"), [(7.99, 1), (8, 0), (17.99, 0), (18, 1)])
def test_the_pipeline_at_another_hour_is_said_to_be_so(hour: float, alerts: int) -> None:
    found = said(NAME, edit(at=NOW + hour * HOUR, actor=RELEASE), chosen=office_hours())
    assert len(found) == alerts
    for alert in found:
        assert alert.explanation.endswith(
            "this is the identity of pipeline release, which does not deploy at this hour."
        )


def test_a_borrowed_display_name_is_no_pipeline() -> None:
    impostor = Actor(kind="app", id=guid("impostor"), name=RELEASE.name, app_id=RELEASE.id, ip=RELEASE.ip)
    (alert,) = outside(edit(actor=impostor))
    assert alert.explanation.endswith("from 203.0.113.9; no declared pipeline has this identity.")


def test_a_platform_actor_lowers_the_severity_and_silences_nothing() -> None:
    platform = Actor(kind="app", id=guid("jit"), name="Microsoft Azure AD Internal - Jit Provisioning")
    (alert,) = outside(edit("credential_added", actor=platform))
    assert alert.severity == "low"
    person = Actor(kind="user", id=guid("eve"), name="Device Registration Service")
    (alert,) = outside(edit("credential_added", actor=person))
    assert alert.severity == "high"


@pytest.mark.parametrize(("run", "actor", "severity"), [(0, "eve", "low"), (0, "bob", "medium"), (3, "eve", "medium")])
def test_a_run_that_deploys_with_the_identity_lowers_the_severity(run: float, actor: str, severity: str) -> None:
    """A pipeline that nobody declared yet, whose evidence came before the change did."""
    eve = Actor(kind="app", id=guid("eve"), name="eve", ip="198.51.100.9")
    story = [
        *TENANT.run(NOW + run * HOUR, run="812", pipeline="new", actor_id=guid(actor)),
        edit(at=NOW + 60, actor=eve),
    ]
    (alert,) = outside(in_order(story))
    assert alert.severity == severity
    known = "no declared pipeline has this identity, but run 812 deploys with it."
    assert alert.explanation.endswith(known) == (severity == "low")


def test_a_shadow_is_no_change() -> None:
    assert outside(edit(properties_changed=()), edit(properties_changed=("Included Updated Properties",))) == []


def test_a_refused_change_changed_nothing() -> None:
    assert outside(edit(succeeded=False)) == []


def test_kinds_may_be_left_to_hands() -> None:
    chosen = with_pipeline()
    loose = tuple(
        replace(d, kinds_ignored=frozenset({"application_updated"})) if d.name == NAME else d  # type: ignore[type-var, call-arg]
        for d in chosen.detectors
    )
    story = [edit(), edit("owner_added", at=NOW + MINUTE)]
    (alert,) = said(NAME, story, chosen=replace(chosen, detectors=loose))
    assert alert.title.endswith("owner added")


def test_a_change_of_what_is_no_agent_is_nothing() -> None:
    assert outside(edit(target=TENANT.agent("payroll", role="none"))) == []


def test_one_deed_of_one_kind_is_one_alert() -> None:
    story = [edit(correlation_id="c1"), edit(at=NOW + 1, correlation_id="c1"), edit(at=NOW + 2, correlation_id="c2")]
    assert len(outside(story)) == 2


def test_it_is_the_same_alert_however_it_is_told() -> None:
    story = in_order(TENANT.sign_ins(AGENT, NOW, 3), edit(at=NOW + 70), edit(at=NOW + 90, actor=RELEASE))
    assert len(same_however_told(story, NAME, with_pipeline())) == 1
    assert same_however_told([edit(actor=RELEASE), edit(actor=RELEASE)], NAME, with_pipeline()) == []


def test_a_target_that_is_recognised_later_is_told_then() -> None:
    fresh = TENANT.agent("fresh", role="blueprint")
    story = [edit(target=fresh), TENANT.sign_in(fresh, NOW + 15 * MINUTE)]
    assert len(same_however_told(story, NAME, with_pipeline())) == 1


@pytest.mark.parametrize(
    "facts", [{"deviation": None, "pipeline": "release"}, {"pipelines_declared": False}, {"succeeded": False}]
)
def test_what_is_inside_undeclared_or_refused_is_left_alone(facts: dict[str, Any]) -> None:
    assert ChangeOutsidePipeline().judge(change("owner_added", **facts)) is None
    assert ChangeOutsidePipeline().judge(change("owner_added")) is not None


@pytest.mark.parametrize("kind", ["consent_granted", "delegated_permission_granted"])
@pytest.mark.parametrize(("everybody", "alerts"), [(False, 0), (True, 1), (None, 1)])
def test_what_a_user_allows_for_themselves_is_no_change_by_hand(kind: str, everybody: bool | None, alerts: int) -> None:
    """An interactive agent is used by hundreds, each of whom consents once."""
    story = TENANT.change(
        kind,
        NOW,
        AGENT,
        grantee_object_id=AGENT.object_id,
        permission="Mail.Read",
        scopes=("Mail.Read",),
        for_everybody=everybody,
    )
    assert len(said(NAME, story, chosen=with_pipeline())) == alerts
