"""A sink reaches the public Internet, and what the configuration lists, and nothing else (SSRF)."""

from __future__ import annotations

import socket
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from hypothesis import given
from hypothesis import strategies as st

from detector.sinks.addresses import AddressRefusedError, refused
from detector.sinks.destination import Guard, GuardedResolver, Route
from detector.sinks.outcome import DELIVERED, Retry
from detector.sinks.wire import Message
from tests.sinks.receivers import receiver, wire_to

MESSAGE = Message("id", b"{}", "application/json")

FORBIDDEN = [
    "https://127.0.0.1/",
    "https://127.8.9.10:8443/x",
    "https://127.0.0.1./",
    "https://127.1/",
    "https://127.0.1/",
    "https://2130706433/",
    "https://017700000001/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://0300.0250.0.1/",
    "https://127.0.0.0x1/",
    "https://0/",
    "https://0.0.0.0/",
    "https://10.0.0.1/",
    "https://10.255.255.255/",
    "https://172.16.0.1/",
    "https://172.31.255.254/",
    "https://192.168.1.1/",
    "https://100.64.0.1/",
    "https://100.100.100.200/latest/meta-data",
    "https://169.254.169.254/metadata/instance",
    "https://169.254.170.2/v2/credentials",
    "https://168.63.129.16/machine",
    "https://192.0.0.192/",
    "https://192.0.2.1/",
    "https://198.18.0.1/",
    "https://198.51.100.7/",
    "https://203.0.113.7/",
    "https://224.0.0.1/",
    "https://239.255.255.250/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://[::1]/",
    "https://[::]/",
    "https://[::127.0.0.1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::ffff:169.254.169.254]/",
    "https://[::ffff:10.0.0.1]/",
    "https://[64:ff9b::169.254.169.254]/",
    "https://[64:ff9b::a00:1]/",
    "https://[64:ff9b:1::1]/",
    "https://[2002:7f00:1::]/",
    "https://[2001:0:1::1]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fc00::1]/",
    "https://[fd00:ec2::254]/",
    "https://[ff02::1]/",
    "https://[fec0::1]/",
    "https://[2001:db8::1]/",
    "https://\uff11\uff12\uff17.0.0.1/",
    "https://user:word@93.184.215.14/",
    "https://user@93.184.215.14/",
    "http://93.184.215.14/",
    "ftp://93.184.215.14/",
    "file:///etc/passwd",
    "gopher://93.184.215.14/",
    "https:///path",
    "//93.184.215.14/",
    "93.184.215.14",
    "",
    "https://[::1",
    "https://93.184.215.14:99999/",
]

ALLOWED = [
    "https://93.184.215.14/hook",
    "https://93.184.215.14:8443/hook",
    "https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/",
    "https://[64:ff9b::5db8:d70e]/",
    "https://[::ffff:93.184.215.14]/",
    "https://hooks.example.com/services/T/B/x",
    "https://example.com./",
    "https://xn--bcher-kva.example/",
    "https://1e100.net/",
    "https://0x.example.com/",
]


@pytest.mark.parametrize("url", FORBIDDEN)
def test_a_forbidden_url_is_refused_without_resolving_anything(url: str) -> None:
    with pytest.raises(AddressRefusedError):
        Guard().checked(url)


@pytest.mark.parametrize("url", ALLOWED)
def test_an_honest_url_is_allowed(url: str) -> None:
    assert Guard().checked(url).host


def test_the_table_is_long_enough() -> None:
    assert len(FORBIDDEN) >= 40


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.1.2.3", "10.0.0.0/8"),
        ("127.0.0.1", "127.0.0.1/32"),
        ("::1", "::1/128"),
        ("fd00::7", "fd00::/8"),
        ("::ffff:10.1.2.3", "10.0.0.0/8"),
        ("169.254.169.254", "169.254.169.254/32"),
        ("fd00:ec2::254", "fd00:ec2::254/128"),
    ],
)
def test_a_listed_network_is_allowed(address: str, network: str) -> None:
    assert refused(ip_address(address))
    assert not refused(ip_address(address), [ip_network(network)])


