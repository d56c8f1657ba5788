"""The event hub: the way there, the token, what it says of itself, and whether it lets us read."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from detector.config.settings import Settings
from detector.errors import SourceError
from detector.runtime.doctor.answers import answered, filled, retention, unanswered, unusable
from detector.runtime.doctor.clock import Sample, ask_https
from detector.runtime.doctor.contents import Contents, judged
from detector.runtime.doctor.network import Place, reach
from detector.runtime.doctor.results import Result, ago, unchecked
from detector.runtime.doctor.rights import owners, rights
from detector.runtime.doctor.world import NOBODY
from detector.sources.event_hubs.clocks import Clocks
from detector.sources.event_hubs.connection import ConnectionString, Connector, read_connection_string
from detector.sources.event_hubs.failures import Unavailable
from detector.sources.event_hubs.hub import Hub, HubProperties
from detector.sources.event_hubs.leftovers import Leftovers
from detector.sources.event_hubs.positions import BEGINNING, PartitionProperties

if TYPE_CHECKING:
    from detector.config.event_hubs import EventHubsSettings
    from detector.runtime.doctor.receiving import Look, Sight
    from detector.runtime.doctor.world import World
    from detector.sources.event_hubs.connection import TokenCredential

SCOPE: Final = "https://eventhubs.azure.net//.default"
"""What the SDK asks a token for."""
_MOST_PARTITIONS: Final = 32
"""Partitions that are looked at; each takes a connection."""
_MOST_MESSAGES: Final = 100
_PER_PARTITION: Final = 10
_LOOKS_AT_ONCE: Final = 16
_ENTRA_CODE: Final = re.compile(r"AADSTS\d{4,9}")
_CHECKS: Final = (
    "hub.network",
    "hub.token",
    "hub.answers",
    "hub.partitions",
    "hub.rights",
    "hub.categories",
    "hub.agents",
)


@dataclass(slots=True)
class HubFindings:
    """All that was found out about the hub."""

    results: list[Result] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    """Of its clock."""
    name: str = ""
    """By which the store knows the source."""
    properties: HubProperties | None = None
    partitions: dict[str, PartitionProperties] = field(default_factory=dict)
    levels: dict[str, int | None] = field(default_factory=dict)
    """Owner level of whoever reads a partition, by partition; `None` where the hub does not tell."""


class HubExamination:
    """Examines the hub of a configuration.

    Args:
        settings: The configuration; names a hub.
        world: Clocks and identities.
        leftovers: Keeps what does not end in time.
    """

    def __init__(self, settings: Settings, world: World, leftovers: Leftovers) -> None:
        assert settings.source.event_hubs is not None
        self._settings: Final = settings
        self._hub: Final = settings.source.event_hubs
        self._world: Final = world
        self._each: Final = world.limits.each
        self._leftovers: Final = leftovers
        self._identity: Final = self._hub.connection_string_file is None
        self.findings: Final = HubFindings()

    async def run(self) -> HubFindings:
        """Makes one check after the other, as far as the way is open."""
        found = self.findings
        credential: TokenCredential | None = None
        try:
            place = self._place()
            if self._identity:
                credential = self._world.hub_credential(self._hub)
            connector = Connector(self._hub, credential)
        except SourceError as error:
            found.results.append(unusable(error))
            return self.give_up(_NO_STRING)
        found.name = f"event-hub:{connector.namespace}/{connector.hub}"
        try:
            await self._open_way(place, connector, credential)
        finally:
            if credential is not None:
                self._leftovers.adopt(asyncio.create_task(credential.close()))
        return found

    def _place(self) -> Place:
        """Where the hub is.

        Raises:
            SourceError: The connection string cannot work.
        """
        hub = self._hub
        parts: ConnectionString | None = None
        if hub.connection_string_file is not None:
            _, parts = read_connection_string(hub.connection_string_file, hub.hub)
        return place_of(hub, parts)

    async def _open_way(self, place: Place, connector: Connector, credential: TokenCredential | None) -> None:
        found = self.findings
        network, token = await asyncio.gather(reach("hub.network", place, self._each), self._token(credential))
        found.results += [network, token]
        if "failed" in {network.verdict, token.verdict}:
            self.give_up("The way to the hub is not open.")
            return
        quick = self._hub.watchdog.model_copy(update={"answer": self._each})
        settings = self._hub.model_copy(update={"watchdog": quick})
        hub = Hub(
            settings,
            connector,
            clocks=Clocks(now=self._world.now, monotonic=self._world.monotonic),
            facts=NOBODY,
            leftovers=self._leftovers,
            identity=None,
        )
        try:
            await self._ask(hub, connector, place)
        finally:
            await hub.close()

    async def _token(self, credential: TokenCredential | None) -> Result:
        if credential is None:
            found = "There is a connection string; whether its key is good, the next check says."
            return Result(check="hub.token", verdict="ok", found=found)
        try:
            token = await self._leftovers.bounded(_asked(credential), self._each)
        except TimeoutError:
            reason = f"no answer within {self._each:.0f} s"
        except Exception as error:  # noqa: BLE001 -- azure-identity raises what its libraries do
            codes = _ENTRA_CODE.findall(str(error))
            reason = ", ".join([type(error).__name__, *dict.fromkeys(codes)])
        else:
            left = max(0.0, token.expires_on - self._world.now())
            found = f"Entra gave a token for Event Hubs, good for {ago(left)}."
            return Result(check="hub.token", verdict="ok", found=found, details={"seconds_left": round(left)})
        return Result(
            check="hub.token",
            verdict="failed",
            found=f"There is no token to be had ({reason}).",
            meaning=f"The identity `{self._hub.identity}` is not set up here, so nothing can be asked of the hub.",
            advice=_IDENTITY[self._hub.identity],
        )

    async def _ask(self, hub: Hub, connector: Connector, place: Place) -> None:
        found = self.findings
        answers, sample = await asyncio.gather(_answer(hub), self._clock(connector, place))
        if sample is not None:
            found.samples.append(sample)
        if isinstance(answers, Unavailable):
            found.results.append(
                unanswered(answers.ending, connector.hub, connector.namespace, identity=self._identity)
            )
            self.give_up("The hub did not answer.")
            return
        found.properties = answers
        found.results.append(answered(answers, self._world.now()))
        await self._partitions(hub, answers.partitions[:_MOST_PARTITIONS], 0.6 * self._each)
        found.results.append(self._filled(len(answers.partitions)))
        await self._read(connector)

    async def _clock(self, connector: Connector, place: Place) -> Sample | None:
        """The clock of the namespace, where it is reached directly: of a gateway only the named port is touched."""
        if not place.tls or self._hub.endpoint is not None:
            return None
        return await ask_https(connector.namespace, self._hub.ca_file, self._world.now, self._each / 2)

    async def _partitions(self, hub: Hub, names: Sequence[str], seconds: float) -> None:
        async def one(name: str) -> None:
            try:
                self.findings.partitions[name] = await hub.partition(name)
            except Unavailable:
                pass  # Those that answered are told.

        tasks = [asyncio.create_task(one(name)) for name in names]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=seconds)
            for task in late:
                task.cancel()
                self._leftovers.adopt(task)

    def _filled(self, partitions: int) -> Result:
        known, now = self.findings.partitions, self._world.now()
        last = [each.last_time.timestamp() for each in known.values() if each.last >= 0]
        if last:
            self.findings.samples.append(Sample("the hub", now, max(last), exact=False))
        return filled(known, partitions, now)

    # --------------------------------------------------------------------------------------------- reading

    async def _read(self, connector: Connector) -> None:
        from detector.runtime.doctor.receiving import Look

        found = self.findings
        known = found.partitions
        each = max(1, min(_PER_PARTITION, _MOST_MESSAGES // max(1, len(known))))
        wanted = [_newest(name, properties, each) for name, properties in known.items()]
        full = [name for name, properties in known.items() if not properties.empty]
        oldest = max(full, key=lambda name: known[name].last - known[name].first, default=None)
        if oldest is not None:
            wanted.append(Look(partition=oldest, after=BEGINNING, count=1))
        sights = await self._looked(connector, wanted)
        first = sights.pop() if oldest is not None else None
        found.levels = {sight.partition: sight.level for sight in sights if sight.outcome == "owned"}
        found.results.append(rights(sights, self._hub.consumer_group, connector.hub, identity=self._identity))
        found.results += owners(sights, self._hub.consumer_group)
        if first is not None and first.messages and oldest is not None:
            found.results.append(retention(first.messages[0].enqueued, known[oldest], self._world.now()))
        contents = Contents(self._settings)
        for sight in sights:
            for message in sight.messages:
                contents.add(message.body)
        found.results += judged("hub", contents, self._world.now(), _why_nothing(sights))

    async def _looked(self, connector: Connector, wanted: Sequence[Look]) -> list[Sight]:
        from detector.runtime.doctor.receiving import Sight, look

        turn = asyncio.Semaphore(_LOOKS_AT_ONCE)
        deadline = self._world.monotonic() + self._each

        async def one(where: Look) -> Sight:
            async with turn:
                left = deadline - self._world.monotonic()
                if left <= 0:
                    return Sight(partition=where.partition, outcome="silent")
                client, group = connector.client(), self._hub.consumer_group
                return await look(client, group, where, self._leftovers, left, self._world.now)

        return list(await asyncio.gather(*map(one, wanted)))

    def give_up(self, why: str) -> HubFindings:
        """The checks that were not made are said to be unmade."""
        made = {result.check for result in self.findings.results}
        self.findings.results += (unchecked(name, why) for name in _CHECKS if name not in made)
        return self.findings


def place_of(hub: EventHubsSettings, parts: ConnectionString | None) -> Place:
    """Where the SDK connects to."""
    tls = parts is None or not parts.emulator
    if hub.endpoint is not None:
        address = urlsplit(hub.endpoint if "//" in hub.endpoint else f"sb://{hub.endpoint}")
        return Place(address.hostname or "", address.port or 443, tls, hub.ca_file)
    if parts is not None and parts.emulator:
        return Place(parts.host, parts.port or 5672, tls=False)
    host = parts.host if parts is not None else hub.namespace or ""
    return Place(host, 443 if hub.transport == "websocket" else 5671, tls, hub.ca_file)


async def _asked(credential: TokenCredential) -> Any:  # noqa: ANN401 -- an AccessToken, or what looks like one
    return await credential.get_token(SCOPE)


async def _answer(hub: Hub) -> HubProperties | Unavailable:
    try:
        return await hub.properties()
    except Unavailable as error:
        return error


def _newest(name: str, properties: PartitionProperties, count: int) -> Look:
    from detector.runtime.doctor.receiving import Look

    held = properties.last + 1 - properties.first
    if held <= count:
        return Look(partition=name, after=BEGINNING, count=max(0, held))
    return Look(partition=name, after=properties.last - count, count=count)


def _why_nothing(sights: Sequence[Sight]) -> str:
    outcomes = {sight.outcome for sight in sights}
    if "owned" in outcomes:
        return (
            "A service reads with an owner level, which shuts everybody else out of its consumer group. Stop it, or "
            "name a second consumer group in a copy of the configuration, to look at messages."
        )
    return "There is no message to look at." if outcomes <= {"opened"} else "The hub does not let us read."


_NO_STRING: Final = "There is nothing to connect with."
_IDENTITY: Final = {
    "workload": "Label the pod azure.workload.identity/use: true, annotate its service account with the client id, and "
    "check that the federated credential names this service account and issuer.",
    "managed": "Assign an identity to the machine; if it has several, set `client_id`.",
    "cli": "Run `az login`.",
}
