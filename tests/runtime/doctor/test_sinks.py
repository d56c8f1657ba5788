"""Sinks: what is wrong with one is told, nothing is sent unasked, and with --send something really arrives."""

from __future__ import annotations

import json
import ssl
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from detector.runtime.doctor.sinks import trial_alert
from detector.runtime.doctor.world import Limits
from detector.sinks.encoding import alert_document, json_line
from tests.hub import Hub, Server
from tests.runtime.doctor.stage import Examined
from tests.sinks.receivers import answering, hanging, receiver, resetting

pytestmark = pytest.mark.asyncio
ROOT = Path(__file__).parents[3]


def webhook(url: str, **more: Any) -> dict[str, Any]:
    return {"name": "pager", "url": url, "allow_insecure": True, "allow_networks": ["127.0.0.0/8"], **more}


async def test_a_sink_that_answers_is_well_and_is_sent_nothing(examined: Examined) -> None:
    async with receiver() as kept:
        examined.document["sinks"] = {"webhooks": [webhook(kept.url)]}
        results = await examined.results()
    assert results["sink:pager"].verdict == "ok"
    assert kept.paths == ["/"], "not even the path of the hook is touched"
    assert [body for _, body in kept.requests] == [b""]


async def test_a_test_alert_is_really_delivered_to_each_sink(examined: Examined, tmp_path: Path) -> None:
    async with receiver() as kept:
        examined.document["sinks"] = {
            "webhooks": [webhook(kept.url, encoding="native", min_severity="critical")],
            "files": [{"name": "archive", "path": str(tmp_path / "alerts.jsonl")}],
            "stdout": [{"name": "stdout"}],
        }
        results = await examined.results(send=True)
    assert {name: results[name].verdict for name in ("send:pager", "send:archive", "send:stdout")} == {
        "send:pager": "ok",
        "send:archive": "ok",
        "send:stdout": "ok",
    }
    (body,) = [json.loads(body) for _, body in kept.requests if body]
    assert (body["detector"], body["severity"]) == ("doctor", "info")
    assert json.loads((tmp_path / "alerts.jsonl").read_bytes()) == body
    assert json.loads(examined.stdout.getvalue()) == body


async def test_the_test_alert_is_an_alert_by_the_published_schema() -> None:
    import jsonschema

    schema = json.loads((ROOT / "docs" / "alert.schema.json").read_text(encoding="utf-8"))
    document = json.loads(json_line(alert_document(trial_alert(1_790_000_000.0))))
    assert (ROOT / document["runbook"]).is_file()
    jsonschema.validate(document, schema)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (answering(400), "rejected"),
        (answering(401), "unauthorized"),
        (answering(404), "not_found"),
        (answering(500), "unavailable"),
        (resetting, "connection_lost"),
        (hanging, "timed_out"),
    ],
)
async def test_the_answer_of_a_sink_that_does_not_take_it_is_told(examined: Examined, answer: Any, reason: str) -> None:
    async with receiver() as kept:
        kept.answers = [answering(200), answer]
        examined.document["sinks"] = {"webhooks": [webhook(kept.url, total_timeout=1.0 if answer is hanging else 60.0)]}
        await examined.results()
        result = (await examined.results(send=True))["send:pager"]
    assert (result.verdict, result.details["reason"]) == ("failed", reason)
    assert result.advice


async def test_a_server_that_minds_head_is_still_reached(examined: Examined) -> None:
    async with receiver() as kept:
        kept.answers = [resetting]
        examined.document["sinks"] = {"webhooks": [webhook(kept.url)]}
        assert (await examined.results())["sink:pager"].verdict == "ok"


async def test_a_sink_that_nobody_listens_at_fails(examined: Examined) -> None:
    async with receiver() as kept:
        url = kept.url
    examined.document["sinks"] = {"webhooks": [webhook(url)]}
    result = (await examined.results())["sink:pager"]
    assert (result.verdict, result.details["reason"]) == ("failed", "connect_failed")


async def test_a_sink_that_does_not_answer_costs_no_more_than_the_limits_say(examined: Examined) -> None:
    async with receiver() as kept:
        kept.answers = [hanging]
        examined.document["sinks"] = {"webhooks": [webhook(kept.url)]}
        report = await examined.report(limits=Limits(each=0.5, total=2.0, close=0.5))
    result = next(each for each in report.results if each.check == "sink:pager")
    assert (result.verdict, result.details["reason"]) == ("failed", "timed_out")
    assert report.seconds < 20, "it would hang for minutes"


