"""D86: a custom security attribute was changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from detector.detectors.attribute_changed import AttributeChanged
from detector.domain.events import AttributeChange, Event
from detector.engine.settings import EngineSettings
from detector.features.declarations import Declarations
from tests.detectors.stage import AGENT, BLUEPRINT, NOW, TENANT, change, said, same_however_told, with_pipeline
from tests.stories import RELEASE, defaults, guid, in_order

NAME = "attribute_changed"
STAGE = "Agents.Stage"


def declared(chosen: EngineSettings | None = None) -> EngineSettings:
    manifest = Declarations(environment_attribute="agents.stage", production_values=frozenset({"prod", "production"}))
    return replace(chosen or defaults(), declarations=manifest)


def relabelled(*attributes: AttributeChange, at: float = NOW, agent: Any = AGENT, **fields: Any) -> Event:
    activity = "update attribute values assigned to a serviceprincipal"
    return TENANT.change(activity, at, agent, attributes=attributes, **fields)


def stage(before: str | None, after: str | None) -> AttributeChange:
    return AttributeChange(STAGE, () if before is None else (before,), () if after is None else (after,))


def test_an_agent_that_comes_to_count_as_production_is_said_with_both_values() -> None:
    (alert,) = said(NAME, relabelled(stage("dev", "prod")), chosen=declared())
    assert alert.severity == "high"
    assert alert.catalogue_ids == ("D86",)
    assert (alert.subject.kind, alert.subject.id) == ("agent", AGENT.id)
    assert alert.title == "Security attribute changed: invoices"
    assert alert.explanation == (
        "admin@example.com changed the security attribute Agents.Stage of invoices from 198.51.100.20 from "
        "dev to prod: "
        "it counts as production now."
    )
    assert (alert.evidence.details["environment_before"], alert.evidence.details["environment_after"]) == (
        "non_production",
        "production",
    )


@pytest.mark.parametrize(
    ("before", "after", "severity", "words"),
    [
        (None, "Production", "high", "from nothing to Production: it counts as production now."),
        ("prod", "dev", "medium", "from prod to dev: it no longer counts as production."),
        ("dev", "test", "medium", "from dev to test."),
        ("prod", "production", "medium", "from prod to production."),
        ("prod", None, "medium", "from prod to nothing."),
    ],
)
def test_severity_follows_what_the_change_means(before: Any, after: Any, severity: str, words: str) -> None:
    (alert,) = said(NAME, relabelled(stage(before, after)), chosen=declared())
    assert alert.severity == severity
    assert alert.explanation.endswith(words)


def test_without_a_declaration_only_the_name_is_known() -> None:
    (alert,) = said(NAME, relabelled(AttributeChange(STAGE)))
    assert alert.severity == "medium"
    assert alert.explanation.endswith("the security attribute Agents.Stage of invoices from 198.51.100.20.")
    assert "attribute_after" not in alert.evidence.details


def test_a_record_that_names_no_attribute_is_said_as_it_is() -> None:
    for chosen in (defaults(), declared()):
        (alert,) = said(NAME, relabelled(), chosen=chosen)
        assert (alert.severity, alert.explanation) == (
            "medium",
            "admin@example.com changed security attributes of invoices from 198.51.100.20.",
        )


def test_another_attribute_than_the_declared_one_is_low_or_silent() -> None:
    story = relabelled(AttributeChange("Agents.Owner"), AttributeChange("Agents.Team"))
    (alert,) = said(NAME, story, chosen=declared())
    assert alert.severity == "low"
    assert "changed the security attributes Agents.Owner and Agents.Team of invoices" in alert.explanation
    chosen = declared()
    without = tuple(replace(d, others=False) if d.name == NAME else d for d in chosen.detectors)  # type: ignore[type-var, call-arg]
    silent = replace(chosen, detectors=without)
    assert said(NAME, story, chosen=silent) == []
    assert len(said(NAME, relabelled(stage("dev", "prod"), AttributeChange("Agents.Team")), chosen=silent)) == 1


def test_a_refused_attempt_and_a_pipeline_are_low() -> None:
    (alert,) = said(NAME, relabelled(stage("dev", "prod"), succeeded=False), chosen=declared())
    assert alert.severity == "low"
    assert "tried in vain to change the security attribute Agents.Stage" in alert.explanation
    assert alert.explanation.endswith("from dev to prod.")
    inside = declared(with_pipeline())
    (alert,) = said(NAME, relabelled(stage("dev", "prod"), actor=RELEASE), chosen=inside)
    assert alert.severity == "low"


def test_a_blueprint_is_known_by_the_object_id_of_its_principal() -> None:
    (alert,) = said(NAME, relabelled(stage("dev", "prod"), agent=BLUEPRINT), chosen=declared())
    assert (alert.subject.kind, alert.subject.id) == ("blueprint", BLUEPRINT.id)


def test_attributes_of_somebody_else_and_other_changes_are_left_alone() -> None:
    stranger = TENANT.agent("stranger", role="none", blueprint=None)
    assert said(NAME, relabelled(stage("dev", "prod"), agent=stranger), chosen=declared()) == []
    assert AttributeChanged().judge(change("owner_added")) is None
    assert guid("object", "x") not in str(said(NAME, relabelled()))


def test_it_is_the_same_alert_however_it_is_told() -> None:
    """The first record of a newborn agent may come behind the change of its attribute."""
    newborn = TENANT.agent("newborn")
    story = in_order(
        relabelled(stage("dev", "prod"), agent=newborn), TENANT.sign_ins(newborn, NOW + 60, 3), relabelled(at=NOW + 500)
    )
    assert len(same_however_told(story, NAME, declared())) == 2
