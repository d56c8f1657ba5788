"""Each thing that can be wrong with a hub is told apart from every other."""

from __future__ import annotations

import asyncio
import inspect
import json
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme
from azure.core.credentials import AccessToken
from azure.eventhub.aio import EventHubConsumerClient

from detector.domain.delivery import Position
from detector.runtime.doctor.canary import canary_body
from detector.runtime.doctor.world import Limits
from detector.stores.records import Commit
from detector.stores.settings import StoreSettings
from detector.stores.store import Store
from detector.stores.workings import Workings
from tests.hub import Hub, Server, abort_leftovers
from tests.processors import Watch
from tests.runtime.doctor.stage import AGENT, CANARY, Examined, verdicts

KEY = "c2VjcmV0"
HUB_CHECKS = ("hub.network", "hub.token", "hub.answers", "hub.partitions", "hub.rights", "hub.categories", "hub.agents")

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.slow,
    # Sockets that the SDK loses sight of when an attempt is given up.
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning", "ignore:loop is closed:ResourceWarning"),
]


def record(category: str, **properties: object) -> bytes:
    """A record of another category, with no more in it than it needs."""
    document = {"time": "2026-11-20T10:00:00Z", "category": category, "tenantId": "t", "properties": properties}
    return json.dumps({"records": [document]}).encode()


def audit() -> bytes:
    return record(
        "AuditLogs",
        id="audit-1",
        activityDateTime="2026-11-20T10:00:00Z",
        activityDisplayName="Update application",
        result="success",
    )


@pytest.fixture
def hub() -> Hub:
    hub = Hub("agents", partitions=2, consumer_groups=("$Default", "detector"))
    hub.put(0, canary_body(AGENT, time.time()))  # noqa: TID251 -- the hub's clock is the real one
    hub.put(1, audit())
    return hub


@pytest.fixture
def server(hub: Hub) -> Iterator[Server]:
    with Server(hub, keys={"reader": KEY}) as running:
        yield running


async def test_a_hub_in_good_health_passes_every_check(examined: Examined, server: Server) -> None:
    examined.hub(server)
    results = await examined.results()
    assert [results[name].verdict for name in HUB_CHECKS] == ["ok"] * 5 + ["warning", "ok"]
    assert results["hub.answers"].details["partitions"] == ["0", "1"]
    assert results["hub.partitions"].details["partitions"]["0"]["newest_sequence"] == 0
    assert results["hub.owner"].verdict == "ok"
    assert results["clock"].verdict == "ok"
    assert results["hub.categories"].details["categories"] == {"ServicePrincipalSignInLogs": 1, "AuditLogs": 1}
    assert results["hub.categories"].details["missing"] == ["NonInteractiveUserSignInLogs"]
    assert "for people" in results["hub.categories"].meaning, "what is blind without it"
    assert results["hub.agents"].details["agents"] == 1


async def test_a_missing_right_to_receive_is_told_although_the_hub_answers(examined: Examined, server: Server) -> None:
    """The fault that shows as silence: the receiver is refused, and the SDK tells nobody."""
    server.faults.refuse_receivers("amqp:unauthorized-access")
    examined.hub(server)
    results = await examined.results()
    assert (results["hub.answers"].verdict, results["hub.rights"].verdict) == ("ok", "failed")
    assert "unauthorized" in results["hub.rights"].found
    assert "silence" in results["hub.rights"].meaning
    assert "Listen claim" in results["hub.rights"].advice
    assert results["hub.categories"].verdict == "not checked"


async def test_a_missing_consumer_group_is_told_with_its_name(examined: Examined, server: Server) -> None:
    examined.hub(server, consumer_group="forgotten")
    rights = (await examined.results())["hub.rights"]
    assert rights.verdict == "failed"
    assert "no consumer group forgotten" in rights.found
    assert "consumer-group create" in rights.advice


async def test_a_missing_hub_is_not_a_missing_right(examined: Examined, server: Server) -> None:
    examined.hub(server, connection_string=server.connection_string("other"))
    results = await examined.results()
    answers = results["hub.answers"]
    assert (answers.verdict, answers.details["reason"]) == ("failed", "not_found")
    assert results["hub.rights"].verdict == "not checked"


