"""`agent-detector alerts`: what people see of the store, and what they may do to it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from detector.cli import exits
from detector.cli.main import COMMANDS, main
from detector.sinks.encoding import alert_document, json_line
from detector.stores.alerts import Filter
from detector.stores.records import Commit, NewAlert
from detector.stores.store import Store
from tests.sinks.alerts import HOSTILE, alert
from tests.stores.stage import NOW, OTHER, opened

AGENT = "6f1e8a52-0000-4000-8000-000000000001"


def stored(name: str = "Invoice triage", time: float = NOW - 60, **changes: Any) -> NewAlert:
    told = alert(name, **changes)
    return NewAlert(
        told.id, time, told.severity, told.detector, told.subject.id, json_line(alert_document(told)), ("alertmanager",)
    )


@pytest.fixture
def run(capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr("detector.cli.alerts._now", lambda: NOW)
    monkeypatch.setitem(COMMANDS, "alerts", ("detector.cli.alerts", "Look at alerts and see to them."))

    def runner(*arguments: object) -> tuple[int, str, str]:
        code = main(["alerts", *(str(argument) for argument in arguments)])
        captured = capfdbinary.readouterr()
        return code, captured.out.decode(), captured.err.decode()

    return runner


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A service at work: the command must not need it to stop."""
    with opened(tmp_path / "data") as service:
        service.commit(
            Commit(
                alerts=[
                    stored("first", NOW - 90, severity="low"),
                    stored("second", NOW - 60),
                    stored("third", NOW - 30, severity="critical", detector="api_spread"),
                ]
            )
        )
        yield service


def lines(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


@pytest.mark.parametrize("subcommand", ["", "list", "show", "acknowledge", "suppress", "suppressions"])
def test_everything_explains_itself_with_an_example(run: Any, subcommand: str) -> None:
    code, out, _ = run(*([subcommand] if subcommand else []), "--help")
    assert code == exits.OK
    assert f"agent-detector alerts {subcommand}" in out
    assert all(len(line) <= 100 for line in out.split("\n"))


def test_a_pipe_gets_json_with_everything_that_happened(run: Any, store: Store) -> None:
    first = stored("first").id
    store.outbox.mark_failed("alertmanager", [first], "400")
    store.alerts.acknowledge([first], who="me", note="seen")
    code, out, err = run("list", "--store", store.path.parent)
    assert (code, err) == (exits.OK, "")
    assert [each["severity"] for each in lines(out)] == ["low", "high", "critical"]
    got = lines(out)[0]
    assert got["alert"] == json.loads(json_line(alert_document(alert("first", severity="low"))))
    assert got["acknowledgements"] == [{"by": "me", "at": "2026-09-21T14:13:20.000Z", "note": "seen"}]
    assert got["deliveries"] == [
        {
            "sink": "alertmanager",
            "status": "dead",
            "attempts": 1,
            "changed": "2026-09-21T14:13:20.000Z",
            "reason": "400",
        }
    ]
    assert (got["time"], got["subject"], got["suppressed_by"]) == ("2026-09-21T14:11:50.000Z", AGENT, None)
    assert run("show", "--store", store.path.parent, first) == (0, out.splitlines(keepends=True)[0], "")


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (("--min-severity", "high"), ["second", "third"]),
        (("--detector", "api_spread"), ["third"]),
        (("--subject", AGENT.upper()), ["first", "second", "third"]),
        (("--subject", OTHER), []),
        (("--since", "2026-09-21T14:12:20Z"), ["second", "third"]),
        (("--until", "2026-09-21T14:12:20Z"), ["first"]),
        (("--acknowledged",), ["second"]),
        (("--open",), ["first", "third"]),
        (("--suppressed",), []),
        (("--not-suppressed",), ["first", "second", "third"]),
        (("--limit", 1), ["third"]),
    ],
)
def test_filters_choose(run: Any, store: Store, arguments: tuple[object, ...], names: list[str]) -> None:
    store.alerts.acknowledge([stored("second").id], who="me")
    code, out, _ = run("list", "--store", store.path.parent, "--json", *arguments)
    assert code == exits.OK
    assert [each["alert"]["subject"]["name"] for each in lines(out)] == names


