"""Replay: every record is accounted for, whatever is chosen, and the answers depend on the records alone."""

from __future__ import annotations

import gc
import json
from pathlib import Path

import pytest

from detector.config.build import engine_settings
from detector.config.load import load
from detector.decode.decoder import Decoder
from detector.domain.alerts import Alert
from detector.domain.quarantine import Quarantined
from detector.engine.engine import Engine
from detector.runtime.replay import replay
from detector.runtime.selection import Selection
from detector.runtime.simulation import SimulationSettings, simulate
from detector.runtime.summary import Summary, notes
from detector.sources.files import FileSource
from detector.sources.instants import instant

SMALL = SimulationSettings(
    seed=3,
    days=4,
    agents=12,
    blueprints=3,
    attack_after_days=2,
    mean_requests_per_agent_day=60,
    other_records_per_day=100,
    records_per_body=20,
)


Replayed = tuple[Summary, list[Alert], list[Quarantined]]


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("simulation") / "events.jsonl"
    path.write_bytes(b"\n".join(simulate(SMALL).bodies()))
    return path


def replayed(*paths: Path, selection: Selection | None = None, sort: bool = False) -> Replayed:
    alerts: list[Alert] = []
    quarantined: list[Quarantined] = []
    summary = replay(
        FileSource([str(path) for path in paths], sort=sort),
        Decoder(),
        Engine(engine_settings(load())),
        selection=selection,
        on_alert=alerts.append,
        on_quarantine=quarantined.append,
    )
    assert summary.accounting.balanced()
    return summary, alerts, quarantined


@pytest.fixture(scope="module")
def whole(events: Path) -> Replayed:
    """All of it, as it stands."""
    return replayed(events)


def test_a_simulated_tenant_gives_alerts_and_an_exact_account(events: Path, whole: Replayed) -> None:
    summary, alerts, quarantined = whole
    records = sum(len(json.loads(line)["records"]) for line in events.read_bytes().splitlines())
    assert summary.accounting.received == records
    assert summary.alerts == len(alerts) > 0
    assert sum(summary.detectors.values()) == len(alerts)
    assert quarantined == []
    assert summary.first is not None
    assert summary.last is not None
    assert summary.last - summary.first > 3.9 * 86400


def test_how_the_records_are_spread_over_files_changes_no_alert(events: Path, tmp_path: Path) -> None:
    _, alerts, _ = replayed(events, sort=True)
    lines = events.read_bytes().splitlines()
    categories: dict[str, list[bytes]] = {}
    for line in lines:
        for record in json.loads(line)["records"]:
            categories.setdefault(record["category"], []).append(json.dumps(record).encode())
    for name, records in categories.items():
        (tmp_path / f"{name}.json").write_bytes(b"\n".join(records))
    _, again, _ = replayed(tmp_path, sort=True)
    assert {alert.id for alert in again} == {alert.id for alert in alerts}


def test_sorting_a_file_first_loses_no_record(events: Path, whole: Replayed) -> None:
    plain, *_ = whole
    ordered, *_ = replayed(events, sort=True)
    assert ordered.accounting.received == plain.accounting.received
    assert ordered.accounting.late == 0


@pytest.mark.parametrize(
    ("since", "until"),
    [("2026-10-06", None), (None, "2026-10-07"), ("2026-10-06", "2026-10-07"), ("2030-01-01", None)],
)
def test_records_outside_the_window_are_filtered_and_counted(
    events: Path, whole: Replayed, since: str | None, until: str | None
) -> None:
    low = instant(since) if since else None
    high = instant(until) if until else None
    selection = Selection(
        since=low if low is not None else float("-inf"), until=high if high is not None else float("inf")
    )
    summary, alerts, _ = replayed(events, selection=selection)
    assert summary.accounting.received == whole[0].accounting.received
    assert summary.accounting.filtered["out_of_window"] > 0
    assert all(selection.since <= (instant(alert.time) or 0) for alert in alerts)
    assert all((instant(alert.time) or 0) < selection.until for alert in alerts)


