"""Secrets that libraries put into their texts do not get into a line; what helps to find a fault stays."""

from __future__ import annotations

import pytest

from detector.telemetry.scrubbing import MASK, scrubbed

KEY = "c2VjcmV0LWtleS1vZi1hbi1leGFtcGxlLW5hbWVzcGFjZSE9PT0="
JWT = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJleGFtcGxlIn0.c2lnbmF0dXJl"
SECRETS = (
    (f"Endpoint=sb://x.example/;SharedAccessKeyName=Listen;SharedAccessKey={KEY};EntityPath=hub", KEY),
    (f"endpoint=sb://x.example/;sharedaccesskey={KEY}", KEY),
    (f"SharedAccessKey = {KEY}", KEY),
    (f"Shared Access Key: {KEY}", KEY),
    (f"shared_access_key='{KEY}'", KEY),
    (f'"SharedAccessKey": "{KEY}"', KEY),
    (f"{{'shared_access_key': '{KEY}', 'retry': 3}}", KEY),
    ("SharedAccessSignature sr=sb%3a%2f%2fx&sig=AbCdEf%2b123%3d&se=1790000000&skn=Listen", "AbCdEf"),
    ("sharedaccesssignature=sr=x&sig=AbCdEf123&se=1", "AbCdEf"),
    ("https://a.blob.example/c?sv=2024-01-01&sig=AbCdEf%3D&se=2026", "AbCdEf"),
    ("https://a.blob.example/c?SIG=AbCdEf%3D", "AbCdEf"),
    (f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={KEY};EndpointSuffix=x", KEY),
    (f"Authorization: Bearer {JWT}", "eyJ"),
    (f"authorization: bearer {JWT}", "eyJ"),
    (f"{{'Authorization': 'Bearer {JWT}'}}", "eyJ"),
    ("Authorization: Basic dXNlcjpwYXNzd29yZA==", "dXNlcjpw"),
    ("Bearer opaque-token-of-a-service", "opaque-token"),
    (f"the token {JWT} has expired", "eyJ"),
    (f"access_token={JWT}&expires=1", "eyJ"),
    ("refresh_token: 0.AAAA-secret-part", "secret-part"),
    ("client_secret=Zm9v~bar.baz", "Zm9v"),
    ('{"client_secret": "two words"}', "two words"),
    ("client-assertion=abc.def.ghi", "abc.def"),
    ("password=hunter2", "hunter2"),
    ("Password: 'hun ter 2'", "hun ter"),
    ("pwd=hunter2;server=x", "hunter2"),
    ("https://user:hunter2@proxy.example:8080/path", "hunter2"),
    ("amqps://listen:hunter2@x.example/", "hunter2"),
    ("api-key: 0123456789abcdef", "0123456789abcdef"),
    ("x-functions-key: 0123456789abcdef", "0123456789abcdef"),
    ("Cookie: session=abc; other=def", "def"),
    ("Set-Cookie: session=abcdef; Path=/", "abcdef"),
    (f"key {KEY} was refused", KEY),
    ("-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----", "MIIEvQ"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIEvQ cut off", "MIIEvQ"),
    (f"SharedAccessKey%3d{KEY}", KEY),
)


@pytest.mark.parametrize(("text", "secret"), SECRETS, ids=range(len(SECRETS)))
def test_a_secret_is_taken_out(text: str, secret: str) -> None:
    for around in (text, f"before {text}", f"({text})", f"{text} after"):
        clean = scrubbed(around)
        assert secret not in clean
        assert MASK in clean


def test_there_are_thirty_payloads() -> None:
    assert len(SECRETS) >= 30


@pytest.mark.parametrize(
    "text",
    [
        "The connection to x.servicebus.windows.net was closed (amqp:link:detach-forced).",
        "Error code: 404, status=404, partition 3, sequence 1234567890",
        "SharedAccessKeyName=Listen",
        "tokens expired; signals were lost; signing in failed",
        "agent 6f1e8a52-0000-4000-8000-000000000001",
        "sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert scrubbed(text) == text


def test_a_long_text_is_cut_before_it_is_looked_at() -> None:
    assert len(scrubbed("sig=" * 1_000_000)) < 20_000
