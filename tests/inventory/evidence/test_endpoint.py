"""The endpoint over real sockets: who may send what, what is answered, and when."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detector.errors import DetectorError
from detector.inventory.evidence.endpoint import RETRY_AFTER, Endpoint, Terms
from detector.inventory.evidence.facts import Silent
from detector.inventory.evidence.records import MOST_RECORDS, Clerk
from tests.inventory.evidence.desk import PASSWORD, SECRET, Desk, basic, opened, signature
from tests.inventory.evidence.payloads import (
    NOW,
    TENANT,
    azure,
    build,
    deployment_status,
    dumps,
    record,
    run_changed,
    stage_deployed,
    workflow_run,
)

pytestmark = pytest.mark.asyncio


# What is taken


async def test_a_signed_webhook_becomes_a_record_and_is_acknowledged() -> None:
    async with opened() as desk:
        status, answer, headers = await desk.github(dumps(workflow_run()))
        assert (status, answer) == (202, {"records": 1})
        assert headers["Cache-Control"] == "no-store"
        assert headers["Connection"] == "close"
        (event,) = desk.events()
        assert (event.record_id, event.tenant_id) == ("github:30433642:1:succeeded", TENANT)
        assert desk.facts.accepted == [("github", 1)]
        assert desk.facts.opened == [desk.endpoint.port]


@pytest.mark.parametrize("payload", [build(), run_changed(), stage_deployed()])
async def test_azure_devops_proves_itself_by_a_password_or_a_secret_header(payload: dict[str, Any]) -> None:
    async with opened() as desk:
        for proof in (basic("hook", PASSWORD), basic("hook", "old one"), {"X-Evidence-Secret": SECRET}):
            assert (await desk.azure(dumps(payload), **proof))[0] == 202
        assert len({event.record_id for event in desk.events()}) == 1


async def test_records_in_the_plain_form_come_alone_or_many() -> None:
    handshake = record(id=None, kind="handshake", checks={"reviewed": True}, agents=["a"])
    async with opened() as desk:
        assert (await desk.records(dumps(record(runId=77))))[1] == {"records": 1}
        assert (await desk.records(dumps([record(), handshake, {**handshake, "agents": ["b"]}])))[1] == {"records": 3}
        events = desk.events()
        assert [event.kind for event in events] == ["run", "run", "handshake", "handshake"]
        assert len({event.record_id for event in events}) == 3, "the plain form may leave the id out"
        assert {event.actor_id for event in events} == {"0b0b0000-0000-4000-8000-000000000001"}
        assert events[0].run_id == "77"
        assert events[0].agents == ("22222222-3333-4444-8555-666666666666",)


async def test_a_record_of_a_pipeline_that_is_not_declared_or_says_who_deployed_is_left_as_it_is() -> None:
    async with opened() as desk:
        await desk.records(dumps([record(pipeline="other"), record(actorObjectId=TENANT)]))
        assert [event.actor_id for event in desk.events()] == [None, TENANT]


async def test_a_delivery_that_comes_again_is_the_same_record() -> None:
    async with opened() as desk:
        for _ in range(2):
            assert (await desk.github(dumps(deployment_status()), "deployment_status"))[0] == 202
            assert (await desk.records(dumps(record(id=None))))[0] == 202
        assert [event.record_id for event in desk.events()[:2]] == [event.record_id for event in desk.events()[2:]]
        assert [event.time for event in desk.events()[:2]] == [event.time for event in desk.events()[2:]]


async def test_during_a_rotation_either_secret_is_good() -> None:
    async with opened() as desk:
        desk.secrets.insert(0, "the new one")
        body = dumps(workflow_run())
        for secret in (SECRET, "the new one"):
            assert (await desk.github(body, **{"X-Hub-Signature-256": signature(body, secret)}))[0] == 202


# What is not


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"X-Hub-Signature-256": ""}, "wrong_proof"),
        ({"X-Hub-Signature-256": "sha256="}, "wrong_proof"),
        ({"X-Hub-Signature-256": "sha256=" + "0" * 64}, "wrong_proof"),
        ({"X-Hub-Signature-256": "sha256=\u00e4"}, "wrong_proof"),
        ({"X-Hub-Signature-256": signature(dumps(workflow_run()), algorithm="sha1")}, "wrong_proof"),
        (
            {"X-Hub-Signature-256": signature(dumps(workflow_run()), algorithm="sha1").replace("1", "256", 1)},
            "wrong_proof",
        ),
        ({"X-Hub-Signature-256": signature(dumps(workflow_run()), "another secret")}, "wrong_proof"),
        ({"X-Hub-Signature-256": signature(dumps(workflow_run()) + b" ")}, "wrong_proof"),
    ],
)
async def test_a_wrong_signature_is_refused(headers: dict[str, str], reason: str) -> None:
    async with opened() as desk:
        status, answer, _ = await desk.github(dumps(workflow_run()), **headers)
        assert (status, answer["reason"]) == (401, reason)
        assert SECRET not in answer["message"]
        assert desk.tray.lines == []
        assert desk.facts.refused == [("github", reason)]


async def test_a_missing_proof_is_refused() -> None:
    async with opened() as desk:
        for path in ("github", "records", "azure-devops"):
            status, answer, headers = await desk.post(path, dumps(workflow_run()), {"X-Hub-Signature": "sha1=00"})
            assert (status, answer["reason"]) == (401, "unproved")
            assert headers["WWW-Authenticate"].startswith("Basic")


@pytest.mark.parametrize(
    "headers",
    [
        basic("hook", "wrong"),
        basic("other", PASSWORD),
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic /w=="},
        {"X-Evidence-Secret": "wrong"},
        {"Authorization": "Bearer x", "X-Evidence-Secret": "wrong"},
    ],
)
async def test_a_wrong_password_is_refused(headers: dict[str, str]) -> None:
    async with opened() as desk:
        status, answer, _ = await desk.azure(dumps(build()), **headers)
        assert (status, answer["reason"]) == (401, "wrong_proof")
        assert PASSWORD not in answer["message"]


async def test_the_secret_of_one_sender_is_none_of_another_path() -> None:
    async with opened() as desk:
        body = dumps(record())
        assert (await desk.post("records", body, basic("hook", PASSWORD)))[0] == 401
        assert (await desk.post("github", body, {"X-Signature-256": signature(body)}))[0] == 401


async def test_without_a_readable_secret_nobody_is_let_in() -> None:
    async with opened() as desk:
        desk.secrets.clear()
        status, answer, headers = await desk.github(dumps(workflow_run()))
        assert (status, answer["reason"]) == (503, "secret_unreadable")
        assert headers["Retry-After"] == str(RETRY_AFTER)


@pytest.mark.parametrize("body", [b"", b"x", b"{", b"\xff{}", b'{"a":' * 5_000, b'{"workflow_run":', b"\xef\xbb\xbf{}"])
async def test_what_is_not_json_is_refused(body: bytes) -> None:
    async with opened() as desk:
        for sent in (desk.github(body), desk.azure(body), desk.records(body)):
            status, answer, _ = await sent
            assert (status, answer["reason"]) == (400, "not_json")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([], f"The body must hold 1 to {MOST_RECORDS} records."),
        ([{}] * (MOST_RECORDS + 1), f"The body must hold 1 to {MOST_RECORDS} records."),
        (7, "A record must be an object."),
        ([[]], "A record must be an object."),
        (record(recordedDateTime=None), "A record cannot be used: properties.recordedDateTime is missing."),
        (record(recordedDateTime="2026-10-03T03:59:30"), "A record cannot be used: properties.recordedDateTime"),
        (record(pipeline=None), "A record cannot be used: properties.pipeline is missing."),
        (record(pipeline="p" * 300), "A record cannot be used: properties.pipeline"),
        (record(runId=True), "A record cannot be used: properties.runId should be str"),
        (record(status="finished"), "A record cannot be used: properties.kind or properties.status"),
        (record(kind="party"), "A record cannot be used: properties.kind or properties.status"),
        (record(agents=7), "A record cannot be used: properties.agents"),
        (record(checks={"a": "yes"}), "A record cannot be used: properties.checks"),
        (record(recordedDateTime="2026-10-03T05:00:00Z"), "A record cannot be used: "),
        ([record(), record(kind="party")], "A record cannot be used: "),
    ],
)
async def test_records_that_could_not_be_used_are_refused_as_a_whole(body: Any, message: str) -> None:
    async with opened() as desk:
        status, answer, _ = await desk.records(dumps(body))
        assert status == 422
        assert answer["message"].startswith(message)
        assert desk.tray.lines == []


async def test_a_webhook_from_the_future_is_refused() -> None:
    async with opened() as desk:
        status, answer, _ = await desk.github(dumps(workflow_run(updated_at="2026-10-03T05:00:00Z")))
        assert (status, answer["reason"]) == (422, "undecodable")


async def test_other_events_and_runs_of_no_declared_pipeline_are_no_fault() -> None:
    async with opened() as desk:
        assert (await desk.github(dumps({"zen": "Keep it logically awesome."}), "ping"))[:2] == (204, "")
        assert (await desk.github(dumps(workflow_run(head_branch="feature"))))[0] == 204
        assert (await desk.azure(dumps(azure("git.push", {}, "1.0"))))[0] == 204
        assert desk.facts.ignored == [
            ("github", "other_event"),
            ("github", "undeclared"),
            ("azure_devops", "other_event"),
        ]
        assert desk.tray.lines == []


async def test_there_are_no_other_pages_and_nothing_to_read() -> None:
    async with opened() as desk:
        for path in ("", "records/", "../metrics", "github%00"):
            assert (await desk.post(path, b"{}", {}))[0] == 404
        async with desk.session.get(desk.url("github")) as response:
            assert response.status == 405


async def test_a_sender_that_is_not_configured_has_no_address() -> None:
    endpoint = Endpoint(Terms(), {}, Clerk(TENANT, {}, ()), Desk, now=lambda: NOW, facts=Silent())  # type: ignore[arg-type]
    await endpoint.start()
    await endpoint.stop()
    await endpoint.stop()


# Bounds


async def test_a_body_that_is_too_long_is_refused_whether_or_not_it_says_so() -> None:
    async def pieces() -> Any:
        for _ in range(70):
            yield b" " * 1024

    async with opened() as desk:
        for body in (b" " * 70_000, pieces()):
            status, answer, _ = await desk.post("github", body, {"X-Hub-Signature-256": "sha256=00"})
            assert (status, answer["reason"]) == (413, "too_large")


async def test_a_compressed_body_is_refused_before_it_is_unpacked() -> None:
    async with opened() as desk:
        status, answer, _ = await desk.github(b"\x1f\x8b\x08bomb", **{"Content-Encoding": "gzip"})
        assert (status, answer["reason"]) == (415, "encoded")


async def raw(desk: Desk, *parts: bytes, wait: float = 0.0) -> bytes:
    """Sends bytes as they are; what comes back until the connection ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", desk.endpoint.port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(wait)
        async with asyncio.timeout(60):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


