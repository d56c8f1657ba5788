"""A configuration may be valid and still not do what somebody expects."""

from __future__ import annotations

import pytest

from detector.config.advice import advice
from detector.config.load import load

DEPLOYER = "11111111-2222-3333-4444-555555555555"
PIPELINE = f"{{name: a, object_ids: [{DEPLOYER}], addresses: [203.0.113.0/24]}}"


def test_a_configuration_with_a_narrow_pipeline_needs_no_advice() -> None:
    assert advice(load(text=f"pipelines: [{PIPELINE}]")) == []


def test_the_default_has_no_pipeline_and_says_so() -> None:
    assert advice(load()) == ["No pipelines are declared, so change_outside_pipeline is silent."]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("scope: chosen", "The scope is chosen but no identities are listed, so nobody is watched."),
        ("scope: workloads", "limits.max_identities"),
        (f"pipelines: [{{name: a, object_ids: [{DEPLOYER}]}}]", "trusted from anywhere"),
        (f"pipelines: [{PIPELINE}, {PIPELINE.replace('name: a', 'name: b')}]", 'The pipelines "a" and "b" share'),
        (
            "detectors: {token_spike: {enabled: false}, api_spread: {enabled: false}}",
            "Disabled detectors: api_spread, token_spike.",
        ),
        ("detectors: {fleet_spike: {p_value: 1e-3}}", "rates.blueprints.p_value (1e-07), which is asked first"),
        (
            "detectors: {token_spike: {p_value: 1e-9}}",
            "detectors.token_spike.p_value is smaller than rates.agents.p_value (1e-07), at which a spike is told once",
        ),
        (
            "detectors: {fleet_spike: {p_value: 1e-9}}",
            "detectors.fleet_spike.p_value is smaller than rates.blueprints.p_value (1e-07), at which a spike",
        ),
        ("lateness: 1m", "The lateness is below 5m"),
    ],
)
def test_advice_is_a_sentence_about_the_setting(text: str, sentence: str) -> None:
    assert [each for each in advice(load(text=text)) if sentence in each]


def test_a_listed_identity_makes_the_chosen_scope_sensible() -> None:
    assert not [each for each in advice(load(text=f"scope: chosen\nidentities: [{DEPLOYER}]")) if "scope" in each]


@pytest.mark.parametrize("p_value", ["1e-3", "1e-9"])
def test_a_disabled_detector_is_not_asked_for_its_threshold(p_value: str) -> None:
    said = advice(load(text=f"detectors: {{token_spike: {{enabled: false, p_value: {p_value}}}}}"))
    assert not [each for each in said if "rates.agents" in each]


def test_a_detector_as_strict_as_its_rates_needs_no_advice() -> None:
    text = "{rates: {agents: {p_value: 1e-9}}, detectors: {token_spike: {p_value: 1e-9}}}"
    assert not [each for each in advice(load(text=text)) if "rates.agents" in each]