def test_one_agent_can_be_looked_at_alone(events: Path, whole: Replayed) -> None:
    _, alerts, _ = whole
    agent = next(alert.subject.id for alert in alerts if alert.subject.kind == "agent")
    summary, chosen, _ = replayed(events, selection=Selection(agents=frozenset({agent})))
    assert summary.accounting.filtered["not_chosen"] > 0
    assert chosen
    assert all(agent in {entity.id for entity in alert.entities} for alert in chosen)


def test_the_agents_of_a_blueprint_can_be_looked_at_alone(events: Path, whole: Replayed) -> None:
    _, alerts, _ = whole
    blueprint = next(alert.subject.blueprint for alert in alerts if alert.subject.blueprint)
    summary, chosen, _ = replayed(events, selection=Selection(blueprints=frozenset({blueprint})))
    assert summary.accounting.filtered["not_chosen"] > 0
    assert chosen
    assert all(blueprint in {alert.subject.id, alert.subject.blueprint} for alert in chosen if alert.subject.blueprint)


def test_what_cannot_be_used_is_told_with_its_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "f.jsonl"
    good = json.dumps({"records": []})
    path.write_text(f'{good}\n\n{{"records": [{{"category": 1}}]}}\n{good}\n', encoding="utf-8")
    _, _, quarantined = replayed(path)
    assert [each.place for each in quarantined] == [f"{path}:3"]
    path.write_text('{"x": 1}\n{"y": 2}\nbroken\n', encoding="utf-8")
    _, _, quarantined = replayed(path)
    assert [each.place for each in quarantined] == [f"{path}:{line}" for line in (1, 2, 3)]


def test_the_collector_is_left_as_it_was(events: Path) -> None:
    gc.unfreeze()  # what the run of tests has frozen (tests/conftest.py)
    before = gc.get_threshold(), gc.get_freeze_count()
    replayed(events)
    assert (gc.get_threshold(), gc.get_freeze_count()) == before
    gc.freeze()
    frozen = gc.get_freeze_count()
    replayed(events)
    assert gc.get_freeze_count() >= frozen > 0, "what a caller has frozen stays frozen"


def test_notes_say_what_to_do() -> None:
    summary, *_ = replayed_nothing()
    assert list(notes(summary, disordered=[], ignored=[], lateness=1200)) == [
        "There was not a single record in the input."
    ]
    summary.accounting.received = 100
    summary.accounting.late = 40
    summary.accounting.quarantined["malformed_json"] = 60
    summary.unknown = {"category:FooLogs": 3}
    said = " ".join(notes(summary, disordered=["f"], ignored=["a.yaml"], lateness=1200))
    for part in ("40.0%", "f is not in order", "--sort", "60 malformed_json", "category:FooLogs", "a.yaml", "scope"):
        assert part in said
    assert "20 minutes" in " ".join(notes(summary, disordered=[], ignored=[], lateness=1200))


def replayed_nothing() -> tuple[Summary, list[Alert], list[Quarantined]]:
    alerts: list[Alert] = []
    summary = replay([], Decoder(), Engine(engine_settings(load())), on_alert=alerts.append)
    return summary, alerts, []


def test_an_empty_input_is_a_summary_without_times() -> None:
    summary, *_ = replayed_nothing()
    document = summary.document()
    assert document["records"]["received"] == 0
    assert document["first_event"] is document["last_event"] is None
    assert document["balanced"]
    assert not summary.raised("info")


def test_progress_is_told_now_and_then(events: Path) -> None:
    told: list[int] = []
    source = FileSource([str(events)])
    replay(
        source,
        Decoder(),
        Engine(engine_settings(load())),
        on_alert=lambda _: None,
        on_progress=lambda: told.append(source.bytes_done),
    )
    assert told == sorted(told)
    assert told[-1] <= source.bytes_total == events.stat().st_size