HEAD = b"POST /evidence/github HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: sha256=00\r\n"


async def test_a_body_that_does_not_come_is_waited_for_only_so_long() -> None:
    async with opened(receive_seconds=0.2) as desk:
        answer = await raw(desk, HEAD + b"Content-Length: 100\r\n\r\n", b"{")
        assert answer.startswith(b"HTTP/1.1 408")
        assert desk.facts.refused == [("github", "too_slow")]


async def test_a_request_that_does_not_come_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.inventory.evidence.endpoint._SLACK", 0.1)
    monkeypatch.setattr("detector.inventory.evidence.endpoint._SWEEP", 0.05)
    async with opened(receive_seconds=0.1, commit_seconds=0.1) as desk:
        assert await raw(desk, b"POST /evid") == b""
        assert await raw(desk) == b""


async def test_a_flood_of_connections_is_bounded() -> None:
    async with opened(max_requests=2) as desk:
        held = [await asyncio.open_connection("127.0.0.1", desk.endpoint.port) for _ in range(4)]
        await asyncio.sleep(0.05)
        assert await raw(desk, HEAD + b"Content-Length: 0\r\n\r\n") == b""
        for _, writer in held:
            writer.close()
            await writer.wait_closed()
        await asyncio.sleep(0.05)
        assert (await desk.github(dumps(workflow_run())))[0] == 202