async def test_an_address_that_is_not_allowed_is_an_invalid_configuration(examined: Examined) -> None:
    examined.document["sinks"] = {"webhooks": [{"name": "pager", "url": "https://169.254.169.254/latest"}]}
    results = await examined.results(send=True)
    assert results["configuration"].verdict == "failed"
    assert "allow_networks" in results["configuration"].found
    assert results["sink:pager"].details["reason"] == "address_refused"
    assert "send:pager" not in results


class Rebinding(AbstractResolver):
    """Resolves every name to a private address."""

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
        return [{"hostname": host, "host": "10.0.0.7", "port": port, "family": family, "proto": 0, "flags": 0}]

    async def close(self) -> None: ...


async def test_a_name_that_stands_for_a_private_address_is_refused(examined: Examined) -> None:
    examined.document["sinks"] = {"webhooks": [{"name": "pager", "url": "https://hooks.example/x"}]}
    result = (await examined.results(resolver=Rebinding()))["sink:pager"]
    assert (result.verdict, result.details["reason"]) == ("failed", "address_refused")


async def test_a_secret_that_is_missing_is_told_by_its_path(examined: Examined, tmp_path: Path) -> None:
    async with receiver() as kept:
        block = webhook(kept.url, bearer_token_file=str(tmp_path / "missing"))
        examined.document["sinks"] = {"webhooks": [block]}
        result = (await examined.results())["sink:pager"]
    assert (result.verdict, result.details["reason"]) == ("failed", "secret_unreadable")
    assert str(tmp_path / "missing") in result.found


async def test_no_secret_is_ever_shown(examined: Examined, tmp_path: Path) -> None:
    async with receiver() as kept:
        (tmp_path / "url").write_text(f"{kept.url}/T0000/SECRET-PATH")
        (tmp_path / "token").write_text("SECRET-TOKEN")
        kept.answers = [answering(401)]
        common = {"allow_insecure": True, "allow_networks": ["127.0.0.0/8"]}
        examined.document["sinks"] = {
            "slack": [{"name": "chat", "url_file": str(tmp_path / "url"), **common}],
            "webhooks": [webhook(kept.url, bearer_token_file=str(tmp_path / "token"))],
        }
        report = await examined.report(send=True)
    assert "SECRET" not in json.dumps(report.document())
    assert "/hook/T0000/SECRET-PATH" in kept.paths, "it was really sent"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.mark.parametrize("trusted", [True, False])
async def test_tls_is_checked(examined: Examined, tmp_path: Path, authority: trustme.CA, trusted: bool) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    async with receiver(context) as kept:
        block = webhook(kept.url, allow_networks=["127.0.0.0/8", "::1/128"])
        if trusted:
            block["ca_file"] = str(tmp_path / "ca.pem")
        examined.document["sinks"] = {"webhooks": [block]}
        result = (await examined.results())["sink:pager"]
    assert result.verdict == ("ok" if trusted else "failed")
    assert trusted or result.details["reason"] == "tls_failed"


async def test_the_date_of_an_answer_is_held_against_our_clock(examined: Examined) -> None:
    async def dated(_: web.Request) -> web.StreamResponse:
        return web.Response(headers={"Date": formatdate(1_700_000_000, usegmt=True)})

    async with receiver() as kept:
        kept.answers = [dated]
        examined.document["sinks"] = {"webhooks": [webhook(kept.url)]}
        wrong = (await examined.results(now=lambda: 1_700_000_000.0 + 600))["clock"]
        right = (await examined.results(now=lambda: 1_700_000_000.0 + 2))["clock"]
    assert (wrong.verdict, right.verdict) == ("failed", "ok")
    assert "10 minutes ahead" in wrong.found


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning", "ignore:loop is closed:ResourceWarning")
async def test_an_event_hub_takes_the_test_alert(examined: Examined, tmp_path: Path) -> None:
    hub = Hub("alerts", partitions=1)
    with Server(hub) as server:
        (tmp_path / "out").write_text(server.connection_string())
        examined.document["sinks"] = {"event_hubs": [{"name": "lake", "connection_string_file": str(tmp_path / "out")}]}
        results = await examined.results(send=True, limits=Limits(each=60.0, total=240.0, close=30.0))
    assert (results["sink:lake"].verdict, results["send:lake"].verdict) == ("ok", "ok")
    (event,) = hub.read("0", 0)
    assert json.loads(event.body)["detector"] == "doctor"