@pytest.mark.parametrize(
    ("address", "network"),
    [("169.254.169.254", "169.254.0.0/16"), ("fd00:ec2::254", "fd00::/8"), ("100.100.100.200", "100.64.0.0/10")],
)
def test_a_metadata_service_is_not_allowed_by_a_wider_network(address: str, network: str) -> None:
    assert refused(ip_address(address), [ip_network(network)])


@given(address=st.ip_addresses(v=4))
def test_an_address_is_judged_the_same_however_it_is_wrapped(address: Any) -> None:
    mapped = ip_address(f"::ffff:{address}")
    translated = ip_address(int(ip_address("64:ff9b::")) + int(address))
    assert refused(address) == refused(mapped) == refused(translated)


@given(address=st.ip_addresses())
def test_what_python_does_not_call_global_is_refused(address: Any) -> None:
    inner = getattr(address, "ipv4_mapped", None) or address
    if not inner.is_global and address not in ip_network("64:ff9b::/96" if address.version == 6 else "192.0.0.0/24"):
        assert refused(address)


class Stub(AbstractResolver):
    """Answers as a script says, the last answer for ever."""

    def __init__(self, *answers: tuple[str, ...]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_INET) -> list[ResolveResult]:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [ResolveResult(hostname=host, host=each, port=port, family=family, proto=0, flags=0) for each in answer]

    async def close(self) -> None:
        pass


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "answer", [("127.0.0.1",), ("169.254.169.254",), ("93.184.215.14", "10.0.0.1"), ("::1",), ("::ffff:127.0.0.1",)]
)
async def test_a_name_is_refused_when_any_of_its_addresses_is(answer: tuple[str, ...]) -> None:
    resolver = GuardedResolver(Guard(), Stub(answer))
    with pytest.raises(AddressRefusedError):
        await resolver.resolve("hooks.example.com", 443)
    await resolver.close()


@pytest.mark.asyncio
async def test_a_name_that_stands_for_loopback_never_gets_a_connection() -> None:
    """The server is there and would answer: only the guard keeps the request from it."""
    async with receiver() as server:
        port = server.url.split(":")[2].split("/")[0]
        way = Route(guard=Guard(allow_insecure=True), resolver=Stub(("127.0.0.1",)), connect=1.0, total=2.0)
        async with wire_to(f"http://hooks.example.com:{port}/", way) as wire:
            assert await wire.post(MESSAGE) == Retry("address_refused")
        assert not server.requests


@pytest.mark.asyncio
async def test_an_answer_that_changes_after_the_check_has_no_effect() -> None:
    """DNS rebinding: the name is resolved once, and the address that was checked is the one that is connected to."""
    async with receiver() as server:
        port = server.url.split(":")[2].split("/")[0]
        stub = Stub(("127.0.0.1",), ("169.254.169.254",))
        guard = Guard([ip_network("127.0.0.1/32")], allow_insecure=True)
        async with wire_to(f"http://hooks.example.com:{port}/", Route(guard=guard, resolver=stub)) as wire:
            assert await wire.post(MESSAGE) == DELIVERED
            assert stub.asked == 1
        # A new connection resolves anew, and is refused.
        async with wire_to(f"http://hooks.example.com:{port}/", Route(guard=guard, resolver=stub)) as wire:
            assert await wire.post(MESSAGE) == Retry("address_refused")
        assert len(server.requests) == 1


class TwoFaced(Guard):
    """Lets every URL and every answer of the resolver pass, as a mistake there would."""

    def checked(self, url: str) -> Any:
        return Guard([ip_network("127.0.0.0/8")], allow_insecure=True).checked(url)


@pytest.mark.asyncio
async def test_the_socket_itself_is_guarded_too() -> None:
    async with receiver() as server:
        async with wire_to(server.url, Route(guard=TwoFaced(), connect=1.0, total=2.0)) as wire:
            assert await wire.post(MESSAGE) == Retry("address_refused")
        assert not server.requests


@pytest.mark.asyncio
async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with receiver() as server, wire_to(server.url) as wire:
        assert await wire.post(MESSAGE) == DELIVERED
