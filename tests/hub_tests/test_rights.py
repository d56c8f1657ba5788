"""Tokens, certificates and owner levels with the real client."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Iterator

import pytest
import trustme
from azure.core.credentials import AccessToken
from azure.eventhub import TransportType
from azure.eventhub.aio import EventHubConsumerClient
from azure.eventhub.exceptions import AuthenticationError, ConnectError, ConnectionLostError

from tests.hub import Hub, Server
from tests.hub_tests.clients import GROUP, QUICK, consumer, reading, refused

pytestmark = pytest.mark.slow

NAMESPACE = "contoso.servicebus.windows.net"


@pytest.fixture
def hub() -> Hub:
    hub = Hub("agents", partitions=2)
    hub.put(0, b"first")
    return hub


@pytest.fixture
def server(hub: Hub) -> Iterator[Server]:
    with Server(hub, keys={"reader": "c2VjcmV0"}) as running:
        yield running


# ------------------------------------------------------------------------------------------------ tokens


@pytest.mark.asyncio
async def test_a_wrong_key_is_an_authentication_error(server: Server) -> None:
    wrong = server.connection_string().replace("c2VjcmV0", "d3Jvbmc=")
    async with consumer(server, connection_string=wrong, retry_total=0) as client:
        with pytest.raises(AuthenticationError, match="CBS Token authentication failed"):
            await client.get_eventhub_properties()
    assert server.stats.tokens == 0
    assert server.stats.denied == 1


@pytest.mark.asyncio
async def test_an_unknown_hub_is_not_found(server: Server) -> None:
    async with consumer(server, connection_string=server.connection_string("other"), retry_total=0) as client:
        with pytest.raises(ConnectError, match="Status code: 404"):
            await client.get_eventhub_properties()


class _Credential:
    """A credential as azure-identity gives it: the scope decides the token."""

    def __init__(self, token: str) -> None:
        self.scopes: list[str] = []
        self._token = token

    async def get_token(self, *scopes: str, **_: object) -> AccessToken:
        self.scopes.extend(scopes)
        return AccessToken(self._token, int(time.time()) + 3600)  # noqa: TID251  # the client compares with its own clock

    async def close(self) -> None: ...

    async def __aenter__(self) -> _Credential:
        return self

    async def __aexit__(self, *_: object) -> None: ...


@pytest.mark.asyncio
async def test_a_web_token_is_judged_by_the_callable(hub: Hub) -> None:
    seen: list[tuple[str, str]] = []

    def authorise(token: str, audience: str) -> bool:
        seen.append((token, audience))
        return token == "good"

    with Server(hub, keys={}, authorise=authorise) as server:
        for token, right in (("good", True), ("bad", False)):
            credential = _Credential(token)
            client = EventHubConsumerClient(
                f"127.0.0.1:{server.port}", "agents", GROUP, credential=credential, use_tls=False, retry_total=0
            )
            async with client:
                if right:
                    assert await client.get_partition_ids() == ["0", "1"]
                else:
                    with pytest.raises(AuthenticationError):
                        await client.get_partition_ids()
            assert "https://eventhubs.azure.net//.default" in credential.scopes
    assert {token for token, _ in seen} == {"good", "bad"}
    assert {audience for _, audience in seen} == {f"sb://127.0.0.1:{server.port}/agents"}


# ---------------------------------------------------------------------------------------------- TLS


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure(hub: Hub, authority: trustme.CA) -> Iterator[Server]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    with Server(hub, keys={"reader": "c2VjcmV0"}, tls=context, websocket=True) as running:
        yield running


def _trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def _secure_consumer(server: Server, context: ssl.SSLContext, *, websocket: bool = False) -> EventHubConsumerClient:
    return EventHubConsumerClient.from_connection_string(
        server.connection_string(namespace=NAMESPACE),
        GROUP,
        ssl_context=context,
        transport_type=TransportType.AmqpOverWebsocket if websocket else TransportType.Amqp,
        custom_endpoint_address=server.websocket_address if websocket else server.address,
        **{**QUICK, "retry_total": 0},
    )


@pytest.mark.asyncio
async def test_over_tls_with_an_authority_of_our_own(secure: Server, authority: trustme.CA) -> None:
    client = _secure_consumer(secure, _trusting(authority))
    assert await client.get_partition_ids() == ["0", "1"]
    async with reading(secure, client=client) as state:
        assert (await state.until(1))[0].body == b"first"


@pytest.mark.asyncio
async def test_a_certificate_of_another_authority_is_refused(secure: Server) -> None:
    async with _secure_consumer(secure, _trusting(trustme.CA())) as client:
        with pytest.raises(ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await client.get_partition_ids()


# --------------------------------------------------------------------------------------------- WebSocket


@pytest.mark.filterwarnings("ignore:ssl=None is deprecated:DeprecationWarning")  # the client's own, without TLS
@pytest.mark.asyncio
async def test_over_a_websocket(hub: Hub) -> None:
    hub.put_many(0, [b"x" * 1_000_000] * 3)
    with Server(hub, websocket=True) as server:
        client = consumer(
            server,
            transport_type=TransportType.AmqpOverWebsocket,
            custom_endpoint_address=server.websocket_address,
        )
        assert await client.get_partition_ids() == ["0", "1"]
        async with reading(server, client=client) as state:
            taken = await state.until(4)
    assert [len(item.body) for item in taken] == [5, 1_000_000, 1_000_000, 1_000_000]


@pytest.mark.asyncio
async def test_over_a_websocket_with_tls(secure: Server, authority: trustme.CA) -> None:
    async with _secure_consumer(secure, _trusting(authority), websocket=True) as client:
        assert await client.get_partition_ids() == ["0", "1"]


# ------------------------------------------------------------------------------------------- owner levels


@pytest.mark.asyncio
async def test_a_higher_owner_level_takes_the_partition_and_a_lower_one_is_refused(hub: Hub, server: Server) -> None:
    async with reading(server, partition_id="0", owner_level=1) as old:
        await old.until(1)
        async with reading(server, partition_id="0", owner_level=2) as new:
            partition, error = await old.until_error()
            assert partition == "0"
            assert isinstance(error, ConnectionLostError)
            assert "amqp:link:stolen" in str(error)
            await new.until(1)
            hub.put(0, b"second")
            await new.until(2)
            assert await refused(server, "amqp:link:stolen")  # the old one came back, in vain
    assert old.sequences() == [0]
    assert new.sequences() == [0, 1]


@pytest.mark.asyncio
async def test_an_equal_owner_level_takes_the_partition_too(server: Server) -> None:
    async with reading(server, partition_id="0", owner_level=1) as old:
        await old.until(1)
        async with reading(server, partition_id="0", owner_level=1) as new:
            await new.until(1)
            _, error = await old.until_error()
    assert "amqp:link:stolen" in str(error)


@pytest.mark.asyncio
async def test_without_owner_levels_up_to_five_read_side_by_side(server: Server) -> None:
    async with (
        reading(server, partition_id="0") as a,
        reading(server, partition_id="0") as b,
        reading(server, partition_id="0") as c,
        reading(server, partition_id="0") as d,
        reading(server, partition_id="0") as e,
    ):
        await asyncio.gather(*(state.until(1) for state in (a, b, c, d, e)))
        async with reading(server, partition_id="0") as sixth:
            assert await refused(server, "amqp:resource-limit-exceeded")
            assert not sixth.taken


@pytest.mark.asyncio
async def test_an_owner_level_sends_those_without_away(server: Server) -> None:
    async with reading(server, partition_id="0") as plain:
        await plain.until(1)
        async with reading(server, partition_id="0", owner_level=0) as owner:
            await owner.until(1)
            _, error = await plain.until_error()
            assert "amqp:link:stolen" in str(error)
            assert await refused(server, "amqp:link:stolen")
