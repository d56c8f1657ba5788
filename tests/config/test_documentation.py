"""docs/configuration.md says what is true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from detector.config.document import parse
from detector.config.load import load
from detector.config.resources import folder
from detector.config.settings import Settings
from detector.config.shape import fields_of
from detector.errors import ConfigurationError

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "configuration.md").read_text(encoding="utf-8")


def test_the_example_is_valid() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
    settings = load(text=example)
    assert settings.pipelines[0].name == "agents-prod"
    assert settings.detectors.token_spike.high_ratio == 20  # type: ignore[attr-defined]


def test_every_setting_has_its_row_and_every_row_its_setting() -> None:
    table = PAGE[PAGE.index("## Settings") : PAGE.index("## Pipelines")]
    named = {
        name for row in re.findall(r"^\| (`.*?) \|", table, flags=re.MULTILINE) for name in re.findall(r"`(\w+)", row)
    }
    assert named == set(fields_of(Settings))


def test_names_of_settings_in_the_text_exist() -> None:
    known = {str(part) for path in parse((folder() / "detector.yaml").read_text()).lines for part in path}
    for dotted in re.findall(r"`((?:rates|failures|detectors|limits)\.[\w.]+)`", PAGE):
        assert set(dotted.split(".")) <= known, dotted


def test_the_problems_shown_are_what_is_told() -> None:
    text = "\n\nlateness: 2h\n\n\n\n\ndetectors:\n  tokn_spike: {}\n"
    with pytest.raises(ConfigurationError) as caught:
        load(Path("detector.yaml"), text)
    assert str(caught.value) in PAGE


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", PAGE):
        assert (DOCS / target).exists(), target