@pytest.mark.parametrize(
    "rest",
    [
        b"Transfer-Encoding: chunked\r\n\r\nZZ\r\nbroken\r\n",
        b"Transfer-Encoding: gzip\r\n\r\n",
        b"Content-Length: -1\r\n\r\n",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"Content-Length: x\r\n\r\n",
        b"No colon\r\n\r\n",
    ],
)
async def test_broken_http_is_a_bad_request(rest: bytes) -> None:
    async with opened(receive_seconds=1.0) as desk:
        answer = await raw(desk, HEAD + rest)
        assert answer[:10] in (b"HTTP/1.0 4", b"HTTP/1.1 4")
        assert (await desk.github(dumps(workflow_run())))[0] == 202


async def test_a_sender_that_hangs_up_half_way_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    async with opened(receive_seconds=1.0) as desk:
        _, writer = await asyncio.open_connection("127.0.0.1", desk.endpoint.port)
        writer.write(HEAD + b"Content-Length: 100\r\n\r\n{")
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.transport.abort()
        while not desk.facts.refused:
            await asyncio.sleep(0.01)
        assert desk.facts.refused == [("github", "broken_off")]
        assert (await desk.github(dumps(workflow_run())))[0] == 202
        assert not [each for each in caplog.records if each.levelname == "ERROR"]


