"""Every problem at once, each with its setting, its line and a suggestion."""

from __future__ import annotations

from pathlib import Path

import pytest

from detector.config.load import load
from detector.errors import ConfigurationError, Problem

WINDOW = "pipelines: [{name: p, object_ids: [11111111-2222-3333-4444-555555555555], windows: [{%s}]}]"
PIPELINE = "pipelines: [{name: p, object_ids: [11111111-2222-3333-4444-555555555555], addresses: [%s]}]"


def problems(text: str) -> tuple[Problem, ...]:
    with pytest.raises(ConfigurationError) as caught:
        load(text=text)
    return caught.value.problems


def only(text: str) -> Problem:
    (problem,) = problems(text)
    return problem


def test_everything_that_is_wrong_is_told_at_once_in_the_order_of_the_text() -> None:
    text = """\
scope: agent
lateness: 2h
pipelines:
  - name: production
    object_ids: [deployer]
    addresses: [10.1.2.3/16, 10.0.0.0/8, here]
    windows:
      - days: [monday]
        from: 8:00
        to: 18:00
        zone: Europe/Berln
        strat: 1
detectors:
  tokn_spike: {}
  token_spike: {p_value: 2, enabled: yes}
  token_spike: {}
rates:
  agents: {floors: {10m: 1.5}}
limits: 5
"""
    with pytest.raises(ConfigurationError) as caught:
        load(Path("mine.yaml"), text)
    assert str(caught.value).splitlines() == [
        'mine.yaml:1: scope: Not a scope. Did you mean "agents"?',
        "mine.yaml:2: lateness: Must be at most 3600.",
        "mine.yaml:5: pipelines[0].object_ids[0]: Not an object id or app id. Ids look like "
        "00000000-0000-0000-0000-000000000000; a display name proves nothing.",
        'mine.yaml:6: pipelines[0].addresses[0]: The address has bits beyond its prefix. Did you mean "10.1.0.0/16"?',
        "mine.yaml:6: pipelines[0].addresses[1]: The network is wider than /16. A pipeline comes from a few known "
        "addresses; list them, or leave the list empty to allow any.",
        "mine.yaml:6: pipelines[0].addresses[2]: Not a network in CIDR notation. Write it like 203.0.113.0/24.",
        'mine.yaml:8: pipelines[0].windows[0].days[0]: Not a day of the week. Did you mean "mon"?',
        'mine.yaml:9: pipelines[0].windows[0].from: Not a time of day. Write it like "08:00"; the day ends at "24:00".',
        "mine.yaml:11: pipelines[0].windows[0].zone: Not a time zone of the IANA database. "
        'Did you mean "Europe/Berlin"?',
        "mine.yaml:12: pipelines[0].windows[0].strat: Unknown setting. Known here: days, from, to, zone.",
        'mine.yaml:14: detectors.tokn_spike: Unknown setting. Did you mean "token_spike"?',
        "mine.yaml:15: detectors.token_spike.enabled: Must be true or false.",
        "mine.yaml:15: detectors.token_spike.p_value: Must be less than 1.",
        "mine.yaml:16: detectors.token_spike: Written twice; the first is in line 15.",
        "mine.yaml:18: rates.agents.floors.10m: Must be a whole number.",
        "mine.yaml:19: limits: Must be a block of settings.",
    ]


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("scope: 7", "scope", "Not a scope."),
        ("lateness: soon", "lateness", "Not a duration."),
        ("lateness: h", "lateness", "Not a duration."),
        ("lateness: -1", "lateness", "Must be at least 0."),
        ("lateness: [1]", "lateness", "Must be a number."),
        ("identities: abc", "identities", "Must be a list."),
        ("pipelines: {}", "pipelines", "Must be a list."),
        ("pipelines: [1]", "pipelines[0]", "Must be a block of settings."),
        ("pipelines: [{name: p, object_ids: []}]", "pipelines[0].object_ids", "Must have at least 1 entry."),
        ("pipelines: [{object_ids: ~, name: ''}]", "pipelines[0].name", "Must not be empty."),
        ("pipelines: [{name: 2024}]", "pipelines[0].name", "Must be text; put it in quotes."),
        (f"pipelines: [{{name: {'n' * 201}}}]", "pipelines[0].name", "Must not be longer than 200 characters."),
        (PIPELINE % "5", "pipelines[0].addresses[0]", "Not a network in CIDR notation."),
        (PIPELINE % "'2001:db8::/31'", "pipelines[0].addresses[0]", "The network is wider than /32."),
        (PIPELINE % "'::ffff:10.0.0.0/112'", "pipelines[0].addresses[0]", "An IPv4 address is written as IPv6."),
        (WINDOW % "days: []", "pipelines[0].windows[0].days", "Must have at least 1 entry."),
        (WINDOW % "days: mon", "pipelines[0].windows[0].days", "Must be a list."),
        (
            WINDOW % "days: [mon], from: 08:00, to: 08:00, zone: UTC",
            "pipelines[0].windows[0]",
            "The window never opens.",
        ),
        (
            WINDOW % "days: [mon], from: 24:00, to: 08:00, zone: UTC",
            "pipelines[0].windows[0]",
            "The window never opens.",
        ),
        (
            WINDOW % "days: [mon], from: 25:00, to: 08:00, zone: UTC",
            "pipelines[0].windows[0].from",
            "Not a time of day.",
        ),
        ("rates: {agents: {p_value: 0}}", "rates.agents.p_value", "Must be greater than 0."),
        ("rates: {agents: {p_value: '1e-7'}}", "rates.agents.p_value", "Must be a number."),
        ("rates: {agents: {ratio: 0.5}}", "rates.agents.ratio", "Must be at least 1."),
        ("rates: {agents: {ratio: 1e999}}", "rates.agents.ratio", "Must be a finite number."),
        ("rates: {agents: {floors: {10m: true}}}", "rates.agents.floors.10m", "Must be a whole number."),
        (
            "rates: {agents: {floors: {6h: 30}}}",
            "rates.agents.floors",
            "The floor of a longer span is lower than that of a shorter one.",
        ),
        (
            "limits: {max_body_bytes: 65536}",
            "limits",
            "max_record_bytes is larger than max_body_bytes, so no such record could arrive.",
        ),
        ("failures: {guesses: [5]}", "failures.guesses[0]", "Must be text; put it in quotes."),
        ("error_codes: [1]", "error_codes", "Must be a block of settings."),
        ("error_codes: {-1: disabled}", "error_codes.-1", "Must be at least 0."),
        ("error_codes: {5: nothing}", "error_codes.5", "Not a class of error codes."),
        ("error_codes: {abc: disabled}", "error_codes.abc", "Must be a whole number."),
        ("activities: {update user: 'on'}", "activities.update user", "Not a kind of change."),
        ("detectors: {change_outside_pipeline: {kinds_ignored: [x]}}", "", "Not a kind of change."),
        ("just text", "", "Must be a block of settings."),
        ("[1, 2]", "", "Must be a block of settings."),
        ('scope: "a\\u0007b"', "scope", "Contains a character that cannot be printed."),
    ],
)
def test_each_kind_of_problem_has_its_sentence(text: str, path: str, message: str) -> None:
    found = problems(text)
    assert (message, 1) in {(problem.message, problem.line) for problem in found}
    assert not path or path in {problem.path for problem in found if problem.message == message}


