"""The blind test of docs/incident-response.md: a report is made from records alone, and then compared with the truth.

Five incidents are simulated, each in a tenant of its own with its ordinary life in it. The gravest story of the report
has to name the right agents, the credential, the way in and the first bad event, by record id.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from detector.config.build import decoder_settings, engine_settings
from detector.config.load import load
from detector.decode.decoder import Decoder
from detector.domain.alerts import Alert
from detector.engine.engine import Engine
from detector.report.facts import Dossier, Story
from detector.runtime.dossier.build import Material, dossier_of
from detector.runtime.dossier.gathering import Gathering
from detector.runtime.dossier.trail import Trail
from detector.runtime.dossier.trust import trust_of
from detector.runtime.replay import replay
from detector.runtime.simulation import SimulationSettings, simulate
from detector.runtime.simulation.write import write
from detector.sources.files import FileSource
from tests.simulation.reading import Record, staged

INCIDENTS = ("takeover_chain", "foreign_network", "dormant_rearmed", "grant_then_use", "failure_then_success")


def report(events: Path, configuration: Path) -> Dossier:
    settings = load(configuration)
    judging = engine_settings(settings)
    gathering, alerts = Gathering(Trail()), list[Alert]()
    summary = replay(
        FileSource([str(events)], sort=True),
        Decoder(**decoder_settings(settings)),
        Engine(judging),
        on_alert=alerts.append,
        on_held=alerts.append,
        on_decoded=gathering.read,
    )
    return dossier_of(
        Material(
            gathering=gathering,
            alerts=alerts,
            summary=summary,
            title="Blind",
            command="Blind.",
            trusted=trust_of(judging.pipelines),
        )
    )


def said(story: Story, kind: str) -> tuple[str, set[str]]:
    found = [statement for statement in story.statements if statement.kind == kind]
    return " ".join(each.text for each in found), {record for each in found for record in each.records}


def credentials(records: list[Record]) -> set[str]:
    """Key ids that the staged records show: those that were added, else those that were used."""
    added = {key for record in records for key in _added(record["properties"])}
    used = {record["properties"].get("servicePrincipalCredentialKeyId") for record in records} - {None, ""}
    return added or {str(each) for each in used}


def _added(properties: dict[str, Any]) -> set[str]:
    described = [
        changed
        for target in properties.get("targetResources", ())
        for changed in target.get("modifiedProperties", ())
        if changed.get("displayName") == "KeyDescription"
    ]
    old, new = (
        set(re.findall(r"KeyIdentifier=([0-9a-f-]{36})", str([each.get(side) for each in described])))
        for side in ("oldValue", "newValue")
    )
    return new - old


@pytest.mark.slow
@pytest.mark.parametrize("name", INCIDENTS)
def test_the_report_names_agents_credential_entry_point_and_first_bad_event(name: str, tmp_path: Path) -> None:
    simulation = simulate(
        SimulationSettings(
            seed=40 + INCIDENTS.index(name),
            days=8,
            agents=14,
            blueprints=4,
            attack_stories=(name,),
            attack_after_days=7,
            mean_requests_per_agent_day=60,
            other_records_per_day=100,
        )
    )
    written = write(simulation, tmp_path)
    story = report(written.events, written.configuration).stories[0]

    label, records = staged(simulation, name)
    assert label.subject_ids[0] in story.agents
    assert said(story, "first_event")[1] & {records[0]["properties"]["id"]}, "the first bad event"
    assert said(story, "entry_point")[1] <= set(label.record_ids), "the way in"
    known = credentials(records)
    assert any(key.lower() in said(story, "credential")[0] for key in known) or not known, "the credential"
    for statement in story.statements:
        assert statement.records, statement.text
