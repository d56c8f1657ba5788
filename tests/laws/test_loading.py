"""Law: whatever a file says, loading ends with settings or with a ConfigurationError, and with nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.config.build import engine_settings
from detector.config.effective import effective
from detector.config.load import load
from detector.config.resources import text_of
from detector.config.settings import Settings
from detector.errors import ConfigurationError

LINES = tuple(text_of("detector.yaml").splitlines())

scraps = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [
            *"{}[]:,#&*!|>'\"%@`-?\t\n\x00\x85\ufeff",
            "&a ",
            "*a",
            "!!set ",
            "<<: ",
            "- ",
            ": ",
            "---\n",
            "...\n",
            "%YAML 1.1\n",
        ]
    ),
    st.sampled_from(
        ["1e999", ".nan", "-0", "0x1F", "1_0", "9" * 30, "yes", "~", '"\\ud800"', '"\\UFFFFFFFF"', "{}", "[]"]
    ),
    st.sampled_from(["2h", "10.0.0.0/8", "::/0", "mon", "24:00", "UTC", "00000003-0000-0000-c000-000000000000"]),
)


@st.composite
def mutations(draw: st.DrawFn) -> str:
    """The default file with lines dropped, doubled and moved, scraps put in, and values replaced."""
    lines = list(LINES)
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, len(lines) - 1))
        match draw(st.sampled_from(["drop", "double", "indent", "value", "insert", "move"])):
            case "drop" if len(lines) > 1:
                del lines[place]
            case "double":
                lines.insert(place, lines[place])
            case "indent":
                lines[place] = " " * draw(st.integers(0, 5)) + lines[place].lstrip()
            case "value":
                lines[place] = lines[place].partition(":")[0] + ": " + draw(scraps)
            case "insert":
                column = draw(st.integers(0, len(lines[place])))
                lines[place] = lines[place][:column] + draw(scraps) + lines[place][column:]
            case _:
                lines.append(lines.pop(place))
    return "\n".join(lines)


def outcome(path: Path | None, text: str | None) -> Settings | ConfigurationError:
    try:
        return load(path, text)
    except ConfigurationError as error:
        return error


def check(text: str) -> None:
    result = outcome(None, text)
    if isinstance(result, Settings):
        again = load(text=effective(result))
        assert engine_settings(again) == engine_settings(result)
        return
    assert result.problems
    for problem in result.problems:
        assert problem.message.endswith((".", "?"))
        assert str(problem).isprintable()
        assert problem.line is None or 1 <= problem.line <= len(text) + 1


@given(mutations())
def test_a_mutated_default_file_loads_or_is_refused(text: str) -> None:
    check(text)


@given(st.text(max_size=200))
def test_any_text_loads_or_is_refused(text: str) -> None:
    check(text)


@given(st.binary(max_size=200))
def test_any_file_loads_or_is_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(content)
    result = outcome(path, None)
    assert isinstance(result, Settings) or result.problems[0].file == str(path)
