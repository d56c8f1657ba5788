"""The default file is the default: complete, equal, commented."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from detector.config.document import parse
from detector.config.effective import effective
from detector.config.load import load
from detector.config.resources import text_of
from detector.config.settings import Settings

TEXT = text_of("detector.yaml")


def keys(data: object, path: str = "") -> list[str]:
    if not isinstance(data, dict):
        return []
    return [line for key, value in data.items() for line in (f"{path}{key}", *keys(value, f"{path}{key}."))]


def test_the_default_file_says_what_the_model_says() -> None:
    assert load(text=TEXT) == Settings() == load() == load(text="# nothing but a comment\n")


def test_the_default_file_has_every_key_in_the_order_of_the_model() -> None:
    document = parse(TEXT).data
    assert keys(document) == keys(json.loads(json.dumps(Settings().model_dump(mode="json", by_alias=True))))
    assert keys(document) == keys(parse(effective(Settings())).data)


def test_every_key_of_the_default_file_has_a_comment() -> None:
    lines = TEXT.splitlines()
    for path, line in parse(TEXT).lines.items():
        if path and path not in {("rates", "blueprints", "floors"), ("rates", "agents", "floors")}:
            commented = "#" in lines[line - 1] or lines[line - 2].lstrip().startswith("#")
            assert commented, path


def test_the_example_pipeline_of_the_default_file_is_valid() -> None:
    example = TEXT[TEXT.index("#   - name") : TEXT.index("pipelines: []")]
    settings = load(text="pipelines:\n" + "\n".join(line[2:] for line in example.splitlines()))
    assert settings.pipelines[0].windows[0].days == ("mon", "tue", "wed", "thu", "fri")


def test_a_file_needs_only_what_differs() -> None:
    settings = load(text="rates: {agents: {floors: {10m: 5}}}\ndetectors: {token_spike: {high_ratio: 20}}")
    assert settings.rates.agents.floors.ten_minutes == 5
    assert settings.rates.agents.floors.hour == 40
    assert settings.rates.blueprints == Settings().rates.blueprints
    assert settings.detectors.token_spike.high_ratio == 20  # type: ignore[attr-defined]


@pytest.mark.parametrize("empty", ["", "~", "null", "Null", "NULL"])
def test_an_empty_value_means_the_default(empty: str) -> None:
    text = f"scope: {empty}\npipelines: {empty}\nrates: {empty}\napis: {{capacity: {empty}}}\n"
    assert load(text=text) == Settings()


def test_a_file_is_read_from_its_place(tmp_path: Path) -> None:
    path = tmp_path / "detector.yaml"
    path.write_bytes(b"\xef\xbb\xbfscope: workloads\r\nlateness: 5m\r\n")
    settings = load(path)
    assert (settings.scope, settings.lateness) == ("workloads", 300)


@pytest.mark.parametrize(
    ("text", "seconds"), [("20m", 1200), ("90s", 90), ("1h", 3600), ("0", 0), ("0.5", 0.5), ("59m60s", 3600), ("0s", 0)]
)
def test_durations_are_text_or_seconds(text: str, seconds: float) -> None:
    assert load(text=f"lateness: {text}").lateness == seconds
