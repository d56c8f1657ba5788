"""What the blocks of the live service refuse by themselves, and what a budget means that is switched off."""

from __future__ import annotations

import pytest

from detector.config.build import engine_settings
from detector.config.load import load
from detector.errors import ConfigurationError

HUB = "source: {event_hubs: {namespace: my-ns.servicebus.windows.net, hub: agents, %s}}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HUB % 'start: "2026-11-23T08:00:00"', "no offset from UTC"),
        (HUB % 'start: "soon"', "Neither a place in the stream nor a time"),
        (HUB % 'endpoint: "http://gateway.example.com"', "Not an endpoint address"),
        (
            "source: {event_hubs: {namespace: my-ns.servicebus.windows.net, hub: agents}, files: {path: logs}}",
            "There are two sources",
        ),
        ('store: {send_after: "2026-11-23T08:00:00"}', "no offset from UTC"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_sentence(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        load(text=text)


def test_an_endpoint_of_its_own_is_taken() -> None:
    hub = load(text=HUB % 'endpoint: "sb://gateway.example.com:5671"').source.event_hubs
    assert hub is not None
    assert hub.endpoint == "sb://gateway.example.com:5671"


def test_a_moment_to_send_from_is_taken() -> None:
    assert load(text='store: {send_after: "2026-11-23T08:00:00Z"}').store.sends_after == 1_795_420_800.0


def test_without_a_budget_every_alert_is_told() -> None:
    assert engine_settings(load(text="budget: {enabled: false}")).budget is None
    budget = engine_settings(load(text="budget: {false_alerts: 2.5, learning_days: 3}")).budget
    assert budget is not None
    assert (budget.rate, budget.learning_days) == (2.5, 3)
    assert budget.shipped