def test_two_pipelines_of_one_name_are_refused() -> None:
    pipeline = "{name: p, object_ids: [11111111-2222-3333-4444-555555555555]}"
    problem = only(f"pipelines: [{pipeline}, {pipeline}]")
    assert problem.path == "pipelines"
    assert problem.message == "Two pipelines have the same name, so alerts could not tell them apart."


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("identitys: []", 'Did you mean "identities"?'),
        ("rates: {agent: {}}", 'Did you mean "agents"?'),
        ("rates: {agents: {floors: {6hs: 1}}}", 'Did you mean "6h"?'),
        ("rates: {agents: {floors: {daily: 1}}}", "Known here: 10m, 1h, 6h."),
        ("detectors: {success_after_failures: {p: 1}}", "Known here: enabled."),
        ("failures: {transient: [throtled]}", 'Did you mean "throttled"?'),
        ("activities: {update user: user_updatd}", 'Did you mean "user_updated"?'),
        ("error_codes: {1: zzz}", None),
    ],
)
def test_a_suggestion_is_made_where_there_is_one(text: str, hint: str | None) -> None:
    assert only(text).hint == hint


def test_an_unknown_setting_without_a_value_is_still_refused() -> None:
    assert only("scoope:").message == "Unknown setting."


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("scope: agents\nlateness: [1\n", 3, "expected ',' or ']'"),
        ("scope: agents\n\tlateness: 1\n", 2, "cannot start any token"),
        ("a: 1\n--- \nb: 2\n", 2, "another document"),
        ("a: &x 1\n", 1, "anchors"),
        ("a: 1\nb: *x\n", 2, "aliases"),
        ("a: !!python/object/apply:os.system [x]\n", 1, "tags"),
        ("a: ! x\n", 1, "tags"),
        ("a: " + "[" * 50, 1, "nested"),
        ("a: 1\nb: \x00\n", 2, "character"),
        ('a: "\\U00110000"', None, "escape"),
        ("#" * 300_000, None, "256 KiB"),
    ],
)
def test_text_that_cannot_be_read_is_refused_with_its_line(text: str, line: int | None, words: str) -> None:
    problem = only(text)
    assert (problem.path, problem.line) == ("", line)
    assert words in problem.message


