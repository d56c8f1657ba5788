"""No exception leaves a handler, whatever its class and wherever it comes from."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from azure.eventhub.exceptions import AuthenticationError, ConnectError, ConnectionLostError, EventHubError

from detector.sources.event_hubs.failures import ending_of
from detector.sources.event_hubs.positions import Start
from detector.sources.event_hubs.receiver import Opening, Receiver
from detector.sources.facts import Ending
from tests.sources.event_hubs.raised import EXCEPTIONS, raised
from tests.sources.event_hubs.recorded import Facts

OPENING = Opening(partition="0", start=Start("-1", None), owner_level=3, prefetch=50, batch=100, opened=0.0)


class Client:
    """Keeps the handlers it is given, and receives until cancelled or told to fail."""

    def __init__(self, error: BaseException | None = None, *, stubborn: bool = False) -> None:
        self.options: dict[str, Any] = {}
        self.closed = False
        self._error = error
        self._stubborn = stubborn

    async def receive_batch(self, on_event_batch: Any, **options: Any) -> None:
        self.options = {"on_event_batch": on_event_batch, **options}
        if self._error is not None:
            raise self._error
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if not self._stubborn:
                raise
            await asyncio.sleep(0.2)

    async def get_eventhub_properties(self) -> dict[str, Any]:
        return {}

    async def get_partition_properties(self, partition_id: str) -> dict[str, Any]:
        return {"id": partition_id}

    async def close(self) -> None:
        self.closed = True


async def opened(client: Client, facts: Facts, take: Any = None) -> Receiver:
    async def nothing(_receiver: Receiver, _events: Sequence[Any]) -> None: ...

    receiver = Receiver(client, OPENING, take or nothing, facts)
    await asyncio.sleep(0)
    return receiver


@pytest.mark.asyncio
async def test_it_is_opened_at_an_explicit_place_with_the_epoch() -> None:
    client = Client()
    receiver = await opened(client, Facts())
    options = {name: value for name, value in client.options.items() if not name.startswith("on_")}
    assert options == {
        "partition_id": "0",
        "owner_level": 3,
        "prefetch": 50,
        "max_batch_size": 100,
        "starting_position": "-1",
        "starting_position_inclusive": False,
    }
    await receiver.close(1.0)
    assert client.closed


@pytest.mark.parametrize("kind", EXCEPTIONS)
@pytest.mark.asyncio
async def test_whatever_taking_raises_ends_the_receiver_and_no_more(kind: type[Exception]) -> None:
    async def take(_receiver: Receiver, _events: Sequence[Any]) -> None:
        raise raised(kind)

    facts = Facts()
    client = Client()
    receiver = await opened(client, facts, take)
    await client.options["on_event_batch"](object(), [1])
    assert await receiver.wait() == "handler"
    # A coroutine turns this one into a RuntimeError before anybody can see it.
    name = "RuntimeError" if kind is StopIteration else kind.__name__
    assert facts.told["exception_caught"] == [("message", name)]
    await receiver.close(1.0)


@pytest.mark.parametrize("kind", EXCEPTIONS)
@pytest.mark.asyncio
async def test_facts_that_raise_end_the_receiver_and_no_more(kind: type[Exception]) -> None:
    class Raising(Facts):
        def __getattr__(self, name: str) -> Any:
            def tell(*_: Any) -> None:
                raise raised(kind)

            return tell

    client = Client()
    receiver = await opened(client, Raising())
    await client.options["on_partition_initialize"](object())
    await client.options["on_partition_close"](object(), "reason")
    await client.options["on_error"](None, raised(kind))
    assert await receiver.wait() == "handler"
    await receiver.close(1.0)


@pytest.mark.parametrize("kind", EXCEPTIONS)
@pytest.mark.asyncio
async def test_an_error_without_a_context_is_an_ending_like_others(kind: type[Exception]) -> None:
    client = Client()
    receiver = await opened(client, Facts())
    await client.options["on_error"](None, raised(kind))
    assert await receiver.wait() in ("other", "connection", "timeout")
    await receiver.close(1.0)


@pytest.mark.asyncio
async def test_an_error_whose_text_raises_is_an_ending_like_others() -> None:
    class UntoldError(Exception):
        def __str__(self) -> str:
            raise MemoryError

    facts = Facts()
    client = Client()
    receiver = await opened(client, facts)
    await client.options["on_error"](None, UntoldError())
    assert await receiver.wait() == "handler"
    assert facts.told["exception_caught"] == [("error", "MemoryError")]
    await receiver.close(1.0)


@pytest.mark.asyncio
async def test_an_ended_receiver_takes_nothing_more() -> None:
    taken: list[Any] = []

    async def take(_receiver: Receiver, events: Sequence[Any]) -> None:
        taken.extend(events)

    client = Client()
    receiver = await opened(client, Facts(), take)
    await client.options["on_event_batch"](object(), [1])
    receiver.end("stalled")
    receiver.end("closed")
    await client.options["on_event_batch"](object(), [2])
    assert taken == [1]
    assert await receiver.wait() == "stalled"
    await receiver.close(1.0)


@pytest.mark.asyncio
async def test_a_receive_loop_that_fails_or_returns_ends_the_receiver() -> None:
    assert await (await opened(Client(ConnectionResetError()), Facts())).wait() == "connection"


@pytest.mark.asyncio
async def test_a_receiver_that_does_not_close_is_left_behind_and_said() -> None:
    facts = Facts()
    receiver = await opened(Client(stubborn=True), facts)
    await receiver.close(0.01)
    assert facts.told["left_behind"] == [("receiver",)]
    await asyncio.sleep(0.3)


def condition(error: EventHubError, name: str) -> EventHubError:
    error.error = name
    return error


ENDINGS: list[tuple[BaseException, Ending]] = [
    (condition(ConnectionLostError("x"), "link:stolen"), "stolen"),
    (condition(ConnectError("x"), "server-busy"), "throttled"),
    (condition(EventHubError("x"), "unauthorized-access"), "unauthorized"),
    (condition(EventHubError("x"), "not-found"), "not_found"),
    (condition(ConnectionLostError("x"), "link:detach-forced"), "detached"),
    (condition(ConnectError("x"), "connection:forced"), "connection"),
    (condition(EventHubError("x"), "something:new"), "other"),
    (EventHubError("The supplied offset '25789595200' is invalid. The last offset in the system is '-1'"), "offset"),
    (AuthenticationError("CBS Token authentication failed"), "unauthorized"),
    (ConnectError("Management connection failed. Status code: 404 ..."), "not_found"),
    (ConnectError("Management connection failed. Status code: 503 ..."), "throttled"),
    (ConnectError("x"), "connection"),
    (TimeoutError(), "timeout"),
    (ValueError("x"), "other"),
]


@pytest.mark.parametrize(("error", "ending"), ENDINGS, ids=lambda value: str(value)[:40])
def test_errors_become_one_of_a_few_words(error: BaseException, ending: Ending) -> None:
    assert ending_of(error) == ending
