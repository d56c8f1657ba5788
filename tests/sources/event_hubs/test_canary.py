"""Fails when a new version of the SDK no longer has what we lean on.

One thing only is not public: the names of loggers and the wording of their lines, for a counter.
"""

from __future__ import annotations

import importlib.util
import inspect
import logging
from importlib.metadata import version
from pathlib import Path

import azure.eventhub
import pytest
from azure.eventhub.aio import EventHubConsumerClient

from detector.sources.event_hubs.sdk_log import LINES, watched
from tests.sources.event_hubs.recorded import Facts

ROOT = Path(__file__).parents[3]


def test_the_version_is_one_that_was_read() -> None:
    assert (5, 15, 1) <= tuple(map(int, version("azure-eventhub").split("."))) < (5, 17)


def test_the_client_takes_the_options_that_are_passed() -> None:
    receive = inspect.signature(EventHubConsumerClient.receive_batch).parameters
    assert {
        "max_batch_size",
        "on_error",
        "on_event_batch",
        "on_partition_close",
        "on_partition_initialize",
        "owner_level",
        "partition_id",
        "prefetch",
        "starting_position",
        "starting_position_inclusive",
    } <= set(receive)
    make = inspect.signature(EventHubConsumerClient.from_connection_string).parameters
    assert {
        "connection_verify",
        "consumer_group",
        "custom_endpoint_address",
        "eventhub_name",
        "load_balancing_interval",
        "retry_backoff_factor",
        "retry_total",
        "transport_type",
        "user_agent",
    } <= set(make)
    # `socket_timeout` is among the keyword arguments that are documented but not named.
    assert "socket_timeout" in (EventHubConsumerClient.__doc__ or "")


def test_receiving_without_a_checkpoint_store_is_still_allowed() -> None:
    assert (
        inspect.signature(EventHubConsumerClient.from_connection_string).parameters["checkpoint_store"].default is None
    )


@pytest.mark.parametrize("name", LINES)
def test_the_lines_that_are_counted_are_still_written(name: str) -> None:
    spec = importlib.util.find_spec(name)
    assert spec is not None, f"{name} is gone: find out where its lines are written now"
    assert spec.origin is not None
    text = Path(spec.origin).read_text(encoding="utf-8")
    for beginning, _ in LINES[name]:
        assert beginning in text


def test_no_other_private_name_of_the_sdk_is_used() -> None:
    for module in (ROOT / "detector" / "sources" / "event_hubs").glob("*.py"):
        text = module.read_text(encoding="utf-8")
        if module.name != "sdk_log.py":
            assert "azure.eventhub._" not in text, module.name
        for name in ("_event_processors", "_create_consumer", "_handler", "uamqp_transport"):
            assert name not in text, (module.name, name)


def test_lines_are_counted_dropped_and_the_loggers_left_as_they_were(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, logger="azure.eventhub")
    name = "azure.eventhub._pyamqp.aio._client_async"
    logger = logging.getLogger(name)
    before = (logger.level, list(logger.filters))
    facts = Facts()
    with watched(facts):
        logger.info("Timeout reached, closing receiver.")
        logger.info("Connection keep-alive for %r failed: %r.", "client", "error")
        logger.info("another line")
        logger.warning("a warning")
    assert facts.told["sdk_warned"] == [("receiver_shut_down",), ("keep_alive_failed",)]
    assert [record.getMessage() for record in caplog.records] == ["a warning"]
    assert (logger.level, list(logger.filters)) == before
    assert azure.eventhub.__version__