def test_people_get_a_table_and_the_whole_alert(run: Any, store: Store) -> None:
    second = stored("second").id
    store.outbox.mark_sent("alertmanager", [second])
    run("acknowledge", "--store", store.path.parent, second, "--by", "Ada", "--note", "CHG-1")
    code, out, _ = run("list", "--store", store.path.parent, "--pretty", "--limit", 3)
    assert code == exits.OK
    for text in ("Token-request spike: second", "acknowledged by Ada", "waits for alertmanager", "CRITICAL", second):
        assert text in out
    code, out, _ = run("show", "--store", store.path.parent, second, "--pretty")
    for text in ("Next steps", "Sent to alertmanager", "Acknowledged by Ada", ": CHG-1", second):
        assert text in out


def test_nothing_from_a_record_reaches_the_terminal_raw(run: Any, tmp_path: Path) -> None:
    names = [name for name in HOSTILE if name.isprintable() or "\x00" not in name]
    with opened(tmp_path) as store:
        store.commit(Commit(alerts=[stored(name, NOW - number) for number, name in enumerate(names)]))
        ids = [each.id for each in store.alerts.find(Filter())]
        store.alerts.acknowledge(ids[:1], who="\x1b[31mme", note="\u202eevil")
        store.outbox.mark_failed("alertmanager", ids[1:2], "\x1b]0;title\x07")
        store.alerts.suppress(AGENT, owner="\x1b[31mo", reason="\u2028r", expires=NOW + 9000)
    for arguments in (("list",), ("show", *ids), ("suppressions",)):
        code, out, _ = run(*arguments, "--store", tmp_path, "--pretty")
        assert code == exits.OK
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202f\u2066-\u2069\ufeff]", out)
        code, out, _ = run(*arguments, "--store", tmp_path, "--json")
        assert out.isascii()
        assert lines(out)