# Room and the store


async def test_nothing_is_acknowledged_before_it_is_in_the_store() -> None:
    async with opened() as desk:
        desk.tray.stored.clear()
        sending = asyncio.create_task(desk.github(dumps(workflow_run())))
        done, _ = await asyncio.wait({sending}, timeout=0.3)
        assert not done
        assert len(desk.tray.lines) == 1
        desk.tray.stored.set()
        assert (await sending)[0] == 202


async def test_a_full_inbox_is_a_reason_to_come_again() -> None:
    async with opened() as desk:
        desk.tray.free = False
        status, answer, headers = await desk.github(dumps(workflow_run()))
        assert (status, answer["reason"], headers["Retry-After"]) == (503, "full", str(RETRY_AFTER))
        assert desk.tray.lines == []


async def test_an_archive_that_cannot_be_written_is_a_reason_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(_: bytes) -> int:
        raise OSError(28, "No space left on device")

    async with opened() as desk:
        monkeypatch.setattr(desk.tray, "put", full)
        status, answer, _ = await desk.github(dumps(workflow_run()))
        assert (status, answer["reason"]) == (503, "not_kept")


async def test_a_store_that_takes_too_long_is_a_reason_to_come_again() -> None:
    async with opened(commit_seconds=0.1) as desk:
        desk.tray.stored.clear()
        status, answer, headers = await desk.github(dumps(workflow_run()))
        assert (status, answer["reason"], headers["Retry-After"]) == (503, "not_committed", str(RETRY_AFTER))


async def test_a_service_that_ends_first_does_not_acknowledge() -> None:
    async with opened() as desk:
        desk.tray.ends_well = False
        assert (await desk.github(dumps(workflow_run())))[1]["reason"] == "stopping"


async def test_too_many_at_once_are_sent_away() -> None:
    async with opened(max_requests=2) as desk:
        desk.tray.stored.clear()
        sending = [asyncio.create_task(desk.github(dumps(workflow_run(id=n)))) for n in range(2)]
        while len(desk.tray.lines) < 2:
            await asyncio.sleep(0.01)
        assert (await desk.github(dumps(workflow_run())))[1]["reason"] == "busy"
        desk.tray.stored.set()
        assert [(await each)[0] for each in sending] == [202, 202]
        assert (await desk.github(dumps(workflow_run())))[0] == 202


async def test_a_service_that_stops_takes_nothing_more() -> None:
    async with opened() as desk:
        desk.endpoint.refuse()
        status, answer, _ = await desk.github(dumps(workflow_run()))
        assert (status, answer["reason"]) == (503, "stopping")


async def test_a_taken_port_is_an_error_with_advice() -> None:
    async with opened() as desk:
        with pytest.raises(DetectorError, match=r"cannot be listened on .* Choose another evidence\.port\."):
            async with opened(port=desk.endpoint.port):
                pass


# The law


def mutated(payload: Any) -> st.SearchStrategy[Any]:
    """A payload with something in it replaced, taken out or added."""
    junk = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=6,
    )

    def somewhere(place: Any) -> st.SearchStrategy[Any]:
        if not isinstance(place, dict) or not place:
            return junk
        inside = st.sampled_from(sorted(place)).flatmap(
            lambda name: somewhere(place[name]).map(lambda value: {**place, name: value})
        )
        without = st.sampled_from(sorted(place)).map(lambda name: {key: place[key] for key in place if key != name})
        return inside | inside | without | junk

    return somewhere(payload)


BODIES = st.one_of(
    st.binary(max_size=200),
    *(
        mutated(payload).map(lambda value: json.dumps(value).encode())
        for payload in (workflow_run(), deployment_status(), build(), run_changed(), stage_deployed(), record())
    ),
    st.lists(mutated(record()), max_size=3).map(lambda value: json.dumps(value).encode()),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(bodies=st.lists(BODIES, min_size=1, max_size=8), event=st.sampled_from(["workflow_run", "deployment_status"]))
async def test_no_body_gives_anything_but_a_refusal_or_a_decodable_record(bodies: list[bytes], event: str) -> None:
    async with opened() as desk:
        for body in bodies:
            for sent in (desk.github(body, event), desk.azure(body), desk.records(body)):
                before = len(desk.events())
                status, answer, _ = await sent
                taken = len(desk.events()) - before
                assert status in (202, 204, 400, 422)
                assert taken == (answer["records"] if status == 202 else 0)
        assert all(event.tenant_id == TENANT and event.record_id for event in desk.events())