def test_a_key_that_is_no_word_is_refused() -> None:
    assert only("? [a, b]\n: 1\n").message == "A key must be a single word."


def test_a_small_file_cannot_become_large() -> None:
    bomb = "a: &a [x, x]\n" + "".join(f"b{n}: &b{n} [*a, *a]\n" for n in range(40))
    assert only(bomb).line == 1


@pytest.mark.untraced
def test_thousands_of_problems_are_bounded_and_quick() -> None:
    found = problems("".join(f"k{n}: 1\n" for n in range(5_000)))
    assert len(found) == 101
    assert found[-1].message == "There are 4900 more problems."


def test_a_long_key_is_cut_where_it_is_shown() -> None:
    assert len(only(f"{'k' * 900}: 1").path) == 80


def test_a_value_is_never_repeated() -> None:
    parrot = "Endpoint=sb://parrot/;SharedAccessKey=parrot"
    settings = ["scope", "lateness", "identities", "apis", "pipelines", "error_codes", "nonsense"]
    for name in settings:
        assert "parrot" not in " ".join(map(str, problems(f"{name}: {parrot}")))
    assert "parrot" not in " ".join(map(str, problems(PIPELINE % parrot)))


@pytest.mark.parametrize(
    ("content", "message", "line"),
    [
        (b"scope: agents\n# \xff\n", "The file is not UTF-8 text.", 2),
        (b"#" * 300_000, "The text is longer than 256 KiB, which no configuration needs.", None),
    ],
)
def test_a_file_that_is_no_text_is_refused(tmp_path: Path, content: bytes, message: str, line: int | None) -> None:
    path = tmp_path / "detector.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        load(path)
    assert caught.value.problems == (Problem(path="", message=message, file=str(path), line=line),)


def test_a_file_that_cannot_be_opened_is_a_problem_with_its_name(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.yaml", tmp_path):
        with pytest.raises(ConfigurationError, match="The file cannot be read: ") as caught:
            load(path)
        assert caught.value.problems[0].file == str(path)
