"""Rows of a Log Analytics table: the real client of azure-monitor-ingestion against a TLS server on loopback."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from detector.sinks.destination import Guard, Route
from detector.sinks.log_analytics import LogAnalytics, Rule, row
from detector.sinks.outcome import DELIVERED, Refused, Retry
from detector.sinks.sink import Terms
from tests.sinks.alerts import TIME, alert
from tests.sinks.outboxes import NOW, numbered
from tests.sinks.receivers import LOOPBACK, Receiver, answering, hanging, receiver, resetting


class Credential:
    """Gives a token, or fails as azure-identity does."""

    def __init__(self) -> None:
        self.fails = False
        self.closed = False
        self.scopes: set[str] = set()

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        self.scopes |= set(scopes)
        if self.fails:
            raise ClientAuthenticationError("no managed identity here")
        return AccessToken("a-token", 4_000_000_000)

    async def close(self) -> None:
        self.closed = True

    async def __aenter__(self) -> Credential:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


class Table:
    """A sink and the server that it uploads to."""

    def __init__(self, server: Receiver, sink: LogAnalytics, credential: Credential) -> None:
        self.server = server
        self.sink = sink
        self.credential = credential

    def rows(self, request: int = 0) -> list[dict[str, Any]]:
        headers, body = self.server.requests[request]
        assert headers["Content-Encoding"] == "gzip"
        found: list[dict[str, Any]] = json.loads(body)  # the server has unpacked it
        return found


@asynccontextmanager
async def table(authority: trustme.CA, tmp_path: Path, **changes: Any) -> AsyncIterator[Table]:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    async with receiver(context) as server:
        server.answers = [answering(204)]
        credential = Credential()
        settings: dict[str, Any] = {
            "guard": Guard(LOOPBACK),
            "ca_file": tmp_path / "ca.pem",
            "connect": 1.0,
            "total": 2.0,
            **changes,
        }
        rule = Rule(server.url.removesuffix("/hook"), "dcr-1", "Custom-AgentAlerts")
        sink = LogAnalytics("la", Terms(batch=200), rule, lambda: credential, Route(**settings), lambda: NOW)
        try:
            yield Table(server, sink, credential)
        finally:
            await sink.close()
            assert not server.requests or credential.closed


@pytest.mark.asyncio
async def test_a_batch_is_uploaded_as_rows(authority: trustme.CA, tmp_path: Path) -> None:
    alerts = numbered(3)
    async with table(authority, tmp_path) as there:
        assert await there.sink.deliver(alerts) == {each.id: DELIVERED for each in alerts}
        assert there.rows() == [json.loads(json.dumps(row(each))) for each in alerts]
        assert there.server.requests[0][0]["Authorization"] == "Bearer a-token"
        assert there.server.paths == ["/dataCollectionRules/dcr-1/streams/Custom-AgentAlerts?api-version=2023-01-01"]
        assert there.credential.scopes == {"https://monitor.azure.com/.default"}


def test_a_row_says_everything_that_the_alert_says() -> None:
    told = alert()
    made = row(told)
    assert made["AlertId"] == told.id
    assert made["TimeGenerated"] == made["EventTime"] == TIME
    assert made["Evidence"]["record_ids"] == told.evidence.record_ids
    assert all(name[0].isupper() and name.isalnum() and len(name) <= 45 for name in made)
    assert "TenantId" not in made, "a name that Log Analytics keeps for itself"
    assert "Type" not in made


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("answer", "fate"),
    [
        (answering(400), Refused("rejected")),
        (answering(401), Retry("unauthorized")),
        (answering(403), Retry("unauthorized")),
        (answering(404), Retry("not_found")),
        (answering(413), Refused("too_large")),
        (answering(429, Retry_After="11"), Retry("throttled", 11.0)),
        (answering(500), Retry("unavailable")),
        (answering(503, Retry_After="Mon, 05 Oct 2026 07:25:49 GMT"), Retry("unavailable", 60.0)),
        (answering(307, Location="https://evil.example/"), Retry("redirected")),
        (hanging, Retry("timed_out")),
        (resetting, Retry("connection_lost")),
    ],
)
async def test_an_answer_decides_the_fate(answer: Any, fate: Any, authority: trustme.CA, tmp_path: Path) -> None:
    (one,) = numbered(1)
    async with table(authority, tmp_path, total=0.7) as there:
        there.server.answers = [answer]
        assert await there.sink.deliver([one]) == {one.id: fate}
        assert len(there.server.requests) == 1, "the client does not try again by itself"


@pytest.mark.asyncio
async def test_one_bad_row_does_not_hold_up_its_batch(authority: trustme.CA, tmp_path: Path) -> None:
    alerts = numbered(4)
    async with table(authority, tmp_path) as there:

        async def judge(request: Any) -> Any:
            sent = [each["AlertId"] for each in json.loads(await request.read())]
            return await answering(400 if alerts[2].id in sent else 204)(request)

        there.server.answers = [judge]
        outcome = await there.sink.deliver(alerts)
    assert outcome == {each.id: Refused("rejected") if each is alerts[2] else DELIVERED for each in alerts}


@pytest.mark.asyncio
async def test_a_row_that_is_too_large_is_not_sent(authority: trustme.CA, tmp_path: Path) -> None:
    big = alert("x", explanation="x" * 2**20)
    async with table(authority, tmp_path) as there:
        assert await there.sink.deliver([big]) == {big.id: Refused("too_large")}
        assert not there.server.requests


@pytest.mark.asyncio
async def test_without_a_token_nothing_is_sent(authority: trustme.CA, tmp_path: Path) -> None:
    (one,) = numbered(1)
    async with table(authority, tmp_path) as there:
        there.credential.fails = True
        assert await there.sink.deliver([one]) == {one.id: Retry("credential_failed")}
        assert not there.server.requests


@pytest.mark.asyncio
async def test_a_wrong_authority_gets_no_token(authority: trustme.CA, tmp_path: Path) -> None:
    (one,) = numbered(1)
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
    async with table(authority, tmp_path, ca_file=tmp_path / "other.pem") as there:
        assert await there.sink.deliver([one]) == {one.id: Retry("tls_failed")}
        assert not there.server.requests


@pytest.mark.asyncio
async def test_an_endpoint_inside_the_network_is_refused(authority: trustme.CA, tmp_path: Path) -> None:
    (one,) = numbered(1)
    async with table(authority, tmp_path, guard=Guard()) as there:
        assert await there.sink.deliver([one]) == {one.id: Retry("address_refused")}
        assert not there.server.requests
