"""`agent-detector alerts incidents`, and the incidents at the end of a replay."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from detector.cli import exits, timeline
from detector.cli.main import main
from detector.domain.alerts import Alert, Entity, Subject
from detector.domain.incidents import incident_id
from detector.engine.incidents import incidents_of
from detector.engine.state import encoder
from detector.features.inventory import ObjectMemory
from detector.features.listing import Listed, Span
from detector.runtime.live.memory import new_alert
from detector.stores.records import Commit, StateRow
from tests.runtime.coverage.test_observed import body as simulated
from tests.sinks.alerts import HOSTILE, alert
from tests.stores.stage import opened

body = simulated
CREW = Subject("agent", "a-1", "Invoice triage", "b-1", "Crew", "t-1")


def told(name: str, time: str = "2026-10-05T07:00:00.000Z", **changes: Any) -> Alert:
    return alert(name, subject=changes.pop("subject", CREW), time=time, **changes)


def row() -> StateRow:
    sponsors = Listed([5], [Span("p-1", 5, 5), Span("p-gone", 1, 2)])
    memory = ObjectMemory("b-object", "blueprint", 0.0, (1.0, 1), app_id="b-1", name="Crew", sponsors=sponsors)
    return StateRow("object", "t-1", "b-object", encoder().encode(memory))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    alerts = [
        told("first", severity="low"),
        told("second", "2026-10-05T09:00:00.000Z", severity="critical"),
        told("third", "2026-10-06T09:00:00.000Z", severity="medium"),
        told("other", subject=Subject("agent", "a-2", "Loner", tenant="t-1"), severity="low"),
    ]
    with opened(tmp_path / "data") as store:
        store.commit(Commit(state=[row()], alerts=[new_alert(each, ("sink",)) for each in alerts]))
    return tmp_path / "data"


@pytest.fixture
def run(capfdbinary: pytest.CaptureFixture[bytes]) -> Any:
    def runner(*arguments: object) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        captured = capfdbinary.readouterr()
        return code, captured.out.decode(), captured.err.decode()

    return runner


def lines(out: str) -> list[dict[str, Any]]:
    return [json.loads(line)["incident"] for line in out.splitlines()]


def test_a_store_tells_its_incidents_as_lines(run: Any, data: Path) -> None:
    code, out, err = run("alerts", "incidents", "--store", data)
    assert (code, err) == (exits.OK, "")
    found = {(each["key"], each["day"]): each for each in lines(out)}
    assert set(found) == {("b-1", "2026-10-05"), ("b-1", "2026-10-06"), ("a-2", "2026-10-05")}
    first = found["b-1", "2026-10-05"]
    assert first["id"] == incident_id("t-1", "blueprint", "b-1", "2026-10-05")
    assert (first["severity"], first["alerts"], first["severities"]) == ("critical", 2, {"critical": 1, "low": 1})
    assert [moment["severity"] for moment in first["timeline"]] == ["low", "critical"]
    assert first["radius"]["sponsors"] == ["p-1"]
    assert first["radius"]["owners"] is None
    assert found["b-1", "2026-10-06"]["continues"] == first["id"]


@pytest.mark.parametrize(
    ("arguments", "keys"),
    [
        (("--min-severity", "medium"), ["b-1", "b-1"]),
        (("--since", "2026-10-05T08:00:00Z"), ["b-1", "b-1"]),
        (("--since", "2026-10-06"), ["b-1"]),
        (("--until", "2026-10-05T08:00:00Z"), ["a-2", "b-1"]),
        (("--until", "2026-10-05"), []),
        (("--limit", 1), ["b-1"]),
        ((incident_id("t-1", "agent", "a-2", "2026-10-05").upper(),), ["a-2"]),
    ],
)
def test_filters_choose_whole_incidents(run: Any, data: Path, arguments: tuple[object, ...], keys: list[str]) -> None:
    code, out, _ = run("alerts", "incidents", "--store", data, *arguments)
    assert code == exits.OK
    assert sorted(each["key"] for each in lines(out)) == keys
    if "2026-10-05T08:00:00Z" in arguments:
        assert max(each["alerts"] for each in lines(out)) == 2


def test_people_get_timeline_and_reach(run: Any, data: Path) -> None:
    code, out, _ = run("alerts", "incidents", "--store", data, "--pretty")
    flat = " ".join(out.split())
    assert code == exits.OK
    assert "CRITICAL blueprint Crew, 2026-10-05: 2 alerts (1 critical, 1 low)" in flat
    assert "LOW agent Loner, 2026-10-05: 1 alert (1 low)" in flat
    assert "Sponsors p-1" in flat
    assert "Owners not known: connect the inventory" in flat
    assert f"Continues {incident_id('t-1', 'blueprint', 'b-1', '2026-10-05')}" in flat


def test_without_alerts_there_is_none(run: Any, tmp_path: Path) -> None:
    with opened(tmp_path / "data"):
        pass
    assert run("alerts", "incidents", "--store", tmp_path / "data", "--pretty")[1] == "No incidents.\n"


def test_mistakes_are_told(run: Any, data: Path, tmp_path: Path) -> None:
    for arguments, said in (
        (("--store", data, "f" * 32), "There is no incident ffff"),
        (("--store", data, "--json", "--pretty"), "--json excludes --pretty"),
        (("--store", data, "--since", "soon"), "'soon' is not a time"),
        (("--store", tmp_path / "nothing"), "There is no store here"),
    ):
        code, out, err = run("alerts", "incidents", *arguments)
        assert (code, out) == (exits.USAGE, "")
        assert said in err


def test_alerts_of_another_release_are_passed_over(run: Any, tmp_path: Path) -> None:
    old = new_alert(told("old"), ())._replace(document=b'{"n":1}')
    with opened(tmp_path / "data") as store:
        store.commit(Commit(alerts=[old, new_alert(told("new"), ())]))
    (found,) = lines(run("alerts", "incidents", "--store", tmp_path / "data")[1])
    assert found["alerts"] == 1


def test_damaged_memory_is_told(run: Any, tmp_path: Path) -> None:
    with opened(tmp_path / "data") as store:
        store.commit(Commit(state=[StateRow("object", "t", "o", b"\xc1")], alerts=[new_alert(told("new"), ())]))
    code, _, err = run("alerts", "incidents", "--store", tmp_path / "data")
    assert code == exits.USAGE
    assert "A row of the kind 'object' cannot be read" in err


def test_a_replay_ends_with_its_incidents(run: Any, tmp_path: Path, body: bytes) -> None:
    (tmp_path / "events.jsonl").write_bytes(body)
    _, plain, _ = run("replay", tmp_path / "events.jsonl")
    code, out, _ = run("replay", tmp_path / "events.jsonl", "--incidents")
    assert code == exits.OK
    assert out.startswith(plain)
    alerts = [json.loads(line) for line in plain.splitlines()]
    found = lines(out[len(plain) :])
    assert {each["id"] for each in found} == {each["incident"] for each in alerts}
    assert sum(each["alerts"] for each in found) == len({each["id"] for each in alerts})
    assert any(each["radius"]["agents_known"] > 1 for each in found), "memory names siblings"
    _, text, _ = run("replay", tmp_path / "events.jsonl", "--incidents", "--brief")
    assert f"Incident     {found[0]['id']}" in text or found[0]["id"] in text


@pytest.mark.parametrize("name", HOSTILE)
def test_names_out_of_records_are_shown_as_plain_text(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    subject = Subject("agent", "a-1", name, tenant=name)
    entities = (Entity("agent", "a-1", name), Entity("resource", name, name), Entity("credential", name, name))
    incidents = incidents_of([told("x", subject=subject, title=name, entities=entities)], {})
    timeline.show(incidents, Console(highlight=False, markup=False, emoji=False, force_terminal=False, width=100))
    shown = capsys.readouterr().out
    assert all(char == "\n" or char.isprintable() for char in shown)
    timeline.write(incidents)
    assert capsys.readouterr().out.isascii()


def test_a_cut_timeline_and_long_lists_say_how_much_is_left_out(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr("detector.engine.incidents.MOST_MOMENTS", 2)
    entities = tuple(Entity("resource", f"r-{number}") for number in range(12))
    incidents = incidents_of([told(f"{number}", entities=entities) for number in range(5)], {})
    timeline.show(incidents, Console(highlight=False, width=120))
    flat = " ".join(capsys.readouterr().out.split())
    assert "and 3 more, which are less severe" in flat
    assert "r-3" in flat
    assert "and 4 more" in flat
