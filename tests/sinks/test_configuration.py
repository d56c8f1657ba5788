"""Blocks of the configuration become sinks; what cannot work is refused with a sentence and without a secret."""

from __future__ import annotations

import inspect
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from detector.config import sinks as blocks
from detector.config.blocks import Block
from detector.config.schema import _docs_of
from detector.config.shape import block_in
from detector.config.sinks import SinksSettings
from detector.errors import ConfigurationError
from detector.sinks.alertmanager import Alertmanager
from detector.sinks.appended_file import AppendedFile
from detector.sinks.build import Surroundings, build
from detector.sinks.event_hubs import EventHubs
from detector.sinks.log_analytics import LogAnalytics
from detector.sinks.outcome import DELIVERED, LeftOutReason, RefusalReason, RetryReason
from detector.sinks.sink import Terms
from detector.sinks.standard_output import StandardOutput
from detector.sinks.webhook import Webhook
from tests.sinks.outboxes import NOW, numbered
from tests.sinks.receivers import receiver


def no_credential() -> Any:
    raise AssertionError("nothing is opened before the first alert")


def surroundings(stdout: Any = None) -> Surroundings:
    return Surroundings(now=lambda: NOW, stdout=stdout or io.BytesIO(), credential=no_credential)


def read(document: Any) -> SinksSettings:
    return SinksSettings.model_validate_json(json.dumps(document))


FULL: dict[str, Any] = {
    "stdout": [{"encoding": "ocsf"}],
    "files": [{"name": "archive", "path": "/data/alerts.jsonl"}],
    "alertmanagers": [
        {
            "name": "am",
            "url": "http://alertmanager.monitoring:9093",
            "allow_insecure": True,
            "allow_networks": ["10.0.0.0/8"],
            "username": "detector",
            "password_file": "/secrets/am",
            "runbooks": "https://docs.example.com/agent",
        }
    ],
    "webhooks": [
        {
            "name": "soar",
            "url": "https://soar.example.com/hook",
            "hmac_secret_file": "/secrets/soar",
            "bearer_token_file": "/secrets/token",
            "min_severity": "high",
            "max_per_hour": 5,
            "max_per_day": 9,
            "max_per_detector": 2,
            "parallel": 4,
        }
    ],
    "slack": [{"name": "slack-soc", "url_file": "/secrets/slack"}],
    "teams": [{"name": "teams-soc", "url_file": "/secrets/teams", "min_severity": "medium"}],
    "log_analytics": [
        {
            "name": "sentinel",
            "endpoint": "https://dce.westeurope-1.ingest.monitor.azure.com",
            "rule_id": "dcr-00000000000000000000000000000000",
            "stream": "Custom-AgentAlerts_CL",
        }
    ],
    "event_hubs": [{"name": "hub-out", "namespace": "ns.servicebus.windows.net", "hub": "alerts"}],
}


def test_every_kind_is_built_in_the_order_of_the_configuration() -> None:
    made = build(read(FULL), surroundings())
    assert [(sink.name, type(sink)) for sink in made] == [
        ("stdout", StandardOutput),
        ("archive", AppendedFile),
        ("am", Alertmanager),
        ("soar", Webhook),
        ("slack-soc", Webhook),
        ("teams-soc", Webhook),
        ("sentinel", LogAnalytics),
        ("hub-out", EventHubs),
    ]
    assert {sink.name: sink.terms for sink in made} == {
        "stdout": Terms(batch=100),
        "archive": Terms(batch=100),
        "am": Terms(batch=20, per_hour=20, per_day=50, per_detector=10),
        "soar": Terms(batch=4, floor="high", per_hour=5, per_day=9, per_detector=2),
        "slack-soc": Terms(per_hour=20, per_day=50, per_detector=10),
        "teams-soc": Terms(floor="medium", per_hour=20, per_day=50, per_detector=10),
        "sentinel": Terms(batch=200),
        "hub-out": Terms(batch=100),
    }