async def test_a_wrong_key_is_told_and_never_shown(examined: Examined, server: Server) -> None:
    wrong = "d3Jvbmc="
    examined.hub(server, connection_string=server.connection_string().replace(KEY, wrong))
    report = await examined.report()
    answers = next(result for result in report.results if result.check == "hub.answers")
    assert (answers.verdict, answers.details["reason"]) == ("failed", "unauthorized")
    assert "regenerated" in answers.advice
    assert wrong not in json.dumps(report.document())


async def test_a_connection_string_that_cannot_work_is_told(examined: Examined, server: Server) -> None:
    examined.hub(server, connection_string="Endpoint=sb://ns/;SharedAccessKey=c2VjcmV0")
    results = await examined.results()
    assert results["hub.token"].verdict == "failed"
    assert "SharedAccessKeyName" in results["hub.token"].found
    assert KEY not in results["hub.token"].found
    assert all(results[name].verdict == "not checked" for name in HUB_CHECKS if name != "hub.token")


async def test_a_black_hole_costs_no_more_than_the_limits_say(examined: Examined, server: Server) -> None:
    server.faults.black_hole()
    examined.hub(server)
    limits = Limits(each=1.0, total=4.0, close=1.0)
    with Watch() as watch:
        results = await examined.results(limits=limits)
    assert watch.seconds < limits.total + limits.close + 2
    assert (results["hub.network"].verdict, results["hub.answers"].verdict) == ("ok", "failed")
    assert results["hub.answers"].details["reason"] == "timeout"


async def test_a_hub_that_goes_dark_while_it_is_looked_at_is_told(examined: Examined, server: Server) -> None:
    """Questions are answered, receivers are not: each of them is its own connection."""
    examined.hub(server)
    reads = server.stats.management_reads

    async def go_dark() -> None:
        await asyncio.to_thread(server.stats.wait_for, lambda stats: stats.management_reads >= reads + 3)
        await asyncio.to_thread(server.faults.black_hole)

    darkness = asyncio.create_task(go_dark())
    results = await examined.results(limits=Limits(each=2.0, total=12.0, close=2.0))
    await darkness
    # On a slow machine the dark may fall a question earlier, and what is found is another sentence.
    failed = {name: each.found for name, each in results.items() if each.verdict == "failed"}
    assert failed.keys() & {"hub.rights", "hub.partitions", "hub.answers"}
    assert not any("unauthorized" in found for found in failed.values()), "the dark is no missing right"


async def test_a_port_where_nobody_listens_is_told(examined: Examined, server: Server) -> None:
    examined.hub(server)
    server.stop()
    results = await examined.results()
    assert results["hub.network"].verdict == "failed"
    assert "cannot be connected to" in results["hub.network"].found
    assert results["hub.answers"].verdict == "not checked"


async def test_a_name_that_does_not_exist_is_told(examined: Examined, server: Server) -> None:
    examined.hub(server, connection_string=server.connection_string().replace("127.0.0.1", "nowhere.invalid"))
    network = (await examined.results())["hub.network"]
    assert network.verdict == "failed"
    assert "nowhere.invalid" in network.found


async def test_an_empty_hub_asks_for_the_diagnostic_setting(examined: Examined) -> None:
    with Server(Hub("agents", partitions=2)) as server:
        examined.hub(server)
        results = await examined.results()
    assert results["hub.partitions"].verdict == "warning"
    assert "diagnostic setting" in results["hub.partitions"].advice
    assert results["hub.rights"].verdict == "ok", "the right can be tried on an empty partition too"
    assert results["hub.categories"].verdict == "not checked"


async def test_a_hub_that_fell_silent_says_for_how_long(examined: Examined) -> None:
    hub = Hub("agents", partitions=1)
    now = time.time()  # noqa: TID251 -- as above
    hub.put(0, audit(), enqueued=now - 5 * 3600)
    with Server(hub) as server:
        examined.hub(server)
        results = await examined.results()
    assert results["hub.partitions"].verdict == "warning"
    assert "for 5 hours" in results["hub.partitions"].found
    assert "diagnostic setting on" in results["hub.partitions"].advice


