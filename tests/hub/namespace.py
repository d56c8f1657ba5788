"""What a server serves: hubs by name, the links to them, and who may read a partition."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from tests.hub import cbs, management
from tests.hub.amqp.performatives import RECEIVER, Attach, Terminus
from tests.hub.authority import Authority, entity_path
from tests.hub.faults import Faults
from tests.hub.inlets import Inlet
from tests.hub.links import Link
from tests.hub.model import Hub
from tests.hub.nodes import Replies, Requests, Respond
from tests.hub.outlets import Outlet
from tests.hub.positions import start_sequence
from tests.hub.refusal import NOT_FOUND, QUOTA, STOLEN, RefusedError
from tests.hub.stats import Stats

if TYPE_CHECKING:
    from tests.hub.connection import Connection
    from tests.hub.session import Session

RECEIVERS_PER_PARTITION = 5
"""Receivers without an owner level that one consumer group may have on one partition (Event Hubs quotas)."""


class Source(NamedTuple):
    """Address of what a consumer reads."""

    hub: str
    group: str
    partition: str


class Namespace:
    """Hubs, rights, faults and counters of one server. Used inside its event loop only."""

    def __init__(self, hubs: Iterable[Hub], authority: Authority, faults: Faults, stats: Stats) -> None:
        self.authority = authority
        self.faults = faults
        self.stats = stats
        self._hubs = {hub.name.lower(): hub for hub in hubs}
        self._outlets: dict[str, list[Outlet]] = {}

    @property
    def hubs(self) -> tuple[Hub, ...]:
        """All of them."""
        return tuple(self._hubs.values())

    def hub(self, name: str) -> Hub:
        """The hub of that name.

        Raises:
            RefusedError: There is none.
        """
        try:
            return self._hubs[name.lower()]
        except KeyError:
            raise _missing(name) from None

    # --------------------------------------------------------------------------------------- links

    def open_link(self, connection: Connection, session: Session, attach: Attach, asked: Terminus) -> Link:
        """The server's end of a link.

        Raises:
            RefusedError: No such entity, or it is taken, or a fault.
        """
        path = entity_path(asked.address)
        sending = attach.role == RECEIVER
        for node, respond in (
            (cbs.NODE, partial(cbs.put_token, connection, self.authority, self.faults, self.stats)),
            (management.NODE, partial(management.read_entity, self, connection)),
        ):
            if is_node(path, node):
                return _node(session, attach, node, respond, sending=sending)
        return self._outlet(session, attach, asked, path) if sending else self._inlet(session, attach, path)

    def _outlet(self, session: Session, attach: Attach, asked: Terminus, path: str) -> Outlet:
        source = _source(path)
        hub = self.hub(source.hub)
        if not hub.has_group(source.group) or source.partition not in hub.partition_ids:
            raise _missing(path)
        refusal = self.faults.receiver_refusal(source.partition)
        if refusal is not None:
            raise refusal
        forget = source.partition in self.faults.invalid_offsets
        start = start_sequence(hub, source.partition, asked.filters, forget_offsets=forget)
        outlet = Outlet(self, session, attach, hub=hub, path=path, partition=source.partition, start=start)
        self._admit(outlet)
        self.stats.opened[source.partition] += 1
        self.stats.receivers[source.partition] += 1
        self.stats.notify()
        return outlet

    def _inlet(self, session: Session, attach: Attach, path: str) -> Inlet:
        name, _, rest = path.partition("/")
        hub = self.hub(name)
        partition = rest.removeprefix("partitions/") or None
        if partition is not None and partition not in hub.partition_ids:
            raise _missing(path)
        if self.faults.throttled is not None:
            raise self.faults.throttled
        return Inlet(self, session, attach, hub=hub, path=path, partition=partition)

    # ------------------------------------------------------------------------------- who may receive

    def _admit(self, new: Outlet) -> None:
        """Owner levels: the higher or equal newcomer takes the partition, the lower one is refused.

        Raises:
            RefusedError: A receiver with a higher owner level is there, or there are too many without one.
        """
        present = self._outlets.setdefault(new.path, [])
        highest = max((outlet.epoch for outlet in present if outlet.epoch is not None), default=None)
        if highest is not None and (new.epoch is None or new.epoch < highest):
            raise RefusedError(
                STOLEN,
                f"Receiver with a higher epoch of '{highest}' already exists. Receiver with epoch "
                f"'{'none' if new.epoch is None else new.epoch}' cannot be created.",
            )
        if new.epoch is not None:
            for outlet in tuple(present):
                outlet.detach(
                    RefusedError(
                        STOLEN,
                        f"New receiver with higher epoch of '{new.epoch}' is created hence current receiver with epoch "
                        f"'{'none' if outlet.epoch is None else outlet.epoch}' is getting disconnected.",
                    )
                )
        elif len(present) >= RECEIVERS_PER_PARTITION:
            raise RefusedError(
                QUOTA,
                "Exceeded the maximum number of allowed receivers per partition in a consumer group which is "
                f"{RECEIVERS_PER_PARTITION}.",
            )
        self._outlets.setdefault(new.path, []).append(new)

    def release(self, outlet: Outlet) -> None:
        """The receiver is gone."""
        present = self._outlets.get(outlet.path, [])
        if outlet in present:
            present.remove(outlet)

    def outlets(self, partition: str | None = None) -> list[Outlet]:
        """Receivers that are attached, of one partition or all."""
        return [
            outlet
            for present in self._outlets.values()
            for outlet in present
            if partition is None or outlet.partition == partition
        ]

    def count_refusal(self, refusal: RefusedError) -> None:
        """A link was refused."""
        self.stats.refused[refusal.condition] += 1
        self.stats.notify()


def is_node(path: str, node: str) -> bool:
    """Is this the address of that node, of the namespace or of one hub?"""
    return path == node or path.endswith("/" + node)


def _node(session: Session, attach: Attach, node: str, respond: Respond, *, sending: bool) -> Link:
    if sending:
        return Replies(session, attach, node=node)
    return Requests(session, attach, node=node, respond=respond)


def _source(path: str) -> Source:
    match path.split("/"):
        case [hub, "consumergroups", group, "partitions", partition]:
            return Source(hub, group, partition)
        case _:
            raise _missing(path)


def _missing(name: str) -> RefusedError:
    return RefusedError(NOT_FOUND, f"The messaging entity '{name}' could not be found.")
