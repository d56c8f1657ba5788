"""The effective configuration is what is in force, readable again, without secrets."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from detector.config.build import engine_settings
from detector.config.document import parse
from detector.config.effective import MASK, effective
from detector.config.fields import duration_text
from detector.config.load import load
from detector.config.settings import PipelineSettings, Settings

EVERYTHING = """
scope: chosen
identities: [11111111-2222-3333-4444-55555555AAAA]
lateness: 90s
pipelines:
  - name: "1e5"
    object_ids: [11111111-2222-3333-4444-555555555555]
    addresses: [203.0.113.0/24, "2001:db8::/48"]
    windows: [{days: [sat, sun], from: 22:00, to: 04:00, zone: Europe/Berlin}]
failures: {transient: [throttled], guesses: []}
detectors: {app_role_granted: {tier0: [Mail.Send]}}
error_codes: {99: throttled}
activities: {"Update user": user_updated}
resources: [11111111-2222-3333-4444-555555555556]
tier0: {app_roles: [Mail.ReadWrite]}
platform_actors: [Some Service]
"""


class WithSecret(Settings):
    token: SecretStr = SecretStr("parrot")


@pytest.mark.parametrize("text", ["", EVERYTHING])
def test_the_effective_configuration_loads_to_the_same_settings(text: str) -> None:
    loaded = load(text=text)
    shown = effective(loaded)
    assert engine_settings(load(text=shown)) == engine_settings(loaded)
    assert effective(load(text=shown)) == shown


def test_defaults_that_come_from_tables_are_shown() -> None:
    shown = parse(effective(load(text=EVERYTHING))).data
    assert shown["failures"]["guesses"] == []
    assert shown["detectors"]["app_role_granted"]["tier0"] == ["mail.send"]
    assert "11111111-2222-3333-4444-555555555556" in shown["detectors"]["api_novelty"]["sensitive"]
    assert shown["lateness"] == "90s"
    assert shown["identities"] == ["11111111-2222-3333-4444-55555555aaaa"]


def test_secrets_are_masked_unless_asked_for() -> None:
    assert f"token: '{MASK}'" in effective(WithSecret())
    assert "parrot" not in effective(WithSecret())
    assert "parrot" in effective(WithSecret(), mask=False)


@pytest.mark.untraced
@settings(max_examples=25)
@given(st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1, max_size=150))
def test_a_name_comes_back_as_it_was(name: str) -> None:
    if not name.isprintable() or not name.strip():
        return
    said = {"name": name, "object_ids": ["11111111-2222-3333-4444-555555555555"]}
    pipeline = PipelineSettings.model_validate_json(json.dumps(said))
    assert load(text=effective(Settings(pipelines=(pipeline,)))).pipelines == (pipeline,)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (1200, "20m"), (3600, "1h"), (90, "90s"), (61.0, "61s"), (0.5, 0.5)]
)
def test_durations_are_shown_as_people_write_them(seconds: float, text: str | float) -> None:
    assert duration_text(seconds) == text
