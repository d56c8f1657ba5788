"""Every way in which an HTTP receiver can answer, or not answer, met over a real socket."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import socket
import ssl
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from detector.sinks.answers import LONGEST_AFTER, fate_of, retry_after
from detector.sinks.authorization import Basic, Bearer, Signature
from detector.sinks.destination import Guard, Route
from detector.sinks.formats import FORMATS
from detector.sinks.outcome import DELIVERED, Delivered, Fate, Refused, Retry
from detector.sinks.secret_files import SecretFile, SecretUnreadableError
from detector.sinks.sink import Terms
from detector.sinks.webhook import DocumentMessage, Webhook
from detector.sinks.wire import Message, Wire
from tests.sinks.outboxes import NOW, numbered
from tests.sinks.receivers import LOOPBACK, answering, hanging, receiver, resetting, route, slow_body, wire_to

MESSAGE = Message("a1", b'{"x":1}', "application/json")

ANSWERS: list[tuple[Any, Fate]] = [
    (answering(200), DELIVERED),
    (answering(202), DELIVERED),
    (answering(204), DELIVERED),
    (answering(301, Location="http://127.0.0.1:9/"), Retry("redirected")),
    (answering(307, Location="/elsewhere"), Retry("redirected")),
    (answering(400), Refused("rejected")),
    (answering(401), Retry("unauthorized")),
    (answering(403), Retry("unauthorized")),
    (answering(404), Retry("not_found")),
    (answering(408), Retry("timed_out")),
    (answering(410), Retry("not_found")),
    (answering(413), Refused("too_large")),
    (answering(422), Refused("rejected")),
    (answering(429), Retry("throttled")),
    (answering(429, Retry_After="7"), Retry("throttled", 7.0)),
    (answering(429, Retry_After=formatdate(NOW + 90, usegmt=True)), Retry("throttled", 90.0)),
    (answering(429, Retry_After="soon"), Retry("throttled")),
    (answering(500), Retry("unavailable")),
    (answering(502), Retry("unavailable")),
    (answering(503, Retry_After="120"), Retry("unavailable", 120.0)),
    (slow_body, DELIVERED),
    (resetting, Retry("connection_lost")),
]


@pytest.mark.untraced
@pytest.mark.asyncio
@pytest.mark.parametrize(("answer", "fate"), ANSWERS)
async def test_an_answer_decides_the_fate(answer: Any, fate: Fate) -> None:
    async with receiver() as server, wire_to(server.url) as wire:
        server.answers = [answer]
        assert await wire.post(MESSAGE) == fate
        assert server.paths == ["/hook"], "asked once, and no redirect was followed"


@pytest.mark.asyncio
async def test_a_receiver_that_hangs_is_given_up() -> None:
    async with receiver() as server, wire_to(server.url, route(total=0.2)) as wire:
        server.answers = [hanging]
        assert await wire.post(MESSAGE) == Retry("timed_out")


@pytest.mark.asyncio
async def test_a_port_where_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with wire_to(f"http://127.0.0.1:{port}/") as wire:
        assert await wire.post(MESSAGE) == Retry("connect_failed")


@pytest.mark.asyncio
async def test_a_name_that_nobody_knows() -> None:
    async with wire_to("http://no-such-host.invalid/") as wire:
        assert await wire.post(MESSAGE) == Retry("name_not_resolved")


@pytest.mark.asyncio
async def test_an_answer_that_is_no_http() -> None:
    async def nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"SSH-2.0-nonsense\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(nonsense, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, wire_to(f"http://127.0.0.1:{port}/") as wire:
        assert await wire.post(MESSAGE) == Retry("answer_not_understood")


@pytest.mark.asyncio
async def test_connections_are_used_again() -> None:
    async with receiver() as server, wire_to(server.url) as wire:
        assert [await wire.post(MESSAGE) for _ in range(3)] == [DELIVERED] * 3
        assert len(server.requests) == 3


# ----------------------------------------------------------------------------------------------- TLS


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def served(authority: trustme.CA, name: str = "localhost") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


@pytest.mark.asyncio
async def test_the_right_authority_is_trusted(authority: trustme.CA, tmp_path: Path) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    async with receiver(served(authority)) as server, wire_to(server.url, route(tmp_path / "ca.pem")) as wire:
        assert await wire.post(MESSAGE) == DELIVERED


@pytest.mark.asyncio
async def test_a_wrong_authority_is_not(authority: trustme.CA, tmp_path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
    async with receiver(served(authority)) as server, wire_to(server.url, route(tmp_path / "other.pem")) as wire:
        assert await wire.post(MESSAGE) == Retry("tls_failed")
        assert not server.requests


@pytest.mark.asyncio
async def test_nor_is_one_that_the_system_does_not_know(authority: trustme.CA) -> None:
    async with receiver(served(authority)) as server, wire_to(server.url, Route(guard=Guard(LOOPBACK))) as wire:
        assert await wire.post(MESSAGE) == Retry("tls_failed")


@pytest.mark.asyncio
async def test_a_certificate_for_another_name_is_not_trusted(authority: trustme.CA, tmp_path: Path) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = served(authority, "other.example")
    async with receiver(context) as server, wire_to(server.url, route(tmp_path / "ca.pem")) as wire:
        assert await wire.post(MESSAGE) == Retry("tls_failed")


@pytest.mark.asyncio
async def test_a_file_of_authorities_that_is_gone(tmp_path: Path) -> None:
    async with (
        receiver() as server,
        wire_to(server.url, Route(guard=Guard(LOOPBACK, allow_insecure=True), ca_file=tmp_path / "gone")) as wire,
    ):
        assert await wire.post(MESSAGE) == Retry("tls_failed")


# -------------------------------------------------------------------------------------- authorization


def secret(path: Path, text: str) -> SecretFile:
    path.write_text(text)
    return SecretFile(path)


@pytest.mark.asyncio
async def test_a_rotated_token_is_used_at_once(tmp_path: Path) -> None:
    bearer = Bearer(secret(tmp_path / "token", "one\n"))
    async with receiver() as server, wire_to(server.url, None, bearer) as wire:
        await wire.post(MESSAGE)
        (tmp_path / "token").write_text("two")
        await wire.post(MESSAGE)
        assert [headers["Authorization"] for headers, _ in server.requests] == ["Bearer one", "Bearer two"]


@pytest.mark.asyncio
@pytest.mark.parametrize("text", [None, "", "  \n", "a\nb"])
async def test_without_a_usable_secret_nothing_is_sent(text: str | None, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "token").write_text(text)
    async with receiver() as server, wire_to(server.url, None, Bearer(SecretFile(tmp_path / "token"))) as wire:
        assert await wire.post(MESSAGE) == Retry("secret_unreadable")
        assert not server.requests


@pytest.mark.asyncio
async def test_a_user_and_password(tmp_path: Path) -> None:
    basic = Basic("us", secret(tmp_path / "p", "geheim:ü"))
    async with receiver() as server, wire_to(server.url, None, basic) as wire:
        await wire.post(MESSAGE)
        sent = server.requests[0][0]["Authorization"].removeprefix("Basic ")
        assert base64.b64decode(sent).decode() == "us:geheim:ü"


@pytest.mark.asyncio
@pytest.mark.parametrize("text", ["plain secret", "whsec_" + base64.b64encode(b"\x00\xffkey").decode()])
async def test_a_receiver_can_verify_the_signature(text: str, tmp_path: Path) -> None:
    key = b"\x00\xffkey" if text.startswith("whsec_") else text.encode()
    signature = Signature(secret(tmp_path / "s", text), lambda: NOW)
    async with receiver() as server, wire_to(server.url, None, signature) as wire:
        await wire.post(MESSAGE)
        headers, body = server.requests[0]
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        assert headers["webhook-signature"] == f"v1,{expected}"
        assert headers["webhook-id"] == "a1"
        assert int(headers["webhook-timestamp"]) == int(NOW)


@pytest.mark.asyncio
async def test_a_damaged_signing_secret_signs_nothing(tmp_path: Path) -> None:
    with pytest.raises(SecretUnreadableError) as caught:
        await Signature(secret(tmp_path / "s", "whsec_***"), lambda: NOW).headers("i", b"")
    assert "***" not in str(caught.value)


@pytest.mark.asyncio
async def test_the_url_itself_may_be_a_secret(tmp_path: Path) -> None:
    async with receiver() as server:
        wire = Wire(secret(tmp_path / "u", server.url + "\n"), route(), lambda: NOW)
        assert await wire.post(MESSAGE) == DELIVERED
        (tmp_path / "u").unlink()
        assert await wire.post(MESSAGE) == Retry("secret_unreadable")
        await wire.close()
    assert server.url not in repr(wire)


# -------------------------------------------------------------------------------------------- webhook


@pytest.mark.asyncio
@pytest.mark.parametrize("encoding", ["native", "cloudevents", "ocsf"])
async def test_a_webhook_gets_one_alert_a_request_with_its_id_as_key(encoding: Any) -> None:
    form = FORMATS[encoding]
    async with receiver() as server, wire_to(server.url) as wire:
        sink = Webhook("hook", Terms(batch=8), wire, DocumentMessage(form))
        alerts = numbered(5)
        assert await sink.deliver(alerts) == {each.id: DELIVERED for each in alerts}
        sent = {headers["Idempotency-Key"]: (headers["Content-Type"], body) for headers, body in server.requests}
        assert sent == {each.id: (form.content_type, form.line(each)) for each in alerts}


@pytest.mark.asyncio
async def test_each_alert_of_a_batch_has_its_own_fate() -> None:
    async with receiver() as server, wire_to(server.url) as wire:
        server.answers = [answering(200), answering(400), answering(503)]
        sink = Webhook("hook", Terms(batch=3), wire, DocumentMessage(FORMATS["native"]))
        outcome = await sink.deliver(numbered(3))
        assert sorted(type(fate).__name__ for fate in outcome.values()) == ["Delivered", "Refused", "Retry"]


# ------------------------------------------------------------------------------------------ laws


@given(status=st.integers(100, 999), value=st.none() | st.text())
def test_every_status_has_a_fate(status: int, value: str | None) -> None:
    fate = fate_of(status, {} if value is None else {"Retry-After": value}, NOW)
    assert isinstance(fate, Delivered) == (200 <= status < 300)
    assert not (isinstance(fate, Refused) and not 400 <= status < 500)


@given(value=st.text() | st.integers().map(str) | st.floats().map(str))
def test_no_header_can_put_a_sink_to_sleep_for_long(value: str) -> None:
    found = retry_after(value, NOW)
    assert found is None or 0 <= found <= LONGEST_AFTER


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        (" 12 ", 12.0),
        ("99999999999999999999", LONGEST_AFTER),
        ("-5", None),
        ("1.5", None),
        ("Mon, 05 Oct 2026 07:25:49 GMT", 60.0),
        ("Monday, 05-Oct-26 07:25:49 GMT", 60.0),
        ("Mon, 05 Oct 2020 07:25:49 GMT", 0.0),
        ("Mon, 05 Oct 2099 07:25:49 GMT", LONGEST_AFTER),
        ("Mon, 99 Oct 2026 07:25:49 GMT", None),
    ],
)
def test_both_forms_of_retry_after(value: str, seconds: float | None) -> None:
    assert retry_after(value, NOW) == seconds
