"""What can be wrong with settings and connection strings is said in a sentence, without the secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from detector.config.event_hubs import EventHubsSettings, MirrorSettings, WatchdogSettings
from detector.errors import SourceError
from detector.sources.event_hubs.connection import (
    ConnectionString,
    Connector,
    credential_of,
    parse_connection_string,
    read_connection_string,
)

KEY = "SharedAccessKeyName=listen;SharedAccessKey=hunter2="
NAMED = {"namespace": "my-ns.servicebus.windows.net", "hub": "agents"}


def settings(**values: Any) -> EventHubsSettings:
    return EventHubsSettings.model_validate(values)


def test_the_connection_string_of_the_portal_is_read() -> None:
    text = f"Endpoint=sb://My-NS.servicebus.windows.net/;{KEY};EntityPath=agents"
    assert parse_connection_string(text, "f") == ConnectionString("my-ns.servicebus.windows.net", None, "agents", False)


def test_the_connection_string_of_the_emulator_is_read() -> None:
    text = f"Endpoint=sb://localhost:5673;{KEY};UseDevelopmentEmulator=true;"
    assert parse_connection_string(text, "f") == ConnectionString("localhost", 5673, None, True)


WRONG = {
    "True": (f"Endpoint=sb://localhost;{KEY};UseDevelopmentEmulator=True;", "UseDevelopmentEmulator=true"),
    "TRUE": (f"Endpoint=sb://localhost;{KEY};UseDevelopmentEmulator=TRUE", "small letters"),
    "1": (f"Endpoint=sb://localhost;{KEY};UseDevelopmentEmulator=1", "UseDevelopmentEmulator=true"),
    "a port that would be ignored": (f"Endpoint=sb://ns.example.com:5671;{KEY}", "ignores"),
    "no endpoint": (KEY, "Endpoint"),
    "an endpoint without a host": (f"Endpoint=sb://;{KEY}", "Endpoint"),
    "a port that is none": (f"Endpoint=sb://ns.example.com:hunter2;{KEY}", "Endpoint"),
    "brackets": (f"Endpoint=sb://[hunter2;{KEY}", "Endpoint"),
    "no key": ("Endpoint=sb://ns.example.com/;SharedAccessKeyName=listen", "SharedAccessKey"),
    "no name": ("Endpoint=sb://ns.example.com/;SharedAccessKey=hunter2", "SharedAccessKeyName"),
    "nothing to sign with": ("Endpoint=sb://ns.example.com/", "signature"),
    "a storage connection string": ("DefaultEndpointsProtocol=https;AccountName=a;AccountKey=hunter2", "no Event Hubs"),
    "another secret": ("hunter2", "no Event Hubs"),
    "empty": ("", "no Event Hubs"),
}


@pytest.mark.untraced
@pytest.mark.parametrize("name", WRONG)
def test_what_the_sdk_would_misread_is_refused_without_the_secret(name: str) -> None:
    text, word = WRONG[name]
    with pytest.raises(SourceError, match=word) as caught:
        parse_connection_string(text, "/secrets/f")
    assert "hunter2" not in str(caught.value)
    assert str(caught.value).startswith("/secrets/f: ")
    assert str(caught.value).endswith(".")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        read_connection_string(str(tmp_path / "none"), None)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SourceError, match="UTF-8"):
        read_connection_string(str(tmp_path / "binary"), None)


@pytest.mark.parametrize(
    ("entity", "hub", "word"), [("", None, "names a hub"), (";EntityPath=other", "agents", "another hub")]
)
def test_hub_and_entity_path_name_one_hub(entity: str, hub: str | None, word: str, tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_text(f"Endpoint=sb://ns.example.com/;{KEY}{entity}", encoding="utf-8")
    with pytest.raises(SourceError, match=word):
        read_connection_string(str(file), hub)


@pytest.mark.untraced
@pytest.mark.parametrize("hub", ["agents", "Agents", None])
def test_the_names_of_the_hub_come_from_the_file(hub: str | None, tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_text(f"\nEndpoint=sb://ns.example.com/;{KEY};EntityPath=agents\n", encoding="utf-8")
    connector = Connector(settings(connection_string_file=str(file), hub=hub))
    assert (connector.namespace, connector.hub.casefold()) == ("ns.example.com", "agents")


BAD: dict[str, dict[str, Any]] = {
    "neither identity nor file": {},
    "namespace without hub": {"namespace": "my-ns.servicebus.windows.net"},
    "both": {**NAMED, "connection_string_file": "/secrets/f"},
    "relative file": {"connection_string_file": "secrets/f"},
    "url as namespace": {**NAMED, "namespace": "sb://my-ns.servicebus.windows.net"},
    "bare name as namespace": {**NAMED, "namespace": "my-ns"},
    "unknown setting": {**NAMED, "consumergroup": "x"},
    "time without offset": {**NAMED, "start": "2026-11-23T08:00:00"},
    "word that is no start": {**NAMED, "start": "newest"},
    "the sdk's own latest": {**NAMED, "start": "@latest"},
    "unknown transport": {**NAMED, "transport": "kafka"},
    "unknown identity": {**NAMED, "identity": "password"},
    "path as endpoint": {**NAMED, "endpoint": "https://gateway/path"},
    "no prefetch": {**NAMED, "buffer": {"prefetch": 0}},
    "duration without unit": {**NAMED, "watchdog": {"poll": "30"}},
    "no time at all": {**NAMED, "watchdog": {"poll": 0}},
    "a mirror too often": {**NAMED, "mirror": {"container": "https://a.blob.core.windows.net/c", "interval": 5}},
    "a mirror without container": {**NAMED, "mirror": {"container": "https://a.blob.core.windows.net"}},
    "a mirror with a token in its address": {**NAMED, "mirror": {"container": "https://a.net/c?sig=hunter2"}},
}


@pytest.mark.parametrize("name", BAD)
def test_settings_that_cannot_work_are_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        settings(**BAD[name])


def test_the_defaults_are_those_of_the_contract_and_valid() -> None:
    made = settings(**NAMED)
    assert settings(**made.model_dump()) == made
    assert WatchdogSettings().model_dump() == {
        "poll": 30,
        "stalled_after": 120,
        "window": 600,
        "unknown_after": 180,
        "held_after": 60,
        "growth": 60,
        "answer": 30,
        "close": 5,
    }
    assert (made.buffer.prefetch, made.buffer.batch, made.buffer.partition_bytes) == (50, 100, 32 * 2**20)
    assert (made.start, made.accept_new_hub, made.identity, made.transport) == ("latest", False, "workload", "amqp")
    assert made.socket_timeout == 1
    assert MirrorSettings(container="https://a.blob.core.windows.net/c").interval == 30


@pytest.mark.untraced
@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("20m", 1200), ("1h30m", 5400), (2.5, 2.5), (7, 7)])
def test_durations_are_seconds_or_text(text: object, seconds: float) -> None:
    assert settings(**NAMED, watchdog={"poll": text}).watchdog.poll == seconds


@pytest.mark.untraced
@pytest.mark.parametrize("identity", ["managed", "cli"])
@pytest.mark.asyncio
async def test_every_identity_has_a_credential(identity: str) -> None:
    credential = credential_of(settings(**NAMED, identity=identity, client_id="00000000-0000-0000-0000-000000000001"))
    assert callable(credential.get_token)
    await credential.close()


@pytest.mark.asyncio
async def test_the_workload_identity_comes_from_the_pod(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SourceError, match=r"azure\.workload\.identity/use"):
        credential_of(settings(**NAMED))
    monkeypatch.setenv("AZURE_TENANT_ID", "00000000-0000-0000-0000-000000000001")
    monkeypatch.setenv("AZURE_CLIENT_ID", "00000000-0000-0000-0000-000000000002")
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(tmp_path / "token"))
    await credential_of(settings(**NAMED)).close()


@pytest.mark.asyncio
async def test_a_renewed_connector_makes_a_new_credential_and_closes_the_old(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []

    class Credential:
        closed = False

        async def close(self) -> None:
            self.closed = True

    def make(_settings: EventHubsSettings) -> Any:
        made.append(Credential())
        return made[-1]

    monkeypatch.setattr("detector.sources.event_hubs.connection.credential_of", make)
    connector = Connector(settings(**NAMED))
    for _ in range(2):
        await connector.client().close()
    assert len(made) == 1
    await connector.renew()
    await connector.client().close()
    await connector.close()
    assert [each.closed for each in made] == [True, True]
