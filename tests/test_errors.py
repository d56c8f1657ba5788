"""An error says what is wrong and where, in a sentence fit to show to a person."""

from __future__ import annotations

import pytest

from detector.errors import ConfigurationError, DetectorError, Problem, SnapshotError, SourceError, UsageError


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem(path="", message="The file is empty."), "The file is empty."),
        (Problem(path="a.b", message="Not a number."), "a.b: Not a number."),
        (Problem(path="a", message="Unknown.", file="d.yaml"), "d.yaml: a: Unknown."),
        (Problem(path="a", message="Unknown.", line=3), "3: a: Unknown."),
        (
            Problem(path="a.b", message="Unknown setting.", file="d.yaml", line=3, hint='Did you mean "c"?'),
            'd.yaml:3: a.b: Unknown setting. Did you mean "c"?',
        ),
    ],
)
def test_a_problem_reads_place_path_message_hint(problem: Problem, text: str) -> None:
    assert str(problem) == text


def test_a_configuration_error_tells_every_problem_in_order() -> None:
    problems = (Problem(path="b", message="Missing."), Problem(path="a", message="Unknown."))
    error = ConfigurationError(problems)
    assert error.problems == problems
    assert str(error) == "b: Missing.\na: Unknown."


def test_a_source_error_names_its_place() -> None:
    error = SourceError("archive/h=09", "There is no such directory; check the path.")
    assert (error.place, error.message) == ("archive/h=09", "There is no such directory; check the path.")
    assert str(error) == "archive/h=09: There is no such directory; check the path."


@pytest.mark.parametrize("kind", [ConfigurationError, SourceError, SnapshotError, UsageError])
def test_one_base_catches_what_is_raised_on_purpose(kind: type[Exception]) -> None:
    assert issubclass(kind, DetectorError)
