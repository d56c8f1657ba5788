"""Settings of the poller: what is accepted, and the sentence for what is not."""

from __future__ import annotations

import pytest

from detector.config.effective import effective
from detector.config.load import load
from detector.errors import ConfigurationError

TENANT = "33333333-4444-5555-6666-777777777777"


def test_a_tenant_is_enough() -> None:
    block = load(text=f"inventory: {{tenant_id: {TENANT}}}").inventory
    assert block is not None
    assert (block.endpoint, block.token_authority) == (
        "https://graph.microsoft.com",
        "https://login.microsoftonline.com",
    )
    assert (block.identity, block.every, block.full_every, block.page_size) == ("workload", 300, 21_600, 100)
    assert load().inventory is None


@pytest.mark.parametrize(
    ("endpoint", "authority"),
    [
        ("https://graph.microsoft.us", "https://login.microsoftonline.us"),
        ("https://dod-graph.microsoft.us/", "https://login.microsoftonline.us"),
        ("https://MicrosoftGraph.ChinaCloudAPI.cn", "https://login.partner.microsoftonline.cn"),
        ("https://proxy.example.com:8443", "https://login.microsoftonline.com"),
        ("http://127.0.0.1:8080", "https://login.microsoftonline.com"),
    ],
)
def test_national_clouds_have_their_own_authority(endpoint: str, authority: str) -> None:
    block = load(text=f'inventory: {{tenant_id: {TENANT}, endpoint: "{endpoint}"}}').inventory
    assert block is not None
    assert block.token_authority == authority
    assert block.endpoint == endpoint.casefold().rstrip("/")


def test_an_authority_of_ones_own_goes_before() -> None:
    block = load(text=f"inventory: {{tenant_id: {TENANT}, authority: 'https://login.example.com'}}").inventory
    assert block is not None
    assert block.token_authority == "https://login.example.com"


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ("endpoint: https://graph.microsoft.com", "inventory.tenant_id"),
        (f"tenant_id: {TENANT}, endpoint: graph.microsoft.com", "Not the address of a server."),
        (f"tenant_id: {TENANT}, endpoint: 'https://graph.microsoft.com/v1.0'", "Not the address of a server."),
        (f"tenant_id: {TENANT}, endpoint: 'https://me:secret@graph.microsoft.com'", "Not the address of a server."),
        (f"tenant_id: {TENANT}, endpoint: 'http://graph.microsoft.com'", "Plain http would show the token"),
        (f"tenant_id: {TENANT}, authority: 'http://login.example.com'", "Plain http would show the token"),
        (f"tenant_id: {TENANT}, client_secret_file: /secrets/graph", "A client secret is named but not whose it is."),
        (f"tenant_id: {TENANT}, client_id: a, client_secret_file: graph", "Not an absolute path."),
        (f"tenant_id: {TENANT}, page_size: 101", "inventory.page_size"),
        (f"tenant_id: {TENANT}, every: 10s", "inventory.every"),
        (f"tenant_id: {TENANT}, every: 2h, full_every: 1h", "full_every is shorter than every."),
        (f"tenant_id: {TENANT}, requests_per_second: 0", "inventory.requests_per_second"),
        (f"tenant_id: {TENANT}, read: {{atributes: true}}", 'Did you mean "attributes"?'),
    ],
)
def test_what_cannot_work_is_refused(settings: str, problem: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(text=f"inventory: {{{settings}}}")
    assert problem in str(caught.value)
    assert "secret@" not in str(caught.value)


def test_the_effective_configuration_can_be_loaded_again() -> None:
    settings = load(text=f"inventory: {{tenant_id: {TENANT}, every: 1m, read: {{attributes: true}}}}")
    assert load(text=effective(settings)).inventory == settings.inventory
