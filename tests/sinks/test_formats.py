"""The forms of an alert, each checked with somebody else's eyes."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from py_ocsf_models.events.findings.detection_finding import DetectionFinding  # type: ignore[import-untyped]

from detector.detectors.registry import DETECTORS
from detector.domain.alerts import Attack, Entity, Subject
from detector.domain.findings import SEVERITIES
from detector.sinks.allowance import Allowance, hour_of
from detector.sinks.cloudevents import cloudevent
from detector.sinks.encoding import alert_document
from detector.sinks.formats import FORMATS
from detector.sinks.ocsf import TECHNIQUES, detection_finding
from tests.sinks.alerts import HOSTILE, alert
from tests.sinks.outboxes import numbered

# Members of OCSF 1.5.0 that the library leaves out of its models; it drops them silently, so they are named here.
NOT_IN_LIBRARY = {"is_alert"}


@pytest.mark.parametrize("severity", SEVERITIES)
def test_a_finding_is_what_ocsf_calls_one(severity: Any) -> None:
    document = detection_finding(alert(severity=severity))
    finding = DetectionFinding.model_validate_json(json.dumps(document))
    kept = finding.model_dump(mode="json", exclude_none=True)
    assert set(document) - set(kept) == NOT_IN_LIBRARY
    assert finding.class_uid == 2004
    assert finding.type_uid == 2004 * 100 + finding.activity_id
    assert finding.severity_id == SEVERITIES.index(severity) + 1
    assert finding.time == 1_791_185_089_188
    assert finding.finding_info.uid == finding.metadata.uid == alert(severity=severity).id
    assert finding.metadata.version == "1.5.0"


def test_every_observable_points_at_its_value() -> None:
    document = detection_finding(alert())
    assert len(document["observables"]) == 4
    for observable in document["observables"]:
        found: Any = document
        for name, place in re.findall(r"(\w+)(?:\[(\d+)\])?", observable["name"]):
            found = found[name] if not place else found[name][int(place)]
        assert found == observable["value"]


def test_a_technique_has_its_parent_its_name_and_its_version() -> None:
    attack = Attack(v18_1=("T1078.004", "T1119"), v19=("T9999.001",))
    assert detection_finding(alert(attack=attack))["finding_info"]["attacks"] == [
        {
            "version": "18.1",
            "technique": {"uid": "T1078", "name": "Valid Accounts"},
            "sub_technique": {"uid": "T1078.004", "name": "Cloud Accounts"},
        },
        {"version": "18.1", "technique": {"uid": "T1119", "name": "Automated Collection"}},
        {
            "version": "19",
            "technique": {"uid": "T9999", "name": "T9999"},
            "sub_technique": {"uid": "T9999.001", "name": "T9999.001"},
        },
    ]


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda detector: detector.name)
def test_every_technique_of_a_detector_has_a_name(detector: Any) -> None:
    for technique in detector.attack:
        assert {technique, technique.partition(".")[0]} <= set(TECHNIQUES)


def test_a_cloud_event_has_what_the_specification_demands() -> None:
    told = alert()
    event = cloudevent(told)
    assert event["specversion"] == "1.0"
    assert all(re.fullmatch(r"[a-z0-9]{1,20}", name) for name in event)
    assert event["id"] == told.id
    assert event["source"] == "/tenants/t-1/detectors/token_spike"
    assert event["data"] == alert_document(told)
    assert event["time"] == told.time


@given(tenant=st.none() | st.text(), subject=st.text())
def test_source_and_subject_are_references_whatever_the_ids_hold(tenant: str | None, subject: str) -> None:
    event = cloudevent(alert(subject=Subject("agent", subject, None, None, None, tenant)))
    for text in (event["source"], event["subject"]):
        assert re.fullmatch(r"[A-Za-z0-9/._~%-]+", text)
        assert urlsplit(text).path == text


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("encoding", FORMATS)
def test_every_form_is_one_line_of_printable_ascii_that_knows_its_id(encoding: Any, name: str) -> None:
    form = FORMATS[encoding]
    told = alert(name, entities=(Entity("agent", "a", name),))
    line = form.line(told)
    assert all(0x20 <= byte <= 0x7E for byte in line[:-1])
    assert line.endswith(b"\n")
    assert form.identity(json.loads(line)) == told.id


@pytest.mark.parametrize("encoding", FORMATS)
def test_a_roll_up_can_be_written_in_every_form(encoding: Any) -> None:
    held = numbered(2)
    roll_up = Allowance(1).roll_up(held, hour_of(held[0]))
    assert FORMATS[encoding].identity(json.loads(FORMATS[encoding].line(roll_up))) == roll_up.id


def test_the_finding_of_a_roll_up_is_valid() -> None:
    held = numbered(2)
    DetectionFinding.model_validate(detection_finding(Allowance(1).roll_up(held, hour_of(held[0]))))
