"""What is counted of an alert beside its detector: where its subject belongs to, and whether it begins an incident."""

from __future__ import annotations

import pytest

from detector.domain.alerts import Alert, Attack, Evidence, Subject
from detector.features.declarations import Declarations, Declared
from detector.runtime.live import reckoning
from detector.runtime.live.reckoning import Reckoning, environment_of

AGENT, OTHER, BLUEPRINT = "a" * 8, "b" * 8, "c" * 8
MANIFEST = Declarations(
    declared={
        AGENT: Declared(id=AGENT, environment="non_production"),
        BLUEPRINT: Declared(id=BLUEPRINT, environment="production"),
        OTHER: Declared(id=OTHER),
    }
)


def alert(subject: str = AGENT, *, blueprint: str | None = None, incident: str | None = "one") -> Alert:
    return Alert(
        id="1",
        schema="1",
        time="2026-10-05T00:00:00Z",
        detector="token_spike",
        catalogue_ids=("D01",),
        severity="high",
        score=0.0,
        p_value=1.0,
        subject=Subject("agent", subject, blueprint=blueprint),
        entities=(),
        title="",
        explanation="",
        evidence=Evidence((), "", "", 0, 0, "", 0),
        attack=Attack(),
        innocent_explanations=(),
        next_steps=(),
        runbook="",
        incident=incident,
    )


@pytest.mark.parametrize(
    ("told", "environment"),
    [
        (alert(AGENT, blueprint=BLUEPRINT), "non_production"),
        (alert("unheard", blueprint=BLUEPRINT), "production"),
        (alert(BLUEPRINT), "production"),
        (alert(OTHER), "undeclared"),
        (alert("unheard"), "undeclared"),
    ],
)
def test_an_alert_belongs_where_the_manifest_says_of_its_subject_or_its_blueprint(
    told: Alert, environment: str
) -> None:
    assert environment_of(told, MANIFEST) == environment


def test_without_a_manifest_nothing_is_declared() -> None:
    assert environment_of(alert(), None) == "undeclared"


def test_the_first_alert_of_an_incident_begins_it_and_what_is_no_finding_begins_none() -> None:
    known = Reckoning()
    assert known.begins(alert(incident="one"))
    assert known.begins(alert(incident="two"))
    assert not known.begins(alert(OTHER, incident="one"))
    assert not known.begins(alert(incident=None))


def test_the_memory_is_bounded_and_the_oldest_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reckoning, "_MOST", 2)
    known = Reckoning()
    assert [known.begins(alert(incident=each)) for each in "abca"] == [True] * 4