def test_an_alert_of_another_release_is_shown_as_it_was_stored(run: Any, tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.commit(Commit(alerts=[stored()._replace(document=b'{"title":"of old","subject":7}')]))
        code, out, _ = run("show", "--store", tmp_path, "--pretty", stored().id)
        assert code == exits.OK
        assert '"title": "of old"' in out
        code, out, _ = run("list", "--store", tmp_path, "--pretty")
        assert "of old" in out


def test_an_unknown_id_is_guessed(run: Any, store: Store) -> None:
    identifier = stored("first").id
    for arguments in (("show",), ("acknowledge", "--by", "me")):
        code, out, err = run(*arguments, "--store", store.path.parent, identifier[:7].upper())
        assert (code, out) == (exits.USAGE, "")
        assert f"Did you mean {identifier}?" in err
    assert store.alerts.get(identifier).acknowledgements == ()


def test_acknowledging_names_who(run: Any, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "ada")
    code, out, _ = run("acknowledge", "--store", store.path.parent, stored("first").id, stored("second").id)
    assert (code, out) == (exits.OK, "Acknowledged 2 alerts as ada.\n")
    assert store.alerts.get(stored("first").id).acknowledgements[0].who == "ada"

    def nameless() -> str:
        raise KeyError

    monkeypatch.setattr("getpass.getuser", nameless)
    code, _, err = run("acknowledge", "--store", store.path.parent, stored("first").id)
    assert code == exits.USAGE
    assert "--by NAME" in err


def test_a_suppression_is_made_listed_and_lifted(run: Any, store: Store) -> None:
    place = store.path.parent
    made = ("suppress", "--store", place, AGENT, "--owner", "o", "--reason", "r")
    assert run(*made, "--expires", "12h") == (exits.OK, "Suppression 1 holds until 2026-09-22T02:13:20.000Z.\n", "")
    code, _, _ = run(*made, "--expires", "2026-12-01", "--detector", "api_spread", "--since", "2026-09-01")
    assert code == exits.OK
    first, second = store.alerts.suppressions()
    assert (first.starts, first.expires, first.detector) == (NOW, NOW + 43_200, None)
    assert (second.starts, second.detector) == (NOW - 1_779_200, "api_spread")
    assert store.commit(Commit(alerts=[stored("held back", NOW + 1)])).suppressed
    _, out, _ = run("suppressions", "--store", place)
    assert [(each["subject"], each["hits"], each["detector"]) for each in lines(out)] == [
        (AGENT, 1, None),
        (AGENT, 0, "api_spread"),
    ]
    _, out, _ = run("suppressions", "--store", place, "--pretty")
    assert "every" in out
    assert "2026-09-22 02:13" in out
    _, out, _ = run("list", "--store", place, "--pretty", "--suppressed")
    assert "suppressed (1)" in out
    _, out, _ = run("show", "--store", place, "--pretty", stored("held back").id)
    assert "Not sent: suppression 1" in out
    assert run("suppressions", "--store", place, "--lift", 1)[0] == exits.OK
    assert [each["id"] for each in lines(run("suppressions", "--store", place)[1])] == [2]
    assert [each["id"] for each in lines(run("suppressions", "--store", place, "--all")[1])] == [1, 2]
    code, _, err = run("suppressions", "--store", place, "--lift", 1)
    assert code == exits.USAGE
    assert "ended already" in err


def test_the_clock_is_that_of_the_machine() -> None:
    from detector.cli.alerts import _now
    from detector.runtime.replay import moment_of_reading

    before = moment_of_reading()
    assert before <= _now() <= moment_of_reading()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"subject": "Invoice triage"}, "A display name proves nothing"),
        ({"--expires": "181d"}, "at most 180 days"),
        ({"--expires": "soon"}, "Not a time"),
        ({"--since": "7d"}, "Not a time"),
        ({"--expires": "2020-01-01"}, "later than now"),
        ({"--detector": "token_spik"}, "Did you mean token_spike?"),
        ({"--detector": "zzz"}, "There are accountability_lost"),
        ({"--owner": " "}, "needs its owner"),
    ],
)
def test_a_suppression_that_makes_no_sense_is_refused(
    run: Any, store: Store, changes: dict[str, str], message: str
) -> None:
    options = {"subject": AGENT, "--owner": "o", "--reason": "r", "--expires": "7d", **changes}
    subject = options.pop("subject")
    code, out, err = run(
        "suppress", "--store", store.path.parent, subject, *(x for pair in options.items() for x in pair)
    )
    assert (code, out) == (exits.USAGE, "")
    assert message in err
    assert store.alerts.suppressions(ended=True) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("list",), "There is no store here"),
        (("list", "--since", "noon"), "is not a time"),
        (("list", "--json", "--pretty"), "There is no store here"),
        (("show", "a"), "There is no store here"),
    ],
)
def test_what_cannot_be_is_said(run: Any, tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    code, _, err = run(*arguments, "--store", tmp_path)
    assert code == exits.USAGE
    assert message in err


def test_json_excludes_text_for_people(run: Any, store: Store) -> None:
    code, _, err = run("list", "--store", store.path.parent, "--json", "--pretty")
    assert code == exits.USAGE
    assert "--json excludes --pretty" in err


def test_an_empty_store_says_so(run: Any, tmp_path: Path) -> None:
    opened(tmp_path).close()
    assert run("list", "--store", tmp_path, "--pretty") == (exits.OK, "No alerts.\n", "")
    assert run("suppressions", "--store", tmp_path, "--pretty") == (exits.OK, "Nothing is suppressed.\n", "")
    assert run("list", "--store", tmp_path) == (exits.OK, "", "")


def test_more_than_the_limit_is_told(run: Any, store: Store) -> None:
    _, out, err = run("list", "--store", store.path.parent, "--pretty", "--limit", 2)
    assert "first" not in out
    assert "Only the newest 2 are shown" in err
