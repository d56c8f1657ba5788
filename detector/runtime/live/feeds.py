"""The source of a service, hub or files, behind one face: run it, stop it, ask how it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from detector.domain.delivery import Delivery, Position
from detector.errors import UsageError
from detector.runtime.live.copying import Copying
from detector.sources.instants import Glance, instant

if TYPE_CHECKING:
    from detector.config.settings import Settings
    from detector.telemetry.telemetry import Telemetry


class Deliver(Protocol):
    """Takes a message over; see `Inbox.put`."""

    async def __call__(self, delivery: Delivery, order: float | None = None) -> None:
        """Returns once it is taken over."""


Remember = Callable[[str, Mapping[str, Position]], Awaitable[None]]
Room = Callable[[str], bool]


class Lag(NamedTuple):
    """What of a partition is not committed."""

    partition: str
    messages: int


class Feed(Protocol):
    """A live source as the service sees it."""

    name: str
    """By which the store knows the source."""
    lines: bool
    """Whether a message is a chunk of JSON lines instead of a body."""

    async def run(self) -> None:
        """Reads until `stop`."""

    async def stop(self) -> None:
        """Takes no further message from now on."""

    def reasons(self) -> Iterator[str]:
        """Why the source is not ready, in reason codes."""

    def behind(self) -> list[str]:
        """Partitions known to hold messages that were not handed over; from any thread."""
        ...

    def lags(self, committed: Mapping[str, Position]) -> Iterator[Lag]:
        """How far each partition is behind."""

    def committed(self, positions: Mapping[str, Position]) -> None:
        """The store has these."""

    async def close(self) -> None:
        """Nothing more will be committed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What the store knows of the source."""

    epoch: int
    positions: Mapping[str, Position]
    """Of partitions of the source."""
    identities: Mapping[str, str]
    own: Mapping[str, int] = field(default_factory=dict)
    """Of partitions that this process fills itself, the last sequence number that was used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ears:
    """Where a source hands over."""

    deliver: Deliver
    remember: Remember
    room: Room = lambda _: True
    """Whether more of a partition is taken over at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Time:
    """Clocks."""

    now: Callable[[], float]
    monotonic: Callable[[], float]


class HubFeed:
    """An event hub."""

    lines: Final = False

    def __init__(self, settings: Settings, before: Before, ears: Ears, telemetry: Telemetry, time: Time) -> None:
        from detector.sources.event_hubs.clocks import Clocks
        from detector.sources.event_hubs.connection import Connector
        from detector.sources.event_hubs.source import EventHubsSource, Resume

        hub = settings.source.event_hubs
        assert hub is not None
        self._behind: list[str] = []
        connector = Connector(hub)
        clocks = Clocks(now=time.now, monotonic=time.monotonic)
        self.name = f"event-hub:{connector.namespace}/{connector.hub}"
        self._source: Final = EventHubsSource(
            hub,
            connector,
            resume=Resume(
                owner_level=before.epoch,
                positions=before.positions,
                hub_identity=before.identities.get(self.name),
            ),
            deliver=ears.deliver,
            facts=telemetry.source,
            clocks=clocks,
            remember=ears.remember,
        )
        self._copying: Final = Copying(hub, connector, telemetry.source, clocks)

    async def run(self) -> None:
        """Reads until `stop`."""
        await self._copying.begin()
        await self._source.run()

    async def stop(self) -> None:
        """Takes no further message from now on."""
        await self._source.stop()

    def reasons(self) -> Iterator[str]:
        """Why the source is not ready, in reason codes."""
        states = self._source.state()
        if not states:
            yield "hub_unreachable"
        for partition, state in states.items():
            code = _CODES.get(state.health)
            if code is not None:
                yield f"{code}:{partition}"

    def behind(self) -> list[str]:
        """Partitions known to hold messages that were not handed over, and those that are only being opened."""
        try:
            states = self._source.state()
        except RuntimeError:
            return self._behind  # A partition was added while we looked; the next look is near.
        self._behind = [name for name, state in states.items() if state.health == "opening" or (state.lag or 0) > 0]
        return self._behind

    def lags(self, committed: Mapping[str, Position]) -> Iterator[Lag]:
        """How far each partition is behind what the hub told of last."""
        for partition, state in self._source.state().items():
            reached = committed.get(partition) or state.accepted
            if reached is not None and state.last_enqueued is not None:
                yield Lag(partition, max(0, state.last_enqueued - reached.sequence))

    def committed(self, positions: Mapping[str, Position]) -> None:
        """Is copied to the mirror, if there is one."""
        self._copying.committed(positions)

    async def close(self) -> None:
        """The mirror gets what was committed last."""
        await self._copying.close()


_CODES: Final = {"opening": "partition_not_open", "stalled": "partition_stalled", "unknown": "hub_unreachable"}


class FilesFeed:
    """Growing files of JSON lines."""

    lines: Final = True
    name: Final = "files"

    def __init__(self, settings: Settings, before: Before, ears: Ears, telemetry: Telemetry, time: Time) -> None:
        from detector.sources.follow.source import FollowOptions, FollowSource

        files = settings.source.files
        assert files is not None
        self._behind: list[str] = []
        glance = Glance()

        async def deliver(delivery: Delivery) -> None:
            # A file does not say when a line entered it, and an old file may be read beside a young one.
            order = exported(delivery.body) or glance.last(delivery.body)
            await ears.deliver(delivery, delivery.enqueued if order is None else order)

        self._source: Final = FollowSource(
            files.path,
            positions=before.positions,
            deliver=deliver,
            now=time.now,
            monotonic=time.monotonic,
            facts=telemetry.follow,
            wanted=ears.room,
            options=FollowOptions(
                start=files.start,
                poll_seconds=files.poll_seconds,
                rotate_wait_seconds=files.rotate_wait_seconds,
                chunk_bytes=files.chunk_bytes,
                max_line_bytes=settings.limits.max_body_bytes,
                max_files=files.max_files,
            ),
        )

    async def run(self) -> None:
        """Reads until `stop`."""
        await self._source.run()

    async def stop(self) -> None:
        """Takes no further message from now on."""
        await self._source.stop()

    def reasons(self) -> Iterator[str]:
        """Files that are not there yet are no fault."""
        yield from ()

    def behind(self) -> list[str]:
        """Files with more in them than was handed over."""
        try:
            states = self._source.state()
        except RuntimeError:
            return self._behind  # A file was added while we looked; the next look is near.
        self._behind = [name for name, state in states.items() if state.unread > 0]
        return self._behind

    def lags(self, committed: Mapping[str, Position]) -> Iterator[Lag]:
        """Bytes of each file that are not read or not committed."""
        for partition, state in self._source.state().items():
            done = committed.get(partition)
            handed_over = state.sequence - done.sequence if done is not None else state.sequence
            yield Lag(partition, max(0, state.unread + handed_over))

    def committed(self, positions: Mapping[str, Position]) -> None:
        """Nobody else wants to know."""

    async def close(self) -> None:
        """Nothing is open any more."""


def exported(lines: bytes) -> float | None:
    """When the last record of a chunk was exported, as its envelope says; seconds since the epoch, UTC."""
    at = lines.rfind(_TIME)
    if at < 0:
        return None
    start = at + len(_TIME)
    return instant(lines[start : lines.find(b'"', start)][:_LONGEST_TIME])


_TIME: Final = b'"time":"'
_LONGEST_TIME: Final = 48


_KINDS: Final[dict[str, Any]] = {"event_hubs": HubFeed, "files": FilesFeed}


def named(settings: Settings) -> str:
    """The setting under `source` that names what to read.

    Raises:
        UsageError: There is none.
    """
    for name in _KINDS:
        if getattr(settings.source, name) is not None:
            return name
    raise UsageError(
        "The configuration names nothing to read. Set source.event_hubs or source.files, or say --follow DIRECTORY."
    )


def feed_of(settings: Settings, before: Before, ears: Ears, telemetry: Telemetry, time: Time) -> Feed:
    """The source that the configuration names.

    Raises:
        UsageError: It names none.
        SourceError: It cannot be used as it is configured.
    """
    feed: Feed = _KINDS[named(settings)](settings, before, ears, telemetry, time)
    return feed
