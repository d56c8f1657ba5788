"""D83: a change by a pipeline's identity without a run, or a run without its change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from detector.detectors.pipeline_without_run import PipelineWithoutRun
from detector.domain.alerts import Alert
from detector.domain.events import Change
from detector.engine.settings import EngineSettings
from tests.detectors.stage import (
    AGENT,
    BLUEPRINT,
    CREW,
    LATENESS,
    LONER,
    NOW,
    TENANT,
    engine,
    said,
    same_however_told,
    signal,
    with_pipeline,
)
from tests.stories import ADMIN, HOUR, MINUTE, RELEASE, defaults, in_order, tell

NAME = "pipeline_without_run"
FIRST = TENANT.run(NOW, run="first")
"""Evidence that the pipeline gives evidence: a run of five minutes."""
LATER = NOW + 3 * HOUR


def edit(at: float = LATER, target: Any = BLUEPRINT, **fields: Any) -> Change:
    return TENANT.change("application_updated", at, target, **({"actor": RELEASE} | fields))


def required() -> EngineSettings:
    chosen = with_pipeline()
    return replace(chosen, pipelines=(replace(chosen.pipelines[0], evidence_required=True),))


def found(*story: Any, chosen: EngineSettings | None = None) -> list[Alert]:
    return said(NAME, *story, chosen=chosen or with_pipeline())


# ------------------------------------------------------------------------------------------ a change without a run


def test_a_change_by_the_pipelines_identity_without_a_run_is_said() -> None:
    (alert,) = found(FIRST, edit())
    assert alert.severity == "high"
    assert alert.catalogue_ids == ("D83",)
    assert (alert.subject.kind, alert.subject.id) == ("blueprint", BLUEPRINT.id)
    assert alert.title == "A pipeline's identity without a run"
    assert (
        alert.explanation == "release, the identity of pipeline release, changed crew (Update application) from "
        "203.0.113.9; no run of it was recorded within 10 minutes, the last one had ended 2.9 hours before."
    )
    assert ("service_principal", RELEASE.id) in {(entity.kind, entity.id) for entity in alert.entities}


@pytest.mark.parametrize("named", [{}, {"agents": (BLUEPRINT,)}, {"agents": (AGENT, BLUEPRINT)}])
def test_a_run_at_the_time_explains_it_whoever_it_lists(named: dict[str, Any]) -> None:
    assert found(FIRST, TENANT.run(LATER - 60, run="second", **named), edit()) == []


@pytest.mark.parametrize("target", [AGENT, CREW[1]])
def test_a_run_that_lists_the_blueprint_explains_changes_of_its_agents(target: Any) -> None:
    assert found(FIRST, TENANT.run(LATER - 60, run="second", agents=(BLUEPRINT,)), edit(target=target)) == []


@pytest.mark.parametrize(
    ("start", "lasts", "alerts"),
    [
        (10 * MINUTE, 60, 0),
        (10 * MINUTE + 1, 60, 1),
        (-20 * MINUTE, 10 * MINUTE, 0),
        (-20 * MINUTE, 10 * MINUTE - 1, 1),
    ],
)
def test_a_run_belongs_to_a_change_within_the_margin(start: float, lasts: float, alerts: int) -> None:
    story = in_order(FIRST, TENANT.run(LATER + start, lasts=lasts, run="second"), edit())
    assert len(found(story)) == alerts


@pytest.mark.parametrize(("recorded", "alerts"), [(10 * MINUTE, 0), (10 * MINUTE + 1, 1)])
def test_evidence_counts_when_it_was_recorded_in_time(recorded: float, alerts: int) -> None:
    record = TENANT.deployment(LATER + recorded, run="second", started=LATER - 60, finished=LATER + 60)
    assert len(found(in_order(FIRST, record, edit()))) == alerts


@pytest.mark.parametrize(("hours", "alerts"), [(24, 0), (24.5, 1)])
def test_a_run_that_nobody_ended_explains_a_day_at_most(hours: float, alerts: int) -> None:
    endless = TENANT.deployment(NOW, run="second", status="in_progress", started=NOW)
    assert len(found(endless, edit(NOW + hours * HOUR))) == alerts


def test_a_run_that_lists_others_leaves_it_medium() -> None:
    (alert,) = found(FIRST, TENANT.run(LATER - 60, run="second", agents=(LONER,)), edit())
    assert alert.severity == "medium"
    assert alert.title == "A pipeline's identity beyond its run"
    assert alert.explanation.endswith("from 203.0.113.9; run second was at work then, but does not list it.")


def test_a_run_of_another_pipeline_explains_nothing_unless_it_deploys_with_the_same_identity() -> None:
    other = TENANT.run(LATER - 60, run="second", pipeline="other")
    assert len(found(FIRST, other, edit())) == 1
    same = TENANT.run(LATER - 60, run="second", pipeline="other", actor_id=RELEASE.id)
    assert found(FIRST, same, edit()) == []


def test_a_pipeline_that_never_gave_evidence_is_left_alone_unless_it_must() -> None:
    assert found(edit()) == []
    assert found(TENANT.run(LATER + 11 * MINUTE), edit()) == []
    assert found(TENANT.run(NOW, pipeline="other"), edit()) == []
    (alert,) = found(edit(), chosen=required())
    assert alert.explanation.endswith("no run of it was recorded within 10 minutes, none is on record.")


def test_other_actors_refused_changes_and_other_things_are_nothing() -> None:
    story = [
        edit(actor=ADMIN),
        edit(succeeded=False),
        edit(target=TENANT.agent("payroll", role="none")),
        edit(actor=msgspec.structs.replace(RELEASE, id=None)),
    ]
    assert found(FIRST, story) == []


def test_it_is_said_once_for_each_target_and_hour() -> None:
    story = [edit(LATER + at * MINUTE) for at in (0, 10, 50, 61)]
    assert len(found(in_order(FIRST, story, edit(LATER + 60, target=AGENT)))) == 3


def test_it_is_told_when_no_evidence_can_arrive_any_more() -> None:
    playing = engine(with_pipeline())
    due = LATER + 10 * MINUTE + LATENESS
    first = tell(playing, [*FIRST, edit(), TENANT.sign_in(AGENT, due)])
    later = tell(playing, [TENANT.sign_in(AGENT, due + 10 * MINUTE)])
    assert NAME not in [alert.detector for alert in first]
    assert NAME in [alert.detector for alert in later]


def test_an_identity_that_two_pipelines_share_may_be_explained_by_either() -> None:
    chosen = with_pipeline()
    twin = replace(chosen.pipelines[0], name="twin")
    chosen = replace(chosen, pipelines=(*chosen.pipelines, twin))
    assert found(FIRST, TENANT.run(LATER - 60, run="second", pipeline="twin"), edit(), chosen=chosen) == []
    assert len(found(FIRST, edit(), chosen=chosen)) == 1


# -------------------------------------------------------------------------------------------- a run without its change

PROMISE: dict[str, Any] = {"changes": ("application_updated",), "agents": (BLUEPRINT,)}


def test_a_run_whose_change_was_not_seen_is_said() -> None:
    (alert,) = found(TENANT.run(LATER, run="812", **PROMISE))
    assert alert.severity == "low"
    assert (alert.subject.kind, alert.subject.id, alert.subject.name) == ("actor", RELEASE.id, "release")
    assert alert.title == "A run without its change"
    assert alert.explanation == (
        "Run 812 of pipeline release succeeded and declares application updated, and no such change by the pipeline's "
        "identity was seen."
    )


@pytest.mark.parametrize(
    ("fields", "alerts"),
    [
        ({}, 0),
        ({"actor": ADMIN}, 1),
        ({"succeeded": False}, 1),
        ({"at": LATER + 30 * MINUTE}, 1),
        ({"target": TENANT.agent("payroll", role="none")}, 0),
    ],
)
def test_the_change_must_be_the_pipelines_own_and_in_time(fields: dict[str, Any], alerts: int) -> None:
    story = in_order(TENANT.run(LATER, run="812", **PROMISE), edit(**({"at": LATER + 60} | fields)))
    assert len([alert for alert in found(story) if alert.severity == "low"]) == alerts


def test_another_kind_of_change_keeps_no_promise_unless_the_promise_is_no_kind() -> None:
    grant = TENANT.change("app_role_granted", LATER + 60, AGENT, actor=RELEASE)
    assert len(found(TENANT.run(LATER, run="812", **PROMISE), grant)) == 1
    words = PROMISE | {"changes": ("everything",)}
    assert found(TENANT.run(LATER, run="812", **words), grant) == []


@pytest.mark.parametrize(
    "fields",
    [{"changes": None}, {"changes": ()}, {"changes": ("application_updated",), "pipeline": "undeclared"}],
)
def test_runs_that_promise_nothing_and_runs_of_nobody_are_left_alone(fields: dict[str, Any]) -> None:
    assert found(TENANT.run(LATER, run="812", **fields)) == []


def test_a_run_that_failed_may_have_changed_nothing() -> None:
    assert found(TENANT.deployment(LATER, run="812", status="failed", **PROMISE)) == []


# --------------------------------------------------------------------------------------------------------- both


def test_a_record_that_says_little_reads_well() -> None:
    finding = PipelineWithoutRun().judge(signal("deployment", facts={"issue": "run_missing", "waited": 60}))
    assert finding is not None
    assert finding.explanation == (
        "somebody unknown, the identity of pipeline unknown, changed unknown (unknown) from an unknown address; no "
        "run of it was recorded within 1 minute, none is on record."
    )
    assert PipelineWithoutRun().judge(signal("deployment", facts={"issue": "record_missing"})) is None


def test_without_pipelines_it_is_silent() -> None:
    assert said(NAME, FIRST, edit(), chosen=defaults()) == []


def test_it_is_the_same_alert_however_it_is_told() -> None:
    fresh = TENANT.agent("fresh", role="blueprint")
    story = in_order(
        FIRST,
        TENANT.run(LATER - 60, run="second"),
        edit(LATER),
        edit(LATER + HOUR, target=AGENT),
        edit(LATER + 2 * HOUR, target=fresh),
        TENANT.sign_ins(AGENT, LATER, 30, every=300),
        TENANT.sign_in(fresh, LATER + 2 * HOUR + 15 * MINUTE),
        TENANT.run(LATER + 2 * HOUR + 20 * MINUTE, run="third", changes=("owner_added",)),
        TENANT.run(LATER + 65 * MINUTE, run="fourth", agents=(LONER,)),
        TENANT.sign_ins(CREW[2], LATER + 3 * HOUR, 20, every=300),
    )
    alerts = same_however_told(story, NAME, with_pipeline())
    assert {alert.severity for alert in alerts} == {"high", "medium", "low"}
    assert len(alerts) == 3