async def test_a_short_retention_is_told_by_the_age_of_what_is_left(examined: Examined) -> None:
    hub = Hub("agents", partitions=1)
    now = time.time()  # noqa: TID251 -- as above
    for hours in (9, 6, 3, 1):
        hub.put(0, audit(), enqueued=now - hours * 3600)
    hub.expire(0, 1)
    with Server(hub) as server:
        examined.hub(server)
        results = await examined.results()
    assert results["hub.retention"].verdict == "warning"
    assert "6 hours" in results["hub.retention"].found


async def test_a_clock_that_is_behind_fails(examined: Examined, server: Server) -> None:
    examined.hub(server)
    slow = time.time  # noqa: TID251 -- as above
    clock = (await examined.results(now=lambda: slow() - 900))["clock"]
    assert clock.verdict == "failed"
    assert "15 minutes behind" in clock.found


async def test_what_is_no_export_of_entra_fails(examined: Examined) -> None:
    hub = Hub("agents", partitions=1)
    hub.put(0, b"\x00not json")
    with Server(hub) as server:
        examined.hub(server)
        categories = (await examined.results())["hub.categories"]
    assert categories.verdict == "failed"
    assert "malformed_json" in categories.found


async def test_only_the_newest_messages_are_looked_at(examined: Examined) -> None:
    hub = Hub("agents", partitions=1)
    for _ in range(40):
        hub.put(0, audit())
    for _ in range(10):
        hub.put(0, canary_body(AGENT, time.time()))  # noqa: TID251 -- as above
    with Server(hub) as server:
        examined.hub(server)
        categories = (await examined.results())["hub.categories"]
    assert categories.details["categories"] == {"ServicePrincipalSignInLogs": 10}


async def test_the_canary_is_told_apart_from_agents(examined: Examined) -> None:
    hub = Hub("agents", partitions=1)
    hub.put(0, canary_body(CANARY, time.time()))  # noqa: TID251 -- as above
    examined.document["canary"] = CANARY
    with Server(hub) as server:
        examined.hub(server)
        agents = (await examined.results())["hub.agents"]
    assert agents.verdict == "warning"
    assert agents.details == {"agents": 0, "canaries": 1}


# ------------------------------------------------------------------------------------------ who else reads


