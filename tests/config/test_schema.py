"""The published JSON Schema is current and agrees with what is loaded."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from detector.config.document import parse
from detector.config.effective import effective
from detector.config.load import load
from detector.config.resources import text_of
from detector.config.schema import json_schema
from detector.config.settings import Settings
from detector.errors import ConfigurationError

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

PUBLISHED = Path(__file__).resolve().parents[2] / "docs" / "configuration.schema.json"


@cache
def schema() -> dict[str, Any]:
    """Made once: it is a look at every setting there is."""
    return json_schema()


@cache
def validator() -> Draft202012Validator:
    """Made when it is needed: importing it takes a second, and every worker of a run imports this module."""
    from jsonschema import Draft202012Validator

    return Draft202012Validator(schema())


def described(schema: dict[str, Any]) -> list[tuple[str, str]]:
    blocks = {"": schema, **schema["$defs"]}
    return [
        (f"{block}.{name}", setting.get("description", ""))
        for block, said in blocks.items()
        for name, setting in said["properties"].items()
    ]


def test_the_published_schema_is_current() -> None:
    # To renew it, write json.dumps(json_schema(), indent=2) and a line feed to the file.
    assert PUBLISHED.read_text(encoding="utf-8") == json.dumps(schema(), indent=2) + "\n"


@pytest.mark.untraced
def test_the_schema_is_a_schema_and_describes_every_setting() -> None:
    validator().check_schema(schema())
    assert schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert [name for name, description in described(schema()) if not description] == []


@pytest.mark.parametrize("text", [text_of("detector.yaml"), effective(Settings()), "lateness: 1h30s", "lateness: 5.5"])
def test_the_default_file_validates(text: str) -> None:
    validator().validate(parse(text).data)


@pytest.mark.parametrize(
    "text",
    [
        "scoope: agents",
        "scope: all",
        "lateness: soon",
        "lateness: -1",
        "identities: [x]",
        "pipelines: [{name: p}]",
        "pipelines: [{name: p, object_ids: []}]",
        "rates: {agents: {p_value: 1}}",
        "detectors: {token_spike: {p_value: 0}}",
        "detectors: {tokn_spike: {}}",
        "limits: {max_depth: 1}",
    ],
)
def test_the_schema_refuses_what_is_refused(text: str) -> None:
    assert not validator().is_valid(parse(text).data)
    with pytest.raises(ConfigurationError):
        load(text=text)