def test_without_sinks_there_is_nothing_to_build() -> None:
    assert build(read({}), surroundings()) == ()


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"webhooks": [{"name": "w", "url": "http://a.example/"}]}, "plain http"),
    ({"webhooks": [{"name": "w", "url": "https://u:sesame@a.example/"}]}, "holds a user or password"),
    ({"webhooks": [{"name": "w", "url": "ftp://a.example/"}]}, "Not a URL of https or http"),
    ({"webhooks": [{"name": "w", "url": "https://"}]}, "Not a URL of https or http"),
    ({"webhooks": [{"name": "w", "url": "https://a.example/#x"}]}, "fragment"),
    ({"webhooks": [{"name": "w", "url": "https://a.example:99999/"}]}, "Not a URL"),
    ({"webhooks": [{"name": "w"}]}, "one of url and url_file"),
    ({"webhooks": [{"name": "w", "url": "https://a.example/", "url_file": "/f"}]}, "one of url and url_file"),
    ({"webhooks": [{"name": "W!", "url": "https://a.example/"}]}, "pattern"),
    ({"webhooks": [{"name": "w", "url": "https://a.example/", "encoding": "xml"}]}, "Not an encoding"),
    ({"webhooks": [{"name": "w", "url": "https://a.example/", "min_severity": "grave"}]}, "Not a severity"),
    ({"webhooks": [{"name": "w", "url": "https://a.example/", "token": "sesame"}]}, "Extra inputs"),
    ({"webhooks": [{"name": "w", "url": "https://a.example/", "allow_networks": ["0.0.0.0/0"]}]}, "wider than /8"),
    ({"webhooks": [{"name": "w", "url": "https://a.example/", "allow_networks": ["10.1.0.0/8"]}]}, "CIDR"),
    ({"webhooks": [{"name": "w", "url": "https://a.example/", "total_timeout": 0}]}, "greater than 0"),
    ({"slack": [{"name": "s", "url": "https://hooks.slack.example/sesame"}]}, "Field required"),
    ({"stdout": [{}, {"name": "two"}]}, "more than one block for standard output"),
    ({"files": [{"name": "a", "path": "/x"}, {"name": "b", "path": "/x"}]}, "same file"),
    ({"files": [{"name": "stdout", "path": "/x"}], "stdout": [{}]}, "same name"),
    ({"alertmanagers": [{"name": "a", "url": "https://a.example", "username": "u"}]}, "only one"),
    (
        {
            "alertmanagers": [
                {
                    "name": "a",
                    "url": "https://a.example",
                    "username": "u",
                    "password_file": "/p",
                    "bearer_token_file": "/t",
                }
            ]
        },
        "a user and a bearer token",
    ),
    ({"event_hubs": [{"name": "e", "hub": "h"}]}, "one of namespace and connection_string_file"),
    ({"event_hubs": [{"name": "e", "namespace": "ns.servicebus.windows.net"}]}, "not the hub"),
    ({"event_hubs": [{"name": "e", "namespace": "sb://ns/", "hub": "h"}]}, "Not a host name"),
    (
        {"log_analytics": [{"name": "l", "endpoint": "http://a.example", "rule_id": "dcr-1", "stream": "Custom-x"}]},
        "plain http",
    ),
]


@pytest.mark.parametrize(("document", "message"), WRONG)
def test_what_cannot_work_is_refused_with_a_sentence(document: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        read(document)
    told = [problem["msg"] for problem in caught.value.errors(include_url=False, include_input=False)]
    assert any(message in each for each in told), told
    assert not any("sesame" in each for each in told)


@pytest.mark.parametrize("url", ["https://127.0.0.1/", "https://169.254.169.254/", "https://0x7f.1/", "https://[::1]/"])
def test_a_forbidden_address_is_told_when_the_sinks_are_built(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"sinks\.webhooks\[0\]\.url: .*allow_networks"):
        build(read({"webhooks": [{"name": "w", "url": url}]}), surroundings())


def test_a_file_of_authorities_that_cannot_be_used_is_told_when_the_sinks_are_built(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("")
    documents = [
        {"name": f"w{place}", "url": "https://a.example/", "ca_file": str(tmp_path / name)}
        for place, name in enumerate(("gone", "empty"))
    ]
    with pytest.raises(ConfigurationError) as caught:
        build(read({"webhooks": documents}), surroundings())
    assert [problem.path for problem in caught.value.problems] == [
        "sinks.webhooks[0].ca_file",
        "sinks.webhooks[1].ca_file",
    ]


@pytest.mark.asyncio
async def test_sinks_out_of_the_configuration_deliver(tmp_path: Path) -> None:
    """All sinks that need no cloud, over real sockets and files, from the text of a configuration."""
    stdout = io.BytesIO()
    async with receiver() as server:
        (tmp_path / "url").write_text(server.url)
        (tmp_path / "token").write_text("t")
        http = {"allow_insecure": True, "allow_networks": ["127.0.0.1/32"]}
        address = {"url_file": str(tmp_path / "url"), **http}
        settings = read(
            {
                "stdout": [{}],
                "files": [{"name": "file", "path": str(tmp_path / "alerts.jsonl")}],
                "alertmanagers": [
                    {"name": "am", "url": server.url, "bearer_token_file": str(tmp_path / "token"), **http}
                ],
                "webhooks": [{"name": "hook", "hmac_secret_file": str(tmp_path / "token"), **address}],
                "slack": [{"name": "slack", **address}],
                "teams": [{"name": "teams", **address}],
            }
        )
        (one,) = numbered(1)
        for sink in build(settings, surroundings(stdout)):
            assert await sink.deliver([one]) == {one.id: DELIVERED}, sink.name
            await sink.close()
        assert [path.removeprefix("/hook") for path in server.paths] == ["/api/v2/alerts", "", "", ""]
        assert server.requests[0][0]["Authorization"] == "Bearer t"
        assert "webhook-signature" in server.requests[1][0]
    assert stdout.getvalue() == (tmp_path / "alerts.jsonl").read_bytes()


# --------------------------------------------------------------------------------------------- shape


def models() -> Iterator[type[Block]]:
    for _, model in inspect.getmembers(blocks, inspect.isclass):
        if issubclass(model, Block) and model.__module__ == blocks.__name__:
            yield model


def test_the_machinery_of_the_configuration_finds_every_block() -> None:
    for field in SinksSettings.model_fields.values():
        assert block_in(field) is not None


@pytest.mark.untraced
@pytest.mark.parametrize("model", tuple(models()), ids=lambda model: model.__name__)
def test_every_setting_is_explained(model: type[Block]) -> None:
    assert model.__doc__
    assert all(_docs_of(model)[name] for name in model.model_fields)


def test_reason_codes_are_a_closed_set_of_plain_words() -> None:
    codes = [*get_args(RetryReason), *get_args(RefusalReason), *get_args(LeftOutReason)]
    assert len(set(codes)) == len(codes)
    assert all(code.replace("_", "").isalpha() and code.islower() for code in codes)