class Reading:
    """A service that reads every partition with an owner level."""

    def __init__(self, server: Server, level: int) -> None:
        self._server = server
        self._client = EventHubConsumerClient.from_connection_string(
            server.connection_string(), "$Default", retry_total=0, socket_timeout=0.2
        )
        self._level = level
        self.errors: list[object] = []

    async def __aenter__(self) -> Reading:
        async def took(_context: object, _events: object) -> None: ...

        async def failed(_context: object, error: object) -> None:
            self.errors.append(error)

        self._task = asyncio.create_task(
            self._client.receive_batch(took, on_error=failed, owner_level=self._level, starting_position="-1")
        )
        assert await asyncio.to_thread(
            self._server.stats.wait_for, lambda stats: stats.opened["0"] >= 1 and stats.opened["1"] >= 1
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        await self._client.close()
        await abort_leftovers()


def stored(folder: Path, epoch: int, **commit: Any) -> None:
    """A store that was opened so many times."""
    for number in range(epoch):
        workings = Workings(now=lambda: 0.0, monotonic=lambda: 0.0, settings=StoreSettings())
        with Store.open(folder, workings) as store:
            if number == epoch - 1 and commit:
                store.commit(Commit(**commit))


async def test_a_service_that_reads_is_seen_and_not_disturbed(examined: Examined, server: Server) -> None:
    examined.hub(server)
    async with Reading(server, level=7) as reading:
        results = await examined.results(alone=False)
        assert reading.errors == []
        assert {name: server.stats.receivers[name] for name in ("0", "1")} == {"0": 1, "1": 1}
    assert results["hub.rights"].verdict == "ok", "a right that was not there would have been refused first"
    assert results["hub.owner"].details["levels"] == {"0": 7, "1": 7}
    assert results["hub.categories"].verdict == "not checked"


@pytest.mark.parametrize(("level", "verdict"), [(7, "failed"), (2, "warning")])
async def test_a_service_on_another_store_is_told(examined: Examined, server: Server, level: int, verdict: str) -> None:
    stored(examined.folder / "state", 2)
    examined.hub(server)
    async with Reading(server, level):
        owner = (await examined.results(alone=False))["store.owner"]
    assert owner.verdict == verdict
    assert owner.details == {"level": level, "epoch": 2}


# ------------------------------------------------------------------------------- positions against the hub


def identity(hub: Hub) -> dict[str, str]:
    made = datetime.fromtimestamp(round(hub.created * 1000) / 1000, UTC)
    return {"event-hub:127.0.0.1/agents": f"agents@{made.isoformat()}"}


async def test_positions_that_fit_say_how_much_waits(examined: Examined, hub: Hub, server: Server) -> None:
    for _ in range(4):
        hub.put(1, audit())
    stored(
        examined.folder / "state",
        1,
        positions={"0": Position(0, "0"), "1": Position(1, "")},
        identities=identity(hub),
    )
    examined.hub(server)
    result = (await examined.results())["store.positions"]
    assert result.verdict == "ok", result.found
    assert result.details == {"lost": 0, "behind": 3, "ahead": []}


async def test_lost_messages_are_counted(examined: Examined, hub: Hub, server: Server) -> None:
    for _ in range(9):
        hub.put(1, audit())
    hub.expire(1, 6)
    stored(examined.folder / "state", 1, positions={"1": Position(1, "")}, identities=identity(hub))
    examined.hub(server)
    result = (await examined.results())["store.positions"]
    assert (result.verdict, result.details["lost"]) == ("failed", 4)


@pytest.mark.parametrize(("accept", "verdict"), [(False, "failed"), (True, "warning")])
async def test_a_hub_that_was_made_again_is_told(
    examined: Examined, hub: Hub, server: Server, accept: bool, verdict: str
) -> None:
    stored(examined.folder / "state", 1, positions={"0": Position(0, "0")}, identities=identity(hub))
    hub.recreate(hub.created + 3600)
    examined.hub(server, accept_new_hub=accept)
    result = (await examined.results())["store.positions"]
    assert result.verdict == verdict
    assert "made again" in result.found


async def test_a_position_behind_the_end_is_of_another_hub(examined: Examined, hub: Hub, server: Server) -> None:
    stored(examined.folder / "state", 1, positions={"0": Position(99, "0")}, identities=identity(hub))
    examined.hub(server)
    result = (await examined.results())["store.positions"]
    assert (result.verdict, result.details["ahead"]) == ("failed", ["0"])


# --------------------------------------------------------------------------------------- TLS and identities


class Credential:
    """A credential as azure-identity gives it."""

    def __init__(self, error: Exception | None = None) -> None:
        self.closed = False
        self._error = error

    async def get_token(self, *_scopes: str, **_: object) -> AccessToken:
        if self._error is not None:
            raise self._error
        return AccessToken("a-token", int(time.time()) + 3600)  # noqa: TID251 -- the client compares with its own clock

    async def close(self) -> None:
        self.closed = True


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure(hub: Hub, authority: trustme.CA) -> Iterator[Callable[..., Server]]:
    started: list[Server] = []

    def start(name: str = "localhost", **options: Any) -> Server:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert(name).configure_cert(context)
        started.append(Server(hub, tls=context, **options).start())
        return started[-1]

    yield start
    for each in started:
        each.stop()


def by_identity(examined: Examined, server: Server, authority: trustme.CA | None) -> None:
    ca_file = examined.folder / "ca.pem"
    if authority is not None:
        authority.cert_pem.write_to_path(str(ca_file))
    examined.document["source"] = {
        "event_hubs": {
            "namespace": "contoso.servicebus.windows.net",
            "hub": "agents",
            "endpoint": server.address,
            "socket_timeout": 0.2,
            **({} if authority is None else {"ca_file": str(ca_file)}),
        }
    }


async def test_an_identity_reads_over_tls(
    examined: Examined, secure: Callable[..., Server], authority: trustme.CA
) -> None:
    by_identity(examined, secure(), authority)
    credential = Credential()
    results = await examined.results(hub_credential=lambda _: credential)
    assert [results[name].verdict for name in HUB_CHECKS[:5]] == ["ok"] * 5
    assert results["hub.network"].details["tls_version"].startswith("TLS")
    assert credential.closed


async def test_a_role_on_the_hub_alone_does_not_open_the_consumer_group(
    examined: Examined, secure: Callable[..., Server], authority: trustme.CA
) -> None:
    """The token for the receiver is refused, again without a word of the SDK."""
    server = secure(keys={}, authorise=lambda _, audience: "consumergroups" not in audience.lower())
    by_identity(examined, server, authority)
    results = await examined.results(hub_credential=lambda _: Credential())
    assert (results["hub.answers"].verdict, results["hub.rights"].verdict) == ("ok", "failed")
    assert "Azure Event Hubs Data Receiver" in results["hub.rights"].advice


async def test_an_identity_without_any_right_is_told_which_role_it_needs(
    examined: Examined, secure: Callable[..., Server], authority: trustme.CA
) -> None:
    by_identity(examined, secure(keys={}, authorise=lambda *_: False), authority)
    results = await examined.results(hub_credential=lambda _: Credential())
    assert results["hub.answers"].details["reason"] == "unauthorized"
    assert "Azure Event Hubs Data Receiver" in results["hub.answers"].advice


async def test_an_identity_that_gets_no_token_is_told_with_the_code_alone(
    examined: Examined, secure: Callable[..., Server], authority: trustme.CA
) -> None:
    class ClientAuthenticationError(Exception):
        pass

    by_identity(examined, secure(), authority)
    error = ClientAuthenticationError("AADSTS700016: Application 'hidden-id' was not found. Trace: secret-trace")
    report = await examined.report(hub_credential=lambda _: Credential(error))
    results = {result.check: result for result in report.results}
    assert results["hub.token"].verdict == "failed"
    assert "ClientAuthenticationError, AADSTS700016" in results["hub.token"].found
    text = json.dumps(report.document())
    assert "hidden-id" not in text
    assert "secret-trace" not in text
    assert results["hub.answers"].verdict == "not checked"


async def test_a_certificate_of_an_unknown_authority_is_told(examined: Examined, secure: Callable[..., Server]) -> None:
    by_identity(examined, secure(), None)
    network = (await examined.results(hub_credential=lambda _: Credential()))["hub.network"]
    assert network.verdict == "failed"
    assert "not trusted" in network.found
    assert "ca_file" in network.advice


async def test_a_certificate_for_another_name_is_told(
    examined: Examined, secure: Callable[..., Server], authority: trustme.CA
) -> None:
    by_identity(examined, secure("elsewhere.example"), authority)
    network = (await examined.results(hub_credential=lambda _: Credential()))["hub.network"]
    assert network.verdict == "failed"
    assert "not trusted" in network.found


async def test_a_server_without_tls_is_told(examined: Examined, server: Server) -> None:
    by_identity(examined, server, None)
    network = (await examined.results(hub_credential=lambda _: Credential()))["hub.network"]
    assert network.verdict == "failed"
    assert verdicts({"hub.network": network}) == {"hub.network": "failed"}


async def test_the_sdk_still_has_the_two_private_names() -> None:
    """`detector.runtime.doctor.receiving` leans on them, because the SDK swallows the refusal of a receiver."""
    from azure.eventhub.aio._client_base_async import ConsumerProducerMixin
    from azure.eventhub.aio._consumer_async import EventHubConsumer

    make = inspect.signature(EventHubConsumerClient._create_consumer).parameters
    assert list(make)[1:5] == ["consumer_group", "partition_id", "event_position", "on_event_received"]
    assert issubclass(EventHubConsumer, ConsumerProducerMixin)
    assert inspect.iscoroutinefunction(EventHubConsumer._open)
    assert {"batch", "max_batch_size"} <= set(inspect.signature(EventHubConsumer.receive).parameters)
